"""A model without tools on llama.cpp: weighing a text and going on with lines are asked of the model that was meant."""

from typing import Any

import pytest

from ossa.model.base import Message, ModelError, Sampling, Text

ASK = [Message("user", "Go on.")]
PLAIN = {"/tokenize": {"tokens": [5, 6]}, "/apply-template": {"prompt": "\ue0f00\ue0f1<|im_start|>"}}
WHOLE = {
    "content": "es",
    "completion_probabilities": [
        {"id": 5, "bytes": [121], "logprob": -0.5, "top_logprobs": []},
        {"id": 6, "bytes": [101, 115], "logprob": -0.25, "top_logprobs": []},
    ],
}


@pytest.fixture
def plain(serve: Any) -> Any:
    """Such a server, which answers every question for a whole answer alike."""
    server = serve("llama", [Text("")], name="small.gguf", replies=dict(PLAIN))
    post = server.post

    def answer(path: str, body: dict[str, Any]) -> Any:
        if path == "/completion":
            server.asked.append(body)
            return WHOLE
        return post(path, body)

    server.post = answer
    return server


def test_it_weighs_and_goes_on(plain: Any, reach: Any) -> None:
    model = reach(plain.url)
    assert [(w.start, w.end, w.logprob) for w in model.weigh(ASK, "yes")] == [(0, 1, -0.5), (1, 3, -0.25)]
    (one,) = model.continue_all(ASK, ["y"], sampling=Sampling(max_tokens=4))
    assert (one.text, one.logprob, one.tokens) == ("yes", -0.75, 2)


def test_it_is_made_to_write_a_text_by_what_every_build_takes(plain: Any, reach: Any) -> None:
    reach(plain.url).weigh(ASK, "yes")
    assert plain.asked[0]["grammar"] == "root ::= <[5]> <[6]>" and not plain.probes


def test_an_old_build_that_takes_no_tokens_is_told_of(plain: Any, reach: Any) -> None:
    answer = plain.post

    def old(path: str, body: dict[str, Any]) -> Any:
        return None if path == "/completion" else answer(path, body)

    plain.post = old
    plain.status, plain.refusal = 400, "Failed to initialize samplers: failed to parse grammar"
    with pytest.raises(ModelError, match="takes no grammar in token ids"):
        reach(plain.url).weigh(ASK, "yes")


def test_another_model_in_its_place_is_asked_nothing(plain: Any, reach: Any) -> None:
    model = reach(plain.url)
    plain.name = "tiny.gguf"
    with pytest.raises(ModelError, match="any more; it has tiny"):
        model.weigh(ASK, "yes")
    with pytest.raises(ModelError, match="any more; it has tiny"):
        model.continue_all(ASK, ["y"])
    assert not plain.asked


def test_one_that_came_meanwhile_is_not_asked_again(plain: Any, reach: Any) -> None:
    model, answer = reach(plain.url), plain.post

    def restarting(path: str, body: dict[str, Any]) -> Any:
        if path == "/completion" and plain.name != "tiny.gguf":
            plain.name, plain.status = "tiny.gguf", 503
            return None
        return answer(path, body)

    plain.post = restarting
    with pytest.raises(ModelError, match="any more; it has tiny"):
        model.weigh(ASK, "yes")
    assert not plain.asked
