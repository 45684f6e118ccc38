"""Python functions in a source text: which one a line is in, and what it calls. Nothing is run."""

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard


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
    return [_function(path, node) for node in ast.walk(tree) if is_function(node)] if tree else []


def function_at(path: str, source: str, line: int) -> Function | None:
    """The innermost function around a line."""
    around = [f for f in functions(path, source) if f.start <= line < f.end]
    return max(around, key=lambda f: f.start, default=None)


def outermost(path: str, source: str) -> list[Function]:
    """The functions of a file that are in no other, in order."""
    found: list[Function] = []
    for function in sorted(functions(path, source), key=lambda f: f.start):
        if not found or function.start >= found[-1].end:
            found.append(function)
    return found


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


@lru_cache(maxsize=8)
def parse(source: str) -> ast.Module | None:
    """The syntax tree, which is not to be changed; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if" is a warning, which nobody has to see
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def unparse(node: ast.AST) -> str:
    """A tree as text; empty where it nests too deeply."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


def is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Whether it is a `def`."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _function(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    first, *rest = node.body
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and bool(rest)
    end = node.end_lineno or node.lineno
    return Function(path, node.name, node.lineno - 1, (rest[0] if documented else first).lineno - 1, end)
