"""llama.cpp's server in token ids: its own `/completion`, which tells how far it has read the prompt, too.

Where it was built with llguidance it takes our grammars, control tokens included; a build without refuses them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ossa.model.base import Sampling
from ossa.model.server.heard import Counted, Ended, Form, Heard, Reading, Request, Written, chosen

_LARK = "%llguidance {}\n"
"""Before a grammar in our words."""
_GBNF = "root ::="
"""How one in its own words begins."""


class Llama:
    """The `Ids` of llama.cpp."""

    about = "llama.cpp by token ids"

    def __init__(self, model: str, window: int, check: Callable[[], None]) -> None:
        """`check` raises where the server has another model now."""
        self.window = window
        self._model, self._check = model, check

    def request(self, tokens: Sequence[int], sampling: Sampling, room: int, grammar: str = "") -> Request:
        """What to send to have these tokens continued."""
        body: dict[str, Any] = {
            "model": self._model,
            "prompt": list(tokens),
            "n_predict": room,
            "stream": True,
            "return_tokens": True,
            "return_progress": True,
            "cache_prompt": True,
            "top_k": 0,
            "min_p": sampling.min_p,
            **chosen(sampling),
        }
        return Request("/completion", body, forms=(form_of(grammar),) if grammar else (), check=self._check)

    def hear(self, content: dict[str, Any]) -> Iterator[Heard]:
        """What one object of the stream says."""
        if progress := content.get("prompt_progress"):
            yield Reading(progress.get("processed", 0), progress.get("total", 0), progress.get("cache", 0))
            return  # such an object names a token, which is none
        if content.get("content") or content.get("tokens"):
            yield Written(tuple(content.get("tokens") or ()), content.get("content") or "")
        if content.get("stop"):
            timings = content.get("timings") or {}
            yield Counted(content.get("tokens_evaluated"), timings.get("cache_n"), content.get("tokens_predicted"))
            yield Ended("length" if content.get("stop_type") == "limit" else "stop")


def form_of(grammar: str) -> Form:
    """What holds an answer to a grammar, in our words or in GBNF, which every build takes."""
    own = grammar.startswith(_GBNF)
    return Form("gbnf" if own else "llguidance", {"grammar": grammar if own else _LARK + grammar})
