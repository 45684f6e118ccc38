"""Python's scopes in one file: which names each binds, and every place where a name, an attribute or a text stands.

tree ─► Scopes ─► names · attributes · texts · imports, each with its scope ─► lookup(name, scope) ─► the scope it means
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Import: TypeAlias = ast.Import | ast.ImportFrom
Capture: TypeAlias = ast.MatchAs | ast.MatchStar | ast.MatchMapping | ast.ExceptHandler
_Loops: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_SURE = (ast.Assign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
"""Statements that bind a name whenever they are run, after all that they read at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """One way in which a scope gives a name its meaning."""

    kind: Literal["def", "class", "assign", "param", "import", "from", "star"]
    node: ast.AST
    """The statement, the parameter or the target."""
    alias: ast.alias | None = None
    value: ast.expr | None = None
    """What is assigned, where that is one expression; with a star, what a loop goes through."""


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class, function, lambda or comprehension."""

    kind: Literal["module", "class", "function"]
    node: ast.AST
    parent: "Scope | None" = None
    name: str = ""
    """Dotted, from the module down, with `<locals>` behind functions."""
    bindings: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    outward: dict[str, str] = field(default_factory=dict[str, str])
    """Names that a `global` or `nonlocal` statement sends outwards."""

    def inner(self, name: str) -> str:
        """The dotted name of what is defined in it."""
        middle = f"{self.name}.<locals>" if self.kind == "function" else self.name
        return f"{middle}.{name}" if middle else name


class Scopes(ast.NodeVisitor):
    """All scopes of a tree, and what stands in them."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", tree)
        self.names: list[tuple[ast.Name, Scope]] = []
        self.attributes: list[tuple[ast.Attribute, Scope]] = []
        self.texts: list[tuple[ast.Constant, Scope, bool]] = []
        """Texts, and whether each is an annotation."""
        self.captures: list[tuple[Capture, str, Scope]] = []
        """Patterns and handlers of exceptions that bind a name, which the tree has no place for."""
        self.imports: list[tuple[Import, ast.alias, Scope]] = []
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.definitions: list[tuple[Function | ast.ClassDef, Scope, Scope]] = []
        """Functions and classes, the scope that each stands in, and its own."""
        self.sent: list[tuple[ast.Global | ast.Nonlocal, Scope]] = []
        self.joined: list[tuple[int, int]] = []
        """Lines of f-strings, in which the tree does not tell places exactly."""
        self._scope = self.module
        self._annotating = False
        for statement in tree.body:
            self.visit(statement)

    def lookup(self, name: str, scope: Scope) -> Scope | None:
        """The scope that gives a name its meaning at a place in `scope`; None: a builtin, a star import, or nothing."""
        here: Scope | None = scope
        first = True
        while here is not None:
            if first or here.kind != "class":
                if here.outward.get(name) == "global":
                    return self.module if name in self.module.bindings else None
                if name in here.bindings:
                    return here
            here, first = here.parent, False
        return None

    def is_before(self, node: ast.Name, scope: Scope) -> bool | None:
        """Whether a name read in a class's body is read before the body binds it; None where that is not certain."""
        bindings = {binding.node for binding in scope.bindings.get(node.id, ())}
        reading = binding = len(body := scope.node.body if isinstance(scope.node, ast.ClassDef) else [])
        for number, statement in reversed(list(enumerate(body))):
            parts = set(ast.walk(statement))
            reading = number if node in parts else reading
            binding = number if bindings & parts else binding
        if reading != binding:
            return True if reading < binding else False if isinstance(body[binding], _SURE) else None
        return isinstance(body[binding], _SURE) or None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function: its head belongs outside."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """The same."""
        self._function(node)

    def _function(self, node: Function) -> None:
        self._bind(node.name, Binding("def", node))
        self._visit(node.decorator_list)
        self._head(node.args)
        self._annotation(node.returns)
        inner = Scope("function", node, self._scope, self._scope.inner(node.name))
        self.definitions.append((node, self._scope, inner))
        self._within(inner, node.body, node.args)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A function without a name."""
        self._head(node.args)
        self._within(Scope("function", node, self._scope, self._scope.inner("<lambda>")), [node.body], node.args)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class."""
        self._bind(node.name, Binding("class", node))
        self._visit([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        inner = Scope("class", node, self._scope, self._scope.inner(node.name))
        self.definitions.append((node, self._scope, inner))
        self._within(inner, node.body)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """A comprehension: only its first iterable belongs outside."""
        self._loops(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """The same."""
        self._loops(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """The same."""
        self._loops(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """The same."""
        self._loops(node, [node.key, node.value])

    def _loops(self, node: _Loops, results: list[ast.expr]) -> None:
        self.visit(node.generators[0].iter)
        outer, self._scope = self._scope, Scope("function", node, self._scope, self._scope.inner("<listcomp>"))
        for number, loop in enumerate(node.generators):
            self.visit(loop.target)
            self._valued(loop.target, ast.Starred(loop.iter))
            self._visit(([loop.iter] if number else []) + loop.ifs)
        self._visit(results)
        self._scope = outer

    def visit_Name(self, node: ast.Name) -> None:
        """A name, read or bound."""
        self.names.append((node, self._scope))
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, Binding("assign", node))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """An assignment within an expression: it binds outside of the comprehensions that it stands in."""
        self.visit(node.value)
        within = self._scope
        while isinstance(self._scope.node, _Loops) and self._scope.parent is not None:
            self._scope = self._scope.parent
        self.visit(node.target)
        self._valued(node.target, node.value)
        self._scope = within

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """What stands behind a dot."""
        self.attributes.append((node, self._scope))
        self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text."""
        if isinstance(node.value, str):
            self.texts.append((node, self._scope, self._annotating))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """An f-string."""
        self.joined.append((node.lineno, node.end_lineno or node.lineno))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """A call; texts given to `TypeVar` and `cast` are types."""
        self.calls.append((node, self._scope))
        called = ast.unparse(node.func).rpartition(".")[2]
        self.visit(node.func)
        for number, part in enumerate(node.args):
            self._annotation(part) if called == "cast" and not number else self.visit(part)
        for word in node.keywords:
            self._annotation(word.value) if called == "TypeVar" and word.arg == "bound" else self.visit(word.value)

    def visit_Import(self, node: ast.Import) -> None:
        """Modules that get a name here."""
        for alias in node.names:
            self.imports.append((node, alias, self._scope))
            self._bind(alias.asname or alias.name.partition(".")[0], Binding("import", node, alias))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """What another module defines."""
        for alias in node.names:
            self.imports.append((node, alias, self._scope))
            kind = "star" if alias.name == "*" else "from"
            self._bind(alias.asname or alias.name, Binding(kind, node, alias))

    def visit_Global(self, node: ast.Global) -> None:
        """Names that mean those of the module."""
        self._send(node, "global")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Names that mean those of the function around."""
        self._send(node, "nonlocal")

    def visit_Assign(self, node: ast.Assign) -> None:
        """An assignment; with one target it is known what the name is."""
        self.visit(node.value)
        self._visit(node.targets)
        for target in node.targets:
            self._valued(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """The same with an annotation."""
        self._annotation(node.annotation)
        self._visit([part for part in (node.value, node.target) if part])
        self._valued(node.target, node.annotation, annotated=True)

    def visit_For(self, node: ast.For) -> None:
        """A loop gives one after the other of what is in something."""
        self.generic_visit(node)
        self._valued(node.target, ast.Starred(node.iter))

    def visit_With(self, node: ast.With) -> None:
        """What a context manager gives often is itself."""
        self.generic_visit(node)
        for item in node.items:
            if item.optional_vars is not None:
                self._valued(item.optional_vars, item.context_expr)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """The name of an exception."""
        self._capture(node, node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """A name in a pattern."""
        self._capture(node, node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """The same."""
        self._capture(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """The same."""
        self._capture(node, node.rest)
        self.generic_visit(node)

    def _capture(self, node: Capture, name: str | None) -> None:
        if name:
            self._bind(name, Binding("assign", node))
            self.captures.append((node, name, self._scope))

    def _valued(self, target: ast.expr, value: ast.expr, *, annotated: bool = False) -> None:
        """Note what the latest binding of a name is assigned."""
        if isinstance(target, ast.Name):
            scope = self._scope
            kept = scope.bindings.get(target.id) or self.module.bindings.get(target.id) or []
            for number, binding in enumerate(kept):
                if binding.node is target:
                    kept[number] = Binding("param" if annotated else "assign", target, None, value)

    def _head(self, arguments: ast.arguments) -> None:
        self._visit([*arguments.defaults, *(value for value in arguments.kw_defaults if value)])
        for argument in parameters(arguments):
            self._annotation(argument.annotation)

    def _annotation(self, node: ast.expr | None) -> None:
        if node is not None:
            before, self._annotating = self._annotating, True
            self.visit(node)
            self._annotating = before

    def _within(self, scope: Scope, body: Iterable[ast.AST], arguments: ast.arguments | None = None) -> None:
        outer, self._scope = self._scope, scope
        annotating, self._annotating = self._annotating, False
        for argument in parameters(arguments) if arguments else ():
            self._bind(argument.arg, Binding("param", argument, None, argument.annotation))
        self._visit(body)
        self._scope, self._annotating = outer, annotating

    def _visit(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _bind(self, name: str | None, binding: Binding) -> None:
        if not name:
            return
        scope = self._scope
        where = self.module if scope.outward.get(name) == "global" else scope
        if scope.outward.get(name) != "nonlocal":
            where.bindings.setdefault(name, []).append(binding)

    def _send(self, node: ast.Global | ast.Nonlocal, where: str) -> None:
        self.sent.append((node, self._scope))
        for name in node.names:
            self._scope.outward[name] = where
            moved = self._scope.bindings.pop(name, [])
            if where == "global" and moved:
                self.module.bindings.setdefault(name, []).extend(moved)


def parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    """All parameters, in the order in which they stand."""
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg
