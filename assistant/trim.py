"""Cutting long text for whoever has little room."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_VERDICT = re.compile(
    r"^(E\s|FAIL|ERROR|not ok\b|---\sFAIL|\s*[✗✘✕]|=+\s.*\s=+$|\S*(Error|Exception)\b.*:|thread .* panicked|error\b)"
    r"|\b\d+ (failed|failures?|errors?)\b|^make.*\*\*\*"
)
"""Lines that say what it came to: of test runners, compilers, and the end of a traceback."""
_TELLING = re.compile(
    r"error|fail|exception|traceback|assert|warning|panic|undefined|not found|cannot|denied|^\s*File \"|:\d+:",
    re.IGNORECASE,
)
"""Other lines that say what went wrong, and where."""
_HEAD, _TAIL = 2, 4
"""Lines at the start and at the end that are kept: the command's title, and what it came to."""
_END = 3 / 8
"""The share of the room that the end of the text has in any case."""
_AROUND = 3
"""Lines around those that tell of trouble that are kept where there is room."""
_ALIKE = 3
"""Lines that differ in figures only; more of them say nothing new."""
_LONGEST = 1 / 6
"""The share of the room that one line may have."""
_GAP = 20
"""Characters that tell of lines left out, more or less."""
_FIGURES = re.compile(r"0x[0-9a-f]+|\d+")


def shorten(text: str, limit: int) -> str:
    """Keep the start and the end of a text of more than `limit` characters, and say what was cut out between."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[len(text) - limit // 3 :]
    cut = len(text) - len(head) - len(tail)
    return f"{head}\n[… {cut:,} characters left out …]\n{tail}"


def essence(text: str, limit: int) -> str:
    """Keep of a longer text what matters in about so many characters, and say how much is left out.

    That is its start and its end, what it came to, what tells of trouble with some lines around, first to last; and
    where there is room, more from the start. A text without lines that tell of trouble is cut in its middle.
    """
    if len(text) <= limit:
        return text
    most = max(40, int(limit * _LONGEST))
    if text.count("\n") < _HEAD + _TAIL:
        return shorten(text, limit)
    lines = [line if len(line) <= most else shorten(line, most).replace("\n", " ") for line in text.splitlines()]
    verdicts = [n for n, line in enumerate(lines) if _VERDICT.search(line)]
    telling = [n for n, line in enumerate(lines) if _TELLING.search(line)]
    if not verdicts and not telling:
        return shorten(text, limit)
    kept = _Kept(lines, limit)
    kept.take(range(_HEAD))
    kept.take(range(len(lines) - 1, len(lines) - 1 - _TAIL, -1))
    kept.take_while(range(len(lines) - 1, -1, -1), int(limit * _END))
    told = [*_unlike(lines, verdicts), *_unlike(lines, telling)]
    kept.take(told)
    kept.take(near for n in told for near in range(n - _AROUND, n + _AROUND + 1))
    kept.take_while(range(len(lines)), limit)
    return kept.text(len(text))


@dataclass(slots=True)
class _Kept:
    """The lines of a text that are kept, while there is room."""

    lines: Sequence[str]
    room: int
    numbers: set[int] = field(default_factory=set[int])

    def take(self, numbers: Iterable[int]) -> None:
        """Keep these, as far as they fit."""
        for number in numbers:
            if 0 <= number < len(self.lines) and number not in self.numbers:
                cost = self._cost(number)
                if cost <= self.room:
                    self.room -= cost
                    self.numbers.add(number)

    def take_while(self, numbers: Iterable[int], budget: int) -> None:
        """Keep these, in their order, until one does not fit any more into the budget or the room."""
        for number in numbers:
            if number in self.numbers:
                budget -= len(self.lines[number]) + 1
                continue
            cost = self._cost(number)
            budget -= cost
            if budget < 0 or cost > self.room:
                return
            self.room -= cost
            self.numbers.add(number)

    def text(self, whole: int) -> str:
        """The lines, with what tells of those between; `whole` is the length of all, in characters."""
        cut = whole - sum(len(self.lines[n]) + 1 for n in self.numbers)
        shown: list[str] = []
        last = -1
        for number in sorted({*self.numbers, len(self.lines)}):
            if gap := number - last - 1:
                total = f"; {cut:,} characters left out in all" if all("[…" not in line for line in shown) else ""
                shown.append(f"[… {gap:,} lines{total} …]")
            shown += self.lines[number : number + 1]
            last = number
        return "\n".join(shown)

    def _cost(self, number: int) -> int:
        """Of a line; one that stands alone needs a word on what is missing before it."""
        alone = number - 1 not in self.numbers and number + 1 not in self.numbers
        return len(self.lines[number]) + 1 + _GAP * alone


def _unlike(lines: Sequence[str], numbers: Iterable[int]) -> Iterator[int]:
    """Those of the lines that say something new."""
    seen: Counter[str] = Counter()
    for number in numbers:
        alike = _FIGURES.sub("0", lines[number])
        seen[alike] += 1
        if seen[alike] <= _ALIKE:
            yield number
