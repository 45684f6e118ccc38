"""One model for all sessions of an editor: it is loaded once, and ends when the editor goes.

open_workbench ─► Lender.lend() ─► Lent, whose close() leaves the model to the others          Lender.close() ends it
"""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress

from ossa.model.base import (
    Continuation,
    Finished,
    Generation,
    LanguageModel,
    Message,
    ModelInfo,
    Piece,
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
        self._asking: list[tuple[Lent, object]] = []
        """Who has asked the model for what that is not whole yet, the first first."""

    def lend(self, make: Callable[[], LanguageModel]) -> "Lent":
        """The model, for one session.

        Raises:
            ModelError: there is none; the next session tries anew.
        """
        with self._lock:
            if self._model is None:
                self._model = make()
            return Lent(self._model, self._asking)

    def close(self) -> None:
        """End the model's process."""
        with self._lock:
            if self._model is not None:
                self._model.close()


class Lent:
    """A `LanguageModel` that others use, too."""

    def __init__(self, model: LanguageModel, asking: "list[tuple[Lent, object]]") -> None:
        """`asking` is shared with the others."""
        self._model, self._asking = model, asking
        self._is_silent = False

    @property
    def waits(self) -> bool:
        """Whether nothing comes since someone else has asked before, and is being answered."""
        first = next((lent for lent, _ in tuple(self._asking)), self)
        return self._is_silent and first is not self

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def start(self) -> None:
        self._model.start()

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> Generation:
        return Answering(self._model.generate(messages, tools=tools, sampling=sampling), self)

    def begin(self, what: object) -> None:
        """The model is asked for something."""
        self._asking.append((self, what))
        self._is_silent = True

    def heard(self) -> None:
        """It has begun to answer."""
        self._is_silent = False

    def end(self, what: object) -> None:
        """It has answered, or is asked for this no longer; may be said more than once, by any thread."""
        with suppress(ValueError):
            self._asking.remove((self, what))
            self._is_silent = False

    @contextmanager
    def _asked(self) -> Generator[None]:
        what = object()
        self.begin(what)
        try:
            yield
        finally:
            self.end(what)

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: threading.Event | None = None
    ) -> tuple[Weighed, ...]:
        with self._asked():
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
        with self._asked():
            return self._model.continue_all(messages, begins, held=held, sampling=sampling, stop=stop)

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        return self._model.count(messages, tools=tools)

    def close(self) -> None:
        """Nothing: the model is not this session's alone."""


class Answering:
    """A running answer, of which the lent model knows whether it has begun."""

    def __init__(self, answer: Generation, lent: Lent) -> None:
        self._answer, self._lent = answer, lent
        self._is_asked = False

    def __iter__(self) -> "Answering":
        return self

    def __next__(self) -> Piece:
        if not self._is_asked:
            self._is_asked = True
            self._lent.begin(self)
        try:
            piece = next(self._answer)
        except BaseException:
            self._lent.end(self)
            raise
        self._lent.heard()
        if isinstance(piece, Finished):
            self._lent.end(self)
        return piece

    def close(self) -> None:
        self._answer.close()
        self._lent.end(self)

    def answer_now(self) -> None:
        self._answer.answer_now()
