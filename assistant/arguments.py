"""What a model wrote as a tool's arguments, made into what the tool takes: other names, wrong types, bare text."""

import json
from typing import Any

_ALIASES = {
    "cmd": ("command", "commands", "shell", "script", "input"),
    "path": ("file_path", "filepath", "file", "filename", "dir", "directory"),
    "query": ("pattern", "regex", "q", "search", "text"),
    "patch": ("input", "diff", "content", "patch_text"),
    "line_start": ("start_line", "start", "from", "offset"),
    "line_end": ("end_line", "end", "to"),
    "workdir": ("cwd", "working_dir", "working_directory"),
    "timeout": ("timeout_s", "timeout_seconds"),
    "max_results": ("limit", "max"),
    "depth": ("max_depth",),
}


class ArgumentError(Exception):
    """The arguments do not fit; the text is for the model."""


def read_arguments(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Read the arguments of a call for a tool with this JSON schema.

    Bare text is taken as the tool's first argument, since patches and commands often come that way.

    Raises:
        ArgumentError: a required argument is missing, or one has a type that cannot be made to fit.
    """
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    given = _parse(text, next(iter(properties), ""))
    taken: dict[str, Any] = {}
    for name, rule in properties.items():
        for key in (name, *_ALIASES.get(name, ())):
            if key in given and given[key] is not None:
                taken[name] = _fit(name, given[key], rule.get("type", "string"))
                break
    missing = [name for name in schema.get("required", ()) if name not in taken]
    if missing:
        wanted = ", ".join(f'"{name}" ({rule.get("type", "string")})' for name, rule in properties.items())
        raise ArgumentError(
            f"The argument {', '.join(missing)} is missing. The tool takes a JSON object with: {wanted}."
        )
    return taken


def _parse(text: str, first: str) -> dict[str, Any]:
    stripped = text.strip()
    if not stripped:
        return {}
    try:
        value = json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        value = text
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownArgumentType]
    return {first: value}


def _fit(name: str, value: Any, kind: str) -> Any:
    if kind == "string":
        if isinstance(value, str):
            return value
        if isinstance(value, list):  # `["bash", "-lc", "ls"]`, or a line in pieces
            words = [str(word) for word in value]  # pyright: ignore[reportUnknownArgumentType]
            return words[2] if len(words) == 3 and words[1] in ("-c", "-lc") else " ".join(words)
        return json.dumps(value)
    if kind == "boolean":
        if (said := str(value).strip().lower()) not in ("true", "false"):
            raise ArgumentError(f'The argument "{name}" must be true or false, not {json.dumps(value)[:60]}.')
        return said == "true"
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f'The argument "{name}" must be a number, not {json.dumps(value)[:60]}.') from None
