"""Where a file has comments, in any language: told by its grammar, else by pygments' lexer, never by a look at strings.

path, text ─► tree-sitter | markdown-it | pygments ─► Comment…, by their rows
"""

import re
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ossa.assistant.index.languages import Language, grammar, language_of
from ossa.assistant.text import encode

if TYPE_CHECKING:
    import tree_sitter
    from markdown_it.token import Token
    from pygments.lexer import Lexer

_SECONDS = 1.5
"""Of work by a grammar; a file that takes longer is no person's."""
_LONGEST_LINE = 5_000
"""Characters; on what is longer a lexer's expressions can take for ever."""
_MARKDOWN = frozenset({".md", ".markdown", ".mdown"})
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ISLANDS = {
    "preproc_arg": re.compile(r"""(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<comment>//.*|/\*[\s\S]*?\*/)"""),
    "text": re.compile(rf"(?P<comment>{_HTML_COMMENT.pattern})", re.DOTALL),
}
"""Kinds of nodes that a grammar does not look into: C's macros, the HTML around PHP."""
_NO_HTML = re.compile(r"\s*<(?:script|style|textarea)\b", re.IGNORECASE)
"""A block of another language, in which these signs are none."""
_ALIKE = {
    ".jsonc": "x.json",
    ".svelte": "x.vue",
    ".astro": "x.vue",
    ".j2": "x.html.j2",
    ".jinja": "x.html.j2",
    ".jinja2": "x.html.j2",
    ".r": "x.R",
    ".gitignore": "x.sh",
    ".gitattributes": "x.sh",
    ".editorconfig": "x.ini",
    ".env": "x.sh",
    "jenkinsfile": "x.groovy",
}
"""Names by which pygments knows a language that comments alike."""


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment; rows and columns count from 0, in characters, rows end at newlines alone."""

    row: int
    column: int
    last: int
    """The row of its end."""
    end: int
    """The column behind it there."""


def comments(path: str, text: str) -> list[Comment]:
    """All comments of a file, in its order; none where its language is not known, or it is odd."""
    if PurePosixPath(path).suffix.lower() in _MARKDOWN:
        return list(_of_markdown(text))
    language = language_of(path, text)
    known = _grammar(language) if language else None
    found = list(_parsed(text, *known)) if known else list(_lexed(path, text))
    lines = text.split("\n")
    return [_without_newline(one, lines) for one in found]


def _without_newline(one: Comment, lines: list[str]) -> Comment:
    """The same where a grammar takes the end of the line for a part of it."""
    if one.end == 0 and one.last > one.row:
        return Comment(one.row, one.column, one.last - 1, len(lines[one.last - 1].rstrip("\r")))
    return one


@cache
def _grammar(language: Language) -> "tuple[tree_sitter.Language, tree_sitter.Query] | None":
    """The grammar, and the query for its comments."""
    known = grammar(language)
    if known is None:
        return None
    from tree_sitter import Query

    kinds = {known[0].node_kind_for_id(n) for n in range(known[0].node_kind_count) if known[0].node_kind_is_named(n)}
    wanted = sorted(kind for kind in kinds if kind and kind.endswith("comment") and kind != "doc_comment")
    islands = [kind for kind in _ISLANDS if kind in kinds]
    sought = [*(f"({kind}) @comment" for kind in wanted), *(f"({kind}) @island" for kind in islands)]
    return known[0], Query(known[0], " ".join(sought))


def _parsed(text: str, language: "tree_sitter.Language", query: "tree_sitter.Query") -> Iterator[Comment]:
    import time

    from tree_sitter import QueryCursor

    from ossa.assistant.index.parsed import syntax_tree

    source = encode(text)
    tree = syntax_tree(source, language, time.thread_time() + _SECONDS)
    if tree is None:
        return
    rows = source.split(b"\n")

    def column(point: "tree_sitter.Point") -> int:
        return len(rows[point.row][: point.column].decode("utf-8", "surrogateescape")) if point.row < len(rows) else 0

    nodes = QueryCursor(query).captures(tree.root_node)
    found = [
        Comment(node.start_point.row, column(node.start_point), node.end_point.row, column(node.end_point))
        for node in nodes.get("comment", [])
    ]
    for node in nodes.get("island", []):
        found += _of_island(node, column(node.start_point))
    yield from sorted(found, key=lambda one: (one.row, one.column))


def _of_island(node: "tree_sitter.Node", column: int) -> Iterator[Comment]:
    """Comments in the text of a node that its grammar does not look into; it begins at the column."""
    text = " " * column + (node.text or b"").decode("utf-8", "surrogateescape")
    between, row = _places(text), node.start_point.row
    for found in _ISLANDS[node.type].finditer(text):
        if found["comment"]:
            one = between(*found.span("comment"))
            yield Comment(row + one.row, one.column, row + one.last, one.end)


def _lexed(path: str, text: str) -> Iterator[Comment]:
    from pygments.token import Comment as Kind

    from ossa.assistant.index.lexed import tokens

    lexer = _lexer(path, text)
    if lexer is None or max(map(len, text.split("\n"))) > _LONGEST_LINE:
        return
    between = _places(text)
    begun = ended = -1  # of the comment whose pieces come
    several = False
    for at, token, value in tokens(lexer, text):
        if token not in Kind or token in Kind.Preproc or token in Kind.PreprocFile or token in Kind.Hashbang:
            continue
        goes_on = at == ended and (not text.endswith("\n", begun, ended) or (several and token in Kind.Multiline))
        if begun >= 0 and not goes_on:
            yield between(begun, ended)
        begun, ended, several = (begun if goes_on else at), at + len(value), token in Kind.Multiline
    if begun >= 0:
        yield between(begun, ended)


def _lexer(path: str, text: str) -> "Lexer | None":
    from pygments.lexers import find_lexer_class_for_filename

    name = PurePosixPath(path).name
    suffix = PurePosixPath(name).suffix.lower() or name.lower()
    found = find_lexer_class_for_filename(_ALIKE.get(suffix, name), text)
    return found() if found else None


def _of_markdown(text: str) -> Iterator[Comment]:
    """HTML's comments, where Markdown takes them for HTML and not for code."""
    from markdown_it import MarkdownIt

    text = text.replace("\r\n", " \n").replace("\r", " ")  # as long as it was: the parser ends lines at these, too
    starts, between = _starts(text), _places(text)
    reached = 0
    for block in MarkdownIt("commonmark").parse(text):
        if not block.map or block.type not in ("inline", "html_block"):
            continue
        reached, end = max(reached, starts[block.map[0]]), starts[block.map[1]]
        for piece in block.children or [block]:
            for whole in _sought(piece):
                at = text.find(whole, reached, end)
                reached = at + len(whole) if at >= 0 else reached
                if at >= 0 and piece.type != "code_inline":
                    yield between(at, reached)


def _sought(piece: "Token") -> list[str]:
    """The comments of a piece of Markdown; or all of it where it is code, which may have the words of one behind it."""
    match piece.type:
        case "code_inline":
            return [piece.content]
        case "html_inline" if piece.content.startswith("<!--"):
            return [piece.content]
        case "html_block" if not _NO_HTML.match(piece.content):
            return [whole.rstrip() for whole in _HTML_COMMENT.findall(piece.content)]
        case _:
            return []


def _starts(text: str) -> list[int]:
    """Where each line starts; the last is behind the end."""
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def _places(text: str) -> Callable[[int, int], Comment]:
    """Tells the comment that the characters from one to another are, without blanks around it."""
    starts = _starts(text)

    def between(start: int, end: int) -> Comment:
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        row, last = bisect(starts, start) - 1, bisect(starts, end) - 1
        return Comment(row, start - starts[row], last, end - starts[last])

    return between
