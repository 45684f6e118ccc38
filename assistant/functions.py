"""Python functions in a source text: which one a line is in, what it calls, its statements. Nothing is run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Statement:
    """A simple statement, or the header of a compound one."""

    start: int
    end: int
    is_header: bool
    """`if …:`, `for …:`, `else:` have a block below them that stays."""


def functions(path: str, source: str) -> list[Function]:
    """All functions of a file, in order; none where it does not parse."""
    tree = _parse(source)
    return [_function(path, node) for node in ast.walk(tree) if _is_function(node)] if tree else []


def function_at(path: str, source: str, line: int) -> Function | None:
    """The innermost function around a line."""
    around = [f for f in functions(path, source) if f.start <= line < f.end]
    return max(around, key=lambda f: f.start, default=None)


def calls(source: str, start: int, end: int) -> list[str]:
    """Names of what is called between two lines, attributes by their last part; each once, in order."""
    tree = _parse(source)
    names: dict[str, None] = {}
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and start <= node.lineno - 1 < end:
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    names[name] = None
                case _:
                    pass
    return list(names)


def statements(source: str, function: Function) -> list[Statement]:
    """The statements of a function's body at every depth, in order of their lines, its docstring left out."""
    tree = _parse(source)
    if tree is None:
        return []
    found = [
        statement
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and function.body <= node.lineno - 1 < function.end
        for statement in _statement(node)
    ]
    return sorted(found, key=lambda s: s.start)


def _parse(source: str) -> ast.Module | None:
    try:
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


def _statement(node: ast.stmt) -> Iterator[Statement]:
    start, end = node.lineno - 1, node.end_lineno or node.lineno
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Try() | ast.Match():
            return
        case ast.If(body=body) | ast.For(body=body) | ast.While(body=body) | ast.With(body=body):
            if body[0].lineno - 1 > start:
                yield Statement(start, body[0].lineno - 1, True)
        case _:
            yield Statement(start, end, False)
