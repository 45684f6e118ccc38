"""What a module offers to others: the names in its `__all__`, else those without an underscore.

module ─► is_public(): whether a star brings a name · is_listed(), without_text(): a name in `__all__`
"""

import ast

from ossa.assistant.refactor.imports import body_of
from ossa.assistant.refactor.scopes import Scopes
from ossa.assistant.refactor.source import Edit, Source


def is_public(scopes: Scopes, name: str) -> bool:
    """Whether a star import brings a name of a module, as far as that is clear."""
    told = scopes.module.bindings.get("__all__", ())
    if not told:
        return not name.startswith("_")
    texts = [binding.value for binding in told]
    if len(texts) == 1 and isinstance(texts[0], ast.List | ast.Tuple):
        return any(isinstance(one, ast.Constant) and one.value == name for one in texts[0].elts)
    return True


def is_listed(scopes: Scopes, source: Source, place: int) -> bool:
    """Whether a text of the module stands in its `__all__`."""
    for one in body_of(scopes):
        start, end = source.span(one)
        if start <= place < end:
            return source.text[start:].startswith("__all__")
    return False


def without_text(source: Source, begin: int, finish: int) -> Edit:
    """Take a text, given without its quotes, out of a list of texts: with its comma, and with a line of its own."""
    start, end = begin - 1, finish + 1
    behind = source.text[end:]
    cut = len(behind) - len(behind.lstrip(" ,"))
    line = source.line_start(source.line_of(start))
    rest = behind[cut : cut + 2]
    if source.text[line:start].isspace() and rest[:1] in ("\n", "\r"):
        return Edit(line, source.line_start(source.line_of(start) + 1), "")
    return Edit(start, end + cut, "")
