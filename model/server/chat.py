"""Any server's `/v1/chat/completions` with tools, where it gives nothing better: text in, text out.

Its own template decides what the model sees, so what a message says could be taken for control tokens: their spellings
are broken up on the way there. Calls come in parts and are made once the answer is complete.
"""

import json
import re
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from ossa.model.base import (
    Continuation,
    FinishReason,
    Message,
    ModelError,
    Piece,
    Sampling,
    ToolCall,
    ToolSpec,
    Weighed,
)
from ossa.model.codec import clean
from ossa.model.constraints import Constraint
from ossa.model.server.heard import Form, Request, Served, Tally, chosen, ending
from ossa.model.server.ids import check
from ossa.model.server.line import Line
from ossa.model.server.spoken import Spoken

_CONTROL = re.compile(
    r"<(?=\|[A-Za-z0-9_]{2,40}\|>)|<(?=｜)"
    r"|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn|think|tool_call|tool_response)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_CONTENT|TOOL_RESULTS)\])"
)
"""What the templates of Llama, Qwen, Mistral, DeepSeek and Gemma have for control tokens."""
_BY_SCHEMA = ("Ollama", "LM Studio")
"""Servers that can be made to answer by a schema, but not to call a tool."""
_DOT = "__"
"""What stands for a dot in the name of a tool, which these servers do not allow."""
_BREAK = "\u2060"
"""A character without width."""
_EXTRAS = ("stream_options", "reasoning_effort", "tool_choice", "seed")
_REMEMBERED = 64


class ChatWay:
    """The `Way` of chat completions."""

    def __init__(self, line: Line, served: Served) -> None:
        exact = served.kind == "vLLM"
        self.about = f"{served.kind or 'a server'} by chat, tokens {'counted by it' if exact else 'estimated'}"
        self._line, self._served, self._is_exact = line, served, exact
        self._thoughts: dict[Message, str] = {}
        """What the model thought before it called, which it is shown again until its turn is over."""

    def begin(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling, hurried: Callable[[], bool]
    ) -> "ChatWriter":
        """A new answer."""
        if sampling.begin:
            raise ModelError("This server takes no beginning of an answer, which the search for repairs needs.")
        tokens = self.count(messages, tools)
        check(tokens, self._served.window)
        names = {spec.name: _safe(spec.name) for spec in tools}
        told = self._messages(messages, names)
        body: dict[str, Any] = {
            "model": self._served.model,
            "messages": told,
            "stream": True,
            "max_tokens": max(1, min(sampling.max_tokens, self._served.window - tokens)),
            "stream_options": {"include_usage": True},
            **chosen(sampling),
        }
        if self._served.is_gpt_oss or "gpt-oss" in self._served.model:
            body["reasoning_effort"] = sampling.effort
        must = [spec for spec in tools if sampling.constraint and spec.name in sampling.constraint.must_call]
        if tools:
            body["tools"] = [_function(spec, names[spec.name]) for spec in tools]
            body |= {"tool_choice": "required"} if must else {}
        request = Request("/v1/chat/completions", body, _EXTRAS, self._forms(body, told, must))
        only = must[0] if len(must) == 1 else None
        return ChatWriter(request, sampling, {safe: name for name, safe in names.items()}, tokens, self._think, only)

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        """Tokens of the prompt: as the server counts them where it does, else about so many."""
        if self._is_exact:
            names = {spec.name: _safe(spec.name) for spec in tools}
            body: dict[str, Any] = {"model": self._served.model, "messages": self._messages(messages, names)}
            if tools:
                body["tools"] = [_function(spec, names[spec.name]) for spec in tools]
            reply = self._line.ask("/tokenize", body, is_safe=True)
            if isinstance(reply, dict) and isinstance(reply.get("count"), int):
                return reply["count"]
        return self._estimate(messages, tools)

    def weigh(self, messages: Sequence[Message], answer: str, others: int, stop: Event | None) -> tuple[Weighed, ...]:
        """Never: chat has no words for it."""
        raise ModelError("This server cannot tell how likely a text is, which the search for repairs needs.")

    def go_on(
        self, messages: Sequence[Message], begin: str, held: Constraint | None, sampling: Sampling, stop: Event | None
    ) -> Continuation:
        """Never: chat has no words for it."""
        raise ModelError("This server takes no beginning of an answer, which the search for repairs needs.")

    def _forms(
        self, body: dict[str, Any], told: Sequence[dict[str, Any]], must: Sequence[ToolSpec]
    ) -> tuple[Form, ...]:
        """What has the server hold calls to their schemas; llama.cpp does so unasked."""
        if self._served.kind == "vLLM" and "tools" in body:
            strict = [each | {"function": each["function"] | {"strict": True}} for each in body["tools"]]
            return (Form("strict", {"tools": strict}),)
        if self._served.kind in _BY_SCHEMA and len(must) == 1:
            return (Form("response_format", _by_schema(must[0], told)),)
        return ()

    def _estimate(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        """By the tokens of gpt-oss, which are much like those of other large models."""
        from ossa.model.harmony import HarmonyCodec

        self._codec = getattr(self, "_codec", None) or HarmonyCodec()
        return len(self._codec.prompt(messages, tools, Sampling()))

    def _think(self, message: Message, thought: str) -> None:
        if thought and message.calls:
            while len(self._thoughts) >= _REMEMBERED:
                del self._thoughts[next(iter(self._thoughts))]
            self._thoughts[message] = thought

    def _messages(self, messages: Sequence[Message], names: dict[str, str]) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        waiting: list[tuple[str, str]] = []
        last = max((n for n, message in enumerate(messages) if message.role == "user"), default=-1)
        for number, message in enumerate(messages):
            text = defuse(message.text)
            if message.role == "tool" and waiting:
                call = next((each for each in waiting if each[0] == message.tool), waiting[0])
                waiting.remove(call)
                told.append({"role": "tool", "tool_call_id": call[1], "content": text})
                continue
            # A call whose turn was broken off has no result, and servers refuse a conversation with such a one.
            told += [{"role": "tool", "tool_call_id": each, "content": "There is no result."} for _, each in waiting]
            waiting = [(call.name, f"call_{number}_{place}") for place, call in enumerate(message.calls)]
            if message.role == "tool":
                told.append({"role": "user", "content": f"Result of {message.tool}:\n{text}"})
                continue
            entry: dict[str, Any] = {"role": message.role, "content": text}
            if message.calls:
                entry["tool_calls"] = [
                    _call(call, names, identity) for call, (_, identity) in zip(message.calls, waiting, strict=True)
                ]
            if number > last and (thought := self._thoughts.get(message)):
                entry["reasoning_content"] = defuse(thought)
            told.append(entry)
        return told


class ChatWriter:
    """An answer by chat."""

    turns = False

    def __init__(
        self,
        request: Request,
        sampling: Sampling,
        names: dict[str, str],
        prompt: int,
        think: Callable[[Message, str], None],
        only: ToolSpec | None = None,
    ) -> None:
        """`only`: the tool that has to be called, whose arguments may come as text."""
        self.tally = Tally(prompt=prompt)
        self.begun, self.cuts = False, False
        self.ended: FinishReason | None = None
        self._request, self._names, self._think = request, names, think
        self._only, self._kept = only, ""
        self._spoken = Spoken(sampling)

    def request(self) -> Request:
        """To have the conversation continued."""
        return self._request

    def hear(self, content: dict[str, Any]) -> list[Piece]:
        """The pieces that the next object makes known."""
        pieces: list[Piece] = []
        if isinstance(usage := content.get("usage"), dict):
            self.tally.prompt = usage.get("prompt_tokens") or self.tally.prompt
            self.tally.reused = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or self.tally.reused
            self.tally.written = usage.get("completion_tokens") or self.tally.written
        for choice in content.get("choices") or ():
            said = choice.get("delta") or choice.get("message") or {}
            pieces += self._spoken.reason(said.get("reasoning_content") or said.get("reasoning") or "")
            pieces += self._said(said.get("content") or "")
            for place, call in enumerate(said.get("tool_calls") or ()):
                function = call.get("function") or {}
                name = str(function.get("name") or "")
                index = call.get("index")
                self._spoken.call(place if index is None else index, self._named(name), function.get("arguments") or "")
                self.begun = True
            self.begun = self.begun or bool(pieces or said.get("content"))
            if reason := choice.get("finish_reason"):
                self.ended = ending(reason)
            if self._spoken.is_complete:
                self.ended, self.cuts = "stop", True
        return pieces

    def finish(self) -> list[Piece]:
        """The calls, and what else was held back."""
        pieces: list[Piece] = []
        if self._only and self.ended == "stop" and not self._spoken.calls and _fits(self._kept, self._only):
            self._spoken.call(0, self._only.name, self._kept.strip())
        elif self._kept:
            pieces = self._spoken.say(self._kept)
        return pieces + self._spoken.finish(is_whole=self.ended == "stop")

    def _named(self, name: str) -> str:
        """A tool by the name that it has here; the model may think one up in the same manner."""
        return self._names.get(name, name.replace(_DOT, "."))

    def _said(self, text: str) -> list[Piece]:
        """Text, which is kept back while it may be the arguments of the call that has to come."""
        if not self._only:
            return self._spoken.say(text)
        self._kept += text
        return []

    def result(self, reason: FinishReason) -> tuple[FinishReason, Message]:
        """Why it ended, and the entry for the transcript."""
        message = self._spoken.message(is_whole=self.ended == "stop")
        self._think(message, self._spoken.thought)
        return "tool_calls" if message.calls and reason == "stop" else reason, message


def defuse(text: str) -> str:
    """The text with what a template would take for control tokens broken up."""
    return clean(_CONTROL.sub(lambda found: found[0] + _BREAK, text))


def _function(spec: ToolSpec, name: str) -> dict[str, Any]:
    parameters = spec.parameters or {"type": "object", "properties": {}}
    function = {"name": name, "description": spec.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _by_schema(spec: ToolSpec, told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A request for a tool's arguments as the whole answer, laid over one for a call of it."""
    asked = f"Answer with the arguments of {spec.name} as a JSON object and nothing else. {spec.description}"
    last = told[-1] if told and told[-1]["role"] == "user" else {"role": "user", "content": ""}
    before = told[:-1] if told and last is told[-1] else told
    schema = {"name": _safe(spec.name), "strict": True, "schema": spec.parameters}
    return {
        "messages": [*before, last | {"content": f"{last['content']}\n\n{asked}".strip()}],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "tools": None,
        "tool_choice": None,
    }


def _fits(text: str, spec: ToolSpec) -> bool:
    """Whether the text is an object with what the tool needs."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(given, dict) and all(name in given for name in (spec.parameters or {}).get("required", ()))


def _call(call: ToolCall, names: dict[str, str], identity: str) -> dict[str, Any]:
    """A call of the history; its arguments are made an object, since templates read them."""
    try:
        arguments = call.arguments if isinstance(json.loads(call.arguments), dict) else ""
    except (ValueError, RecursionError):
        arguments = ""
    function = {
        "name": names.get(call.name) or _safe(call.name),
        "arguments": defuse(arguments or json.dumps({"input": call.arguments})),
    }
    return {"id": identity, "type": "function", "function": function}


def _safe(name: str) -> str:
    """The name as these servers allow it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name.replace(".", _DOT))[:64]
