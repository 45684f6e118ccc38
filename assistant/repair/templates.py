"""Small slips of hand undone: every way to change one operator, name, number, argument or statement of a function.

    text of a function ─► syntax tree ─► Edit: from here to there stands that instead

The kinds are those that studies of real one-line bugs name most (Karampatsis and Sutton, "How often do
single-statement bugs occur?", 2020): wrong operator, wrong operand, swapped or missing arguments, off by one, a
condition too wide or too narrow, a statement too many or in the wrong block. Which one is meant, the model and the
tests say.
"""

import ast
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ossa.assistant.repair.additions import additions, bound
from ossa.assistant.repair.functions import parse
from ossa.assistant.repair.source import Edit, Source

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_MEMBERSHIPS = ("in", "not in", "is", "is not")
_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")
_BITS = ("&", "|", "^", "<<", ">>")
_OPERATORS = (*_ARITHMETIC, *_BITS)
_TEXTS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.LShift: "<<", ast.RShift: ">>", ast.And: "and", ast.Or: "or",
}  # fmt: skip
_TWINS = (
    ("min", "max"), ("any", "all"), ("append", "extend", "add"), ("sorted", "reversed"),
    ("startswith", "endswith"), ("int", "float", "str", "round"), ("list", "set", "tuple"), ("len", "sum"),
    ("keys", "values", "items"), ("lstrip", "rstrip", "strip"), ("index", "find", "count"), ("pop", "popleft", "get"),
    ("lower", "upper", "swapcase", "capitalize", "title"), ("floor", "ceil"), ("islower", "isupper"),
    ("isdigit", "isalpha", "isalnum"), ("append", "insert"),
    ("union", "intersection", "difference"), ("update", "add"), ("left", "right"), ("continue", "break", "pass"),
)  # fmt: skip
"""Names that are taken for each other."""
_WIDE = 1.5
"""The cost of an expression put in place of another: there are many."""
_EXTREMES = ("float('inf')", "float('-inf')", "None")
_TRUTHS = ("not {}", "bool({})")
_NAMES = 12
"""Names of a function that one may be exchanged for at most."""
_PARTS = 24
"""Expressions of a function that one may be exchanged for at most."""
_WRAPS = (
    "abs({})",
    "set({})",
    "sorted({})",
    "len({})",
    "list({})",
    "int({})",
    "str({})",
    "sum({})",
    "max({})",
    "min({})",
)
_CUTS = ("{}[1:]", "{}[:-1]", "{}[::-1]", "{}[0]", "{}[-1]")


def edits(text: str, elsewhere: Sequence[str] = ()) -> list[Edit]:
    """All of them for a function that begins at the margin, each once; none where it does not parse.

    `elsewhere` are statements of other functions, one of which may be what is missing here.
    """
    tree = parse(text)
    if not tree or not tree.body or not isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    source = Source(text)
    function = tree.body[0]
    found = [
        *_expressions(source, function),
        *_statements(source, function),
        *_parts(source, function),
        *additions(source, function, elsewhere),
    ]
    each = {(edit.start, edit.end, edit.text): edit for edit in reversed(found)}
    return [edit for edit in reversed(each.values()) if text[edit.start : edit.end] != edit.text]


def _expressions(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Edit]:
    names = list(bound(function))[:_NAMES]
    attributes = sorted({n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute)})
    for statement in function.body:
        for node in ast.walk(statement):
            match node:
                case ast.Compare():
                    yield from _comparison(source, node)
                case ast.BinOp():
                    yield from _operation(source, node)
                case ast.BoolOp():
                    yield from _junction(source, node)
                case ast.UnaryOp():
                    yield source.exchanged(node, source.of(node.operand))
                case ast.Constant():
                    yield from _constant(source, node, names)
                case ast.Name(ctx=ast.Store()):
                    yield from (source.exchanged(node, other) for other in names)
                case ast.Name(ctx=ast.Load()):
                    others = [*names, *_twins(node.id)]
                    yield from (source.exchanged(node, other) for other in others)
                    yield from _off_by_one(source, node)
                case ast.Attribute():
                    yield from _attribute(source, node, attributes)
                case ast.Call():
                    yield from _call(source, node, names)
                case ast.Subscript():
                    yield from _subscript(source, node)
                case ast.IfExp():
                    body, other = source.of(node.body), source.of(node.orelse)
                    yield source.exchanged(node, f"{other} if {source.of(node.test)} else {body}")
                case _:
                    pass
            if isinstance(node, ast.If | ast.While | ast.IfExp):
                yield from _condition(source, node.test, names)


def _parts(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Edit]:
    """An expression exchanged for another one of the function, put into a call, or cut."""
    nodes = [node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.expr)]
    values = [node for node in nodes if isinstance(getattr(node, "ctx", None), ast.Load | None)]
    larger = [n for n in values if isinstance(n, ast.Call | ast.Subscript | ast.BinOp | ast.Attribute | ast.Compare)]
    texts = [text for text in dict.fromkeys(map(source.of, larger)) if len(text) < 40][:_PARTS]
    for node in values:
        if isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.BinOp | ast.ListComp):
            own = source.of(node)
            forms = [*_WRAPS, *(_CUTS if not isinstance(node, ast.BinOp) else ())]
            yield from (source.exchanged(node, form.format(own), cost=_WIDE) for form in forms)
            others = [text for text in texts if own not in text or len(own) < len(text)]
            yield from (source.exchanged(node, text, cost=_WIDE) for text in others)


def _comparison(source: Source, node: ast.Compare) -> Iterator[Edit]:
    for operator, (left, right) in zip(node.ops, pairwise([node.left, *node.comparators]), strict=True):
        sign = _TEXTS[type(operator)]
        place = source.between(left, right, sign)
        if place:
            yield from (Edit(*place, other) for other in _COMPARISONS + _MEMBERSHIPS if _alike(sign, other))
        for side in (left, right):
            yield from _off_by_one(source, side)
        yield Edit(source.span(left)[0], source.span(right)[1], f"{source.of(right)} {sign} {source.of(left)}")
    if len(node.ops) > 1:
        start, end = source.span(node)
        yield Edit(source.span(node.comparators[-2])[1], end, "")
        yield Edit(start, source.span(node.comparators[0])[0], "")


def _alike(sign: str, other: str) -> bool:
    return (sign in _COMPARISONS) == (other in _COMPARISONS) or {sign, other} <= {"==", "!=", "is", "is not", "in"}


def _operation(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    left, right = source.of(node.left), source.of(node.right)
    sign = _TEXTS.get(type(node.op), "@")
    place = source.between(node.left, node.right, sign)
    if place:
        yield from (Edit(*place, other) for other in _OPERATORS)
    yield from (
        source.exchanged(node, text) for text in (left, right, f"{right} {sign} {left}", f"({source.of(node)})")
    )
    yield from _off_by_one(source, node)
    for inner, outer, ahead in ((node.left, node.right, True), (node.right, node.left, False)):
        if isinstance(inner, ast.BinOp):  # grouped otherwise
            first, last, sign_in = source.of(inner.left), source.of(inner.right), _TEXTS.get(type(inner.op), "@")
            rest = source.of(outer)
            text = f"{first} {sign_in} ({last} {sign} {rest})" if ahead else f"({rest} {sign} {first}) {sign_in} {last}"
            yield source.exchanged(node, text)


def _junction(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    sign = _TEXTS[type(node.op)]
    other = "or" if sign == "and" else "and"
    for left, right in pairwise(node.values):
        place = source.between(left, right, sign)
        if place:
            yield Edit(*place, other)
    for number, value in enumerate(node.values):
        rest = f" {sign} ".join(source.of(v) for n, v in enumerate(node.values) if n != number)
        yield source.exchanged(node, rest)
        yield source.exchanged(value, f"not {source.of(value)}")


def _constant(source: Source, node: ast.Constant, names: Sequence[str]) -> Iterator[Edit]:
    if not isinstance(node.value, str):
        yield from (source.exchanged(node, name, cost=_WIDE) for name in names)
    match node.value:
        case bool(value):
            yield source.exchanged(node, str(not value))
            yield from (source.exchanged(node, form.format(name), cost=_WIDE) for name in names for form in _TRUTHS)
        case None:
            yield from (source.exchanged(node, text) for text in ("False", "0", "[]", "''"))
        case int(value) | float(value):
            others = (value + 1, value - 1, 0, 1, 2, -value, value * 10, value // 10)
            yield from (source.exchanged(node, str(other)) for other in others)
        case str(value) if len(value) <= 1:
            yield from (source.exchanged(node, text) for text in ("''", "' '"))
        case _:
            pass


def _attribute(source: Source, node: ast.Attribute, attributes: Sequence[str]) -> Iterator[Edit]:
    end = source.span(node)[1]
    for other in (*attributes, *_twins(node.attr)):
        yield Edit(end - len(node.attr), end, other)


def _call(source: Source, node: ast.Call, names: Sequence[str]) -> Iterator[Edit]:
    arguments = [source.of(argument) for argument in node.args]
    start, end = source.span(node.func)[1], source.span(node)[1]
    others = [f"{k.arg}={source.of(k.value)}" if k.arg else f"**{source.of(k.value)}" for k in node.keywords]

    def called(given: Sequence[str]) -> Edit:
        return Edit(start, end, f"({', '.join([*given, *others])})")

    for number in range(len(arguments)):
        yield called([*arguments[:number], *arguments[number + 1 :]])
        yield source.exchanged(node, arguments[number])
    for number in range(len(arguments) - 1):
        yield called([*arguments[:number], arguments[number + 1], arguments[number], *arguments[number + 2 :]])
    if len(arguments) < 3:
        yield from (called([*arguments, name]) for name in names)
    if isinstance(node.func, ast.Attribute):
        yield source.exchanged(node, source.of(node.func.value))
    for argument in node.args:
        yield from _off_by_one(source, argument)
    yield from _off_by_one(source, node)


def _subscript(source: Source, node: ast.Subscript) -> Iterator[Edit]:
    yield source.exchanged(node, source.of(node.value))
    if isinstance(node.slice, ast.Slice):
        for bound in (node.slice.lower, node.slice.upper, node.slice.step):
            if bound is not None:
                yield source.exchanged(bound, "")
                yield from _off_by_one(source, bound)
        return
    yield from _off_by_one(source, node.slice)
    yield from (source.exchanged(node.slice, text) for text in ("0", "-1", "1"))


def _off_by_one(source: Source, node: ast.expr) -> Iterator[Edit]:
    if not isinstance(node, ast.Constant | ast.Compare | ast.BoolOp | ast.Starred):
        yield from (source.exchanged(node, f"{source.of(node)} {change}") for change in ("+ 1", "- 1"))


def _condition(source: Source, node: ast.expr, names: Sequence[str]) -> Iterator[Edit]:
    text = source.of(node)
    bare = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None
    yield source.exchanged(node, source.of(bare) if bare else f"not ({text})")
    for name in names:
        for added in (f"{name} and {text}", f"not {name} or {text}", f"{text} and {name}", f"{text} or not {name}"):
            yield source.exchanged(node, added)


def _statements(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Edit]:
    for node in ast.walk(function):
        for part in ("body", "orelse", "finalbody"):
            holds = isinstance(node, ast.stmt | ast.ExceptHandler)
            block: list[ast.stmt] = getattr(node, part, []) if holds else []
            if block:
                yield from _block(source, block, is_inner=node is not function and part == "body")
        match node:
            case ast.AugAssign(target=target, value=value, op=operator):
                yield from _growth(source, target, value, _TEXTS.get(type(operator), "@"))
            case ast.Assign(targets=[target], value=value):
                yield source.exchanged(node, f"{source.of(target)} += {source.of(value)}")
                if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                    yield from (source.exchanged(value, text) for text in _EXTREMES)
                yield from _off_by_one(source, value)
            case ast.Return(value=ast.expr() as value):
                yield from _off_by_one(source, value)
                yield from (source.exchanged(value, text) for text in ("[]", "True", "False", "None", "0"))
            case ast.Yield(value=ast.expr() as value):
                yield source.exchanged(node, f"yield from {source.of(value)}")
            case ast.YieldFrom(value=value):
                yield source.exchanged(node, f"yield {source.of(value)}")
            case ast.Break() | ast.Continue() | ast.Pass():
                yield from (source.exchanged(node, text) for text in ("break", "continue", "pass"))
            case _:
                pass


def _growth(source: Source, target: ast.expr, value: ast.expr, sign: str) -> Iterator[Edit]:
    """`x += y` with another operator, or none."""
    place = source.between(target, value, f"{sign}=")
    if place:
        yield from (Edit(*place, f"{other}=") for other in ("", *_OPERATORS))


def _block(source: Source, block: Sequence[ast.stmt], *, is_inner: bool) -> Iterator[Edit]:
    """Statements deleted, exchanged with the next, and brought into or out of the block."""
    rows = [source.rows(statement) for statement in block]
    for number, own in enumerate(rows):
        if own is None:
            continue
        lines = source.lines[own[0] : own[1]]
        margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        yield source.lines_exchanged(*own, [f"{margin}pass"])
        following = rows[number + 1] if number + 1 < len(rows) else None
        if following and following[0] == own[1]:
            others = source.lines[following[0] : following[1]]
            yield source.lines_exchanged(own[0], following[1], [*others, *lines])
            inner = getattr(block[number], "body", None)
            if inner:  # the next one goes to its end
                step = " " * (inner[0].col_offset - block[number].col_offset)
                yield source.lines_exchanged(*following, [step + line if line else line for line in others])
        if is_inner and number == len(rows) - 1 and number:
            shorter = margin[: len(margin) // 2] if "\t" in margin else margin[:-4]
            moved = [shorter + line.removeprefix(margin) if line else line for line in lines]
            yield source.lines_exchanged(*own, moved)


def _twins(name: str) -> Iterator[str]:
    return (other for group in _TWINS if name in group for other in group if other != name)
