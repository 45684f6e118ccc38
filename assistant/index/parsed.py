"""The outline of a file by its grammar: one query in C finds the definitions, and what is no code.

In a query `@name` is the name of what `@class`, `@function`, … spans; `@scope` has names below it without being one
itself; `@parent` names what a definition belongs to but does not stand in; `@quiet` are comments and texts.
"""

import re
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ossa.assistant.index.languages import Language, grammar
from ossa.assistant.index.symbols import Kind, Outline, Symbol

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node, Point, Tree

Role: TypeAlias = Kind | Literal["scope"]

ROLES: tuple[Role, ...] = ("class", "function", "method", "constant", "type", "module", "scope")
_INNER = frozenset({"class", "type", "scope"})
"""A function in one of these is a method."""
_WEAK = frozenset({"constant", "type"})
"""Where two patterns match one name, the other role is the more telling one."""
_IDENTIFIER = re.compile(r"[^\W\d]\w+")
_SECONDS = 1.5
"""Of work. Then what was found has to do: broken files can take very long."""
_PIECE = 1 << 16
_DEPTH = 500
"""Levels of the tree that are looked at: below, a query takes very long, and no person wrote what is there."""
_DEEPEST = 12
"""Definitions within each other of which the names are told."""
_LONGEST = 200
"""Characters of a signature."""
_KEYWORDS = (
    "and as async await begin break case catch class const continue def default delete do elif else end enum except "
    "export extends false finally fn for from func function global go if impl implements import in int interface is "
    "lambda let match mod module mut namespace new nil none None not null or package pass private protected pub public "
    "raise require return self Self static string struct super switch then this throw throws trait true True False try "
    "type typeof use using val var void where while with yield bool char float double long unsigned"
)
KEYWORDS = frozenset(_KEYWORDS.split())
"""Words that no reference is meant by, whatever the language."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A definition in bytes, before it is known what it stands in."""

    start: int
    end: int
    name: str
    role: Role
    parent: str
    node: "Node"


def parsed(path: str, text: str, language: Language) -> Outline | None:
    """The outline by the language's grammar; None where that is missing or takes too long."""
    known = grammar(language)
    if known is None:
        return None
    from tree_sitter import QueryCursor

    source = text.encode("utf-8", "replace")
    by = time.thread_time() + _SECONDS
    tree = syntax_tree(source, known[0], by)
    if tree is None:
        return None
    cursor = QueryCursor(known[1])
    cursor.set_max_start_depth(_DEPTH)
    captures = [captured for _, captured in cursor.matches(tree.root_node)]
    quiet = [node for captured in captures for node in captured.get("quiet", ())]
    symbols = tuple(_nested(path, source, _definitions(source, captures, by)))
    names = Counter(name for name in _IDENTIFIER.findall(_code(source, quiet)) if name not in KEYWORDS)
    names.subtract(symbol.name for symbol in symbols)
    return Outline(symbols, {name: count for name, count in names.items() if count > 0})


def syntax_tree(source: bytes, language: "Grammar", by: float) -> "Tree | None":
    """The tree of a source; None where it is not there when this thread's clock says `by`."""
    from tree_sitter import Parser

    def read(at: int, _point: "Point") -> bytes:
        return source[at : at + _PIECE]

    def late(_at: int, _broken: bool) -> bool:
        return time.thread_time() > by

    try:
        return Parser(language).parse(read, progress_callback=late)
    except ValueError:
        return None


def _definitions(source: bytes, matches: "Iterable[dict[str, list[Node]]]", by: float) -> list[_Found]:
    """One for each name that is defined, outer ones first."""

    def text(node: "Node") -> str:
        return source[node.start_byte : node.end_byte].decode("utf-8", "replace")[:_LONGEST]

    found: dict[int, _Found] = {}
    climbed: set[int] = set()
    for captured in matches:
        if "name" not in captured:
            continue
        if time.thread_time() > by:
            break
        name = captured["name"][0]
        role = next(filter(captured.__contains__, ROLES))
        node = _whole(captured[role][0])
        earlier = found.get(name.start_byte)
        # What else looks like a declarator in a C++ definition is its initializers, behind macros mostly.
        if node is None or node.id in climbed or (earlier is not None and earlier.role not in _WEAK):
            continue
        if node != captured[role][0]:
            climbed.add(node.id)
        parent = ".".join(text(node) for node in captured.get("parent", ()))
        found[name.start_byte] = _Found(node.start_byte, node.end_byte, text(name), role, parent, node)
    return sorted(found.values(), key=lambda one: (one.start, -one.end))


def _whole(node: "Node") -> "Node | None":
    """The definition that a C++ declarator belongs to; None for what looks like one in a function's body."""
    if node.type != "function_declarator":
        return node
    while node.parent is not None and node.type.endswith("_declarator"):
        node = node.parent
    outside = node.type in ("function_definition", "declaration", "field_declaration")
    return node if outside and (node.parent is None or node.parent.type != "compound_statement") else None


def _nested(path: str, source: bytes, found: Iterable[_Found]) -> Iterator[Symbol]:
    """The definitions with what each stands in; `found` has outer ones first."""
    around: list[_Found] = []
    rows = _Rows(source)
    for one in found:
        while around and around[-1].end < one.end:
            around.pop()
        if one.role != "scope":
            inner = one.parent or (around and around[-1].role in _INNER)
            role: Kind = "method" if one.role == "function" and inner else one.role
            parent = ".".join([*(outer.name for outer in around[:_DEEPEST]), *([one.parent] if one.parent else [])])
            line, end = rows.at(one.start), rows.at(max(one.start, one.end - 1))
            yield Symbol(path, one.name, role, line, end, _signature(source, one), parent)
        if one.role != "constant":
            around.append(one)


class _Rows:
    """Line numbers of rising places; asking a node for its point is slower."""

    def __init__(self, source: bytes) -> None:
        self._starts = [0, *(match.end() for match in re.finditer(b"\n", source))]

    def at(self, byte: int) -> int:
        return bisect_right(self._starts, byte)


def _signature(source: bytes, one: _Found) -> str:
    """The head on one line: everything before the body; of a constant its first line."""
    value = one.node.child_by_field_name("value")
    body = one.node.child_by_field_name("body") or (value and value.child_by_field_name("body"))
    end = body.start_byte if body else one.end
    head = source[one.start : min(end, one.start + 4 * _LONGEST)].decode("utf-8", "replace")
    if one.role == "constant":
        head = next((line for line in head.splitlines() if line.strip()), "")
    line = " ".join(head.split()).rstrip(" {:=")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _code(source: bytes, quiet: "Iterable[Node]") -> str:
    """The source without comments and texts."""
    pieces: list[bytes] = []
    at = 0
    for start, end in sorted((node.start_byte, node.end_byte) for node in quiet):
        if start >= at:
            pieces.append(source[at:start])
        at = max(at, end)
    return b" ".join([*pieces, source[at:]]).decode("utf-8", "replace")
