"""What a part of a file begins in the middle of: a long string or comment whose first line stands above it.

A hunk is coloured by itself, without the rest of its file; told by its own lines, it gets the colours it has there.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

_QUOTES = re.compile(r'"""|\'\'\'')
_COMMENT = re.compile(r"/\*|\*/")
_OPENS = re.compile(r"[:(\[{=,]$")
"""How the line above one ends where a string may begin."""
_PYTHON = frozenset({".py", ".pyi", ".pyw", ".pyx"})
_BRACES = frozenset(
    {".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".java", ".js", ".jsx", ".mjs", ".ts", ".tsx", ".go", ".rs", ".php"}
    | {".kt", ".swift", ".scala", ".css", ".scss"}
)


def begun(lines: Sequence[str], path: str, *, whole: bool = False) -> str:
    """The sign by which that began in which the first line stands, such as `/*`; empty where it stands in nothing.

    Args:
        lines: of a file, as they stand there.
        path: whose ending tells the language.
        whole: whether they are the first of the file, and so begin in nothing.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if whole:
        return ""
    if suffix in _PYTHON:
        return _string(lines)
    if suffix in _BRACES:
        found = next((match[0] for line in lines for match in _COMMENT.finditer(line)), "")
        return "/*" if found == "*/" else ""
    return ""


def _string(lines: Sequence[str]) -> str:
    """The quotes of a long string of Python, told by where the first of them stand."""
    above = ""
    for line in lines:
        if found := _QUOTES.search(line):
            before, after = line[: found.start()].strip(), line[found.end() :].strip()
            if before.lower() in ("", "r", "b", "f", "u", "rb", "br"):
                closes = not before and (not after or after[0] in ")],.") and not _OPENS.search(above)
            else:
                closes = not (after or _OPENS.search(before) or before.endswith(("return", "yield")))
            return found[0] if closes else ""
        above = line.strip() or above
    return ""
