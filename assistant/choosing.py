"""The repairs that passed, as the review offers them, and one of them put in the place of another.

    search ─► gather ─► offered(change, verdict) ─► review ─► Choose ─► put(number) ─► the tests ─► offered …
                           └──► none, as soon as anything else was done to their files

Only the guided way finds several; what another turn or the person does to the files they are for ends the choice.
"""

from collections.abc import Mapping

from ossa.assistant.change import Change
from ossa.assistant.repair.candidates import Candidate
from ossa.assistant.repair.search import Repair
from ossa.assistant.review import Alternative, Alternatives
from ossa.assistant.verdict import Verdict

SHOWN = 3
"""Repairs that are offered, the best ones."""


class Choices:
    """What the latest search found, and which of it is in the draft."""

    def __init__(self, repair: Repair) -> None:
        """`repair` is what searches."""
        self._repair = repair
        self._repairs: tuple[Candidate, ...] = ()
        self._verdicts: dict[int, Verdict] = {}
        self._state: Mapping[str, bytes | None] = {}
        """Their files as the draft has them with the one that is shown."""
        self.shown = 0
        """The number of the one that is in the draft, from 1."""

    def gather(self) -> None:
        """Offer what the search has found just now; the best of it is in the draft."""
        self._repairs = self._repair.alternatives[:SHOWN]
        self._verdicts = {}
        self.shown, self._state = 1, self._files()

    def forget(self) -> None:
        """Offer nothing any more, since it was decided."""
        self._repairs = ()

    def renew(self) -> None:
        """A review begins: what the tests said in an earlier one no longer counts."""
        self._verdicts = {}

    def offered(self, change: Change, verdict: Verdict) -> Alternatives:
        """What can be chosen from, where the change is one of at least two; `verdict` is of that one."""
        changed = {file.path for file in change.files}
        if len(self._repairs) < 2 or not self._holds or not changed.issuperset(self._current.files):
            self.forget()
            return Alternatives()
        self.judged(verdict)
        return Alternatives(tuple(map(self._told, range(1, len(self._repairs) + 1))), self.shown)

    def put(self, number: int) -> bool:
        """Put another one into the draft; False where it cannot be had, since the draft is another one by now.

        Raises:
            DraftError: it cannot be written.
        """
        if not 1 <= number <= len(self._repairs):
            return False
        self.shown = number
        self._repair.choose(self._current)
        self._state = self._files()
        return self._holds

    def judged(self, verdict: Verdict) -> None:
        """Take note of what the tests said of the one that is in the draft."""
        self._verdicts[self.shown] = verdict

    def verdict(self) -> Verdict | None:
        """What the tests said in this review of the one that is in the draft, where they did."""
        return self._verdicts.get(self.shown)

    @property
    def _current(self) -> Candidate:
        return self._repairs[self.shown - 1]

    @property
    def _holds(self) -> bool:
        """Whether nothing was done to the files since the one that is shown was put there."""
        state = self._files()
        return state == self._state and self._current.files.items() <= state.items()

    def _files(self) -> dict[str, bytes | None]:
        paths = {path for repair in self._repairs for path in repair.files}
        return {path: self._repair.draft.read(path) for path in paths}

    def _told(self, number: int) -> Alternative:
        repair, verdict = self._repairs[number - 1], self._verdicts.get(number)
        proof = f"{verdict.passed}/{verdict.total} passed" if verdict else ""
        return Alternative(repair.place, repair.text, repair.lost, proof)
