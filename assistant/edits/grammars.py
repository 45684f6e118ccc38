"""What a language's grammar cannot read of a text: a bracket too many, an `else` without its `if`.

Grammars lag behind their languages, so that alone it says little; it tells between places, as faults in Python do.
"""

import time
from collections import Counter
from typing import TYPE_CHECKING

from ossa.assistant.index.languages import grammar, language_of

if TYPE_CHECKING:
    from tree_sitter import Point

_SECONDS = 0.5
"""For one text."""
_PIECE = 1 << 16


def unread(path: str, data: bytes) -> Counter[tuple[str, ...]] | None:
    """What stands where the grammar has no place for it, or lacks; None without a grammar, or where it takes too long.

    Args:
        path: of the file, which tells the language.
        data: its bytes.
    """
    language = language_of(path, data[:200].decode("utf-8", "replace"))
    known = grammar(language) if language else None
    if known is None:
        return None
    from tree_sitter import Parser

    by = time.thread_time() + _SECONDS

    def read(at: int, _point: "Point") -> bytes:
        return data[at : at + _PIECE]

    def late(_at: int, _broken: bool) -> bool:
        return time.thread_time() > by

    try:
        left = [Parser(known[0]).parse(read, progress_callback=late).root_node]
    except ValueError:
        return None
    found = Counter[tuple[str, ...]]()
    while left:
        node = left.pop()
        if node.is_error or node.is_missing:
            found["unread", node.type] += 1
        left += [child for child in node.children if child.has_error]
    return found
