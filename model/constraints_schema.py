"""JSON schemas of tools' arguments, made such that a model can't go on for ever within them."""

from typing import Any

from ossa.model.constraints import Bounds

BLANKS = r"[ \n]{1,8}"
"""White space where JSON may have some: enough for any habit, too little to get lost in."""
_LARGEST = 10**9
_VALUES = frozenset({"const", "enum", "default", "examples"})
_LIMITED = frozenset({"const", "enum", "pattern", "format"})
"""Keys of strings that are short by themselves."""


def bounded(schema: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """The schema with a limit for everything that it leaves open, and no arguments but those that it names."""
    out = {key: value if key in _VALUES else _within(value, bounds) for key, value in schema.items()}
    kind = schema.get("type")
    for name in kind if isinstance(kind, list) else [kind]:
        if isinstance(name, str):
            out = _limits(name, schema, bounds) | out
    return out


def _within(value: Any, bounds: Bounds) -> Any:
    if isinstance(value, list):
        return [_within(item, bounds) for item in value]
    return bounded(value, bounds) if isinstance(value, dict) else value


def _limits(kind: str, schema: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    match kind:
        case "string" if not _LIMITED & schema.keys():
            return {"maxLength": bounds.text}
        case "integer" | "number":
            low = {} if "exclusiveMinimum" in schema else {"minimum": -_LARGEST}
            return low if "exclusiveMaximum" in schema else low | {"maximum": _LARGEST}
        case "array":
            return {"maxItems": bounds.items}
        case "object" if "properties" in schema:
            return {"additionalProperties": False}
        case _:
            return {}
