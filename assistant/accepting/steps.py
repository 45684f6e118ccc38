"""Steps: the exchanges of files on behalf of accepts, each of them finished or taken back whatever happens.

make ─► journal.begin ─► Exchange.run ─► journal.over ─► temporary files and emptied folders go ─► journal.end
settle ─► a step that a kill left: over? clear up after it : all files there? finish it : take it back
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from ossa.assistant.accepting.exchange import Exchange, links_of
from ossa.assistant.accepting.journal import CheckpointError, Journal, Record, State, Step, Word
from ossa.assistant.accepting.tree import Content, Trace, Tree, TreeError, same

Writing: TypeAlias = Callable[[Iterable[str]], AbstractContextManager[None]]
"""What is open while these files of the working tree are written."""


class Settled(NamedTuple):
    """What became of a step that a kill left."""

    told: Sequence[str] = ()
    """Sentences for the user; none where there was no such step."""
    stands: bool = False
    """Whether it is made, so that one may go on from it."""


class Steps:
    """Makes steps in a working tree and writes them into the journal."""

    def __init__(self, tree: Tree, journal: Journal, writing: Writing) -> None:
        """Nothing is read or written yet."""
        self._tree, self._journal, self._writing = tree, journal, writing

    def make(
        self, word: Word, records: Sequence[Record], goal: State, contents: Sequence[Content | None]
    ) -> tuple[str, ...]:
        """Bring the files of these accepts to their other side, all or none.

        Args:
            word: what is done to the accepts; to several only a rewind.
            records: what they did, oldest first.
            goal: what is so afterwards.
            contents: the new states of the files of `net`.

        Returns:
            Sentences on how files were written.

        Raises:
            CheckpointError: a file is not as expected, or the system refuses.
        """
        traces = net(word, records)
        try:
            step = Step(f"{word}-{time.time_ns()}", word, tuple(r.id for r in records), self.missing(traces))
            exchange = Exchange(self._tree, traces, step.folders, step.ids[-1])
            self._journal.begin(step, replace(goal, last=step.id))
        except (TreeError, CheckpointError) as error:
            raise CheckpointError(f"Nothing was written: {error}") from error
        with self._writing([trace.path for trace in traces]):
            noted = {path: some for record in reversed(records) for path, some in record.attributes.items()}
            self._exchange(exchange, contents, noted if _goes_back(word) else {})
        self._clear(step, records, exchange)
        return tuple(exchange.notes)

    def _exchange(
        self, exchange: Exchange, contents: Sequence[Content | None], noted: Mapping[str, Mapping[str, str]]
    ) -> None:
        try:
            exchange.run(contents, noted)
            self._journal.over()
        except (TreeError, CheckpointError) as error:
            if isinstance(error, CheckpointError):
                exchange.revert()
            if exchange.stuck:
                raise CheckpointError(f"{error} {_stuck(exchange)}") from error
            self._journal.end()
            kept = [_left(path) for path in exchange.kept if path not in str(error)]
            raise CheckpointError(" ".join([str(error), *kept])) from error

    def settle(self) -> Settled:
        """Finish or take back a step that is not over; clear up after one that is.

        Raises:
            CheckpointError: the journal is damaged.
        """
        step = self._journal.step
        if step is None:
            return Settled()
        try:
            records = [self._journal.record(name) for name in step.ids]
            exchange = Exchange(self._tree, net(step.word, records), step.folders, step.ids[-1])
        except (CheckpointError, TreeError) as error:
            self._journal.end()
            return Settled(
                [f"An interrupted {step.word} cannot be settled: {error} Look through the files that it touched."]
            )
        if self._journal.state.last != step.id:
            if not exchange.is_done:
                return self._take_back(step, records, exchange)
            self._journal.over()
        self._clear(step, records, exchange)
        return Settled([f"An interrupted {step.word} of {_files(records)} was finished."], stands=True)

    def missing(self, traces: Sequence[Trace]) -> tuple[str, ...]:
        """Folders that have to be made for the new files."""
        wanted = [trace.path for trace in traces if trace.new is not None]
        return tuple(self._tree.missing_folders(wanted, links_of(traces)))

    def _take_back(self, step: Step, records: Sequence[Record], exchange: Exchange) -> Settled:
        exchange.revert()
        if exchange.stuck:
            return Settled([f"An interrupted {step.word} cannot be taken back: {_stuck(exchange)}"])
        self._journal.end()
        kept = [_left(path) for path in exchange.kept]
        return Settled([f"An interrupted {step.word} of {_files(records)} was taken back.", *kept])

    def _clear(self, step: Step, records: Sequence[Record], exchange: Exchange) -> None:
        """The step is over: temporary files go, and so do the folders that are empty on this side."""
        clean = exchange.sweep()
        if _goes_back(step.word):
            self._tree.remove_folders([folder for record in records for folder in record.folders])
        else:
            for path in (trace.path for record in records for trace in record.traces if trace.new is None):
                self._tree.remove_empty_above(path)
        if clean:
            self._journal.end()


def net(word: Word, records: Sequence[Record]) -> list[Trace]:
    """What a step does to each file, given the accepts that it makes or takes back, oldest first."""
    if not _goes_back(word):
        return [trace for record in records for trace in record.traces]
    back: dict[str, Trace] = {}
    for trace in (trace for record in reversed(records) for trace in record.traces):
        newer = back.get(trace.path)
        back[trace.path] = Trace(trace.path, newer.old if newer else trace.new, trace.old)
    return [trace for trace in back.values() if not same(trace.old, trace.new)]


def _goes_back(word: Word) -> bool:
    return word in ("undo", "rewind")


def _files(records: Sequence[Record]) -> str:
    return ", ".join(dict.fromkeys(path for record in records for path in record.files))


def _left(path: str) -> str:
    return f"{path} was left as it is, because it changed since."


def _stuck(exchange: Exchange) -> str:
    """What is left to the user when the system keeps files from being put back."""
    return (
        f"The system keeps files from being put back as they were: {', '.join(exchange.stuck)}. Make that possible, "
        "and the next start of ossa brings all of them to the same side."
    )
