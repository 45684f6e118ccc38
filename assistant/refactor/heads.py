"""The head of a function: its parameters as a call sees them, its brackets in the text, and how it is written anew.

"(a, c, b=1)" ─► read() ─► Head ─► Change(old, new) ─► written() ─► the text between the brackets, comments kept
"""

import ast
import io
import re
import tokenize
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property

from ossa.assistant.refactor.scopes import Function, parameters
from ossa.assistant.refactor.source import Source
from ossa.assistant.refactor.wish import Refused


@dataclass(frozen=True)
class Head:
    """Parameters as a call sees them, without `self`."""

    arguments: ast.arguments
    skip: int = 0
    """How many come by themselves: 1 for `self` and `cls`."""
    text: str = ""
    """What was read, where places in it count."""

    @cached_property
    def positional(self) -> list[str]:
        """Those that may be given by place."""
        return [one.arg for one in [*self.arguments.posonlyargs, *self.arguments.args]][self.skip :]

    @cached_property
    def only_places(self) -> set[str]:
        """Those that may be given by place alone."""
        return {one.arg for one in self.arguments.posonlyargs}

    @cached_property
    def only_keywords(self) -> list[str]:
        """Those that may be given by name alone."""
        return [one.arg for one in self.arguments.kwonlyargs]

    @cached_property
    def names(self) -> list[str]:
        """All of them but `*args` and `**kwargs`."""
        return [*self.positional, *self.only_keywords]

    @cached_property
    def by_name(self) -> set[str]:
        """Those that may be given by name."""
        return set(self.names) - self.only_places

    @cached_property
    def all_names(self) -> set[str]:
        """All of them, `self` and `*args` too."""
        return {one.arg for one in parameters(self.arguments)}

    @cached_property
    def defaults(self) -> dict[str, ast.expr]:
        """Those that need not be given."""
        places = [*self.arguments.posonlyargs, *self.arguments.args]
        given = self.arguments.defaults
        pairs = list(zip(places[len(places) - len(given) :], given, strict=True))
        pairs += [(one, d) for one, d in zip(self.arguments.kwonlyargs, self.arguments.kw_defaults, strict=True) if d]
        return {one.arg: default for one, default in pairs}

    @cached_property
    def required(self) -> set[str]:
        """Those without a default."""
        return set(self.names) - self.defaults.keys()


@dataclass(frozen=True)
class Change:
    """The parameters, old and new."""

    old: Head
    new: Head

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Old name to new: one is gone, one is new, at the same place; and those with stars."""
        found: dict[str, str] = {}
        gone = [name for name in self.old.names if name not in self.new.names]
        new = [name for name in self.new.names if name not in self.old.names]
        if len(gone) == len(new) == 1 and self.old.names.index(gone[0]) == self.new.names.index(new[0]):
            found[gone[0]] = new[0]
        before, after = self.old.arguments, self.new.arguments
        for mine, other in ((before.vararg, after.vararg), (before.kwarg, after.kwarg)):
            if mine and other and mine.arg != other.arg:
                found[mine.arg] = other.arg
        return found

    @cached_property
    def gone(self) -> set[str]:
        """Parameters that the function has no more."""
        return set(self.old.names) - set(self.new.names) - self.renamed.keys()

    @cached_property
    def fresh(self) -> set[str]:
        """Names that no parameter had."""
        return self.new.all_names - self.old.all_names

    @cached_property
    def is_behind(self) -> bool:
        """Whether parameters were only added behind, so that each call means what it meant."""
        old, new = self.old, self.new
        places = new.positional[: len(old.positional)] == old.positional and set(old.only_keywords) <= set(new.names)
        stars = not old.arguments.vararg or new.positional == old.positional
        words = not old.arguments.kwarg or new.by_name <= old.by_name
        return places and stars and words and new.only_places <= old.only_places


def read(to: str, node: Function, skip: int) -> Head:
    """The new parameters, with `self` where it was left out.

    Raises:
        Refused: it is no list of parameters.
    """
    inside = to.strip()
    inside = inside[inside.index("(") :] if re.match(r"(async\s+)?def\s", inside) and "(" in inside else inside
    inside = inside if inside.startswith("(") else f"({inside})"
    text = f"def f{inside.rstrip().removesuffix(':')}: pass"
    wrong = f"{to[:120]!r} is no list of parameters in Python, such as (a, b=1, *, c=None)."
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(wrong) from error
    function = body[0]
    if len(body) > 1 or not isinstance(function, ast.FunctionDef) or not isinstance(function.body[0], ast.Pass):
        raise Refused(wrong)
    if function.returns and _dump(function.returns) != _dump(node.returns):
        raise Refused("What the function returns is not changed with its parameters; leave -> out.")
    arguments = function.args
    own = next(parameters(node.args), None)
    if skip and own is not None and next((one.arg for one in parameters(arguments)), "") != own.arg:
        place = arguments.posonlyargs if arguments.posonlyargs else arguments.args
        place.insert(0, ast.arg(own.arg))
    return Head(arguments, skip, text)


def alike(one: ast.arguments, other: ast.arguments) -> bool:
    """Whether two heads are the same but for annotations."""
    return ast.dump(_bare(one)) == ast.dump(_bare(other))


def _bare(arguments: ast.arguments) -> ast.arguments:
    copy = deepcopy(arguments)
    for one in parameters(copy):
        one.annotation = one.type_comment = None
    return copy


@dataclass(frozen=True)
class Brackets:
    """What stands between the brackets of a function's head."""

    start: int
    end: int
    comments: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """The place of each comment between them, and the comment."""


def brackets(source: Source, node: Function) -> Brackets:
    """Where the parameters stand.

    Raises:
        Refused: the text cannot be split into tokens.
    """
    begin = source.span(node)[0]
    lines = io.StringIO(source.text[begin:], newline="")
    starts = [begin]

    def line() -> str:
        got = lines.readline()
        starts.append(starts[-1] + len(got))
        return got

    depth, comments, first = list[int](), list[tuple[int, str]](), -1
    try:
        for token in tokenize.generate_tokens(line):
            at = starts[token.start[0] - 1] + token.start[1]
            if token.type == tokenize.COMMENT and first >= 0:
                comments.append((at, token.string))
            elif token.type == tokenize.OP and token.string in "([{":
                first = at + 1 if not depth and token.string == "(" else first
                depth.append(at + 1)
            elif token.type == tokenize.OP and token.string in ")]}" and depth.pop() == first:
                return Brackets(first, at, comments)
    except (tokenize.TokenError, SyntaxError, IndexError):
        pass
    raise Refused(f"The head of {node.name} at {source.path}:{node.lineno} cannot be read; change it by hand.")


def written(source: Source, node: Function, change: Change) -> tuple[str, list[str]]:
    """The new parameters as the text of a function's head, one a line where they stood so.

    Returns:
        the text, and the comments that have no place in it any more.
    """
    where = brackets(source, node)
    text = source.text[where.start : where.end]
    pieces = _pieces(source, node, change)
    spans = [source.span(one) for one in parameters(node.args)]
    if not pieces and not where.comments:
        return "", []
    if where.comments:
        return _with_comments(source, node, change, where, pieces)
    between = ""
    if len(spans) > 1:
        tail = source.text[spans[0][1] : spans[1][0]]
        between = tail[tail.rfind(",") :] if "\n" in tail and not tail[tail.rfind(",") + 1 :].strip() else ""
    before = text[: len(text) - len(text.lstrip())]
    after = text[len(text.rstrip()) :]
    comma = "," if text.rstrip().endswith(",") else ""
    return before + (between or ", ").join(one for _, one in pieces) + comma + after, []


def _with_comments(
    source: Source, node: Function, change: Change, where: Brackets, pieces: list[tuple[str, str]]
) -> tuple[str, list[str]]:
    """One parameter a line, each with the comments that stood at it."""
    back = {new: old for old, new in change.renamed.items()}
    above: dict[str, list[str]] = {}
    behind: dict[str, str] = {}
    lost: list[str] = []
    heads = {one.arg: source.span(one)[0] for one in parameters(node.args)}
    for at, comment in where.comments:
        line = source.line_of(at)
        alone = not source.text[source.line_start(line) : at].strip()
        here = [name for name, start in heads.items() if start < at]
        later = [name for name, start in heads.items() if start > at]
        if alone and later:
            above.setdefault(later[0], []).append(comment)
        elif not alone and here and here[-1] not in behind:
            behind[here[-1]] = comment
        else:
            lost.append(comment)
    first = source.span(node)[0]
    indent = source.text[source.line_start(source.line_of(first)) : first] + "    "
    lines: list[str] = []
    for name, piece in pieces:
        old = back.get(name, name)
        lines += above.pop(old, [])
        comment = behind.pop(old, "")
        lines.append(f"{piece},  {comment}" if comment else f"{piece},")
    lost += [*(one for each in above.values() for one in each), *behind.values()]
    return source.newline + "".join(f"{indent}{one}{source.newline}" for one in lines) + indent[:-4], lost


def _pieces(source: Source, node: Function, change: Change) -> list[tuple[str, str]]:
    """Name and text of each parameter; an annotation that the new head lacks, or an override has itself, stays."""
    new, back = change.new, {after: before for before, after in change.renamed.items()}
    mine = {one.arg: one.annotation for one in parameters(node.args)}
    base = {one.arg: one.annotation for one in parameters(change.old.arguments)}
    defaults = Head(node.args).defaults
    typed = Source("", new.text.encode())

    def piece(one: ast.arg, stars: str = "") -> tuple[str, str]:
        old = back.get(one.arg, one.arg)
        own = mine.get(old)
        kept = one.annotation is None or _dump(own) == _dump(one.annotation) or _dump(own) != _dump(base.get(old))
        keeps = own is not None and kept
        note = _text(source, own) if keeps else _text(typed, one.annotation)
        default = new.defaults.get(one.arg)
        same = old in defaults and default is not None and _dump(defaults[old]) == _dump(default)
        value = _text(source, defaults[old]) if same else _text(typed, default)
        equals = " = " if note else "="
        return one.arg, f"{stars}{one.arg}{': ' if note else ''}{note}{equals + value if value else ''}"

    arguments = new.arguments
    pieces = [piece(one) for one in arguments.posonlyargs]
    pieces += [("", "/")] if pieces else []
    pieces += [piece(one) for one in arguments.args]
    if arguments.vararg:
        pieces.append(piece(arguments.vararg, "*"))
    elif arguments.kwonlyargs:
        pieces.append(("", "*"))
    pieces += [piece(one) for one in arguments.kwonlyargs]
    return pieces + ([piece(arguments.kwarg, "**")] if arguments.kwarg else [])


def _text(source: Source, node: ast.expr | None) -> str:
    """An expression as it was written, where that stands for itself."""
    if node is None:
        return ""
    text = source.text[slice(*source.span(node))]
    plain = "\n" not in text and "#" not in text and not isinstance(node, ast.NamedExpr | ast.Yield | ast.Starred)
    return text if plain else ast.unparse(node)


def _dump(node: ast.AST | None) -> str:
    return "" if node is None else ast.dump(node)


def decorators(node: Function | ast.ClassDef) -> set[str]:
    """The last part of each decorator's name."""
    plain = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return {ast.unparse(one).rpartition(".")[2] for one in plain}
