"""What a large model is shown of a failing test, so that one answer can mend it without looking around.

failure with its values, the test's source, the likeliest functions in their files ─► prompts, the fullest first
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ossa.assistant.draft import Draft
from ossa.assistant.repair.functions import Function, function_at, functions
from ossa.assistant.repair.localise import Place, Sources
from ossa.assistant.testing.frames import Frame, digest, frames
from ossa.assistant.testing.judges import is_test
from ossa.assistant.trim import shorten
from ossa.assistant.verdict import TestResult
from ossa.assistant.wording import prompt_text

_WHOLE = 200
"""Lines of a file that is shown as a whole."""
_HEAD = 20
"""Lines of a longer file that are shown from its beginning, for the imports."""
_AROUND = 20
"""Lines of it that are shown before and behind a function."""
_TEST = 4_000
"""Characters of the test's source."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with all that belongs to it."""

    text: str
    paths: tuple[str, ...]
    """The files that it shows."""


@dataclass(frozen=True, slots=True)
class Showing:
    """One failing test and where its cause may be."""

    failure: TestResult
    draft: Draft
    sources: Sources
    places: Sequence[Place]
    """The likeliest first."""
    hint: str = ""
    """What the person said of it."""

    @property
    def test_path(self) -> str:
        """The test's file."""
        path = self.failure.id.split("::")[0]
        named = [path] if self.sources.text(path) else [frame.path for frame in self._trail]
        return next(iter(named), path)

    @property
    def test(self) -> str:
        """The test's source, as far as it can be told apart in its file."""
        path, source = self.test_path, self.sources.text(self.test_path)
        name = re.split(r"::|\.", self.failure.id.split("[")[0])[-1]
        found = next((f for f in functions(path, source) if f.name == name), None)
        for frame in self._trail:
            found = found or (function_at(path, source, frame.line - 1) if frame.path == path else None)
        if found is None:
            return shorten(source, _TEST)
        lines, start = source.split("\n"), found.start
        while start and lines[start - 1].strip() and not lines[start - 1].startswith(("import ", "from ")):
            start -= 1  # its decorators: the values of a parametrized test stand there
        return shorten("\n".join(lines[start : found.end]), _TEST)

    @property
    def _trail(self) -> list[Frame]:
        """The places in tests that the failure went through."""
        return [frame for frame in frames(self.failure.trace, self.draft.root) if is_test(frame.path)]

    def prompts(self) -> Iterator[Prompt]:
        """The question with all places, then with fewer, at last with the likeliest function alone."""
        for count in range(len(self.places), 0, -1):
            yield self._prompt(self.places[:count], _WHOLE, _AROUND)
        yield self._prompt(self.places[:1], 0, 0)

    def _prompt(self, places: Sequence[Place], whole: int, around: int) -> Prompt:
        by_file: dict[str, list[Function]] = {}
        for place in places:
            by_file.setdefault(place.function.path, []).append(place.function)
        asked = prompt_text("patch").format(
            failure=digest(self.failure, self.draft.root),
            path=self.test_path,
            test=self.test,
            functions=", ".join(f"`{p.function.name}` ({p.function.path}:{p.function.start + 1})" for p in places),
            code="\n\n".join(self._code(path, found, whole, around) for path, found in by_file.items()),
        )
        said = f"The person says: {self.hint}" if self.hint.strip() not in ("", self.failure.id) else ""
        return Prompt("\n\n".join(filter(None, (asked, said))), tuple(by_file))

    def _code(self, path: str, shown: Sequence[Function], whole: int, around: int) -> str:
        """What is shown of a file, in blocks that say which lines they are."""
        lines = self.sources.text(path).removesuffix("\n").split("\n")
        spans = [(max(f.start - around, 0), min(f.end + around, len(lines))) for f in shown]
        spans = [(0, len(lines))] if len(lines) <= whole else [*([(0, _HEAD)] if around else []), *spans]
        blocks: list[str] = []
        for start, end in _joined(spans):
            text = "\n".join(line.rstrip("\r") for line in lines[start:end])
            blocks.append(f"`{path}`, lines {start + 1}–{end} of {len(lines)}:\n```python\n{text}\n```")
        return "\n\n".join(blocks)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in their order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            start, end = joined[-1][0], max(joined.pop()[1], end)
        joined.append((start, end))
    return joined
