"""What must hold for a definition before it is moved: one definition, at the top, that means the same elsewhere.

definition ─► see_movable(): nothing, or Refused · segment(): where it stands with what belongs to it
"""

import ast
import io
import re
import tokenize

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Function, Scopes
from ossa.assistant.refactor.source import Source
from ossa.assistant.refactor.wish import Refused

_HEAD = re.compile(r"#!|#.*?coding[:=]")
"""Comments that belong to a file, in its first two lines."""


def see_movable(scopes: Scopes, target: Entity, node: Function | ast.ClassDef) -> None:
    """See that a definition can be taken out of its module and means the same in another.

    Raises:
        Refused: it is not so.
    """
    name, path = target.name, target.path
    if len(scopes.module.bindings.get(name, ())) > 1:
        raise Refused(f"{name} is defined several times in {path}, as overloads are; move it by hand.")
    assert isinstance(scopes.module.node, ast.Module)
    if node not in scopes.module.node.body:
        raise Refused(f"{name} stands within another statement in {path}; only what stands by itself is moved.")
    for part in ast.walk(node):
        if isinstance(part, ast.Global):
            raise Refused(f"{name} sets {part.names[0]} by a global statement, which would be another one elsewhere.")


def see_letters(source: Source, other: Source | None, segment: str, name: str) -> None:
    """See that the definition's letters are the same ones in the other file.

    Raises:
        Refused: one of the files is not UTF-8, and the definition has letters that are not ASCII.
    """
    if segment.isascii():
        return
    for one in (source, other):
        if one is not None and not _is_utf8(one):
            raise Refused(f"{name} has letters that are not ASCII, and {one.path} is not UTF-8; move it by hand.")


def _is_utf8(source: Source) -> bool:
    try:
        told, _ = tokenize.detect_encoding(io.BytesIO(source.data).readline)
    except SyntaxError:
        return False
    return source.encoding == "utf-8" and told in ("utf-8", "utf-8-sig")


def segment(source: Source, node: Function | ast.ClassDef) -> tuple[int, int]:
    """Where the definition begins, with its decorators and the comments right above, and where the next line is.

    Raises:
        Refused: it shares a line with another statement.
    """
    first = first_line(node)
    while first > 1 and source.line(first - 1).startswith("#"):
        first -= 1
    while first <= 2 and _HEAD.match(source.line(first)):
        first += 1
    end = source.line_start((node.end_lineno or first) + 1)
    rest = source.text[source.span(node)[1] : end].strip()
    if rest and not rest.startswith("#"):
        raise Refused(f"{node.name} shares line {node.end_lineno} of {source.path} with another statement.")
    while source.text[end : end + 1] in ("\n", "\r"):
        end += 1
    return source.line_start(first), end


def first_line(node: ast.stmt) -> int:
    """The line of a statement, or of its first decorator."""
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
