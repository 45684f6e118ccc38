"""What the model's calls say of files: which lines it has opened, and which files it has come to."""

import json
from typing import Any

from ossa.assistant.edits.engine import paths as patched
from ossa.model.base import ToolCall

_LINES = 400
"""Lines that are shown of a file where no last one is asked for."""


def opened(call: ToolCall | None) -> tuple[str, int, int] | None:
    """The file that a call shows, with its first and last line; None for any other call."""
    if call is None or not call.name.endswith("open_file"):
        return None
    arguments = _arguments(call)
    path = arguments.get("path") or arguments.get("file_path")
    try:
        first = int(arguments.get("line_start") or arguments.get("start_line") or 1)
        last = int(arguments.get("line_end") or arguments.get("end_line") or first + _LINES - 1)
    except (ValueError, TypeError):
        return None
    return (path, first, last) if isinstance(path, str) and path else None


def touched(call: ToolCall) -> list[str]:
    """The files that a call opens or changes."""
    if place := opened(call):
        return [place[0]]
    patch = _arguments(call).get("patch")
    return patched(patch) if call.name.endswith("apply_patch") and isinstance(patch, str) else []


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}
