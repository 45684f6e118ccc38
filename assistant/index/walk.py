"""Which files have a part in a ranking: text that people wrote. The others are known by name, with the reason."""

import re
from pathlib import PurePosixPath

from ossa.assistant.text import BINARY_PROBE

LARGEST = 1 << 20
"""Bytes; a larger file is data, or made by a machine."""
TOO_LARGE = "larger than 1 MB"
_VENDORED = frozenset(
    {"node_modules", "bower_components", "jspm_packages", "_vendor", "_vendored", "vendored", "third_party"}
    | {"third-party", "thirdparty", "3rdparty", "site-packages", "Pods", "Carthage", ".yarn", "Godeps"}
)
"""Folders of what others wrote."""
_SOLD = frozenset({".py", ".java", ".kt", ".cs", ".scala", ".swift"})
"""In these languages a folder "vendor" that is not at the top may well be about people who sell something."""
_LOCKS = frozenset(
    {"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "go.sum", "go.work.sum"}
    | {"gradle.lockfile", "packages.lock.json", "Package.resolved", "flake.lock", "conda-lock.yml", "pixi.lock"}
)
_GENERATED = re.compile(
    r"(_pb2(_grpc)?\.pyi?|\.pb\.(go|cc|h|dart)|_pb\.(js|d\.ts|rb)|\.g\.(cs|dart)|\.designer\.cs|[.-]min\.(js|css|mjs)"
    r"|\.bundle\.js|\.js\.map|\.css\.map|\.lock)$",
    re.IGNORECASE,
)
_DATA = frozenset(
    {".po", ".pot", ".csv", ".tsv", ".svg", ".geojson", ".jsonl", ".ndjson", ".snap", ".pem", ".crt", ".b64", ".eps"}
)
"""Text, but a table or a picture."""
_HEAD = re.compile(
    rb"@generated\b|Code generated .{1,80}DO NOT EDIT|DO NOT EDIT( BY HAND| MANUALLY| THIS FILE)?\b.{0,80}generated"
    rb"|(this|the) (file|code|module) (is|was|has been) (auto[- ]?|automatically )generated"
    rb"|^\W{0,8}(auto-?|automatically )generated (by|from|file|code|on)\b|^\W{0,8}generated (by|from|on|with) ",
    re.IGNORECASE | re.MULTILINE,
)
_HEAD_BYTES = 1_500
_MINIFIED = 400
"""Bytes of an average line, above which code is not written by hand."""
_SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".css", ".json", ".html", ".htm", ".xml"})
_LARGE_DATA = 100 << 10
"""Bytes of JSON, YAML or XML that nobody keeps by hand."""
_TABLES = frozenset({".json", ".yaml", ".yml", ".xml"})


def left_out_by_name(path: str, size: int) -> str:
    """Why a file has no part in a ranking, as far as its name and its bytes' number tell; "" if it may have."""
    place = PurePosixPath(path)
    suffix = place.suffix.lower()
    if not _VENDORED.isdisjoint(place.parts[:-1]) or _is_in_vendor(place):
        return "vendored"
    if place.name in _LOCKS or _GENERATED.search(place.name):
        return "generated"
    if size > LARGEST:
        return TOO_LARGE
    return "data" if suffix in _DATA or (suffix in _TABLES and size > _LARGE_DATA) else ""


def _is_in_vendor(place: PurePosixPath) -> bool:
    return place.parts[0] == "vendor" or ("vendor" in place.parts[:-1] and place.suffix.lower() not in _SOLD)


def left_out_by_content(path: str, data: bytes) -> str:
    """The same by what is in it."""
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not utf16 and b"\0" in data[:BINARY_PROBE]:
        return "binary"
    if _HEAD.search(_first_comment(data[:_HEAD_BYTES])):
        return "generated"
    lines = data.count(b"\n") + 1
    minified = PurePosixPath(path).suffix.lower() in _SCRIPTS and len(data) > 4_000 and len(data) / lines > _MINIFIED
    return "generated" if minified else ""


def text_of(data: bytes) -> str:
    """The text in whatever encoding it seems to be; never fails."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _first_comment(head: bytes) -> bytes:
    """The lines at the start that are comments: elsewhere a file may only speak of generated ones."""
    marks = (b"#", b"//", b"/*", b"*", b"<!--", b"--", b";", b"%", b'"""', b"'''", b"(*", b"{-")
    kept: list[bytes] = []
    for line in head.split(b"\n"):
        bare = line.strip().removeprefix(b"\xef\xbb\xbf")
        if bare and not bare.startswith((*marks, b"<?")):
            break
        kept.append(line)
    return b"\n".join(kept)
