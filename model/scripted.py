"""A model that replays a script: for tests, and for trying the window without weights.

Each entry of the script is one answer: its pieces, or an exception to raise; an `Event` among them is waited for. What
it was shown stays in `seen`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from ossa.model.base import (
    Continuation,
    Finished,
    Generation,
    Message,
    ModelError,
    ModelInfo,
    Piece,
    Prefill,
    Sampling,
    Text,
    Thought,
    ToolCall,
    ToolSpec,
    Usage,
    Weighed,
)
from ossa.model.constraints import Constraint

Answer: TypeAlias = Sequence[Piece | threading.Event] | Exception


class ScriptedModel:
    """A `LanguageModel` whose answers are given beforehand."""

    def __init__(self, answers: Iterable[Answer | str] = (), *, calls_tools: bool = True, window: int = 8192) -> None:
        """`answers` are taken in order; a plain string is an answer of that text."""
        self.info = ModelInfo("scripted", window, calls_tools, "a script")
        self.seen: list[tuple[Message, ...]] = []
        self.samplings: list[Sampling] = []
        self.weights: Callable[[str], tuple[Weighed, ...]] = lambda _: ()
        self._answers = iter(answers)

    def start(self) -> None:
        """Nothing to load."""

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> Generation:
        """Replay the next answer of the script."""
        self.seen.append(tuple(messages))
        self.samplings.append(sampling)
        answer = next(self._answers, None)
        if answer is None:
            answer = ModelError("The script has no more answers.")
        return _Replay(answer, self.count(messages, tools=tools), sampling.begin)

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: threading.Event | None = None
    ) -> tuple[Weighed, ...]:
        """Whatever `weights` says of this answer."""
        self.seen.append((*messages, Message("assistant", answer)))
        return self.weights(answer)

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        *,
        held: Sequence[Constraint | None] = (),
        sampling: Sampling = Sampling(),
        stop: threading.Event | None = None,
    ) -> tuple[Continuation, ...]:
        """The next answer of the script for each beginning."""
        self.seen.append(tuple(messages))
        self.samplings.append(sampling)
        return tuple(Continuation(begin + self._text(), 0.0, 1, "stop") for begin in begins)

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        """Words, standing in for tokens."""
        return sum(len(m.text.split()) + 1 for m in messages) + len(tools)

    def close(self) -> None:
        """Nothing to free."""

    def _text(self) -> str:
        answer = next(self._answers, ModelError("The script has no more answers."))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, str) else "".join(p.text for p in answer if isinstance(p, Text))


class _Replay:
    def __init__(self, answer: Answer | str, prompt_tokens: int, begin: str = "") -> None:
        self._begin = begin
        self._closed, self._hurried = threading.Event(), threading.Event()
        self._pieces = self._play(answer, prompt_tokens)

    def __iter__(self) -> "_Replay":
        return self

    def __next__(self) -> Piece:
        if self._closed.is_set():
            raise StopIteration
        return next(self._pieces)

    def close(self) -> None:
        self._closed.set()

    def answer_now(self) -> None:
        """Leave out the thoughts that are still to come."""
        self._hurried.set()

    def _await(self, event: threading.Event) -> None:
        """Wait until it is set, or nobody waits for what follows."""
        while not (event.wait(0.01) or self._closed.is_set() or self._hurried.is_set()):
            pass

    def _play(self, answer: Answer | str, prompt_tokens: int) -> Iterator[Piece]:
        if isinstance(answer, Exception):
            raise answer
        script = [Text(answer)] if isinstance(answer, str) else answer
        pieces = [piece for piece in script if not isinstance(piece, threading.Event)]
        yield Prefill(prompt_tokens, prompt_tokens)
        for piece in script:
            if isinstance(piece, threading.Event):
                self._await(piece)
            elif not (isinstance(piece, Thought) and self._hurried.is_set()):
                yield piece
        if pieces and isinstance(pieces[-1], Finished):
            return
        calls = tuple(p for p in pieces if isinstance(p, ToolCall))
        message = Message("assistant", self._begin + "".join(p.text for p in pieces if isinstance(p, Text)), calls)
        yield Finished("tool_calls" if calls else "stop", message, Usage(prompt_tokens, 0, len(pieces)))
