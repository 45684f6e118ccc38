"""What a small model is asked for: a token of a function exchanged, a line gone on with otherwise, the whole body anew.

    weigh(function) ─► Idea: "here it would rather have written that"
        ├► exchanged: that token, the rest as it was
        ├► skipped: that token stands further on in the line, so what is between goes
        └► continued: that token, and the line gone on with from there

Ideas cost one reading of the function, and come ranked: the more the model would rather have written it, the earlier.
What it is told before comes from the failing test.
"""

import ast
import asyncio
import builtins
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ossa.assistant.repair.excerpt import Excerpt
from ossa.assistant.repair.functions import Function, idle, module_names, unbound
from ossa.assistant.stream import pieces
from ossa.assistant.text import encode
from ossa.assistant.threads import in_thread
from ossa.assistant.verdict import TestResult
from ossa.model.base import LanguageModel, Message, Sampling, Text, Weighed

_HEAD = "```python\n"
_SUSPECT_GAIN = 2.0
"""How much likelier a token counts on a line that the traceback names."""
_CONTINUED_COST = 1.0
"""How much likelier the first token of a line's new end must be than one exchanged: it costs a generation."""
_LITERAL_COST = 2.0
"""How much likelier a token within a text in quotes must be: most such texts are read by people only."""
_LINE_TOKENS = 40
_BODY_TOKENS = 512
_MESSAGE_LIMIT = 400


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file with one place written anew."""

    path: str
    place: str
    """For the person: "calc.py:12 add"."""
    text: str
    """What stands there now: the changed lines."""
    source: str
    """The whole file with it."""
    normal: str
    """The same for all candidates that differ in layout only."""

    @property
    def data(self) -> bytes:
        """The whole file, as bytes."""
        return encode(self.source)


@dataclass(frozen=True, slots=True)
class Idea:
    """One token that the model would rather have written, not yet looked at."""

    kind: Literal["exchanged", "skipped", "continued"]
    start: int
    end: int
    """What of the excerpt goes."""
    text: str
    """What comes in its place."""
    score: float
    """By how much likelier the model finds it than what stands there, as a difference of logarithms."""


class Proposer:
    """Proposes candidates for one function; only such as parse, differ, and neither use nor make a name for nothing."""

    def __init__(
        self,
        model: LanguageModel,
        function: Function,
        source: str,
        failure: TestResult,
        suspects: Collection[int] = (),
    ) -> None:
        """`source` is the file that the function stands in; `suspects` are lines of it that the traceback names."""
        self._model, self._function, self._suspects = model, function, suspects
        self._excerpt = Excerpt(source, function.start, function.end)
        self._literals = self._excerpt.literals()
        self._original = normal(source)
        self._idle = idle(source, function.start)
        self._known = module_names(source) | set(dir(builtins))
        name, message = failure.id.split("::")[-1], failure.message.strip()[:_MESSAGE_LIMIT]
        self._ask = Message(
            "user",
            f"The Python function `{function.name}` has a bug: the test `{name}` fails with\n"
            f"```\n{message}\n```\nWrite the corrected function.",
        )

    async def ideas(self) -> list[Idea]:
        """Everything that the model would rather have written in the function's body, best first."""
        weighed = await asyncio.to_thread(self._model.weigh, [self._ask], _HEAD + self._excerpt.text)
        body = len(_HEAD) + self._excerpt.offset(self._function.body)
        found = [idea for token in weighed if token.start >= body for idea in self._ideas_at(token)]
        return sorted(found, key=lambda idea: -idea.score)

    async def candidate(self, idea: Idea) -> Candidate | None:
        """What comes of an idea; None where it makes no sense."""
        text = self._excerpt.text
        if idea.kind != "continued":
            return await in_thread(self._candidate, text[: idea.start] + idea.text + text[idea.end :])
        above = text[: idea.start] + idea.text
        rest = await self._go_on(above, 0.0, 0, _LINE_TOKENS, "\n")
        return await in_thread(self._candidate, above + rest.rstrip() + text[text.index("\n", idea.start) :])

    async def rewritten(self, temperature: float, seed: int) -> Candidate | None:
        """The whole body anew."""
        above, margin = self._excerpt.above(self._function.body)
        text = await self._go_on(above + margin, temperature, seed, _BODY_TOKENS, "```")
        first, *rest = text.rstrip().split("\n")
        kept = [margin + first]
        for line in rest:
            if line.strip() and not line.startswith(margin):
                break  # the model went on to something behind the function
            kept.append(line.rstrip())
        return await in_thread(self._candidate, above + "\n".join(kept).rstrip() + "\n")

    def _ideas_at(self, token: Weighed) -> list[Idea]:
        start, end = token.start - len(_HEAD), token.end - len(_HEAD)
        gained = _SUSPECT_GAIN if self._excerpt.line(start) in self._suspects else 0.0
        if any(first < start < last for first, last in self._literals):
            gained -= _LITERAL_COST
        line_end = self._excerpt.text.find("\n", start)
        found: list[Idea] = []
        for other, logprob in token.others:
            score = logprob - token.logprob + gained
            found.append(Idea("exchanged", start, end, other, score))
            if (next_place := self._excerpt.text.find(other, end, line_end)) >= 0:
                found.append(Idea("skipped", start, next_place, "", score))
            if "\n" not in other:
                found.append(Idea("continued", start, end, other, score - _CONTINUED_COST))
        return found

    async def _go_on(self, above: str, temperature: float, seed: int, tokens: int, stop: str) -> str:
        sampling = Sampling(temperature, 0.95, seed, tokens, (stop,), begin=_HEAD + above)
        written = ""
        async for piece in pieces(lambda: self._model.generate([self._ask], sampling=sampling)):
            if isinstance(piece, Text):
                written += piece.text
        return written

    def _candidate(self, text: str) -> Candidate | None:
        source, line, changed = self._excerpt.replaced(text)
        same, function = normal(source), self._function
        if not same or same == self._original:
            return None
        if "*" not in self._known and unbound(source, function.start) - self._known:
            return None
        if idle(source, function.start) - self._idle:
            return None
        return Candidate(function.path, f"{function.path}:{line + 1} {function.name}", changed, source, same)


def normal(source: str) -> str:
    """The syntax tree as text; empty where the source does not parse."""
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
