"""From a constraint to one grammar for the whole answer, in Lark's words as llguidance knows them.

    <|channel|>analysis<|message|>…<|end|><|start|>assistant   any number of these
    <|channel|>final<|message|>…<|return|>                     an answer, or
    <|channel|>commentary to=TOOL <|constrain|>json<|message|>{…}<|call|>

Control tokens are named by their numbers, so no text can ever become one.
"""

import json
from collections.abc import Iterator, Sequence

from ossa.model.base import ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.constraints_patch import patch_rules
from ossa.model.constraints_schema import BLANKS, bounded
from ossa.model.harmony_reader import CALL, CHANNEL, CONSTRAIN, END, FUNCTIONS, MESSAGE, RETURN, START

_ANY_TEXT = r"/(?s:.*)/"
_JSON = {"whitespace_pattern": BLANKS}


def grammar_of_harmony(constraint: Constraint, tools: Sequence[ToolSpec]) -> str:
    """For gpt-oss: what follows `<|start|>assistant`."""
    return "\n".join(_harmony(constraint, tools))


def _harmony(constraint: Constraint, tools: Sequence[ToolSpec]) -> Iterator[str]:
    callable_ = [tool for tool in tools if constraint.calls and tool.name in (constraint.must_call or (tool.name,))]
    calls = [f"call{number}" for number in range(len(callable_))]
    last = calls if constraint.must_call else ["answer", *calls]
    before = f'(aside <[{START}]> "assistant")* ' if constraint.thinks else ""
    yield f"start: {before}({' | '.join(last)})"
    if constraint.thinks:
        yield f'aside: <[{CHANNEL}]> ("analysis" | "commentary") <[{MESSAGE}]> TEXT <[{END}]>'
    yield f"TEXT: {_ANY_TEXT}"
    if "answer" in last:
        text = f"%lark {{\n{constraint.grammar}\n}}" if constraint.grammar else "TEXT"
        yield f'answer: <[{CHANNEL}]> "final" <[{MESSAGE}]> text <[{RETURN}]>'
        yield f"text: {text}"
    if calls:
        yield f'calling: <[{CHANNEL}]> ("commentary" | "analysis")'
        yield f'kind: (" "? <[{CONSTRAIN}]> "json" | " json" | " code")?'
    for name, tool in zip(calls, callable_, strict=True):
        recipient = json.dumps(f" to={tool.name}" if "." in tool.name else f" to={FUNCTIONS}.{tool.name}")
        yield f"{name}: (calling {recipient} | {recipient} calling) kind <[{MESSAGE}]> {name}_arguments <[{CALL}]>"
        yield from _arguments(f"{name}_arguments", tool, constraint)


def _arguments(rule: str, tool: ToolSpec, constraint: Constraint) -> Iterator[str]:
    if tool.name == constraint.patch_tool and constraint.files is not None:
        yield f"{rule}: patch"
        yield from patch_rules(constraint.files, constraint.taken, constraint.bounds)
    elif tool.parameters:
        schema = {"x-guidance": _JSON, **bounded(tool.parameters, constraint.bounds)}
        yield f"{rule}: %json {json.dumps(schema)}"
    else:
        yield f'{rule}: "{{" /{BLANKS}/? "}}"'
