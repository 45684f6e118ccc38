"""A forgotten line put in: a step, a call, a way out, or a case for what is empty.

    block of statements ─► before each, and behind the last ─► Edit: a line more

The lines are made of what the function has: its own simple statements once more, its names counted on, its objects
called as others of them are, its values returned.
"""

import ast
from collections.abc import Iterator, Sequence

from ossa.assistant.repair.source import Edit, Source

_NEW = 2.5
"""The cost of a line more: there are many, and most functions lack none."""
_LINES = 80
"""Different lines at one place, at most."""
_NAMES = 8
"""Names, objects and values of each sort, at most."""
_COUNTERPARTS = {"add": ("remove", "discard"), "append": ("pop",), "remove": ("add",), "pop": ("append",)}
_GATHERING: dict[type[ast.expr], str] = {ast.List: "append", ast.ListComp: "append", ast.Set: "add", ast.SetComp: "add"}
_MADE_BY = {"list": "append", "set": "add", "deque": "append"}
_EMPTY = ("not {}", "{} is None", "{} == 0", "{} <= 1")
_FIRST_ANSWERS = ("None", "[]", "0", "1", "''", "True", "False")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def additions(source: Source, function: Function, elsewhere: Sequence[str] = ()) -> Iterator[Edit]:
    """Every line that may be forgotten, at every place where it may stand; `elsewhere` such lines are written."""
    own = [*_copies(source, function), *elsewhere]
    always = [*own, *_steps(function), *_calls(source, function), *_ways_out(source, function)]
    yield from _guards(source, function)
    for block, in_loop in _blocks(function.body, in_loop=False):
        lines = [*(("continue", "break") if in_loop else ()), *always]
        for line in list(dict.fromkeys(lines))[:_LINES]:
            yield from _put(source, block, line)


def _put(source: Source, block: Sequence[ast.stmt], line: str) -> Iterator[Edit]:
    """A line before each statement of a block, and behind the last; the edit touches what would follow."""
    for statement in block:
        rows = source.rows(statement)
        if rows is None:
            return
        start, end = source.at(rows[0] + 1, 0), source.at(rows[0] + 1, statement.col_offset) + 1
        margin, first = source.text[start : end - 1], source.text[end - 1 : end]
        if line != source.of(statement):
            yield Edit(start, end, f"{margin}{line}\n{margin}{first}", _NEW)
    rows = source.rows(block[-1])
    if rows and not isinstance(block[-1], ast.Return | ast.Continue | ast.Break | ast.Raise):
        margin = source.text[source.at(rows[0] + 1, 0) : source.at(rows[0] + 1, block[-1].col_offset)]
        end = source.at(rows[1], 0) + len(source.lines[rows[1] - 1])
        if line != source.of(block[-1]):
            yield Edit(end, end + 1, f"\n{margin}{line}\n", _NEW)


def _blocks(body: Sequence[ast.stmt], *, in_loop: bool) -> Iterator[tuple[Sequence[ast.stmt], bool]]:
    yield body, in_loop
    for node in body:
        for part in ("body", "orelse", "finalbody"):
            inner: Sequence[ast.stmt] = getattr(node, part, ())
            if inner:
                loops = isinstance(node, ast.For | ast.While | ast.AsyncFor) and part == "body"
                starts = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                yield from _blocks(inner, in_loop=loops or (in_loop and not starts))
        for handler in getattr(node, "handlers", ()):
            yield from _blocks(handler.body, in_loop=in_loop)


def simple_statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements that hold no others and do something."""
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Return | ast.Delete) and not is_text:
            yield node


def _copies(source: Source, function: Function) -> Iterator[str]:
    """The simple statements that the function has already."""
    return (text for node in simple_statements(function) if "\n" not in (text := source.of(node)))


def _steps(function: Function) -> Iterator[str]:
    """Names counted up and down."""
    numbers = {
        n.id: None
        for node in ast.walk(function)
        if isinstance(node, ast.Compare | ast.BinOp | ast.AugAssign | ast.Subscript)
        for n in ast.walk(node)
        if isinstance(n, ast.Name)
    }
    own = [name for name in numbers if name in bound(function)][:_NAMES]
    return (f"{name} {sign} 1" for name in own for sign in ("+=", "-="))


def _calls(source: Source, function: Function) -> Iterator[str]:
    """Objects that gather things, called as they are or in the opposite way: first with what they are given anyway."""
    methods, given = dict[str, dict[str, None]](), dict[str, dict[str, None]]()
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as value, attr=name), args=arguments):
                thing = source.of(value)
                methods.setdefault(thing, {}).update(dict.fromkeys((name, *_COUNTERPARTS.get(name, ()))))
                given.setdefault(thing, {}).update(dict.fromkeys(map(source.of, arguments)))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if made := _gathers(value):
                methods.setdefault(name, {})[made] = None
            case _:
                pass
    things = list(methods)[:_NAMES]
    others = dict.fromkeys([*(what for whats in given.values() for what in whats), *bound(function)])
    for thing in things:
        for method in methods[thing]:
            yield from (f"{thing}.{method}({what})" for what in [*given.get(thing, ()), ""])
    for thing in things:
        for method in methods[thing]:
            yield from (f"{thing}.{method}({what})" for what in list(others)[:_NAMES] if what != thing)


def _gathers(value: ast.expr) -> str:
    match value:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return _MADE_BY.get(name, "")
        case _:
            return _GATHERING.get(type(value), "")


def _ways_out(source: Source, function: Function) -> Iterator[str]:
    """What may be returned or yielded early."""
    nodes = list(ast.walk(function))
    names = list(bound(function))[:_NAMES]
    values = dict.fromkeys(
        [*names, *(source.of(n.value) for n in nodes if isinstance(n, ast.Return | ast.Yield) and n.value)]
    )
    word = "yield" if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes) else "return"
    return (f"{word} {value}" for value in [*values, "True", "False", "None"] if "\n" not in value)


def _guards(source: Source, function: Function) -> Iterator[Edit]:
    """A case for what is empty or small, before all else."""
    returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
    answers = dict.fromkeys([*(source.of(v) for v in returned if not isinstance(v, ast.Call)), *_FIRST_ANSWERS])
    for argument in [a.arg for a in function.args.args if a.arg not in ("self", "cls")][:3]:
        for answer in [argument, *answers][:_NAMES]:
            for case in _EMPTY:
                line = f"if {case.format(argument)}: return {answer}"
                yield from list(_put(source, function.body[:1], line))[:1]


def bound(function: Function) -> dict[str, None]:
    """What the function gives a value, its arguments first."""
    named: dict[str, None] = {}
    for node in ast.walk(function):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                named[name] = None
            case _:
                pass
    return named
