r"""Lines of a file brought to the left margin and to "\n", for a model to read and write, and the way back.

Only lines that differ are put back: all others keep their indentation, white space and endings to the byte.
"""

import io
import tokenize
from itertools import accumulate, takewhile


class Excerpt:
    """Some lines of a source; lines count from 0, ends are exclusive."""

    def __init__(self, source: str, start: int, end: int) -> None:
        """Take out the lines `start:end`."""
        self._lines, self._start, self._end = source.split("\n"), start, end
        first = self._lines[start]
        self._base = first[: len(first) - len(first.lstrip())]
        taken = self._lines[start:end]
        if any(line.strip() and not line.startswith(self._base) for line in taken):
            self._base = ""  # a text in it stands further left: leave all as it is
        self._shown = [line.removeprefix(self._base).rstrip("\r") for line in taken]
        self.text = "\n".join(self._shown) + "\n"

    def above(self, line: int) -> tuple[str, str]:
        """The excerpt's text up to a line of the file, and that line's indentation."""
        shown = self._shown[line - self._start]
        return "".join(f"{text}\n" for text in self._shown[: line - self._start]), shown[
            : len(shown) - len(shown.lstrip())
        ]

    def offset(self, line: int) -> int:
        """Where a line of the file begins in the text, in characters."""
        return len(self.above(line)[0])

    def line(self, offset: int) -> int:
        """The line of the file in which a place in the text is."""
        return self._start + self.text.count("\n", 0, offset)

    def literals(self) -> list[tuple[int, int]]:
        """Where texts in quotes begin and end in the text; none where it cannot be told."""
        starts = [0, *accumulate(len(line) + 1 for line in self._shown)]
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(self.text).readline))
        except (tokenize.TokenError, SyntaxError):
            return []
        kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
        places = [(token.start, token.end) for token in tokens if token.type in kinds]
        return [(starts[a - 1] + b, starts[c - 1] + d) for (a, b), (c, d) in places]

    def replaced(self, text: str) -> tuple[str, int, str]:
        """The whole source with another text in the excerpt's place; its first changed line; the changed lines."""
        new = text.removesuffix("\n").split("\n")
        old = self._shown
        head = _common(old, new)
        tail = _common(old[head:][::-1], new[head:][::-1])
        changed = new[head : len(new) - tail]
        before = self._lines[: self._start + head]
        ending = "\r" if self._lines[min(self._start + head, self._end - 1)].endswith("\r") else ""
        middle = [f"{self._base if line else ''}{line}{ending}" for line in changed]
        source = "\n".join([*before, *middle, *self._lines[self._end - tail :]])
        return source, self._start + head, "\n".join(line.strip() for line in changed)


def _common(a: list[str], b: list[str]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
