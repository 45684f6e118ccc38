"""vLLM, in token ids: `/v1/completions` takes a prompt as ids and gives the sampled ones back.

Its prefix cache finds what prompts share by itself. It takes our grammars, control tokens included, unless its operator
has chosen one backend for them that does not. Older versions applied them only behind the reasoning, where one for the
whole answer would spoil it, so they are sent none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ossa.model.base import Sampling, ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.harmony_reader import CALL, RETURN
from ossa.model.server.faults import Fault
from ossa.model.server.heard import Counted, Ended, Form, Heard, Request, Written, chosen, ending

FIRST = (0, 10, 2)
"""The first version that gives token ids."""
HOLDS = (0, 32)
"""The first version that is known to hold all of an answer of gpt-oss to a grammar."""


class Vllm:
    """The `Ids` of vLLM."""

    about = "vLLM by token ids"

    def __init__(self, model: str, window: int) -> None:
        self.window = window
        self._model = model

    def forms(self, constraint: Constraint, tools: Sequence[ToolSpec]) -> tuple[Form, ...]:
        """Our grammar."""
        from ossa.model.constraints_grammar import grammar_of_harmony

        return (Form("structured_outputs", {"structured_outputs": {"grammar": grammar_of_harmony(constraint, tools)}}),)

    def request(self, tokens: Sequence[int], sampling: Sampling, room: int, forms: tuple[Form, ...] = ()) -> Request:
        """What to send to have these tokens continued."""
        body = {
            "model": self._model,
            "prompt": list(tokens),
            "max_tokens": room,
            "min_p": sampling.min_p,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_token_ids": True,
            "skip_special_tokens": False,
            "stop_token_ids": [RETURN, CALL],
            **chosen(sampling),
        }
        return Request("/v1/completions", body, ("min_p", "stream_options"), forms)

    def hear(self, content: dict[str, Any]) -> Iterator[Heard]:
        """What one object of the stream says."""
        if usage := content.get("usage"):
            details = usage.get("prompt_tokens_details") or {}
            yield Counted(usage.get("prompt_tokens"), details.get("cached_tokens"), usage.get("completion_tokens"))
        for choice in content.get("choices") or ():
            tokens = choice.get("token_ids")
            if choice.get("text") and not tokens:
                raise Fault("The server gives no token ids: vLLM can from version 0.10.2 on; please update it.")
            if tokens:
                yield Written(tuple(tokens))
            if reason := choice.get("finish_reason"):
                yield Ended(ending(reason))
