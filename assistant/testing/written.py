"""What a file imports, in the words in which it says so; nothing is run.

    path, text ─► written() ─► one short text for each import, from which `Imports` finds the files that are meant

These texts depend on the file alone, so they can be kept for as long as it stays the same.
"""

import re
from collections.abc import Iterator

READ = re.compile(r"\.(py|[cm]?[jt]sx?|go)$")
"""Files whose importers can be known."""
GO_MODULE = "go.mod"
FROM = " "
"""What stands between a module and the names that are imported from it."""

_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]{0,5000}\)|[^\n#;]{0,2000})|import[ \t]+([^\n#;]{1,2000}))",
    re.MULTILINE,
)
_JAVASCRIPT = re.compile(r"\b(?:from|import|require)\b\s{0,5}\(?\s{0,5}[\"'](\.[^\"'\n]{0,500})[\"']")
_GO = re.compile(r"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"([^\"\n]{1,500})\"\s*$", re.MULTILINE)
_GO_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_NAME = re.compile(r"[.\w]+")
_SIZE = 1_000_000
"""Characters of a file that are read."""


def is_read(path: str) -> bool:
    """Whether there is anything in the file to be known."""
    return READ.search(path) is not None or path == GO_MODULE


def written(path: str, text: str) -> tuple[str, ...]:
    """The imports: "a.b", or "a.b c,d" of names from a module; a relative path; a Go package; what `go.mod` is for."""
    text = text[:_SIZE]
    if path == GO_MODULE:
        return tuple(match[1] for match in [_GO_MODULE.search(text)] if match)
    found = _python(text) if path.endswith(".py") else (_GO if path.endswith(".go") else _JAVASCRIPT).findall(text)
    return tuple(dict.fromkeys(found))


def _python(text: str) -> Iterator[str]:
    for origin, names, plain in _PYTHON.findall(text):
        if plain:
            yield from _names(plain)
        else:
            yield f"{origin}{FROM}{','.join(_names(names))}"


def _names(text: str) -> Iterator[str]:
    """The names of an import, without what they are called then."""
    for part in text.strip().strip("()").replace("\\", " ").split(","):
        words = part.split("#")[0].split()
        if words and _NAME.fullmatch(words[0]):
            yield words[0]
