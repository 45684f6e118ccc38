"""What no one means to do to a Python file, and what lines at the wrong place of it do: use names that nothing binds.

    source ─► syntax tree and symbol table ─► faults, counted; where each definition is

Alone a fault says little: files have some. It tells that a change makes one at this place and not at that.
"""

import ast
import builtins
import symtable
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

Fault: TypeAlias = tuple[str, ...]
"""Its kind, the dotted path of the block that it is in, and the name that it is about."""
_Block: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCK = (*_FUNCTION, ast.ClassDef)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_OWN = "__annotations__ __builtins__ __class__ __file__ __module__ __path__ __qualname__"
_KNOWN = frozenset([*dir(builtins), *_OWN.split()])
"""Names that Python binds itself."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is to say against a file."""

    faults: Counter[Fault]
    homes: Counter[tuple[str, str]]
    """Of classes and functions the dotted paths of those that they are in, with their names."""

    def since(self, before: "Findings") -> Counter[Fault]:
        """The faults that were not there before, and the classes and functions that have come into others."""
        found = self.faults - before.faults
        gone, come = before.homes - self.homes, {name for _, name in self.homes - before.homes}
        found.update(("moved", path, name) for path, name in gone if name in come)
        return found


def findings(source: bytes) -> Findings | None:
    """What there is to say against a source text; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            table = symtable.symtable(source, "file", "exec")  # pyright: ignore[reportArgumentType] it takes bytes, too
        return _found(tree, table)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _found(tree: ast.Module, table: symtable.SymbolTable) -> Findings:
    nodes = list(_within(tree))
    faults = Counter([*_in_blocks(nodes), *_too_early(tree)])
    if not any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node, _ in nodes):
        faults.update(_unbound(table))
    return Findings(faults, Counter((_path(a), n.name) for n, a in nodes if isinstance(n, _BLOCK)))


def _within(tree: ast.Module) -> Iterator[tuple[ast.AST, tuple[_Block, ...]]]:
    """All statements, handlers and cases with the classes and functions around them, the outermost first."""
    left: list[tuple[ast.AST, tuple[_Block, ...]]] = [(tree, ())]
    while left:
        node, around = left.pop()
        yield node, around
        inner = (*around, node) if isinstance(node, _BLOCK) else around
        left += [(child, inner) for body in (*_bodies(node), *_lists(node, "handlers", "cases")) for child in body]


def _path(around: Sequence[_Block]) -> str:
    return ".".join(block.name for block in around)


def _in_blocks(nodes: Sequence[tuple[ast.AST, tuple[_Block, ...]]]) -> Iterator[Fault]:
    """What can't be reached, what is there twice, and methods of nothing."""
    for node, around in nodes:
        path = _path(around)
        yield from ((kind, path, name) for kind, name in _doubtful(node))
        owned = bool(around) and isinstance(around[-1], ast.ClassDef)
        if isinstance(node, _FUNCTION) and not owned and _takes_self(node):
            yield "method", path, node.name


def _doubtful(node: ast.AST) -> Iterator[tuple[str, str]]:
    for body in _bodies(node):
        for one, following in pairwise(body):
            if isinstance(one, _LEAVES):
                yield "dead", type(following).__name__
            if _extent(one) == _extent(following) and ast.dump(one) == ast.dump(following) != "Pass()":
                yield "twice", type(one).__name__
        if isinstance(node, ast.Module | ast.ClassDef):
            names = Counter(part.name for part in body if isinstance(part, _BLOCK) and not part.decorator_list)
            yield from (("defined twice", name) for name, count in names.items() if count > 1)


def _extent(node: ast.stmt) -> tuple[type[ast.stmt], int, int | None]:
    return type(node), (node.end_lineno or node.lineno) - node.lineno, node.end_col_offset


def _bodies(node: ast.AST) -> list[list[ast.stmt]]:
    return _lists(node, "body", "orelse", "finalbody")


def _lists(node: ast.AST, *fields: str) -> list[list[ast.stmt]]:
    return [getattr(node, field, []) for field in fields]


def _takes_self(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = (*node.args.posonlyargs, *node.args.args)[:1]
    return any(arg.arg in ("self", "cls") for arg in first)


def _unbound(module: symtable.SymbolTable) -> Iterator[Fault]:
    """Names that are used where neither the block, nor one around it, the file or Python binds them."""
    tables: list[tuple[symtable.SymbolTable, str]] = [(module, "")]
    for table, path in tables:
        tables += [(child, f"{path}.{child.get_name()}") for child in table.get_children()]
    symbols = [(symbol, table, path) for table, path in tables for symbol in table.get_symbols()]
    known = _KNOWN | {
        symbol.get_name()
        for symbol, table, _ in symbols
        if (table is module or symbol.is_declared_global())
        and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace())
    }
    for symbol, table, path in symbols:
        if symbol.is_referenced() and symbol.get_name() not in known and (table is module or symbol.is_global()):
            yield "unbound", path, symbol.get_name()


def _too_early(tree: ast.Module) -> Iterator[Fault]:
    """Names that are used while the file is imported, above where it binds them first."""
    importing = _Importing(later=any(_postpones(node) for node in tree.body))
    importing.visit(tree)
    yield from (("early", "", name) for name in importing.early())


def _postpones(node: ast.stmt) -> bool:
    """Whether annotations are not looked at while the file is imported."""
    if not isinstance(node, ast.ImportFrom):
        return False
    return node.module == "__future__" and any(alias.name == "annotations" for alias in node.names)


class _Importing(ast.NodeVisitor):
    """Goes through what runs while a file is imported, classes too, but for the inside of comprehensions."""

    def __init__(self, *, later: bool) -> None:
        self._later = later
        self.used: list[tuple[str, int]] = []
        self.bound: dict[str, int] = {}
        """The first line of each."""
        self._too_early_inside: list[tuple[str, int]] = []
        """What classes use before they bind it, so that it must be bound around them."""

    def early(self) -> Iterator[str]:
        """Names that are used above the line that binds them first."""
        used = ((name, line, 0) for name, line in self.used)
        unbound = ((name, line, line + 1) for name, line in self._too_early_inside)
        every = (*used, *unbound)
        return (name for name, line, never in every if name not in _KNOWN and line < self.bound.get(name, never))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.used.append((node.id, node.lineno))
        else:
            self._bind(node.id, node)

    def visit_alias(self, node: ast.alias) -> None:
        self._bind((node.asname or node.name).split(".")[0], node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._bind(node.name or "", node)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._all([node.target, node.value, None if self._later else node.annotation])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._all([*node.decorator_list, *node.bases, *node.keywords])
        inside = _Importing(later=self._later)
        inside._all(node.body)
        self.used += [(name, line) for name, line in inside.used if name not in inside.bound]
        self._too_early_inside += [(name, line) for name, line in inside.used if line < inside.bound.get(name, 0)]
        self._bind(node.name, node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        args = node.args
        self._all([*node.decorator_list, *args.defaults, *args.kw_defaults])
        if not self._later:
            every = (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg)
            self._all([arg.annotation if arg else None for arg in every])
            self._all([node.returns])
        self._bind(node.name, node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def _inside(self, node: ast.expr) -> None:
        """Has names of its own, or runs later."""

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _inside

    def _bind(self, name: str, node: ast.expr | ast.alias | ast.excepthandler | ast.stmt) -> None:
        self.bound[name] = min(self.bound.get(name, node.lineno), node.lineno)

    def _all(self, nodes: Sequence[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)
