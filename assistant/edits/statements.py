"""Python text whose indentation is partly unknown, as its statements and the lines that merely belong to them.

Where a statement begins, whether it opens a block and which brackets or strings a line is in can all be told without
any indentation.
"""

import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

_STARTS, _ENDS = ("FSTRING_START", "TSTRING_START"), ("FSTRING_END", "TSTRING_END")


@dataclass(slots=True)
class Statement:
    """A logical line."""

    row: int
    """Of its first line."""
    word: str
    """Its first token: "def", "x", "@"."""
    opens: bool
    """Whether a block follows."""
    text: str
    """Its first line."""
    blank: int = 0
    """Empty lines above it and the comments that stand right above it."""


@dataclass(slots=True)
class Within:
    """A line that goes on what another began."""

    kind: Literal["bracket", "string", "other"]
    row: int
    """Of the bracket or string it is in, or of the statement."""
    column: int = -1
    """From the statement's start to what follows the bracket on its own line; -1 where nothing does."""
    closes: bool = False
    """Whether it begins with the closing bracket."""
    docstring: bool = False
    """Whether it is in a string that is a statement by itself."""


@dataclass(slots=True)
class Outline:
    """What every line is: a statement's first, a comment, a part of something, or blank."""

    statements: list[Statement] = field(default_factory=list[Statement])
    within: dict[int, Within] = field(default_factory=dict[int, Within])
    comments: list[int] = field(default_factory=list[int])


def outline(lines: Sequence[str]) -> Outline | None:
    """What every line is, from lines without their indentation; None where they are no Python."""
    found = Outline()
    reader = _Reader(found, lines)
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            reader.take(token)
    except (tokenize.TokenError, SyntaxError):
        return None
    _count_blanks(found, lines)
    return found


class _Reader:
    """Turns tokens into an outline."""

    def __init__(self, found: Outline, lines: Sequence[str]) -> None:
        self._found = found
        self._lines = lines
        self._begun = False
        """Whether a statement has begun and not ended yet."""
        self._brackets: list[tuple[int, int]] = []
        self._string = 0
        self._last = ""
        self._row = 0
        """The last line of which it is known what it is."""

    def take(self, token: tokenize.TokenInfo) -> None:
        name, row = tokenize.tok_name[token.type], token.start[0] - 1
        if name in ("ENCODING", "INDENT", "DEDENT", "ENDMARKER", "NL"):
            return
        if name == "COMMENT":
            if not self._begun:
                self._found.comments.append(row)
            elif row > self._row:
                self._continue(row, token.string)
            return
        if name == "NEWLINE":
            self._found.statements[-1].opens = self._last == ":"
            self._begun = False
            return
        if not self._begun:
            self._found.statements.append(Statement(row, token.string, False, self._lines[row]))
            self._begun, self._row, self._last = True, row, ""
        elif row > self._row:
            self._continue(row, token.string)
        self._follow(name, token)
        self._last = token.string

    def _continue(self, row: int, text: str) -> None:
        statement = self._found.statements[-1]
        if self._brackets:
            at, after = self._brackets[-1]
            self._found.within[row] = Within("bracket", at, after, text in ")]}")
        else:
            self._found.within[row] = Within("other", statement.row)
        self._row = row

    def _follow(self, name: str, token: tokenize.TokenInfo) -> None:
        """What this token means for the lines after it."""
        (row, _), (last, _) = token.start, token.end
        if name in _STARTS:
            self._string = row
        elif name in _ENDS or (name == "STRING" and last > row):
            first = self._string if name in _ENDS else row
            alone = name == "STRING" and self._last == ""
            for line in range(first, last):
                self._found.within[line] = Within("string", first - 1, docstring=alone)
            self._row = last - 1
        elif token.string in "([{" and name == "OP":
            rest = self._lines[row - 1][token.end[1] :].strip()
            self._brackets.append((row - 1, token.end[1] if rest and not rest.startswith("#") else -1))
        elif token.string in ")]}" and name == "OP" and self._brackets:
            self._brackets.pop()


def _count_blanks(found: Outline, lines: Sequence[str]) -> None:
    comments = set(found.comments)
    for statement in found.statements:
        at = statement.row - 1
        while at in comments:
            at -= 1
        while at - statement.blank >= 0 and not lines[at - statement.blank].strip():
            statement.blank += 1
