"""What speaks against a candidate though the tests pass: it knows their values by heart, or does less than before.

function before and after ─► by_heart(): never to be run     taken_out(): said, and liked less
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator

from ossa.assistant.repair.functions import parse

_COMMON = {repr(value) for value in (None, True, False, 0, 1, -1, 2, "", " ", 0.0, 1.0)}
"""Values that stand in most functions and most tests."""
_EFFECTS = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete)

_DOING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom)

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def values(source: str) -> frozenset[str]:
    """The constants of a test file, but for the most common."""
    tree = parse(source)
    found = {repr(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)} if tree else set[str]()
    return frozenset(found - _COMMON)


def by_heart(before: str, after: str, told: Collection[str]) -> bool:
    """Whether a source compares more with constants than it did, or returns more of them, and these are the tests'."""
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return False
    for learnt in (_cases, _answers):
        known, found = learnt(old), learnt(new)
        if found.total() > known.total() and any(set(values) & set(told) for values in found - known):
            return True
    return False


def taken_out(before: str, after: str) -> str:
    """The statements of effect that a source no longer has and has nothing for, shortened; empty where there are none.

    What is only written otherwise counts as kept: as many statements of a kind stand there as before.
    """
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return ""
    lost: list[str] = []
    for kind in _EFFECTS:
        had, has = ([ast.unparse(n) for n in _reached(t) if isinstance(n, kind) and _acts(n)] for t in (old, new))
        gone = list((Counter(had) - Counter(has)).elements())
        lost += gone[: max(len(had) - len(has), 0)]
    return "; ".join(text.split("\n")[0][:60] for text in lost)


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those behind what leaves their block."""
    yield node
    for _, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _reached(child)
                if isinstance(child, _LEAVING):
                    break


def _acts(node: ast.AST) -> bool:
    """Whether a statement does something; a mere value does not."""
    return not isinstance(node, ast.Expr) or any(isinstance(part, _DOING) for part in ast.walk(node.value))


def _cases(tree: ast.AST) -> Counter[tuple[str, ...]]:
    """The constants that something is compared with, or looked up by."""
    found: Counter[tuple[str, ...]] = Counter()
    for node in ast.walk(tree):
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


def _answers(tree: ast.AST) -> Counter[tuple[str, ...]]:
    """The values that are returned as they are written there."""
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value]
    literal = [
        value for value in returned if not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(value))
    ]
    found = Counter(tuple(_constants([value])) for value in literal)
    del found[()]
    return found


def _constants(nodes: Collection[ast.AST]) -> Iterator[str]:
    return (repr(part.value) for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant))
