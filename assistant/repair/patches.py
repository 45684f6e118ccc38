"""From a large model's answer to a candidate: its patch is read by the edit engine, in memory, and looked at.

answer ─► call of apply_patch ─► edit engine ─► new texts of files ─► Patch, with a problem where it can't be tried

Whatever is wrong with an answer is a sentence in its `problem`: the draft is never touched.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from ossa.assistant.arguments import ArgumentError, read_arguments
from ossa.assistant.diff import changed_runs
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.edits.engine import Edit, EditError, parse, paths, plan
from ossa.assistant.repair.candidates import Candidate
from ossa.assistant.repair.doubts import by_heart, taken_out
from ossa.assistant.repair.functions import Function, function_at
from ossa.assistant.repair.functions import parse as parsed
from ossa.assistant.repair.localise import Sources
from ossa.assistant.testing.judges import is_judge
from ossa.assistant.text import decode, lines_of
from ossa.assistant.toolspecs import APPLY_PATCH
from ossa.assistant.trim import shorten
from ossa.model.base import Finished

_TOLD = 2_000
"""Characters of an answer that can't be tried, for the person."""
_WHY = 300
"""The same of the reason."""


@dataclass(frozen=True, slots=True)
class Patch(Candidate):
    """A candidate that may change several files, as a large model wrote it."""

    contents: tuple[tuple[str, bytes], ...] = ()
    """Each file by its path, as it is with it."""
    size: int = 0
    """Lines that go or come."""
    problem: str = ""
    """Why it is not to be tried; empty where it can be."""

    @property
    def path(self) -> str:
        """The file that it changes first."""
        return self.contents[0][0]

    @property
    def data(self) -> bytes:
        """That file, as bytes."""
        return self.contents[0][1]

    @property
    def files(self) -> Mapping[str, bytes]:
        """All files that it changes."""
        return dict(self.contents)


class Unfit(Exception):
    """The answer is nothing that can be tried; the text says why, as a part of a sentence."""


class Reader:
    """Reads answers for one failing test."""

    def __init__(
        self, draft: Draft, sources: Sources, usual: Function, told: Collection[str], only: Collection[str] = ()
    ) -> None:
        """`usual` is the likeliest function, `told` the test's values, `only` the files to keep to, if any."""
        self._draft, self._sources, self._usual = draft, sources, usual
        self._values, self._only = told, only

    def read(self, finished: Finished) -> Patch:
        """The patch of an answer; one with a problem where it can't be tried."""
        text = ""
        try:
            text = _written(finished)
            edits = plan(parse(text), self._draft.read, root=self._draft.root, files=self._draft.files)
            return self._patch(self._allowed(edits))
        except (Unfit, ArgumentError, EditError, DraftError) as error:
            named = ", ".join(paths(text)) or self._usual.path
            shown = shorten(text or finished.message.text.strip(), _TOLD)
            return Patch(self._usual, named, shown, "", "", problem=shorten(str(error), _WHY))

    def _allowed(self, edits: Mapping[str, Edit]) -> Mapping[str, bytes]:
        """The new files, if they may be tried."""
        allowed: dict[str, bytes] = {}
        for path, edit in edits.items():
            if is_judge(path):
                raise Unfit(f"it changes {path}, which has a say in what the tests say")
            if edit.data is None or edit.moved_from:
                raise Unfit(f"it takes away or moves {edit.moved_from or path}")
            if self._only and path not in self._only:
                raise Unfit(f"it changes {path}, which is none of the files that were named")
            allowed[path] = edit.data
        return allowed

    def _patch(self, files: Mapping[str, bytes]) -> Patch:
        after = {path: decode(data) for path, data in files.items()}
        forms = {path: _normal(path, text) for path, text in after.items()}
        if broken := [path for path, form in forms.items() if not form and after[path].strip()]:
            raise Unfit(f"{broken[0]} does not parse with it")
        if all(form == _normal(path, self._sources.text(path)) for path, form in forms.items()):
            raise Unfit("it changes nothing but layout")
        both = [(self._sources.text(path), after[path]) for path in files if path.endswith(".py")]
        if any(by_heart(old, new, self._values) for old, new in both):
            raise Unfit("it knows the test's values by heart")
        looks = [self._look(path, data) for path, data in files.items()]
        lost = "; ".join(filter(None, (taken_out(old, new) for old, new in both)))
        return Patch(
            looks[0].function or self._usual,
            ", ".join(look.place for look in looks),
            "\n".join(look.text for look in looks),
            after[next(iter(files))],
            repr(sorted(forms.items())),
            lost=lost,
            contents=tuple(files.items()),
            size=sum(look.size for look in looks),
        )

    def _look(self, path: str, data: bytes) -> "_Look":
        text = self._sources.text(path)
        old, new = lines_of(self._draft.read(path)), lines_of(data)
        runs = changed_runs(old, new)
        first = runs[0].a if runs else 0
        function = function_at(path, text, first)
        place = f"{path}:{first + 1}" + (f" {function.name}" if function else "")
        shown = [_shown(old[run.a : run.b], new[run.c : run.d]) for run in runs]
        return _Look(function, place, "\n".join(shown), sum(run.b - run.a + run.d - run.c for run in runs))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a patch does to one file, for the person."""

    function: Function | None
    place: str
    text: str
    size: int


def _written(finished: Finished) -> str:
    """The patch that an answer consists of."""
    if finished.reason == "length":
        raise Unfit("the answer reached its limit of tokens before it was complete")
    if not finished.message.calls:
        raise Unfit("the answer is no patch")
    call = finished.message.calls[0]
    if call.name.split(".")[-1] != APPLY_PATCH.name.split(".")[-1]:
        raise Unfit(f"the answer is a call of {call.name[:80]}, not a patch")
    patch: str = read_arguments(call.arguments, APPLY_PATCH.parameters)["patch"]
    return patch


def _normal(path: str, text: str) -> str:
    """What two files have in common that differ in layout only; empty for Python that does not parse."""
    if not path.endswith(".py"):
        return text
    tree = parsed(text)
    try:
        return ast.dump(tree) if tree else ""
    except (RecursionError, MemoryError):
        return ""


def _shown(old: Sequence[str], new: Sequence[str]) -> str:
    """The lines that come, or those that go where none come."""
    return dedent("".join(new)).strip("\r\n") or "\n".join(f"- {line.strip()}" for line in old)
