"""What words a text is searched by: identifiers whole, and the parts that they are made of, all in lower case.

    "parseHTTPHeader of _max_len" ─► words() ─► parsehttpheader parse http header of max_len max len

The index and the prompt are split by the same function, so that a word of one meets the word of the other.
"""

import re
from functools import lru_cache

_IDENTIFIER = re.compile(r"[^\W\d_]\w*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_LONGEST = 64
"""Characters; what is longer is data, not a word."""


def words(text: str) -> list[str]:
    """Every word in the order of the text: an identifier, and behind it its parts where it has several."""
    return [part for identifier in _IDENTIFIER.findall(text) for part in parts(identifier)]


@lru_cache(65_536)
def parts(identifier: str) -> tuple[str, ...]:
    """The identifier without the underscores around it, then what camelCase, snake_case and figures divide it into."""
    whole = identifier.strip("_")
    if len(whole) > _LONGEST:
        return ()
    pieces = tuple(piece.lower() for piece in _PART.findall(whole))
    return (whole.lower(),) if len(pieces) < 2 else (whole.lower(), *pieces)
