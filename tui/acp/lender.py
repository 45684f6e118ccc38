"""One model for all sessions of an editor: it is loaded once, and ends when the editor goes.

open_workbench ─► Lender.lend() ─► Lent, whose close() leaves the model to the others          Lender.close() ends it
"""

import threading
from collections.abc import Callable, Sequence

from ossa.model.base import (
    Continuation,
    Generation,
    LanguageModel,
    Message,
    ModelInfo,
    Sampling,
    ToolSpec,
    Weighed,
)
from ossa.model.constraints import Constraint


class Lender:
    """Makes the model when it is first asked for, and gives it to everyone; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: LanguageModel | None = None

    def lend(self, make: Callable[[], LanguageModel]) -> LanguageModel:
        """The model, for one session.

        Raises:
            ModelError: there is none; the next session tries anew.
        """
        with self._lock:
            if self._model is None:
                self._model = make()
            return Lent(self._model)

    def close(self) -> None:
        """End the model's process."""
        with self._lock:
            if self._model is not None:
                self._model.close()


class Lent:
    """A `LanguageModel` that others use, too."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def start(self) -> None:
        self._model.start()

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> Generation:
        return self._model.generate(messages, tools=tools, sampling=sampling)

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: threading.Event | None = None
    ) -> tuple[Weighed, ...]:
        return self._model.weigh(messages, answer, others=others, stop=stop)

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        *,
        held: Sequence[Constraint | None] = (),
        sampling: Sampling = Sampling(),
        stop: threading.Event | None = None,
    ) -> tuple[Continuation, ...]:
        return self._model.continue_all(messages, begins, held=held, sampling=sampling, stop=stop)

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        return self._model.count(messages, tools=tools)

    def close(self) -> None:
        """Nothing: the model is not this session's alone."""
