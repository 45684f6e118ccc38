"""The outline of a file in a language without a grammar here: what pygments' lexer calls a function or a class."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ossa.assistant.index.languages import language_of
from ossa.assistant.index.symbols import Kind, Outline, Symbol

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_SECONDS = 1.0
_LARGEST = 256 << 10
"""Characters; lexers are slow."""
_LONGEST_LINE = 2_000
"""Characters; what is longer is data, on which a lexer's expressions can take for ever."""
_SIGNATURE = 200
_OTHER = (
    "css scss sass less stylus json jsonld json5 yaml ini toml cfg properties text markdown md restructuredtext rst "
    "html xml xslt svg diff udiff patch po gettext csv docker dockerfile make makefile tex latex bibtex http output "
    "nginx django jinja html+django html+jinja mako genshi erb rhtml twig smarty handlebars console doscon pycon"
)
_NOT_CODE = frozenset(_OTHER.split())
"""Lexers, by alias, whose functions and classes are something else, such as selectors."""

_DEFINES = frozenset({"def", "defp", "defmacro", "fun", "func", "function", "proc", "sub"})
"""After these comes a function's name, also where the lexer calls it just a name."""


def needs_lexer(path: str) -> bool:
    """Whether the file's name is one of code that only a lexer reads here."""
    return language_of(path) is None and _lexer(path) is not None


def lexed(path: str, text: str) -> Outline:
    """The outline as far as tokens tell it; empty for what is no code, or too large."""
    from pygments.token import Comment, Name, String

    lines = text.split("\n")
    odd = len(text) > _LARGEST or len(max(lines, key=len)) > _LONGEST_LINE
    found = None if odd else _lexer(path, text)
    if found is None:
        return Outline()
    kind_of: dict[object, Kind] = {Name.Function: "function", Name.Class: "class"}
    symbols: dict[str, Symbol] = {}
    names: Counter[str] = Counter()
    line, counted = 1, 0
    before = ""
    for at, token, value in tokens(found, text):
        said, before, word = before, value.strip() or before, value.strip()
        if token in Comment or token in String or token not in Name or not word:
            continue
        line, counted = line + text.count("\n", counted, at), at
        names[word] += 1
        kind = "function" if said in _DEFINES else kind_of.get(token)
        if kind and word not in symbols:
            head = " ".join(lines[line - 1].split())[:_SIGNATURE]
            symbols[word] = Symbol(path, word, kind, line, line, head, "")
    names.subtract(symbols.keys())
    return Outline(tuple(symbols.values()), {name: count for name, count in names.items() if count > 0})


def tokens(lexer: "Lexer", text: str) -> "Iterator[tuple[int, _TokenType, str]]":
    """The lexer's tokens until the time is up; a lexer that fails on a file has said what it can."""
    by = time.thread_time() + _SECONDS
    with suppress(Exception):
        for token in lexer.get_tokens_unprocessed(text):
            yield token
            if time.thread_time() > by:
                return


def _lexer(path: str, text: str = "") -> "Lexer | None":
    from pygments.lexers import find_lexer_class_for_filename

    found = find_lexer_class_for_filename(path.rpartition("/")[2], text or None)
    return found() if found and _NOT_CODE.isdisjoint(found.aliases) else None
