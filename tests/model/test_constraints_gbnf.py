"""The grammar for llama.cpp without llguidance: what it lets pass, letter by letter, as llama.cpp reads it.

GBNF's characters see a control token by its spelling, so here it is that.
"""

import json
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant import toolspecs
from ossa.model.base import ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.constraints_gbnf import gbnf_of_harmony

TOOLS = [value for value in vars(toolspecs).values() if isinstance(value, ToolSpec)]
OPEN = toolspecs.OPEN_FILE
CALL = "<|channel|>commentary to=repo_browser.open_file <|constrain|>json<|message|>"
NAMES = {
    200003: "<|constrain|>",
    200005: "<|channel|>",
    200006: "<|start|>",
    200007: "<|end|>",
    200008: "<|message|>",
}


WORDS = regex.compile(
    r'"(?P<literal>(?:\\.|[^"\\])*)"|(?P<letters>\[\^?(?:\\.|[^\]\\])*\])|<\[(?P<token>\d+)\]>'
    r"|(?P<rule>[A-Za-z][A-Za-z0-9-]*)|(?P<sign>[()|?*+]|\{[0-9,]+\})|(?P<blank> +)"
)
"""What a rule in GBNF is made of."""


class Judge:
    """Says which answers a grammar lets pass: its rules as groups of one regular expression."""

    def __init__(self, constraint: Constraint, *tools: ToolSpec) -> None:
        rules = [line.split(" ::= ", 1) for line in gbnf_of_harmony(constraint, tools).splitlines()]
        groups = "".join(f"(?P<{name.replace('-', '_')}>{self._group(body)})" for name, body in rules)
        self._answer = regex.compile(f"(?(DEFINE){groups})(?&root)")

    def _group(self, body: str) -> str:
        words = list(WORDS.finditer(body))
        assert "".join(word[0] for word in words) == body
        return "".join(self._part(word) for word in words)

    def _part(self, word: Any) -> str:
        match word.lastgroup:
            case "literal":
                return f"(?:{regex.escape(json.loads(word[0]))})"
            case "token":
                return regex.escape(NAMES[int(word["token"])])
            case "rule":
                return f"(?&{word[0].replace('-', '_')})"
            case _:
                return "" if word["blank"] else word[0]

    def takes(self, answer: str) -> bool:
        """Whether it may be the whole answer."""
        return bool(self._answer.fullmatch(answer))


def tool(schema: dict[str, Any]) -> ToolSpec:
    """One whose argument `x` is of the schema."""
    return ToolSpec("t.t", "", {"type": "object", "properties": {"x": schema}, "required": ["x"]})


def call(arguments: object) -> str:
    """A call of it."""
    return f"<|channel|>commentary to=t.t <|constrain|>json<|message|>{json.dumps(arguments, ensure_ascii=False)}"


@pytest.mark.parametrize(
    "answer",
    [
        "<|channel|>final<|message|>Fine: a < b, a <| b, <b>, <<, <|",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>",
        CALL + '{"path": "a.py"}',
        CALL + '{ "path" : "a\\"\\u00e9 <| b<", "line_start": -7,\n"line_end":120}',
        CALL.replace(" <|constrain|>json", " json") + '{"path":"ä"}',
        " to=repo_browser.open_file<|channel|>analysis code<|message|>" + '{"path":"a","line_end":0}',
        "<|channel|>commentary<|message|>First.<|end|><|start|>assistant" + CALL + '{"path": ""}',
    ],
)
def test_answers_and_calls_pass(answer: str) -> None:
    assert Judge(Constraint(), OPEN).takes(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Fine.",
        "<|channel|>final<|message|>Fine.<|end|>",
        "<|channel|>final<|message|>Fine <<|start|>assistant",
        "<|channel|>final<|message|>Fine <|<|channel|>final",
        "<|channel|>comment<|message|>Fine.",
        "<|channel|>analysis<|message|>Hm.",
        CALL,
        CALL + "{}",
        CALL + '{"path": "a.py"',
        CALL + '{"path": "a.py"}}',
        CALL + '{"path": 1}',
        CALL + '{"path": "a.py", "line_start": 1.5}',
        CALL + '{"path": "a.py", "mode": "w"}',
        CALL + '{"path": "a.py",}',
        CALL + '{"line_end": 3}',
        CALL + '{"path": "a\nb"}',
        CALL + '{"path": "\\x"}',
        CALL + '{"path": "a<|end|>"}',
        CALL.replace("open_file", "close_file") + '{"path": "a.py"}',
    ],
)
def test_others_do_not(answer: str) -> None:
    assert not Judge(Constraint(), OPEN).takes(answer)


def test_what_must_be_called_is_called_and_what_may_not_be_is_not() -> None:
    made, final = CALL + '{"path": "a.py"}', "<|channel|>final<|message|>No."
    must, never = Judge(Constraint(must_call=(OPEN.name,)), *TOOLS), Judge(Constraint(calls=False), *TOOLS)
    assert must.takes(made) and not must.takes(final)
    assert never.takes(final) and not never.takes(made)
    thought = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
    assert must.takes(thought + made) and not Judge(Constraint(thinks=False), OPEN).takes(thought + made)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"enum": ['a"b', 2, None]}, ['a"b', 2, None], ["a", 3]),
        ({"const": "\\n"}, ["\\n"], ["\n", ""]),
        ({"type": ["string", "null"]}, ["", None], [1, True]),
        ({"anyOf": [{"type": "boolean"}, {"type": "number"}]}, [True, 1.5e-7, -0.5, 12], ["x", None]),
        ({"type": "array", "items": {"type": "integer"}}, [[], [1], [1, -2, 3]], [["1"], 1, [None]]),
        ({"type": "array"}, [[], [[], {"a": [None]}]], [{}]),
        ({"type": "object"}, [{}, {"a": {"b": 1}, "c": "d"}], [[], ""]),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, [{}, {"a": None}], [{"a": 1}, {"b": None}]),
        ({"$ref": "#/elsewhere"}, [1, "x", {"y": []}], []),
        ({}, [1, "x", {"y": []}], []),
    ],
)
def test_arguments_follow_any_schema(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    judge = Judge(Constraint(), tool(schema))
    assert [judge.takes(call({"x": value})) for value in good] == [True] * len(good)
    assert [judge.takes(call({"x": value})) for value in bad] == [False] * len(bad)


def test_a_tool_without_arguments_has_none() -> None:
    judge = Judge(Constraint(), ToolSpec("t.t", "", {}))
    assert judge.takes(call({})) and not judge.takes(call({"x": 1}))


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Of calls of a tool with a text."""
    return Judge(Constraint(), tool({"type": "string"}))


@given(text=st.text(st.sampled_from('<|a>\\"\n é'), max_size=12))
def test_every_text_passes_but_for_the_beginning_of_a_control_token(text: str, judge: Judge) -> None:
    assert judge.takes(call({"x": text})) == ("<|a" not in text)
    assert judge.takes(f"<|channel|>final<|message|>{text}") == ("<|a" not in text)


def test_all_tools_are_written_down_and_a_grammar_in_other_words_is_not() -> None:
    grammar = gbnf_of_harmony(Constraint(), TOOLS)
    assert all(f'" to={each.name}"' in grammar for each in TOOLS) and len(TOOLS) > 5
    Judge(Constraint(), *TOOLS)
    assert not gbnf_of_harmony(Constraint(grammar='start: "a"'), TOOLS)
