"""What speaks against a candidate though the tests pass: it knows their values by heart, or does less than before.

function before ─► Doubts ─► function after ─┬► by_heart(), cuts_off(): never to be run
                                             └► taken_out(): said, and liked less
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from ossa.assistant.repair.functions import parse, unparse

_COMMON = {repr(value) for value in (None, True, False, 0, 1, -1, 2, "", " ", 0.0, 1.0)}
"""Values that stand in most functions and most tests."""
_EFFECTS = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete)
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_DOING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom)
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def values(source: str) -> frozenset[str]:
    """The constants of a test file, but for the most common."""
    tree = parse(source)
    found = {repr(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)} if tree else set[str]()
    return frozenset(found - _COMMON)


def by_heart(before: str, after: str, told: Collection[str]) -> bool:
    """Whether `Doubts` says so of two sources; they are believed where one does not parse."""
    old, new = parse(before), parse(after)
    return bool(old and new and Doubts([*ast.walk(old)], told).by_heart([*ast.walk(new)]))


def taken_out(before: str, after: str) -> str:
    """What `Doubts` says of two sources; nothing where one does not parse."""
    old, new = parse(before), parse(after)
    return Doubts([old]).taken_out([new]) if old and new else ""


class Doubts:
    """What a function is and does, looked at once; what may come in its place is compared with it.

    It is told by its nodes, itself first.
    """

    def __init__(self, before: Sequence[ast.AST], told: Collection[str] = ()) -> None:
        """`told` are the tests' values."""
        self._told = frozenset(told)
        self._constants = _cases(before), _answers(before)
        self._effects, self._dead = _effects(before), _dead(before)

    def by_heart(self, after: Sequence[ast.AST]) -> bool:
        """Whether it compares more with constants than before, or returns more of them, and these are the tests'."""
        for known, found in zip(self._constants, (_cases(after), _answers(after)), strict=True):
            if found.total() > known.total() and any(self._told.intersection(values) for values in found - known):
                return True
        return False

    def cuts_off(self, after: Sequence[ast.AST]) -> bool:
        """Whether more of its statements stand behind what leaves their block than before, where they are never run."""
        return _dead(after) > self._dead

    def taken_out(self, after: Sequence[ast.AST]) -> str:
        """The statements of effect that it no longer has and has nothing for, shortened; empty where there are none.

        What is only written otherwise counts as kept: as many statements of a kind stand there as before.
        """
        lost: list[str] = []
        now = _effects(after)
        for kind, had in self._effects.items():
            has = now[kind]
            if len(has) < len(had):
                gone = Counter(map(unparse, had)) - Counter(map(unparse, has))
                lost += list(gone.elements())[: len(had) - len(has)]
        return "; ".join(text.split("\n")[0][:60] for text in lost)


def _effects(nodes: Sequence[ast.AST]) -> dict[type[ast.stmt], list[ast.stmt]]:
    """The statements that do something, by their kind."""
    found: dict[type[ast.stmt], list[ast.stmt]] = {kind: [] for kind in _EFFECTS}
    for node in _reached(nodes[:1]):
        if isinstance(node, _EFFECTS) and _acts(node):
            found[type(node)].append(node)
    return found


def _reached(block: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All statements but those behind what leaves their block, and what holds statements."""
    for node in block:
        yield node
        for part in _BLOCKS:
            yield from _reached(getattr(node, part, ()))
        if isinstance(node, _LEAVING):
            break


def _dead(nodes: Sequence[ast.AST]) -> int:
    """How many statements stand behind one that leaves their block."""
    blocks = (getattr(node, part, ()) for node in nodes for part in _BLOCKS)
    return sum(max(len(block) - 1 - _first_leaving(block), 0) for block in blocks if isinstance(block, list))


def _first_leaving(block: Sequence[ast.AST]) -> int:
    return next((number for number, node in enumerate(block) if isinstance(node, _LEAVING)), len(block))


def _acts(node: ast.AST) -> bool:
    """Whether a statement does something; a mere value does not."""
    return not isinstance(node, ast.Expr) or any(isinstance(part, _DOING) for part in ast.walk(node.value))


def _cases(nodes: Sequence[ast.AST]) -> Counter[tuple[str, ...]]:
    """The constants that something is compared with, or looked up by."""
    found: Counter[tuple[str, ...]] = Counter()
    for node in nodes:
        match node:
            case ast.Compare(ops=ops, comparators=sides) if any(isinstance(op, ast.Eq | ast.In) for op in ops):
                found[tuple(_constants([node.left, *sides]))] += 1
            case ast.Dict(keys=keys):
                found[tuple(_constants([key for key in keys if key]))] += 1
            case ast.match_case(pattern=pattern):
                found[tuple(_constants([pattern]))] += 1
            case _:
                pass
    del found[()]
    return found


def _answers(nodes: Sequence[ast.AST]) -> Counter[tuple[str, ...]]:
    """The values that are returned as they are written there."""
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    literal = [
        value for value in returned if not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(value))
    ]
    found = Counter(tuple(_constants([value])) for value in literal)
    del found[()]
    return found


def _constants(nodes: Collection[ast.AST]) -> Iterator[str]:
    return (repr(part.value) for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant))
