"""How deep statements of Python belong whose indentation is unknown: the one way that makes sense, or none.

A walk over the statements keeps, for every stack of open blocks that is possible, the two cheapest ways to get there.
Hard rules are Python's: a block follows what opens one, `else` its `if`, a known line its place. Costs are habits:
two blank lines before what stands at the margin, nothing after `return` at its depth. Two ways that cost the same are
no answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ossa.assistant.edits.habits import Habits
from ossa.assistant.edits.statements import Statement

_PARTNERS = {
    "else": ("if", "elif", "for", "while", "try", "except", "async"),
    "elif": ("if", "elif"),
    "except": ("try", "except"),
    "finally": ("try", "except", "else"),
}
_FUNCTIONS = ("def", "class", "async", "@")
_LEAVES = ("return", "raise", "continue", "break")
_ALIKE = 10
"""Characters at the start of two lines that have to be the same for the lines to be alike."""
_STATES = 60
"""Stacks of open blocks that are followed at once, the cheapest."""


class Level(NamedTuple):
    """An open block, by the last statement in it."""

    width: int
    word: str
    opens: bool
    text: str


Stack = tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is known of a statement without its indentation."""

    widths: tuple[int, ...] | None = None
    """The only ones possible, None for any."""
    bound: int | None = None
    """The largest one possible, None for any."""
    like: int | None = None
    """That of the removed line which it resembles."""
    run: int = 0
    """Which run of lines that come in it belongs to."""


class _Way(NamedTuple):
    cost: float
    widths: tuple[int, ...]
    """Of the unknown statements so far."""
    shift: tuple[int, int]
    """Run, and how much deeper the last line of it stands than the removed one it resembles."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The cheapest way."""

    widths: tuple[int, ...]
    """Of the unknown statements, in order."""
    cost: float
    margin: float
    """How much more any other way costs."""


def nested(
    statements: Sequence[Statement],
    known: Mapping[int, int],
    unknown: Mapping[int, Unknown],
    unit: int,
    habits: Habits,
) -> Solution | None:
    """The cheapest way to indent the statements, None when there is none.

    Args:
        statements: all of a file.
        known: widths by row.
        unknown: what is known of the others, by row.
        unit: how much deeper a block stands than what opens it.
        habits: of the file.
    """
    states: dict[Stack, list[_Way]] = {(): [_Way(0, (), (0, 0))]}
    bodies = _bodies(statements, known)
    fresh = False
    for statement in statements:
        following: dict[Stack, list[_Way]] = {}
        about = unknown.get(statement.row)
        for stack, ways in states.items():
            for width in _widths(stack, known.get(statement.row), about, bodies, unit):
                after = _entered(stack, statement, width)
                if after is None:
                    continue
                habit = _cost(stack, statement, width, unit, habits) if about or fresh else 0
                _keep(following.setdefault(after, []), (_gone(way, about, width, habit) for way in ways))
        states = dict(sorted(following.items(), key=lambda item: item[1][0].cost)[:_STATES])
        fresh = about is not None
    ways = sorted((way for kept in states.values() for way in kept), key=lambda way: way.cost)
    if not ways:
        return None
    other = next((way.cost for way in ways if way.widths != ways[0].widths), float("inf"))
    return Solution(ways[0].widths, ways[0].cost, other - ways[0].cost)


def _bodies(statements: Sequence[Statement], known: Mapping[int, int]) -> dict[int, int]:
    """How much deeper blocks stand in this file, by the width of what opens them, where it is not the usual."""
    found: dict[int, int] = {}
    for one, following in pairwise(statements):
        if one.opens and one.row in known and following.row in known:
            found.setdefault(known[one.row], known[following.row])
    return found


def _widths(
    stack: Stack, known: int | None, about: Unknown | None, bodies: Mapping[int, int], unit: int
) -> Iterator[int]:
    """How deep the next statement may stand."""
    if not stack:
        options = {0}
    elif stack[-1].opens:
        inner = stack[-1].width
        told = (known,) if known is not None else about.widths if about and about.widths else ()
        options = {width for width in told if width > inner} or {inner + unit, bodies.get(inner, inner + unit)}
    elif stack[-1].word == "@":
        options = {stack[-1].width}
    else:
        options = {level.width for level in stack}
    for width in options:
        if known is not None:
            fits = width == known
        else:
            fits = about is not None and (about.widths is None or width in about.widths)
            fits = fits and (about is None or about.bound is None or width <= about.bound)
        if fits:
            yield width


def _entered(stack: Stack, statement: Statement, width: int) -> Stack | None:
    """The stack with the statement in it; None where Python forbids it."""
    outer = tuple(level for level in stack if level.width < width)
    sibling = next((level for level in stack if level.width == width), None)
    word = statement.word
    partners = _PARTNERS.get(word)
    if partners is not None and (sibling is None or sibling.word not in partners):
        return None
    for level in stack:
        handled = level is sibling and word in ("except", "finally")
        if level.word == "try" and level.width >= width and not handled:
            return None
    if word in ("return", "yield", "await") and not any(_is_function(level) for level in outer):
        return None
    return (*outer, Level(width, word, statement.opens, statement.text[:80]))


def _is_function(level: Level) -> bool:
    return level.text.startswith(("def ", "async def "))


def _cost(stack: Stack, statement: Statement, width: int, unit: int, habits: Habits) -> float:
    """What habits say against this depth."""
    closed = [level for level in stack if level.width >= width and level.word in _FUNCTIONS and level.opens]
    outer = [level for level in stack if level.width < width]
    cost = 0.0
    begins = statement.word in _FUNCTIONS and bool(stack) and stack[-1].word != "@"
    if (closed or begins) and width == 0:
        cost += max(0, habits.gap - statement.blank)
    elif closed and statement.blank == 0:
        cost += 1
    if width > 0 and statement.blank >= 2:
        cost += 2
    elif outer and statement.blank and not any(level.word in _FUNCTIONS for level in outer):
        cost += 1
    if stack and stack[-1].width == width and stack[-1].word in _LEAVES:
        cost += 3
    if stack and stack[-1].opens and width != stack[-1].width + unit:
        cost += 1
    if stack and width < stack[-1].width and not statement.blank and _goes_on(stack[-1].text, statement.text):
        cost += 1
    around = next((level.text for level in reversed(outer) if level.opens and level.word in _FUNCTIONS), "")
    return cost + habits.against(statement.row, statement.text, around) + _owner(statement, outer)


def _goes_on(above: str, text: str) -> bool:
    """Whether a line begins so much like the one above it that it is the next of a row of such."""
    same = next((n for n, (one, other) in enumerate(zip(above, text, strict=False)) if one != other), len(above))
    return same >= _ALIKE and 2 * same >= min(len(above), len(text))


def _owner(statement: Statement, outer: Sequence[Level]) -> float:
    """What speaks against a method outside of a class, and against `self` outside of a method."""
    text = statement.text
    if statement.word in ("def", "async"):
        method = "(self" in text or "(cls" in text
        return 2 if method and not (outer and outer[-1].word == "class") else 0
    return 2 if "self." in text and not any(_is_function(level) for level in outer) else 0


def _gone(way: _Way, about: Unknown | None, width: int, habit: float) -> _Way:
    """The way with one statement more."""
    if about is None:
        return way._replace(cost=way.cost + habit) if habit else way
    run, shift = way.shift if way.shift[0] == about.run else (about.run, 0)
    if about.like is not None:
        here = width - about.like
        habit += 2 if here not in (0, shift) else 0
        shift = here
    return _Way(way.cost + habit, (*way.widths, width), (run, shift))


def _keep(kept: list[_Way], ways: Iterator[_Way]) -> None:
    """The two cheapest that differ."""
    for way in ways:
        same = next((n for n, other in enumerate(kept) if other.widths == way.widths), None)
        if same is None:
            kept.append(way)
        elif way.cost < kept[same].cost:
            kept[same] = way
    kept.sort(key=lambda way: way.cost)
    del kept[2:]
