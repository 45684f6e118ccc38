"""From what a model wrote to a `Patch`, whatever the form and however it is wrapped.

text ─► unwrapped (JSON, however often quoted) ─► V4A · unified diff · search/replace blocks · whole files ─► Patch
"""

import json

from ossa.assistant.edits.blocks import parse_blocks, replacement
from ossa.assistant.edits.patch import EditError, Patch, Write
from ossa.assistant.edits.v4a import is_v4a, parse_unified, parse_v4a

_TEXT_KEYS = ("patch", "input", "diff", "edit", "text", "cmd", "command", "arguments")
_SEARCH_KEYS = ("search", "old_string", "old_str", "old")
_REPLACE_KEYS = ("replace", "new_string", "new_str", "new")
_WHOLE_KEYS = ("content", "contents", "file_text", "text")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/"}


def parse(text: str) -> Patch:
    """Read a patch in any form that models write.

    Raises:
        EditError: it is none of them, or broken beyond guessing.
    """
    found = _unwrap(text)
    if isinstance(found, Patch):
        return found
    lines = [line.removesuffix("\r") for line in found.split("\n")]
    steps = parse_v4a(lines) if is_v4a(lines) else parse_blocks(lines) or parse_unified(lines)
    if not steps:
        raise EditError(
            "This is not a patch. Send it in this form:\n*** Begin Patch\n*** Update File: path/to/file\n@@ def name\n"
            " a line above\n-the line to remove\n+the line to put there\n a line below\n*** End Patch"
        )
    return Patch(tuple(steps))


def _unwrap(text: str) -> str | Patch:
    """The patch inside JSON, however often it was quoted."""
    for _ in range(4):
        bare = text.strip()
        if not bare.startswith(("{", "[", '"')):
            return text
        try:
            value: object = json.loads(bare, strict=False)
        except (ValueError, RecursionError):
            return _unescaped(bare)
        inner = _from_json(value)
        if isinstance(inner, Patch):
            return inner
        if inner is None:
            return text
        text = inner
    return text


def _from_json(value: object) -> str | Patch | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        patches = [text for text in texts if is_v4a(text.splitlines())]
        return "\n".join(patches) or (texts[-1] if texts else None)
    if not isinstance(value, dict):
        return None
    fields = {str(key): item for key, item in value.items()}
    path = next((fields[k] for k in ("path", "file_path", "file", "filename") if isinstance(fields.get(k), str)), None)
    if isinstance(path, str):
        return _from_fields(path, {k: v for k, v in fields.items() if isinstance(v, str)}) or _first_text(fields)
    return _first_text(fields)


def _first_text(fields: dict[str, object]) -> str | None:
    for key in _TEXT_KEYS:
        if isinstance(fields.get(key), str | list | dict):
            return json.dumps(fields[key])
    return None


def _from_fields(path: str, fields: dict[str, str]) -> Patch | None:
    """`{path, search, replace}` and `{path, content}`."""
    search = next((fields[k] for k in _SEARCH_KEYS if k in fields), None)
    replace = next((fields[k] for k in _REPLACE_KEYS if k in fields), None)
    if search is not None and replace is not None:
        return Patch((replacement(path, _split(search), _split(replace)),))
    whole = next((fields[k] for k in _WHOLE_KEYS if k in fields), None)
    if whole is None or whole.lstrip().startswith("*** "):
        return None
    return Patch((Write(path, tuple(_split(whole))),))


def _split(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _unescaped(text: str) -> str:
    """JSON that does not parse: without a single line break, its escapes are undone by hand."""
    begin = text.find("*** ")
    if begin < 0 or "\n" in text or "\\n" not in text:
        return text
    out: list[str] = []
    rest = iter(text[begin:])
    for char in rest:
        if char == "\\":
            following = next(rest, "")
            out.append(_ESCAPES.get(following, "\\" + following))
        elif char == '"':
            break
        else:
            out.append(char)
    return "".join(out)
