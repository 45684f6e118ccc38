"""What servers hold answers to, in place of our masks: asked for where they can, left out where they refuse it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ossa.model.base import Finished, Message, ModelError, Sampling, Text, ToolCall, ToolSpec
from ossa.model.constraints import Constraint

ASK = [Message("system", "Be brief."), Message("user", "Mend a.py.")]
PATCH = ToolSpec(
    "repo_browser.apply_patch",
    "Change files.",
    {"type": "object", "properties": {"patch": {"type": "string"}}, "required": ["patch"]},
)
OPEN = ToolSpec("repo_browser.open_file", "Open it.", {"type": "object"})
ARGUMENTS = '{"patch": "*** Begin Patch"}'
FREE = Sampling(constraint=Constraint())
MUST = Sampling(constraint=Constraint(must_call=(PATCH.name,)))
KINDS: dict[str, dict[str, Any]] = {
    "vLLM": {"/v1/models": {"data": [{"id": "m", "max_model_len": 16384}]}, "/tokenize": {"count": 9}},
    "Ollama": {"/api/version": {"version": "0.12.6"}, "/api/show": {"capabilities": ["tools"]}},
    "LM Studio": {"/api/v0/models": {"data": [{"id": "m", "loaded_context_length": 16384}]}},
    "": {},
}


def answered(model: Any, sampling: Sampling, *tools: ToolSpec) -> list[Any]:
    """The pieces of an answer that came to its end."""
    pieces = list(model.generate(ASK, tools=tools, sampling=sampling))
    assert isinstance(pieces[-1], Finished)
    return pieces


def refusing(server: Any, *keys: str, told: str = "failed to parse it: unexpected character") -> list[dict[str, Any]]:
    """Have the server refuse requests with one of these keys, in words that name none; what it refused is the list."""
    answer, refused = server.post, list[dict[str, Any]]()

    def strict(path: str, body: dict[str, Any]) -> Any:
        functions = [tool["function"] for tool in body.get("tools", ())]
        if body.get("stream") and any(key in table for key in keys for table in (body, *functions)):
            refused.append(body)
            return None
        return answer(path, body)

    server.post, server.status, server.refusal = strict, 400, told
    return refused


@pytest.mark.parametrize(
    ("way", "version", "key"),
    [("vllm", "0.32.0+cpu", "structured_outputs"), ("vllm", "0.19.1", ""), ("llama", "", "grammar")],
)
def test_answers_in_token_ids_are_held_to_our_grammar(way: Any, version: str, key: str, serve: Any, reach: Any) -> None:
    server = serve(way, [Text("Fine.")], [Text("Fine.")], replies={"/version": {"version": version}} if version else {})
    model = reach(server.url)
    answered(model, FREE, OPEN)
    answered(model, Sampling(), OPEN)
    held, free = server.asked
    assert ("held to the format" in model.info.why) == bool(key)
    assert not {"structured_outputs", "grammar"} & {*free, *(set(held) - {key})}
    grammar = held.get(key)
    if way == "vllm":
        assert (grammar or {}).get("grammar", "start: ").startswith("start: ")
    else:
        assert grammar.startswith("%llguidance {}\nstart: ")
    assert not key or OPEN.name in json.dumps(grammar)


def test_llama_cpp_without_llguidance_is_sent_gbnf_and_never_what_would_end_it(serve: Any, reach: Any) -> None:
    server = serve("llama", [Text("One.")], [Text("Two.")], guided=False, status=400)
    model = reach(server.url)
    assert not server.probes
    for _ in range(2):
        answered(model, FREE, OPEN)
    assert [asked["grammar"].startswith("root ::= aside* (answer | call0)\n") for asked in server.asked] == [True] * 2
    assert f" to={OPEN.name}" in server.asked[0]["grammar"]
    assert [(probe["n_predict"], probe["stream"]) for probe in server.probes] == [(0, False)]


def test_llama_cpp_that_fails_at_our_grammar_is_sent_gbnf(serve: Any, reach: Any) -> None:
    server = serve("llama", [Text("One.")])
    answer = server.post

    def old(path: str, body: dict[str, Any]) -> Any:
        refuses = body.get("stream") and body["grammar"].startswith("%llguidance")
        return None if refuses else answer(path, body)

    server.post, server.status, server.refusal = old, 400, "failed to parse grammar"
    assert answered(reach(server.url), FREE, OPEN)[-1].message.text == "One."
    assert server.asked[0]["grammar"].startswith("root ::=")


@pytest.mark.parametrize(("way", "key"), [("vllm", "structured_outputs"), ("llama", "grammar")])
def test_a_form_that_is_refused_is_left_out_once_and_for_all(way: Any, key: str, serve: Any, reach: Any) -> None:
    server = serve(way, [Text("One.")], [Text("Two.")], replies={"/version": {"version": "0.33.0"}})
    refused, model = refusing(server, key), reach(server.url)
    said = [answered(model, FREE, OPEN)[-1].message.text for _ in range(2)]
    assert said == ["One.", "Two."] and len(refused) == (1 if way == "vllm" else 2)
    assert [key in asked for asked in server.asked] == [False, False]


def test_a_form_is_kept_where_something_else_was_refused(serve: Any, reach: Any) -> None:
    server = serve("llama", [Text("Fine.")])
    refused, model = refusing(server, "prompt", told="there is no room"), reach(server.url)
    with pytest.raises(ModelError, match="no room"):
        answered(model, FREE, OPEN)
    assert ["grammar" in body for body in refused] == [True, True, False]
    server.post = type(server).post.__get__(server)
    answered(model, FREE, OPEN)
    assert "grammar" in server.asked[0]


def test_a_refusal_may_come_where_a_stream_was_promised(serve: Any, reach: Any) -> None:
    server = serve("vllm", [Text("Fine.")], replies={"/version": {"version": "0.33.0"}})
    answer, asked = server.post, list[bool]()

    def late(path: str, body: dict[str, Any]) -> Any:
        if not body.get("stream"):
            return answer(path, body)
        asked.append("structured_outputs" in body)
        refusal = {"error": {"message": "Grammar error: line 3", "code": 400}}
        told: Iterator[dict[str, Any]] = iter([refusal]) if asked[-1] else answer(path, body)
        return told

    server.post = late
    assert answered(reach(server.url), FREE, OPEN)[-1].message.text == "Fine."
    assert asked == [True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_by_chat_a_call_that_must_come_is_held_to_its_schema(kind: str, serve: Any, reach: Any) -> None:
    server = serve("chat", [Text(ARGUMENTS)], name="m", replies=KINDS[kind])
    pieces = answered(reach(server.url), MUST, PATCH)
    asked = server.asked[0]
    assert ToolCall(PATCH.name, ARGUMENTS) in pieces and not any(isinstance(piece, Text) for piece in pieces)
    if kind in ("Ollama", "LM Studio"):
        assert asked["response_format"]["json_schema"]["schema"] == PATCH.parameters
        assert not {"tools", "tool_choice"} & {*asked}
        assert asked["messages"][-1]["content"].startswith("Mend a.py.\n\nAnswer with the arguments of repo_browser.")
    else:
        assert asked["tool_choice"] == "required" and "response_format" not in asked
        assert asked["tools"][0]["function"].get("strict", False) == (kind == "vLLM")


@pytest.mark.parametrize("kind", ["vLLM", "Ollama"])
def test_by_chat_a_schema_that_is_refused_is_left_out(kind: str, serve: Any, reach: Any) -> None:
    call = ToolCall(PATCH.name, ARGUMENTS)
    server = serve("chat", [call], [call], name="m", replies=KINDS[kind])
    refused, model = refusing(server, "response_format", "strict"), reach(server.url)
    for _ in range(2):
        assert call in answered(model, MUST, PATCH)
    assert len(refused) == 1
    assert [("response_format" in asked, asked["tool_choice"]) for asked in server.asked] == [(False, "required")] * 2


@pytest.mark.parametrize("text", ["I cannot.", '{"path": "a.py"}', '["patch"]', "[" * 100_000])
def test_by_chat_what_is_no_call_stays_text(text: str, serve: Any, reach: Any) -> None:
    server = serve("chat", [Text(text)], name="m", replies=KINDS["Ollama"])
    pieces = answered(reach(server.url), MUST, PATCH)
    assert Text(text) in pieces and not any(isinstance(piece, ToolCall) for piece in pieces)
