"""Python functions in a source text: which one a line is in, what it calls, which names it knows. Nothing is run."""

import ast
import builtins
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_IMPORT = ast.Import | ast.ImportFrom
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = {name for name in dir(builtins) if inspect.isbuiltin(getattr(builtins, name))}
_PLAIN_MODULES = {
    "__future__", "bisect", "collections", "collections.abc", "functools", "heapq", "itertools", "math", "operator",
    "random", "re", "string", "sys", "typing",
}  # fmt: skip
"""Modules whose things have hardly any attributes but methods of Python's own types."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method; lines count from 0, ends are exclusive."""

    path: str
    name: str
    start: int
    """Its `def` line; decorators lie above."""
    body: int
    """First line of the first statement behind the docstring."""
    end: int


def functions(path: str, source: str) -> list[Function]:
    """All functions of a file, in order; none where it does not parse."""
    tree = parse(source)
    return [_function(path, node) for node in ast.walk(tree) if _is_function(node)] if tree else []


def function_at(path: str, source: str, line: int) -> Function | None:
    """The innermost function around a line."""
    around = [f for f in functions(path, source) if f.start <= line < f.end]
    return max(around, key=lambda f: f.start, default=None)


def calls(source: str, start: int, end: int) -> list[str]:
    """Names of what is called between two lines, attributes by their last part; each once, in order."""
    tree = parse(source)
    names: dict[str, None] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and start <= node.lineno - 1 < end:
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    names[name] = None
                case _:
                    pass
    return list(names)


def module_names(source: str) -> set[str]:
    """What the file binds outside its functions: imports, definitions, constants."""
    tree = parse(source)
    return _bound(list(_outer(tree))) if tree else set()


def unbound(source: str, start: int) -> set[str]:
    """Names that the function whose `def` is on this line uses, but that neither it nor a function around it binds."""
    around = _around(source, start)
    nodes = [node for function in around if _line(function) == start for node in ast.walk(function)]
    used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    grown = {n.target.id for n in nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    return (used | grown) - _bound([node for function in around for node in ast.walk(function)])


def idle(source: str, start: int) -> set[str]:
    """Names that the function whose `def` is on this line gives a value but never uses, unless a "_" says so."""
    nodes = [node for function in _around(source, start) if _line(function) == start for node in ast.walk(function)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    outer = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    given = {name.id for name in names if isinstance(name.ctx, ast.Store) and not name.id.startswith("_")}
    return given - used - outer


def attributes(source: str, start: int | None = None) -> set[str]:
    """The attributes that a file uses, or the function whose `def` is on this line, and what the file defines.

    Those of imported things are left out: what they have is not known.
    """
    tree = parse(source)
    if tree is None:
        return set()
    imported = {(a.asname or a.name).split(".")[0] for n in ast.walk(tree) if isinstance(n, _IMPORT) for a in n.names}
    whole = list(ast.walk(tree)) if start is None else [f for f in _around(source, start) if _line(f) == start]
    nodes = whole if start is None else [node for function in whole for node in ast.walk(function)]
    found = [n for n in nodes if isinstance(n, ast.Attribute)]
    used = {n.attr for n in found if not (isinstance(n.value, ast.Name) and n.value.id in imported)}
    return used | {n.name for n in whole if start is None and isinstance(n, _DEFINITION)}


def misplaced(source: str, start: int) -> set[str]:
    """Python's own functions that the function on this line compares, counts with, or takes for a condition."""
    found: list[ast.expr] = []
    for node in (node for f in _around(source, start) if _line(f) == start for node in ast.walk(f)):
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


def has_foreign_parts(source: str) -> bool:
    """Whether things in a file may have attributes that neither it nor Python's own types tell of."""
    tree = parse(source)
    if tree is None:
        return True
    modules = [n.module or "." for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    own = {n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)} | set(dir(builtins))
    bases = [base for n in ast.walk(tree) if isinstance(n, ast.ClassDef) for base in n.bases]
    return not _PLAIN_MODULES.issuperset(modules) or any(not (isinstance(b, ast.Name) and b.id in own) for b in bases)


@lru_cache(maxsize=8)
def _around(source: str, line: int) -> list[ast.AST]:
    """The functions around a line; asked for the same candidate several times."""
    tree = parse(source)
    return [f for f in ast.walk(tree) if _is_function(f) and _line(f) <= line < _end(f)] if tree else []


@lru_cache(maxsize=8)
def parse(source: str) -> ast.Module | None:
    """The syntax tree, which is not to be changed; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if" is a warning, which nobody has to see
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _function(path: str, node: ast.AST) -> Function:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    first, *rest = node.body
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and bool(rest)
    end = node.end_lineno or node.lineno
    return Function(path, node.name, node.lineno - 1, (rest[0] if documented else first).lineno - 1, end)


def _bound(nodes: list[ast.AST]) -> set[str]:
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


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0) - 1


def _end(node: ast.AST) -> int:
    return getattr(node, "end_lineno", 0)


def _outer(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that are not inside a function."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not _is_function(node):
            yield from _outer(node)
