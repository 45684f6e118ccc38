"""Comments that ask something of ossa: those of which a line begins or ends with `AI!`, `AI?` or, as a note, `AI`.

path, text ─► comments ─► lines below each other as one ─► Mark…          text, marks ─► without() ─► the text
"""

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ossa.assistant.marks.comments import Comment, comments
from ossa.assistant.text import ending, split

Kind: TypeAlias = Literal["do", "ask", "note"]

MAY_ASK = re.compile(rb"\bai[!?]", re.IGNORECASE)
"""What a file has that asks anything; to look for this alone is quick."""
_OPENS = (
    r"<!--+|<#+|#=|=(?:begin|end)\b|\{#-?|\{\{!--|\(\*+|\{-|"
    r"--\[=*\[|/\*+!?|//+!?|#+!?|--+|;+|%+|\*+(?!/)|'|!+|\.\.|(?:REM|dnl)\b|::?"
)
_SIGN = re.compile(_OPENS, re.IGNORECASE)
_END_SIGN = re.compile(r"/\*+|>#|#=|>!?--+|\}#-?|\}\}--|\)\*+|\}-|\]=*\]|#+|\*+")
"""How a comment ends, backwards: so it is matched from the end, in linear time."""
_FIRST = re.compile(r"^AI(?:([!?])(?:\s*[:,.–-]|(?=\s|$))|\s*:|$)\s*", re.IGNORECASE)
_LAST = re.compile(r"(?:^|(?<=[\s:,.;(–-]))AI([!?]?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """One such comment; lines count from 1."""

    path: str
    kind: Kind
    text: str
    """What it says, without the signs of a comment and without "AI!"."""
    line: int
    """That on which "AI!" stands."""
    first: int
    last: int
    source: str
    """The line with "AI!" as it stands in the file, without blanks around it."""
    parts: tuple[Comment, ...]
    """The comments that it consists of: several where each has a line of its own."""
    own: bool
    """Whether nothing but it stands on its lines."""

    @property
    def key(self) -> str:
        """By which it is known again wherever in the file it stands."""
        said = f"{self.kind}\n{' '.join(self.text.split())}"
        return hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def marks_in(path: str, text: str) -> list[Mark]:
    """All marks of a file, in its order."""
    lines = text.split("\n")
    return [mark for block in _blocks(comments(path, text), lines) if (mark := _mark(path, block, lines))]


def without(text: str, marks: Iterable[Mark], kept: Container[str] = ()) -> str:
    """The text without these marks of it; of lines below each other those stay that are `kept`, blanks left aside."""
    lines = split(text)
    for mark in sorted(marks, key=lambda one: (one.parts[0].row, one.parts[0].column), reverse=True):
        _take_out(lines, mark, kept)
    return "".join(lines)


def _blocks(found: Sequence[Comment], lines: Sequence[str]) -> Iterator[tuple[Comment, ...]]:
    """The comments, those together that stand alone on lines below each other, at the same column."""
    block: list[Comment] = []
    for one in found:
        below = block and _alone(block[-1], lines) and _alone(one, lines)
        if block and not (below and one.row == block[-1].last + 1 and one.column == block[-1].column):
            yield tuple(block)
            block = []
        block.append(one)
    if block:
        yield tuple(block)


def _alone(one: Comment, lines: Sequence[str]) -> bool:
    """Whether it has one line, and that for itself."""
    return one.row == one.last and _clear(one, lines)


def _clear(one: Comment, lines: Sequence[str]) -> bool:
    return not lines[one.row][: one.column].strip() and not lines[one.last][one.end :].strip()


def _mark(path: str, block: tuple[Comment, ...], lines: Sequence[str]) -> Mark | None:
    """The mark that a block is, by the strongest sign in it; None where it has none."""
    said: list[str] = []
    signs: dict[str, int] = {}
    for comment in block:
        for row in range(comment.row, comment.last + 1):
            start = comment.column if row == comment.row else 0
            end = comment.end if row == comment.last else len(lines[row])
            words, sign = _read(lines[row][start:end])
            said.append(words)
            if sign is not None:
                signs.setdefault(sign, row)
    if not signs:
        return None
    sign = next(sign for sign in ("!", "?", "") if sign in signs)
    kind: Kind = "do" if sign == "!" else "ask" if sign else "note"
    row = signs[sign]
    text = "\n".join(said).strip()
    own = all(_clear(comment, lines) for comment in block)
    first, last = block[0].row + 1, block[-1].last + 1
    return Mark(path, kind, text, row + 1, first, last, lines[row].strip(), block, own)


def _read(line: str) -> tuple[str, str | None]:
    """What a line of a comment says, and the sign behind "AI" at its end or beginning; None where there is no "AI"."""
    words = line.strip()
    if sign := _SIGN.match(words):
        words = words[sign.end() :].lstrip()
    if sign := _END_SIGN.match(words[::-1]):
        words = words[: -sign.end()].rstrip()
    if last := _LAST.search(words):
        return words[: last.start()].rstrip(), last[1]
    if first := _FIRST.match(words):
        return words[first.end() :], first[1] or ""
    return words, None


def _take_out(lines: list[str], mark: Mark, kept: Container[str]) -> None:
    if not mark.own:
        for part in reversed(mark.parts):
            _cut(lines, part)
        return
    rows = range(mark.first - 1, mark.last)
    going = [row for row in rows if lines[row].strip() not in kept]
    inner = len(mark.parts) > 1 or (going and rows[0] < going[0] and going[-1] < rows[-1])
    if not inner and len(going) < len(rows):
        row = mark.line - 1
        lines[row] = re.sub(r"(?<!\s)\s*\bAI[!?]?(?=\W|$)", "", lines[row], count=1, flags=re.IGNORECASE)
        return
    for row in reversed(going):
        del lines[row]
    at = mark.first - 1
    if len(going) == len(rows) and 0 < at < len(lines) and not lines[at - 1].strip() and not lines[at].strip():
        del lines[at]


def _cut(lines: list[str], part: Comment) -> None:
    """Take a comment out that shares its lines with code."""
    head, tail = lines[part.row][: part.column], lines[part.last][part.end :]
    if not tail.strip():
        head, tail = head.rstrip(), ending(tail)
    elif not head or head[-1].isspace() or head[-1] in "([{":
        tail = tail.lstrip(" \t")
    lines[part.row : part.last + 1] = [head + tail] if head + tail else []
