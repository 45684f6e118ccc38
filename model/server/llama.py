"""llama.cpp's server in token ids: its own `/completion`, which tells how far it has read the prompt, too.

Every build takes grammars in GBNF; one that was built with llguidance takes ours, too. Others of before autumn 2026 end
the whole server at the sight of such a one, so the build is asked first, in a way that none of them minds.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ossa.model.base import Sampling, ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.server.faults import Fault
from ossa.model.server.heard import Counted, Ended, Form, Heard, Reading, Request, Written, chosen
from ossa.model.server.line import Line

_MARK = "%llguidance"
"""What a grammar begins with that is not GBNF."""
_NOWHERE = {"$ref": "#/nowhere"}
"""A schema that llguidance is handed as it is, while GBNF cannot be made of it."""


class Llama:
    """The `Ids` of llama.cpp."""

    about = "llama.cpp by token ids"

    def __init__(
        self, model: str, window: int, check: Callable[[], None], is_guided: Callable[[], bool] = lambda: False
    ) -> None:
        """`check` raises where the server has another model now; `is_guided` tells whether llguidance was built in."""
        self.window = window
        self._model, self._check, self._is_guided = model, check, is_guided

    def forms(self, constraint: Constraint, tools: Sequence[ToolSpec]) -> tuple[Form, ...]:
        """Our grammar where it is taken, else the same in GBNF."""
        from ossa.model.constraints_gbnf import gbnf_of_harmony
        from ossa.model.constraints_grammar import grammar_of_harmony

        guided = self.guided(grammar_of_harmony(constraint, tools))
        own = gbnf_of_harmony(constraint, tools)
        return (*guided, gbnf(own)) if own else guided

    def guided(self, grammar: str) -> tuple[Form, ...]:
        """What holds an answer to a grammar in our words; nothing where it has no llguidance."""
        if not self._is_guided():
            return ()
        return (Form("llguidance", {"grammar": f"{_MARK} {{}}\n{grammar}"}),)

    def request(self, tokens: Sequence[int], sampling: Sampling, room: int, forms: tuple[Form, ...] = ()) -> Request:
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
        return Request("/completion", body, forms=forms, check=self._check)

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


def gbnf(grammar: str) -> Form:
    """What holds an answer to a grammar in GBNF."""
    return Form("gbnf", {"grammar": grammar})


def is_guided(line: Line) -> bool:
    """Whether llama.cpp there was built with llguidance: it tells what it has made of a schema, and writes nothing."""
    ask = {"prompt": [1], "n_predict": 0, "json_schema": _NOWHERE, "cache_prompt": False, "stream": False}
    try:
        reply = line.ask("/completion", ask)
        return str(reply["generation_settings"]["grammar"]).startswith(_MARK)
    except (Fault, KeyError, TypeError):
        return False
