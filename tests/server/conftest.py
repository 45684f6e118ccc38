"""Servers for the tests, all on loopback: one that replays a script in three dialects, and a proxy that does harm."""

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from ossa.model.base import Piece, Text, Thought, ToolCall
from ossa.model.harmony import HarmonyCodec
from ossa.model.harmony_reader import CALL, CHANNEL, CONSTRAIN, END, MESSAGE, RETURN, START
from ossa.model.server.line import Limits
from ossa.model.server.model import ServerModel, open_server
from ossa.tests.waiting import LIMIT

Dialect = Literal["vllm", "llama", "chat"]
Answer = Sequence[Piece]
HASTY = Limits(connect=50.0, reply=50.0, first=50.0, idle=50.0, tries=4, pause=0.01)


@cache
def _codec() -> HarmonyCodec:
    return HarmonyCodec()


@dataclass
class Server:
    """A server of models that says what its script says; what it was asked stays in `asked`."""

    dialect: Dialect
    answers: Iterator[Answer]
    name: str = "gpt-oss-20b"
    refusal: str = "unknown"
    status: int = 404
    """Of refusals."""
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    dropped: threading.Event = field(default_factory=threading.Event)
    """A client has gone while it was being answered."""
    held: threading.Event | None = None
    """If there is one, answers stop in their middle until it is set."""
    brain: Callable[[Sequence[int], int], Iterator[int]] | None = None
    """If there is one, it writes the answers, in token ids."""
    codec: HarmonyCodec = field(default_factory=_codec)
    replies: dict[str, Any] = field(default_factory=dict[str, Any])
    """What it answers to questions of its own kind, by their paths."""
    guided: bool = True
    """Whether llama.cpp was built with llguidance; else it ends at the sight of such a grammar, as older ones do."""
    probes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Questions what it would make of a schema."""
    known: list[list[int]] = field(default_factory=list[list[int]])
    """Prompts that were read, as a server's prefix cache has them."""

    def get(self, path: str) -> Any:
        """The reply to a question."""
        if path in self.replies:
            return self.replies[path]
        model = {"id": self.name, "object": "model"}
        match self.dialect, path:
            case "vllm", "/v1/models":
                return {"data": [model | {"owned_by": "vllm", "max_model_len": 16384}]}
            case "vllm", "/version":
                return {"version": "0.19.1"}
            case "llama", "/props":
                return {"default_generation_settings": {"n_ctx": 16384}, "chat_template_caps": {}}
            case _, "/v1/models":
                return {"data": [model | {"context_length": 16384}]}
            case _:
                return None

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The reply to a question, or the objects of a stream."""
        if path in self.replies:
            return self.replies[path]
        if path == "/tokenize" and self.dialect != "chat":
            text = body.get("content") or body.get("prompt") or ""
            return {"tokens": self.codec._encoding.encode(text, allowed_special="all")}
        streams = {"vllm": "/v1/completions", "llama": "/completion", "chat": "/v1/chat/completions"}
        if path != streams[self.dialect]:
            return None
        if self.dialect != "llama" and body["model"] != self.name:  # llama.cpp answers with what it has
            return None
        if "json_schema" in body:
            return self.schema(body)
        self.asked.append(body)
        return self.chat() if self.dialect == "chat" else self.tokens(body)

    def schema(self, body: dict[str, Any]) -> Any:
        """What llama.cpp makes of a schema: a build without llguidance fails at one that points nowhere."""
        self.probes.append(body)
        grammar = f"%llguidance {{}}\nstart: %json {json.dumps(body['json_schema'])}"
        return {"content": "", "generation_settings": {"grammar": grammar}} if self.guided else None

    def chat(self) -> Iterator[dict[str, Any]]:
        answer = next(self.answers)
        for number, piece in enumerate(answer):
            match piece:
                case Thought():
                    yield from (_delta(reasoning_content=part) for part in _parts(piece.text))
                case Text():
                    yield from (_delta(content=part) for part in _parts(piece.text))
                case ToolCall():
                    name = piece.name.replace(".", "__")
                    call = {"index": number, "id": f"x{number}", "function": {"name": name, "arguments": ""}}
                    yield _delta(tool_calls=[call])
                    for part in _parts(piece.arguments):
                        yield _delta(tool_calls=[{"index": number, "function": {"arguments": part}}])
                case _:
                    pass
        reason = "tool_calls" if any(isinstance(piece, ToolCall) for piece in answer) else "stop"
        yield {"choices": [{"delta": {}, "finish_reason": reason}]}
        yield {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}

    def tokens(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        prompt = list(body["prompt"])
        reused = max((_common(prompt, other) for other in self.known), default=0)
        room: int = body["max_tokens"] if self.dialect == "vllm" else body["n_predict"]
        ids = self.brain(prompt, room) if self.brain else iter(self.encoded(next(self.answers)))
        written: list[int] = []
        for token in itertools.islice(ids, room):
            written.append(token)
            ends = token in (CALL, RETURN)
            if self.dialect == "vllm":
                yield {"choices": [{"text": "x", "token_ids": [token], "finish_reason": "stop" if ends else None}]}
            elif not ends:
                yield {"content": "", "tokens": [token], "stop": False}
            if ends:
                break
        self.known.append(prompt + written)
        ended = bool(written) and written[-1] in (CALL, RETURN)
        if self.dialect == "vllm":
            usage = {"prompt_tokens": len(prompt), "prompt_tokens_details": {"cached_tokens": reused}}
            yield {"choices": [] if ended else [{"text": "", "finish_reason": "length"}], "usage": usage}
        else:
            timings = {"cache_n": reused}
            kind = "eos" if ended else "limit"
            yield {"content": "", "tokens": [], "stop": True, "stop_type": kind, "timings": timings}

    def encoded(self, answer: Answer) -> Iterator[int]:
        """The answer as gpt-oss would write it."""
        plain = self.codec._plain
        for number, piece in enumerate(answer):
            if number:
                yield from (END, START, *plain("assistant")) if not isinstance(answer[number - 1], ToolCall) else ()
            match piece:
                case Thought():
                    yield from (CHANNEL, *plain("analysis"), MESSAGE, *plain(piece.text))
                case Text():
                    yield from (CHANNEL, *plain("final"), MESSAGE, *plain(piece.text))
                case ToolCall():
                    yield from (CHANNEL, *plain(f"commentary to={piece.name} "), CONSTRAIN, *plain("json"), MESSAGE)
                    yield from (*plain(piece.arguments), CALL)
                case _:
                    pass
        if not isinstance(answer[-1], ToolCall):
            yield RETURN


def _parts(text: str) -> Iterator[str]:
    return (text[start : start + 5] for start in range(0, len(text), 5))


def _delta(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    """As many may come at once."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    serving: Server

    def do_GET(self) -> None:
        self._reply(self.serving.get(self.path))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.serving.headers.append(dict(self.headers))
        found = self.serving.post(self.path, body)
        if not isinstance(found, Iterator):
            self._reply(found)
            return
        self._head(200, "text/event-stream")
        try:
            for number, content in enumerate(found):
                self._chunk(b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n")
                if number == 6 and self.serving.held:
                    self._wait(self.serving.held)
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")
        except OSError:
            self.serving.dropped.set()
            self.close_connection = True

    def _wait(self, held: threading.Event) -> None:
        """Until it is set, or nobody listens any more."""
        while not held.wait(0.01):
            self._chunk(b": still here\n\n")

    def _reply(self, content: Any) -> None:
        body = json.dumps(content if content is not None else {"error": {"message": self.serving.refusal}}).encode()
        self.send_response(200 if content is not None else self.serving.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Not to the terminal."""


Fault = Literal["pass", "cut", "half", "429", "500", "nonsense", "stall", "hang", "gone", "early", "told"]


@dataclass
class Proxy:
    """Stands before a server and does to each stream what `faults` says next; later ones pass."""

    target: str
    faults: list[Fault] = field(default_factory=list[Fault])
    after: int = 3
    """Events that come through before a stream is harmed."""
    url: str = ""
    streams: int = 0
    released: threading.Event = field(default_factory=threading.Event)


class _ProxyHandler(_Handler):
    proxy: Proxy

    def do_GET(self) -> None:
        self._forward(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b'"stream": true' not in body and b'"stream":true' not in body:
            self._forward(body)
            return
        self.proxy.streams += 1
        fault: Fault = self.proxy.faults.pop(0) if self.proxy.faults else "pass"
        match fault:
            case "429" | "500":
                self.send_response(int(fault))
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "gone":
                self.close_connection = True
            case "early":
                self._head(200, "text/event-stream")
                self.close_connection = True
            case "hang":
                self.proxy.released.wait(LIMIT)
                self.close_connection = True
            case _:
                self._forward(body, fault)

    def _forward(self, body: bytes, fault: Fault = "pass") -> None:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=LIMIT)
        connection.request(self.command, self.path, body or None, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        kind = reply.headers.get("Content-Type", "")
        self._head(reply.status, kind)
        events = 0
        try:
            while line := reply.readline():
                events += line.startswith(b"data:")
                if fault != "pass" and events > self.proxy.after:
                    self._harm(fault, line)
                    return
                self._chunk(line)
            self._chunk(b"")
        except OSError:
            self.close_connection = True
        finally:
            connection.close()

    def _harm(self, fault: Fault, line: bytes) -> None:
        if fault == "half":
            self._chunk(line[: len(line) // 2])
        elif fault == "nonsense":
            self._chunk(b"data: {what?\n\n")
        elif fault == "stall":
            self.proxy.released.wait(LIMIT)
        elif fault == "told":
            self._chunk(b'data: {"error": {"message": "the card is on fire"}}\n\n')
        self.close_connection = True


@pytest.fixture
def running() -> Iterator[Callable[[type[_Handler]], str]]:
    """Starts HTTP servers on loopback and stops them at the end."""
    with ExitStack() as stack:

        def run(handler: type[_Handler]) -> str:
            server = _Threads(("127.0.0.1", 0), handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield run


@pytest.fixture
def serve(running: Callable[[type[_Handler]], str]) -> Callable[..., Server]:
    """Starts a server that replays answers."""

    def start(dialect: Dialect, *answers: Answer, **more: Any) -> Server:
        server = Server(dialect, iter(answers), **more)
        server.url = running(type("Handler", (_Handler,), {"serving": server}))
        return server

    return start


@pytest.fixture
def spoil(running: Callable[[type[_Handler]], str]) -> Iterator[Callable[..., Proxy]]:
    """Starts a proxy with its faults before a server."""
    proxies: list[Proxy] = []

    def start(target: str, *faults: Fault, **more: Any) -> Proxy:
        proxy = Proxy(target, list(faults), **more)
        proxies.append(proxy)
        proxy.url = running(type("Handler", (_ProxyHandler,), {"proxy": proxy}))
        return proxy

    yield start
    for proxy in proxies:
        proxy.released.set()


@pytest.fixture
def reach() -> Iterator[Callable[..., ServerModel]]:
    """Opens models on servers, closed at the end."""
    with ExitStack() as stack:

        def start(url: str, name: str = "", **limits: float) -> ServerModel:
            from dataclasses import replace

            model = open_server(url, name, limits=replace(HASTY, **limits))
            stack.callback(model.close)
            return model

        yield start
