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

import ast
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ossa.assistant.edits.patch import Delete, EditError, Line, Section, Step, Update, Write

_MARKER = re.compile(
    r"\*\*\* (Begin Patch|End Patch|Add File|Update File|Delete File|Move to|End of File)\b:?[ \t]*(.*)"
)
_FILES = ("Add File", "Update File", "Delete File")
_NUMBERS = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)")
_SAID = re.compile(
    r"(rename from|rename to|copy from|old mode|new mode|new file mode|deleted file mode|GIT binary patch|Binary files)"
    r" ?(.*)"
)
_SIGNATURE = re.compile(r"\d+(\.\w+)+.*")
"""What follows `-- ` at the end of a patch that git has put into a mail: its version."""
_PREFIX = re.compile(r"^[abciow]/")
"""Of a path in git's diffs: before and after, or commit, index, object and working tree."""
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
        elif line.strip() and (not ended or "<<< SEARCH" in line or line.startswith("diff --git ")):
            raise EditError(
                f"Line {number} of the patch, {line[:80]!r}, stands outside of any `*** Update File: path`."
            )
    return steps + (current.steps() if current else [])


def is_unified(lines: Sequence[str]) -> bool:
    """Whether a unified diff of a file begins anywhere."""
    heads = zip(lines, lines[1:], lines[2:], strict=False)
    return any(a.startswith("--- ") and b.startswith("+++ ") and c.startswith("@@ -") for a, b, c in heads)


def parse_unified(lines: Sequence[str]) -> list[Step]:
    """Read a unified diff; an empty list where there is none.

    Raises:
        EditError: a line that can stand for nothing, or something that only git can apply.
    """
    steps: list[Step] = []
    current: _File | None = None
    header: _Header | None = None
    kept = _without_tail(lines)
    for number, line in enumerate(kept, 1):
        following = kept[number] if number < len(kept) else ""
        begins = line.startswith("--- ") and following.startswith("+++ ")
        if begins or line.startswith("diff --git ") or (line == "-- " and _SIGNATURE.fullmatch(following)):
            steps += current.steps() if current else []
            steps += header.steps() if header and not begins else []
            current = _File.between(*_diff_paths(line, following)) if begins else None
            header = _Header(line) if line.startswith("diff --git ") else None
        elif header:
            header.take(line)
        elif current is not None and not (line.startswith("+++ ") and not current.begun):
            current.take(line, None, number)
    return steps + (current.steps() if current else []) + (header.steps() if header else [])


@dataclass(slots=True)
class _Header:
    """What git says of a file before its lines, or instead of them."""

    line: str
    said: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, line: str) -> None:
        match = _SAID.match(line)
        if match is None:
            return
        self.said[match[1]] = match[2]
        if match[1] not in ("rename from", "rename to", "deleted file mode") and match[2] != "100644":
            raise EditError(
                f"`{line[:80]}` in the diff cannot be applied: only text is, and renames; not permissions, links, "
                "copies or binary files. Leave this file out of the patch and change it by a command."
            )

    def steps(self) -> list[Step]:
        """What is wanted of a file of which no lines are shown."""
        if "rename from" in self.said and "rename to" in self.said:
            return [Update(_unquoted(self.said["rename from"]), (), _unquoted(self.said["rename to"]))]
        names = self.line.removeprefix("diff --git ")
        path = _diff_paths(f"--- {names[: len(names) // 2]}", f"+++ {names[len(names) // 2 + 1 :]}")[1]
        if "new file mode" in self.said:
            return [Write(path, (), new=True)]
        return [Delete(path, emptied=True)] if "deleted file mode" in self.said else []


@dataclass(slots=True)
class _Place:
    """One section while its lines come in."""

    lines: list[Line] = field(default_factory=list[Line])
    anchors: list[str] = field(default_factory=list[str])
    at_end: bool = False
    ends: bool | None = None
    """Whether the file ends with a line break afterwards, where a line `\\ No newline at end of file` tells."""
    span: tuple[int, ...] = ()
    """First line and number of lines before, the same after; where the patch says so."""

    def section(self, *, numbered: bool) -> Section:
        start = max(self.span[0] - (self.span[1] > 0), 0) if self.span else None
        return Section(tuple(self.lines), tuple(self.anchors), self.at_end, start, numbered, ends=self.ends)

    def unfinished(self) -> None:
        """Note that the line before is the last of the file and has no line break."""
        if self.lines:
            self.at_end = True
            self.ends = self.ends is None and self.lines[-1].sign == "-"


@dataclass(slots=True)
class _File:
    """One file of the patch while its lines come in."""

    verb: str
    path: str
    move_to: str = ""
    places: list[_Place] = field(default_factory=list[_Place])
    open: bool = False
    """Whether lines go on in the last section."""
    text: list[str] = field(default_factory=list[str])
    ends: bool = True
    """Whether the file that is added ends with a line break."""

    @classmethod
    def between(cls, old: str, new: str) -> "_File":
        if old == "/dev/null":
            return cls("Add", new)
        if new == "/dev/null":
            return cls("Delete", old)
        return cls("Update", old, new if new != old else "")

    @property
    def begun(self) -> bool:
        return bool(self.places or self.text)

    def take(self, line: str, marker: re.Match[str] | None, number: int) -> None:
        if self.verb == "Add":
            if line.startswith("\\ "):
                self.ends = False
            elif not _NUMBERS.match(line):
                self.text.append(line)
        elif self.verb == "Update" or (not marker and (self.places or _NUMBERS.match(line))):
            self._take_update(line, marker, number)
        elif marker:
            raise EditError(f"Line {number} of the patch: {line[:80]!r} says nothing about a deleted file.")

    def steps(self) -> list[Step]:
        """What the patch wants of this file."""
        if not self.path:
            raise EditError(f"A `*** {self.verb} File:` line has no path.")
        changing = [place for place in self.places if any(line.sign != " " for line in place.lines)]
        numbered = self._well_numbered()
        sections = tuple(place.section(numbered=numbered) for place in changing)
        if self.verb == "Delete":
            return [Update(self.path, sections), Delete(self.path, emptied=True)] if sections else [Delete(self.path)]
        if self.verb == "Add":
            return [Write(self.path, self._added(), new=True, ends=self.ends)]
        if not sections and not self.move_to:
            raise EditError(f"The patch changes nothing in {self.path}: it has no line that begins with - or +.")
        return [Update(self.path, sections, self.move_to)]

    def _well_numbered(self) -> bool:
        """Whether every section says rightly how many lines it has, and how far those before have moved it."""
        shift = 0
        for place in self.places:
            if not place.span:
                return False
            first, old, goal, new = place.span
            counts = tuple(sum(line.sign != sign for line in place.lines) for sign in "+-")
            if counts != (old, new) or goal - (new > 0) != first - (old > 0) + shift:
                return False
            shift += new - old
        return bool(self.places)

    def _take_update(self, line: str, marker: re.Match[str] | None, number: int) -> None:
        if marker and marker[1] == "Move to":
            self.move_to = marker[2].strip().strip("`\"'")
        elif marker and marker[1] == "End of File":
            self._place().at_end = True
            self.open = False
        elif line.startswith("@@"):
            self._take_anchor(line)
        elif line.startswith("*** "):
            raise EditError(f"Line {number} of the patch, {line[:80]!r}, is no marker of a patch.")
        elif line.startswith("\\ "):
            self._place().unfinished()
        else:
            self._place().lines.append(_line(line))

    def _take_anchor(self, line: str) -> None:
        if self.open and self.places[-1].lines:
            self.open = False
        place = self._place()
        numbers = _NUMBERS.match(line)
        anchor = numbers[5] if numbers else line[2:].removesuffix("@@").strip()
        if numbers:
            place.span = tuple(int(number or 1) for number in numbers.group(1, 2, 3, 4))
        if any(char.isalpha() for char in anchor):
            place.anchors.append(anchor.strip())

    def _place(self) -> _Place:
        if not self.open:
            self.places.append(_Place())
            self.open = True
        return self.places[-1]

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
    return Line(" ", text[1:] if text.startswith(" ") else text, bare=not text.startswith(" "))


def _without_tail(lines: Sequence[str]) -> list[str]:
    """The lines without the end of a fence or heredoc that a missing end marker would let in."""
    kept = list(lines)
    words = {m[1] for line in lines if (m := _HEREDOC.search(line))} | {"```"}
    while kept and (not kept[-1].strip() or kept[-1].strip() in words):
        kept.pop()
    return kept


def _diff_paths(old: str, new: str) -> tuple[str, str]:
    """The paths of the `---` and the `+++` line, less the prefixes that differ as git's `a/` and `b/` do."""
    first, second = (_unquoted(line[4:].split("\t")[0].strip()) for line in (old, new))
    if first[:2] == second[:2]:
        return first, second
    return _PREFIX.sub("", first), _PREFIX.sub("", second)


def _unquoted(path: str) -> str:
    """A path as git writes it in quotes where it has other characters than those of ASCII."""
    if not (len(path) > 1 and path.startswith('"') and path.endswith('"')):
        return path
    try:
        value: object = ast.literal_eval(f"b{path}")
    except (ValueError, SyntaxError):
        return path[1:-1]
    return os.fsdecode(value) if isinstance(value, bytes) else path
