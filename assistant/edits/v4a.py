"""Two forms of patches that show lines with signs: V4A, which gpt-oss was trained on, and unified diffs.

*** Begin Patch                      --- a/path
*** Update File: path                +++ b/path
*** Move to: other/path              @@ -12,3 +12,3 @@ def name
@@ class Name                         a line above
@@ def name                          -the line to remove
 a line above                        +the line to put there
-the line to remove
+the line to put there
*** End of File
*** Add File: path                   also *** Delete File: path
+its lines
*** End Patch
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ossa.assistant.edits.patch import Delete, EditError, Line, Section, Step, Update, Write

_MARKER = re.compile(
    r"\*\*\* (Begin Patch|End Patch|Add File|Update File|Delete File|Move to|End of File)\b:?[ \t]*(.*)"
)
_FILES = ("Add File", "Update File", "Delete File")
_NUMBERS = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)")
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?\s*$")


def is_v4a(lines: Sequence[str]) -> bool:
    """Whether there is a V4A marker that names a file."""
    return any((m := _MARKER.match(line)) and m[1] in _FILES for line in lines)


def parse_v4a(lines: Sequence[str]) -> list[Step]:
    """Read V4A; a missing begin or end marker, fences and heredocs around it do no harm.

    Raises:
        EditError: a line that can stand for nothing, or a file without anything to do.
    """
    steps: list[Step] = []
    current: _File | None = None
    ended = True
    for number, line in enumerate(_without_tail(lines), 1):
        match = _MARKER.match(line)
        if match and match[1] in ("Begin Patch", "End Patch"):
            steps += current.steps() if current else []
            current, ended = None, match[1] == "End Patch"
        elif match and match[1] in _FILES:
            steps += current.steps() if current else []
            current, ended = _File(match[1].split()[0], match[2].strip().strip("`\"'")), False
        elif current is not None:
            current.take(line, match, number)
        elif line.strip() and not ended:
            raise EditError(f"Line {number} of the patch, {line[:80]!r}, comes before any `*** Update File: path`.")
    return steps + (current.steps() if current else [])


def parse_unified(lines: Sequence[str]) -> list[Step]:
    """Read a unified diff; an empty list where there is none.

    Raises:
        EditError: a line that can stand for nothing.
    """
    steps: list[Step] = []
    current: _File | None = None
    for number, line in enumerate(_without_tail(lines), 1):
        if line.startswith("--- ") and number < len(lines) and lines[number].startswith("+++ "):
            steps += current.steps() if current else []
            current = _File.between(_diff_path(line), _diff_path(lines[number]))
        elif line.startswith("diff --git "):
            steps += current.steps() if current else []
            current = None
        elif current is not None and not (line.startswith("+++ ") and not current.begun):
            current.take(line, None, number)
    return steps + (current.steps() if current else [])


@dataclass(slots=True)
class _File:
    """One file of the patch while its lines come in."""

    verb: str
    path: str
    move_to: str = ""
    sections: list[Section] = field(default_factory=list[Section])
    open: bool = False
    """Whether lines go on in the last section."""
    text: list[str] = field(default_factory=list[str])

    @classmethod
    def between(cls, old: str, new: str) -> "_File":
        if old == "/dev/null":
            return cls("Add", new)
        if new == "/dev/null":
            return cls("Delete", old)
        return cls("Update", old, new if new != old else "")

    @property
    def begun(self) -> bool:
        return bool(self.sections or self.text)

    def take(self, line: str, marker: re.Match[str] | None, number: int) -> None:
        if self.verb == "Add":
            if not _NUMBERS.match(line) and not line.startswith("\\ "):
                self.text.append(line)
        elif self.verb == "Update":
            self._take_update(line, marker, number)
        elif marker:
            raise EditError(f"Line {number} of the patch: {line[:80]!r} says nothing about a deleted file.")

    def steps(self) -> list[Step]:
        """What the patch wants of this file."""
        if not self.path:
            raise EditError(f"A `*** {self.verb} File:` line has no path.")
        if self.verb == "Delete":
            return [Delete(self.path)]
        if self.verb == "Add":
            return [Write(self.path, self._added(), new=True)]
        sections = tuple(s for s in self.sections if any(line.sign != " " for line in s.lines))
        if not sections and not self.move_to:
            raise EditError(f"The patch changes nothing in {self.path}: it has no line that begins with - or +.")
        return [Update(self.path, sections, self.move_to)]

    def _take_update(self, line: str, marker: re.Match[str] | None, number: int) -> None:
        if marker and marker[1] == "Move to":
            self.move_to = marker[2].strip().strip("`\"'")
        elif marker and marker[1] == "End of File":
            self._last(at_end=True)
            self.open = False
        elif line.startswith("@@"):
            self._take_anchor(line)
        elif line.startswith("*** "):
            raise EditError(f"Line {number} of the patch, {line[:80]!r}, is no marker of a patch.")
        elif not line.startswith("\\ "):
            self._section()
            self._last(lines=(*self.sections[-1].lines, _line(line)))

    def _take_anchor(self, line: str) -> None:
        if self.open and self.sections[-1].lines:
            self.open = False
        self._section()
        numbers = _NUMBERS.match(line)
        anchor = numbers[2] if numbers else line[2:].removesuffix("@@").strip()
        if numbers:
            self._last(start=max(int(numbers[1][:9]) - 1, 0))
        if anchor.strip():
            self._last(anchors=(*self.sections[-1].anchors, anchor.strip()))

    def _section(self) -> None:
        if not self.open:
            self.sections.append(Section(()))
            self.open = True

    def _last(self, **changes: object) -> None:
        self._section()
        self.sections[-1] = replace(self.sections[-1], **changes)  # pyright: ignore[reportArgumentType]

    def _added(self) -> tuple[str, ...]:
        lines = list(self.text)
        while lines and not lines[-1]:
            lines.pop()
        if not any(line.startswith("+") for line in lines):
            return tuple(lines)
        wrong = next((line for line in lines if line and not line.startswith("+")), None)
        if wrong is not None:
            raise EditError(
                f"In `*** Add File: {self.path}` every line must begin with +, and {wrong[:80]!r} does not."
            )
        return tuple(line[1:] for line in lines)


def _line(text: str) -> Line:
    if text.startswith("-"):
        return Line("-", text[1:])
    if text.startswith("+"):
        return Line("+", text[1:])
    return Line(" ", text[1:] if text.startswith(" ") else text, bare=bool(text) and not text.startswith(" "))


def _without_tail(lines: Sequence[str]) -> list[str]:
    """The lines without the end of a fence or heredoc that a missing end marker would let in."""
    kept = list(lines)
    words = {m[1] for line in lines if (m := _HEREDOC.search(line))} | {"```"}
    while kept and (not kept[-1].strip() or kept[-1].strip() in words):
        kept.pop()
    return kept


def _diff_path(line: str) -> str:
    path = line[4:].split("\t")[0].strip().strip('"')
    return path if path == "/dev/null" else re.sub(r"^[ab]/", "", path)
