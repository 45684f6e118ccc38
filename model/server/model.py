"""A model on a server, as the assistant sees any other: `--server URL [--server-model NAME]`.

open_server() ─► what the server can is found out ─► ServerModel.generate() ─► ServerGeneration

Answers of one model may run side by side; the server orders them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

from ossa.model.base import Continuation, Message, ModelInfo, Sampling, ToolSpec, Weighed
from ossa.model.constraints import Constraint
from ossa.model.server.address import address
from ossa.model.server.generation import ServerGeneration
from ossa.model.server.heard import Served, Way
from ossa.model.server.line import Limits, Line
from ossa.model.server.look import look

_AT_ONCE = 4
"""Continuations that are asked for side by side."""


def open_server(url: str, model: str = "", *, window: int = 0, limits: Limits | None = None) -> "ServerModel":
    """The model on the server at this address, once the server has said what it can.

    Args:
        url: the address; without a scheme it is http.
        model: a name that the server knows; empty where it has one model.
        window: tokens that prompt and answer may have together; 0 for what the server says.
        limits: how long is waited.

    Raises:
        ModelError: it is no address, nobody answers there, or there is no such model.
    """
    line = Line(address(url), limits or Limits())
    try:
        return ServerModel(line, *look(line, model, window))
    except BaseException:
        line.close()
        raise


class ServerModel:
    """A `LanguageModel` on a server; every method may be called from any thread."""

    def __init__(self, line: Line, served: Served, way: Way) -> None:
        """No answer is asked for yet."""
        self._line, self._served, self._way = line, served, way
        self._unknown: set[str] = set()
        warning = ("NOT encrypted",) if line.address.is_open else ()
        why = ", ".join((*warning, way.about, *served.notes))
        self.info = ModelInfo(
            served.model, served.window, served.calls_tools, why, where=f"server: {line.address.host}"
        )

    def start(self) -> None:
        """Nothing to load: the server was asked what it has when the model was opened."""

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> ServerGeneration:
        """Answer the last message; the server is asked when the first piece is."""
        return ServerGeneration(
            self._line, partial(self._way.begin, tuple(messages), tuple(tools), sampling), self._unknown
        )

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: Event | None = None
    ) -> tuple[Weighed, ...]:
        """How likely each token of a given answer is.

        Raises:
            ModelError: this server cannot tell, or failed.
        """
        return self._way.weigh(messages, answer, others, stop)

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        *,
        held: Sequence[Constraint | None] = (),
        sampling: Sampling = Sampling(),
        stop: Event | None = None,
    ) -> tuple[Continuation, ...]:
        """One answer for each beginning, some at a time.

        Raises:
            ModelError: this server cannot be asked so, or failed.
        """
        kept = held or [None] * len(begins)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            go_on = (
                pool.submit(self._way.go_on, messages, begin, line, sampling, stop)
                for begin, line in zip(begins, kept, strict=True)
            )
            return tuple(each.result() for each in list(go_on))

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        """Tokens of the prompt: exactly where they are counted here or by the server, else about so many."""
        return self._way.count(messages, tools)

    def close(self) -> None:
        """Drop all connections."""
        self._line.close()
