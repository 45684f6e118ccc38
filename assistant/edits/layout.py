"""How deep lines of any text stand that is not Python, learnt from how the lines of the file itself follow each other.

    lines of the file ─► counted: what follows what, and how deep ─► every way to indent the new ones ─► the one that
    is far more usual here than any other, or none

In a file of TOML a key stands at the margin, in a list of bullets a bullet under a bullet, because all the others
do. What holds in any file is where a count begins: what is in brackets stands deeper than what opens them, and what a
YAML key without a value or an INI key without one names stands deeper than the key.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import NamedTuple

from ossa.assistant.edits.rows import Row

# How a line stands to the one above, where the file says nothing.
_OPENS = {"deeper": 0.998, "same": 0.001, "out": 0.001}
_HELD = {"deeper": 0.9, "same": 0.05, "out": 0.05}
_PRIORS = {
    "opens": _OPENS,
    "names": {"deeper": 0.45, "same": 0.4, "out": 0.15},
    "item": {"deeper": 0.25, "same": 0.6, "out": 0.15},
    "closes": {"deeper": 0.02, "same": 0.7, "out": 0.28},
    "plain": {"deeper": 0.1, "same": 0.75, "out": 0.15},
}
"""By the kind of the line above."""
_CLOSING = {"deeper": 0.001, "same": 0.05, "out": 0.949}
"""For a line that begins with a closing bracket."""
_RARE = 0.05
"""How likely anything is that the file does not show."""
_TELLING = 2
"""Times that a shape must have been seen to count for more than a coarser one."""
_WEIGHT = 1.0
"""Times for which what holds in any file counts."""
_UNLIKE = 2.5
"""What it costs to stand otherwise than the removed line that is alike."""
_SURE = 4.0
"""How much more than the best way any other must cost, in natural logarithms of probabilities."""
_FOLLOWED = 24
"""Ways that are followed at once, the cheapest."""
_FOUND = 200
"""Lines that are found at most: more are cheaper to send again."""
_NEAR = 1000
"""Lines above and below new ones from which habits are learnt."""
_AFTER = 2
"""Known lines after new ones that have a say."""
_ITEM = re.compile(r"([-*+]|\d+[.)]|#\.) ")
# In these a bracket is a character like others.
_PROSE = (".rst", ".md", ".txt", ".markdown", "", ".in", ".yaml", ".yml", ".html", ".xml")
_INI = (".ini", ".cfg")
_KEY = re.compile(r"[\[#;]|a([.-]a)* ?[=:]")
_COMMENT = re.compile(r"\s(#|//) .*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_TOKENS = re.compile(r"\w+|\s+|.")


class Shape(NamedTuple):
    """What a line looks like, from coarse to exact."""

    kind: str
    coarse: str
    pattern: str
    exact: str


class Level(NamedTuple):
    """A depth at which lines stand, by the last of them."""

    width: int
    shape: Shape
    row: int = -1


Stack = tuple[Level, ...]


class _Way(NamedTuple):
    cost: float
    widths: tuple[int, ...]
    stack: Stack


def shape(text: str) -> Shape:
    """What a line without its indentation looks like."""
    text = _COMMENT.sub("", text).rstrip()
    tokens = _TOKENS.findall(text[:200])
    words = ["0" if token[0].isdigit() else "a" if token[0].isalnum() else token[0] for token in tokens]
    last = words[-1] if words else ""
    exact = "".join(tokens[:4])
    end = last if last in tuple(":;,{[(=\\") else "." if len(tokens) > 1 else ""
    return Shape(_kind(text), (words[0] if words else "") + end, "".join(words[:5]) + end, exact + end)


def _kind(text: str) -> str:
    if text.endswith(("{", "[", "(", "::")):
        return "opens"
    if text.startswith(("}", "]", ")", "</")):
        return "closes"
    if _ITEM.match(text):
        return "item"
    return "names" if text.endswith(":") else "plain"


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a file as far as their indentation does not matter."""

    suffix: str
    shapes: Sequence[Shape]
    openers: Sequence[int]
    """Of each line the row of the bracket it is in, -1 where it is in none."""
    depths: Sequence[int]
    """How many brackets each line is in."""


def read(rows: Sequence[Row], suffix: str) -> Text:
    """What the lines look like."""
    shapes = [shape(row.text) for row in rows]
    openers, depths = _brackets(rows, suffix)
    return Text(suffix, shapes, openers, depths)


def _brackets(rows: Sequence[Row], suffix: str) -> tuple[list[int], list[int]]:
    openers, depths = [-1] * len(rows), [0] * len(rows)
    if suffix in _PROSE:
        return openers, depths
    stack: list[int] = []
    for number, row in enumerate(rows):
        openers[number], depths[number] = stack[-1] if stack else -1, len(stack)
        for char in _QUOTED.sub("", _COMMENT.sub("", row.text)):
            if char in "([{":
                stack.append(number)
            elif char in ")]}" and stack:
                stack.pop()
    return openers, depths


def _prior(old: Shape, here: Shape, text: Text, *, blank: bool) -> dict[str, float]:
    if here.kind == "closes" and old.kind != "opens":
        return _CLOSING
    if blank:
        return _PRIORS["plain" if old.kind == "names" else old.kind]
    if here.kind != "item" and old.kind == "item" and text.suffix == ".rst":
        return _OPENS
    if here.kind != "item" and (old.kind == "item" or (old.kind == "names" and text.suffix in (".yaml", ".yml"))):
        return _HELD
    return _PRIORS[old.kind]


@dataclass(slots=True)
class _Habits:
    """How often what was seen in the file, by the shapes of lines."""

    unit: int
    text: Text
    counts: dict[tuple[object, ...], Counter[object]] = field(default_factory=dict[tuple[object, ...], Counter[object]])
    offsets: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """How much deeper lines stand than such a line above them."""
    known: dict[tuple[Stack, int], float] = field(default_factory=dict[tuple[Stack, int], float])
    """Costs of the line in hand."""

    def learn(self, stack: Stack, blank: bool, number: int, width: int) -> None:
        for facts in _facts(stack, blank, number, width, self.unit, self.text):
            for key, event in facts.levels:
                self.counts.setdefault(key, Counter())[event] += 1
        if stack and width > stack[-1].width:
            self.offsets.setdefault(stack[-1].shape.coarse, set()).add(width - stack[-1].width)

    def cost(self, stack: Stack, blank: bool, number: int, width: int) -> float:
        """How unusual it is that this line stands there, as the negative logarithm of a probability."""
        if (stack, width) not in self.known:
            facts = _facts(stack, blank, number, width, self.unit, self.text)
            self.known[stack, width] = sum(self._surprise(fact) for fact in facts)
        return self.known[stack, width]

    def _surprise(self, facts: "_Facts") -> float:
        likely = facts.prior
        for key, event in facts.levels:
            seen = self.counts.get(key)
            if seen and (seen.total() >= _TELLING or likely is facts.prior):
                likely = (seen[event] + _WEIGHT * facts.prior) / (seen.total() + _WEIGHT)
        return -log(likely) * facts.weight


class _Facts(NamedTuple):
    """One thing to know of where a line stands: what it hangs on, from coarse to exact, and what is the case."""

    prior: float
    weight: float
    levels: tuple[tuple[tuple[object, ...], object], ...]


def _facts(stack: Stack, blank: bool, number: int, width: int, unit: int, text: Text) -> Iterator[_Facts]:
    here = text.shapes[number]
    above = stack[-1] if stack else Level(0, shape(""))
    way = "same" if width == above.width else "deeper" if width > above.width else "out"
    old = above.shape
    pairs = [
        (old.kind, ""),
        (old.kind, here.kind),
        (old.coarse, here.kind),
        (old.coarse, here.coarse),
        (old.pattern, here.coarse),
        (old.coarse, here.pattern),
        (old.pattern, here.pattern),
        (old.exact, here.exact),
    ]
    prior = _prior(old, here, text, blank=blank)
    yield _Facts(prior[way], 1.0, tuple((("after", n, blank, *pair), way) for n, pair in enumerate(pairs)))
    if way == "deeper":
        by = width - above.width
        yield _Facts(0.9 if by == unit else 0.1, 1.0, tuple((("by", n, name), by) for n, name in enumerate(old)))
    outer = next((level for level in reversed(stack) if level.width < width), None)
    parent = outer.shape.coarse if outer else ""
    yield _Facts(_RARE, 0.5, tuple((("below", n, name), parent) for n, name in enumerate(here)))
    yield _Facts(_RARE, 0.5, tuple((("at", n, name), width) for n, name in enumerate(here)))
    if text.suffix not in _PROSE:
        opener = next((level for level in stack if level.row == text.openers[number]), None)
        if opener:
            inside = "same" if width == opener.width else "deeper" if width > opener.width else "out"
            closing = here.kind == "closes"
            prior = {"same": 0.97, "deeper": 0.02} if closing else {"same": 0.01, "deeper": 0.98}
            yield _Facts(prior.get(inside, 0.01), 1.0, ((("inside", closing), inside),))
        yield _Facts(_RARE, 1.0, ((("depth", here.kind == "closes", text.depths[number]), width),))
    if text.suffix in _INI:
        key = _KEY.match(here.pattern) is not None
        likely = 0.7 if key else 0.02
        yield _Facts(likely if width == 0 else 1 - likely, 1.0, ((("key", key), width > 0),))
    if way == "out":
        beside = next((level for level in reversed(stack) if level.width <= width), None)
        known = beside.shape.coarse if beside and beside.width == width else None
        yield _Facts(_RARE, 0.5, tuple((("beside", n, name), known) for n, name in enumerate(here)))


def lay_out(rows: Sequence[Row], unit: int, suffix: str) -> None:
    """Give the lines their widths where one way is far more usual in this file than any other.

    Args:
        rows: the lines of the file; those without a width are to be found.
        unit: how much deeper a block stands than what opens it.
        suffix: of the file's name.
    """
    unknown = [number for number, row in enumerate(rows) if row.width is None]
    if not 0 < len(unknown) <= _FOUND:
        return
    text = read(rows, suffix)
    habits = _learnt(rows, text, unit, range(unknown[0] - _NEAR, unknown[-1] + _NEAR))
    ways = [_Way(0, (), ())]
    open_rows: list[int] = []
    since, blank = 0, False
    for number, row in enumerate(rows):
        if not row.text:
            blank = True
            continue
        if row.width is None:
            open_rows.append(number)
            since = 0
        habits.known.clear()
        following = [
            way for before in ways for way in _next(before, row, number, blank, habits, counted=bool(open_rows))
        ]
        ways = following if len(following) < 2 else _cheapest(following)
        if not ways:
            return
        if open_rows and row.width is not None:
            since += 1
            if since >= _AFTER:
                if not _decide(rows, open_rows, ways):
                    return
                open_rows, ways = [], [_Way(0, (), ways[0].stack)]
        blank = False
    if open_rows:
        _decide(rows, open_rows, ways)


def _learnt(rows: Sequence[Row], text: Text, unit: int, span: range) -> _Habits:
    habits = _Habits(unit, text)
    stack: Stack | None = ()
    blank = False
    for number, row in enumerate(rows):
        if not row.text:
            blank = True
            continue
        if row.width is None:
            stack = None
            continue
        if stack is not None and row.loss is None and number in span:
            habits.learn(stack, blank, number, row.width)
        stack, blank = _pushed(stack or (), row.width, text.shapes[number], number), False
    return habits


def _next(before: _Way, row: Row, number: int, blank: bool, habits: _Habits, *, counted: bool) -> Iterator[_Way]:
    """The ways to go on with this line."""
    here = habits.text.shapes[number]
    options = {row.width} if row.width is not None else _options(before.stack, row, habits)
    for width in options:
        cost = habits.cost(before.stack, blank, number, width) if counted else 0
        if row.width is None and row.like is not None and width != row.like:
            cost += _UNLIKE
        found = (*before.widths, width) if row.width is None else before.widths
        yield _Way(before.cost + cost, found, _pushed(before.stack, width, here, number))


def _cheapest(ways: list[_Way]) -> list[_Way]:
    """The ways to follow: of those that stand alike by now the two cheapest."""
    ways.sort(key=lambda way: way.cost)
    alike = Counter[Stack]()
    kept: list[_Way] = []
    for way in ways:
        alike[way.stack] += 1
        if alike[way.stack] <= 2:
            kept.append(way)
    return kept[:_FOLLOWED]


def _options(stack: Stack, row: Row, habits: _Habits) -> set[int]:
    widths = {0, *(level.width for level in stack)}
    if stack:
        offsets = {habits.unit, *habits.offsets.get(stack[-1].shape.coarse, ())}
        widths |= {stack[-1].width + offset for offset in offsets}
    if row.like is not None:
        widths.add(row.like)
    return {width for width in widths if width >= row.given and row.allows(width)}


def _pushed(stack: Stack, width: int, here: Shape, number: int) -> Stack:
    return (*(level for level in stack if level.width < width), Level(width, here, number))


def _decide(rows: Sequence[Row], numbers: Sequence[int], ways: Sequence[_Way]) -> bool:
    best = ways[0]
    other = next((way.cost for way in ways if way.widths != best.widths), float("inf"))
    if other - best.cost < _SURE:
        return False
    for number, width in zip(numbers, best.widths, strict=True):
        rows[number].width = width
    return True
