"""What a bad connection and a bad server can do: nothing is lost in silence, and no tool is called twice."""

import threading
from typing import Any

import pytest

from ossa.model.base import Finished, Message, ModelError, Text, Thought, ToolCall, ToolSpec
from ossa.model.server.address import Address, address
from ossa.model.server.faults import refused
from ossa.model.server.line import Limits, Line
from ossa.model.server.look import look
from ossa.model.server.sse import Events

HASTY = Limits(tries=4, pause=0.01)
ASK = [Message("user", "What is in a.py?")]
CALL = ToolCall("repo_browser.open_file", '{"path": "a.py", "line_start": 1, "line_end": 40}')
TOOLS = [ToolSpec(CALL.name, "Open it.", {"type": "object"})]
WAYS = ("vllm", "llama", "chat")
THOUGHT = Thought("I have to look at it, and then once more, and then at what calls it.")
LINES = Text("Here it is, line by line, as it stands there.")
MIDDLES = {"reasoning": [THOUGHT, CALL], "call": [CALL], "text": [LINES]}
"""Answers of which six events are the middle of that."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["429", "500", "gone", "early"])
def test_before_the_first_token_it_is_asked_again(fault: Any, way: Any, serve: Any, spoil: Any, reach: Any) -> None:
    server = serve(way, [Text("Here it is.")])
    proxy = spoil(server.url, fault, fault)
    pieces = list(reach(proxy.url).generate(ASK))
    assert isinstance(pieces[-1], Finished) and pieces[-1].message.text == "Here it is."
    assert proxy.streams == 3 and len(server.asked) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["cut", "half", "nonsense", "told", "stall"])
@pytest.mark.parametrize("middle", MIDDLES)
def test_after_it_nothing_is_asked_again_and_no_call_is_made(
    middle: str, fault: Any, way: Any, serve: Any, spoil: Any, reach: Any
) -> None:
    server = serve(way, MIDDLES[middle], [CALL])
    proxy = spoil(server.url, fault, after=6)
    pieces = []
    with pytest.raises(ModelError, match="ask again") as caught:
        for piece in reach(proxy.url, idle=0.2 if fault == "stall" else 50.0).generate(ASK, tools=TOOLS):
            pieces.append(piece)
    said = "".join(piece.text for piece in pieces if isinstance(piece, Text | Thought))
    assert (middle == "call") == (not said) and said in THOUGHT.text + LINES.text
    assert not [piece for piece in pieces if isinstance(piece, ToolCall | Finished)]
    assert proxy.streams == 1 and len(server.asked) == 1
    if fault == "told":
        assert "the card is on fire" in str(caught.value)


def test_a_server_that_hangs_is_given_up_in_the_end_and_can_be_left_before(serve: Any, spoil: Any, reach: Any) -> None:
    server = serve("vllm", [Text("Late.")])
    proxy = spoil(server.url, "hang", "hang")
    with pytest.raises(ModelError, match="silent for too long"):
        list(reach(proxy.url, first=0.1, tries=1).generate(ASK))
    answer = reach(proxy.url).generate(ASK)
    closer = threading.Thread(target=lambda: (_until(lambda: proxy.streams == 2), answer.close()))
    closer.start()
    pieces = list(answer)
    closer.join()
    assert isinstance(pieces[-1], Finished) and pieces[-1].reason == "cancelled"


def _until(holds: Any) -> None:
    pause = threading.Event()
    while not holds():
        pause.wait(0.005)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_restarts_is_found_again(way: Any, serve: Any, spoil: Any, reach: Any) -> None:
    first = serve(way, [Text("Before.")])
    proxy = spoil(first.url)
    model = reach(proxy.url)
    assert list(model.generate(ASK))[-1].message.text == "Before."
    second = serve(way, [Text("After.")])
    proxy.target, proxy.faults = second.url, ["gone"]
    assert list(model.generate(ASK))[-1].message.text == "After."


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_comes_back_with_another_model_is_not_asked(way: Any, serve: Any, spoil: Any, reach: Any) -> None:
    proxy = spoil(serve(way).url)
    model, second = reach(proxy.url), serve(way, [Text("I am another one.")], name="tiny")
    proxy.target = second.url
    with pytest.raises(ModelError, match=r"no such model|no model .gpt-oss-20b. any more; it has tiny"):
        list(model.generate(ASK))
    assert not second.asked


def test_a_server_that_comes_back_with_another_model_meanwhile_is_not_asked_again(serve: Any, reach: Any) -> None:
    server = serve("llama", [Text("I am another one.")])
    model, post = reach(server.url), server.post

    def restarting(path: str, body: dict[str, Any]) -> Any:
        if body.get("stream") and server.name != "tiny":
            server.name, server.status = "tiny", 503
            return None
        return post(path, body)

    server.post = restarting
    with pytest.raises(ModelError, match="any more; it has tiny"):
        list(model.generate(ASK))
    assert server.name == "tiny" and not server.asked


def test_another_model_is_told_of_by_its_name(serve: Any, reach: Any) -> None:
    server = serve("vllm", name="openai/gpt-oss-120b")
    with pytest.raises(ModelError, match=r"no model “gpt-oss-20b”; it has openai/gpt-oss-120b"):
        reach(server.url, "gpt-oss-20b")
    assert reach(server.url, "gpt-oss-120b").info.name == "openai/gpt-oss-120b"


def test_nobody_there_is_told_in_one_sentence(reach: Any) -> None:
    with pytest.raises(ModelError, match=r"No server can be reached at 127\.0\.0\.1:9 .*is it running\?"):
        reach("127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, b'{"error": {"message": "bad key sk-1"}}', "refuses the key: put a valid one into OSSA_API_KEY"),
        (404, b'{"detail": "no such model"}', "no such model or function: no such model"),
        (400, b'{"error": {"message": "maximum context length is 8192"}}', "too long"),
        (429, b"", "busy or not ready"),
        (502, b"<html>Bad gateway</html>", "failed with 502."),
        (302, b"", "points elsewhere"),
        (500, b'{"error": "\x1b[31mred sk-1"}', "failed with 500"),
        (500, b"[" * 100_000, "failed with 500"),
    ],
)
def test_refusals_are_told_plainly_without_the_key(status: int, body: bytes, told: str) -> None:
    text = str(refused(Address("http://a", "a", "sk-1"), status, body))
    assert told in text and "sk-1" not in text and "\x1b" not in text and len(text) < 400


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://a:99999", "a b", "http://user:pw@a", "http://a/?key=1"])
def test_what_is_no_address_is_refused_and_no_key_in_it_repeated(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        address(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "found", "host", "is_open"),
    [
        ("localhost:8000", "http://localhost:8000", "localhost:8000", False),
        ("http://127.0.0.1:1/v1/", "http://127.0.0.1:1", "127.0.0.1:1", False),
        ("https://ai.example/api/v1", "https://ai.example/api", "ai.example", False),
        ("http://[::1]:8000", "http://[::1]:8000", "[::1]:8000", False),
        ("http://box:8000", "http://box:8000", "box:8000", True),
    ],
)
def test_addresses_are_read(url: str, found: str, host: str, is_open: bool) -> None:
    read = address(url)
    assert (read.url, read.host, read.is_open) == (found, host, is_open)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_may_come_in_any_parts(size: int) -> None:
    raw = 'data: {"a": "\u2028é"}\r\n\r\n: hi\n\nevent: x\ndata: {"b":\ndata: 2}\n\ndata: [DONE]\n\ndata: {"c": 1}\n\n'
    data, events = raw.encode(), Events(Address("http://a", "a"))
    found = [each for start in range(0, len(data), size) for each in events.feed(data[start : start + size])]
    assert found == [{"a": "\u2028é"}, {"b": 2}] and events.ended


def test_an_answer_that_is_no_stream_is_read_as_a_whole() -> None:
    events = Events(Address("http://a", "a"))
    assert [*events.feed(b'{"choices":\n'), *events.feed(b" []}"), *events.end()] == [{"choices": []}]


def test_what_the_server_does_not_know_is_left_out_the_next_time(serve: Any, reach: Any) -> None:
    server = serve("chat", [Text("One.")])
    answered = server.post

    def strict(path: str, body: dict[str, Any]) -> Any:
        return None if "stream_options" in body and path.endswith("completions") else answered(path, body)

    server.post, server.refusal = strict, "Unexpected fields in the request: {'stream_options'}"
    model = reach(server.url)
    assert list(model.generate(ASK))[-1].message.text == "One."


def test_what_is_no_server_of_models_is_told(serve: Any) -> None:
    server = serve("chat")
    server.get = str
    with pytest.raises(ModelError, match="is no server of models"):
        look(Line(address(server.url)))


def test_a_server_that_cannot_list_its_models_is_asked_for_the_one_that_is_named(serve: Any, reach: Any) -> None:
    server = serve("chat", [Text("Here.")], status=500)
    server.get = {}.get
    with pytest.raises(ModelError, match="failed with 500"):
        reach(server.url)
    assert list(reach(server.url, "gpt-oss-20b").generate(ASK))[-1].message.text == "Here."


def test_a_harmless_question_is_asked_again(serve: Any) -> None:
    server = serve("vllm")
    line, replies = Line(address(server.url), HASTY), iter([None, None, {"count": 3}])

    def post(path: str, body: dict[str, Any]) -> Any:
        return next(replies)

    server.post, server.status = post, 503
    assert line.ask("/tokenize", {}, is_safe=True) == {"count": 3}
    with pytest.raises(ModelError, match="busy or not ready"):
        replies = iter([None, {}])
        line.ask("/tokenize", {})
    line.close()
