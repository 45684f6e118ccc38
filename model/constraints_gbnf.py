"""From a constraint to one grammar for the whole answer in GBNF, which every build of llama.cpp takes.

It says what `constraints_grammar` does for llguidance, with these differences: texts and lists may be of any length,
patches are plain strings, numbers have no bounds, and no text may have what the spelling of a control token begins
with, since GBNF's characters would match the token, too. Control tokens are named by their numbers. Those that end an
answer are not named: llama.cpp lets one come where the grammar is complete.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ossa.model.base import ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.harmony_reader import CHANNEL, CONSTRAIN, END, FUNCTIONS, MESSAGE, START

_PLAIN = r'"\\<\x00-\x1F'
"""What a character of a JSON string is not, where it is neither escaped nor could begin a control token."""
_SHARED = {
    # After “<”, and after “<|”, it matters what comes next: these are the states of an automaton.
    "text": '([^<] text | "<" text-open)?',
    "text-open": '("<" text-open | "|" text-bar | [^<|] text)?',
    "text-bar": '("<" text-open | [^<a-z] text)?',
    "string": r'"\"" chars',
    "chars": rf'"\"" | [^{_PLAIN}] chars | escape chars | "<" chars-open',
    "chars-open": rf'"\"" | "<" chars-open | "|" chars-bar | [^{_PLAIN}|] chars | escape chars',
    "chars-bar": rf'"\"" | "<" chars-open | [^{_PLAIN}a-z] chars | escape chars',
    "escape": r'"\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,9})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "blanks": r"[ \n]{0,8}",
    "value": "string | number | boolean | null | array | object",
    "array": '"[" blanks (value blanks ("," blanks value blanks)*)? "]"',
    "pair": 'string blanks ":" blanks value blanks',
    "object": '"{" blanks (pair ("," blanks pair)*)? "}"',
}
_KINDS = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
Rule = tuple[str, str]


def gbnf_of_harmony(constraint: Constraint, tools: Sequence[ToolSpec]) -> str:
    """For gpt-oss: what follows `<|start|>assistant`; empty where the text is held to a grammar in other words."""
    if constraint.grammar:
        return ""
    return "".join(f"{name} ::= {body}\n" for name, body in (*_harmony(constraint, tools), *_SHARED.items()))


def _harmony(constraint: Constraint, tools: Sequence[ToolSpec]) -> Iterator[Rule]:
    callable_ = [tool for tool in tools if constraint.calls and tool.name in (constraint.must_call or (tool.name,))]
    calls = [f"call{number}" for number in range(len(callable_))]
    last = calls if constraint.must_call else ["answer", *calls]
    yield "root", f"{'aside* ' if constraint.thinks else ''}({' | '.join(last)})"
    yield "aside", f'<[{CHANNEL}]> ("analysis" | "commentary") <[{MESSAGE}]> text <[{END}]> <[{START}]> "assistant"'
    yield "answer", f'<[{CHANNEL}]> "final" <[{MESSAGE}]> text'
    yield "calling", f'<[{CHANNEL}]> ("commentary" | "analysis")'
    yield "kind", f'(" "? <[{CONSTRAIN}]> "json" | " json" | " code")?'
    for name, tool in zip(calls, callable_, strict=True):
        recipient = _literal(f" to={tool.name}" if "." in tool.name else f" to={FUNCTIONS}.{tool.name}")
        arguments = f"{name}-arguments"
        yield name, f"(calling {recipient} | {recipient} calling) kind <[{MESSAGE}]> {arguments}"
        yield from _value(arguments, tool.parameters or {"type": "object", "properties": {}})


def _value(name: str, schema: dict[str, Any]) -> Iterator[Rule]:
    """The rule of that name for a value of the schema, and those that it needs."""
    choices: list[Any] = schema.get("anyOf") or schema.get("oneOf") or []
    kinds: list[Any] = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type", "value")]
    if "const" in schema or schema.get("enum"):
        values = [schema["const"]] if "const" in schema else schema["enum"]
        yield name, " | ".join(_json(value) for value in values)
    elif choices or len(kinds) > 1:
        parts = [f"{name}-{number}" for number in range(len(choices or kinds))]
        yield name, " | ".join(parts)
        for part, choice in zip(parts, choices or ({**schema, "type": kind} for kind in kinds), strict=True):
            yield from _value(part, choice)
    elif kinds == ["object"] and "properties" in schema:
        yield from _object(name, schema["properties"], schema.get("required", ()))
    elif kinds == ["array"] and schema.get("items"):
        yield name, f'"[" blanks ({name}-item blanks ("," blanks {name}-item blanks)*)? "]"'
        yield from _value(f"{name}-item", schema["items"])
    else:
        yield name, kinds[0] if kinds[0] in _KINDS else "value"


def _object(name: str, properties: dict[str, Any], required: Sequence[str]) -> Iterator[Rule]:
    """An object with these properties in their order, where those that are not required may be left out."""
    yield name, f'"{{" blanks {name}-first0'
    for number, (key, schema) in enumerate(properties.items()):
        value, after = f"{name}-{number}", f"{name}-next{number + 1}"
        pair = f'{_json(key)} blanks ":" blanks {value} blanks {after}'
        may_lack = key not in required
        yield f"{name}-first{number}", pair + (f" | {name}-first{number + 1}" if may_lack else "")
        yield f"{name}-next{number}", f'"," blanks {pair}' + (f" | {after}" if may_lack else "")
        yield from _value(value, schema)
    yield f"{name}-first{len(properties)}", '"}"'
    yield f"{name}-next{len(properties)}", '"}"'


def _json(value: Any) -> str:
    return _literal(json.dumps(value, ensure_ascii=False))


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
