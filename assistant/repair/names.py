"""Names: what a file knows, what a function uses or makes for nothing. Nothing is run.

file, test, function as it stands ─► Names ─► suit(function written anew): whether it needs nothing that is not there
"""

import ast
import builtins
import inspect
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from ossa.assistant.repair.apart import Written
from ossa.assistant.repair.functions import is_function, parse

_IMPORT = ast.Import | ast.ImportFrom
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = {name for name in dir(builtins) if inspect.isbuiltin(getattr(builtins, name))}
_COMMON = {name for kind in (str, bytes, int, float, list, tuple, dict, set, frozenset, deque) for name in dir(kind)}
"""Attributes that anything may have."""
_PLAIN_MODULES = {
    "__future__", "bisect", "collections", "collections.abc", "functools", "heapq", "itertools", "math", "operator",
    "random", "re", "string", "sys", "typing",
}  # fmt: skip
"""Modules whose things have hardly any attributes but methods of Python's own types."""


class Names:
    """What a function's file tells of names, learnt once; each way to write the function anew is held against it."""

    def __init__(self, source: str, test: str, before: Sequence[ast.AST]) -> None:
        """Of the function's file and the test's, and the function's nodes as it stands."""
        self.known = module_names(source) | set(dir(builtins))
        """What the function may use without giving it a value."""
        attributes = defined(source) | defined(test) | _COMMON
        self.attributes = None if has_foreign_parts(source) else attributes
        """What anything here may have; None where that is not known."""
        self.imported = imported(_nodes(source))
        """What has attributes that nobody knows."""
        self._idle, self._misplaced = idle(before), misplaced(before)

    def suit(self, after: Written) -> bool:
        """Whether the function uses no name or attribute that nothing gives, and makes no name for nothing."""
        if "*" not in self.known and unbound(after.nodes, after.around) - self.known:
            return False
        if idle(after.nodes) - self._idle or misplaced(after.nodes) - self._misplaced:
            return False
        known, foreign = self.attributes, self.imported | imported(after.around)
        return known is None or known.issuperset(used_attributes(after.nodes, foreign))


def module_names(source: str) -> set[str]:
    """What the file binds outside its functions: imports, definitions, constants."""
    tree = parse(source)
    return _bound(list(_outer(tree))) if tree else set()


def defined(source: str) -> set[str]:
    """The attributes that a file uses, and what it defines."""
    nodes = _nodes(source)
    return used_attributes(nodes, imported(nodes)) | {n.name for n in nodes if isinstance(n, _DEFINITION)}


def has_foreign_parts(source: str) -> bool:
    """Whether things in a file may have attributes that neither it nor Python's own types tell of."""
    nodes = _nodes(source)
    modules = [n.module or "." for n in nodes if isinstance(n, ast.ImportFrom)]
    modules += [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    own = {n.name for n in nodes if isinstance(n, ast.ClassDef)} | set(dir(builtins))
    bases = [base for n in nodes if isinstance(n, ast.ClassDef) for base in n.bases]
    plain = _PLAIN_MODULES.issuperset(modules) and all(isinstance(b, ast.Name) and b.id in own for b in bases)
    return not nodes or not plain


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The names of imported things, of which nobody knows what attributes they have."""
    return {(a.asname or a.name).split(".")[0] for n in nodes if isinstance(n, _IMPORT) for a in n.names}


def unbound(nodes: Sequence[ast.AST], around: Sequence[ast.AST]) -> set[str]:
    """Names that a function's nodes use, but that neither they nor those of the functions around it bind."""
    used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    grown = {n.target.id for n in nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    return (used | grown) - _bound(around)


def idle(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that a function's nodes give a value but never use, unless a "_" says so."""
    names = [node for node in nodes if isinstance(node, ast.Name)]
    outer = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    given = {name.id for name in names if isinstance(name.ctx, ast.Store) and not name.id.startswith("_")}
    return given - used - outer


def used_attributes(nodes: Iterable[ast.AST], foreign: set[str]) -> set[str]:
    """The attributes that nodes use, but for those of foreign things."""
    found = [n for n in nodes if isinstance(n, ast.Attribute)]
    return {n.attr for n in found if not (isinstance(n.value, ast.Name) and n.value.id in foreign)}


def misplaced(nodes: Iterable[ast.AST]) -> set[str]:
    """Python's own functions that are compared, counted with, or taken for a condition."""
    found: list[ast.expr] = []
    for node in nodes:
        match node:
            case ast.Compare(left=left, comparators=others):
                found += [left, *others]
            case ast.BinOp(left=left, right=right):
                found += [left, right]
            case ast.BoolOp(values=values):
                found += values
            case ast.UnaryOp(operand=value) | ast.Subscript(value=value) | ast.Attribute(value=value):
                found.append(value)
            case ast.If(test=value) | ast.While(test=value) | ast.IfExp(test=value) | ast.AugAssign(value=value):
                found.append(value)
            case _:
                pass
    return {value.id for value in found if isinstance(value, ast.Name)} & _FUNCTIONS


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that these nodes give a value; `x += 1` does not."""
    grown = {id(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    found: set[str | None] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if id(node) not in grown:
                found.add(name)
            case ast.alias(name=name, asname=renamed):
                found.add(renamed or name.split(".")[0])
            case ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
                found.add(name)
            case _:
                pass
    return {name for name in found if name}


def _nodes(source: str) -> list[ast.AST]:
    """Of the whole file; none where it does not parse."""
    tree = parse(source)
    return list(ast.walk(tree)) if tree else []


def _outer(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that are not inside a function."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not is_function(node):
            yield from _outer(node)
