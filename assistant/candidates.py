"""What a small model is asked for: one token of a function exchanged, one statement anew, or the whole body.

Exchanges cost one reading of the function: wherever the model would rather have written something else, that is a
candidate, and the more it would, the earlier it is tried. For the others the function's text up to the place is put
into the model's mouth, so that it has only to go on; what it is told before comes from the failing test.
"""

import ast
import asyncio
import builtins
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ossa.assistant.excerpt import Excerpt
from ossa.assistant.functions import Function, Statement, statements
from ossa.assistant.stream import pieces
from ossa.assistant.verdict import TestResult
from ossa.model.base import LanguageModel, Message, Sampling, Text

_TEMPERATURES = (0.0, 0.6, 0.9)
_STATEMENT_TOKENS = 64
_FUNCTION_TOKENS = 512
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


@dataclass(frozen=True, slots=True)
class Exchange:
    """One token exchanged, not yet looked at."""

    text: str
    """The excerpt with it."""
    gain: float
    """How much likelier the model finds it than what stood there, as a difference of logarithms."""


class Proposer:
    """Proposes candidates for one function; only such as parse, differ, and use no name that is not there."""

    def __init__(self, model: LanguageModel, function: Function, source: str, failure: TestResult) -> None:
        """`source` is the file that the function stands in."""
        self._model, self._function, self._source = model, function, source
        self._excerpt = Excerpt(source, function.start, function.end)
        self._original = _normal(source)
        self._names = _names(source) | set(dir(builtins))
        name, message = failure.id.split("::")[-1], failure.message.strip()[:_MESSAGE_LIMIT]
        self._ask = Message(
            "user",
            f"The Python function `{function.name}` has a bug: the test `{name}` fails with\n"
            f"```\n{message}\n```\nWrite the corrected function.",
        )

    async def exchanges(self) -> list[Exchange]:
        """One token for another, the most promising first; what comes of them is made by `exchanged`."""
        head, text = "```python\n", self._excerpt.text
        weighed = await asyncio.to_thread(self._model.weigh, [self._ask], head + text)
        body = len(head) + self._excerpt.offset(self._function.body)
        found = [
            Exchange(text[: token.start - len(head)] + other + text[token.end - len(head) :], logprob - token.logprob)
            for token in weighed
            if token.start >= body
            for other, logprob in token.others
        ]
        return sorted(found, key=lambda exchange: -exchange.gain)

    def exchanged(self, exchange: Exchange) -> Candidate | None:
        """The candidate that an exchange makes; None where it makes no sense."""
        return self._candidate(exchange.text)

    async def rewrites(self) -> AsyncIterator[Candidate]:
        """Round by round, ever freer: every statement from the top, then the whole body."""
        for seed, temperature in enumerate(_TEMPERATURES):
            for statement in statements(self._source, self._function):
                if candidate := await self._rewrite_statement(statement, temperature, seed):
                    yield candidate
            if candidate := await self._rewrite_body(temperature, seed):
                yield candidate

    async def _rewrite_statement(self, statement: Statement, temperature: float, seed: int) -> Candidate | None:
        above, margin = self._excerpt.above(statement.start)
        text = (await self._go_on(above + margin, temperature, seed, _STATEMENT_TOKENS, "\n")).strip()
        if not text or statement.is_header != text.endswith(":"):
            return None
        return self._candidate(f"{above}{margin}{text}\n{self._excerpt.below(statement.end)}")

    async def _rewrite_body(self, temperature: float, seed: int) -> Candidate | None:
        above, margin = self._excerpt.above(self._function.body)
        text = await self._go_on(above + margin, temperature, seed, _FUNCTION_TOKENS, "```")
        first, *rest = text.rstrip().split("\n")
        kept = [margin + first]
        for line in rest:
            if line.strip() and not line.startswith(margin):
                break  # the model went on to something behind the function
            kept.append(line.rstrip())
        return self._candidate(above + "\n".join(kept).rstrip() + "\n")

    async def _go_on(self, above: str, temperature: float, seed: int, tokens: int, stop: str) -> str:
        sampling = Sampling(temperature, 0.95, seed, tokens, (stop,), begin=f"```python\n{above}")
        written = ""
        async for piece in pieces(lambda: self._model.generate([self._ask], sampling=sampling)):
            if isinstance(piece, Text):
                written += piece.text
        return written

    def _candidate(self, text: str) -> Candidate | None:
        source, line, changed = self._excerpt.replaced(text)
        normal = _normal(source)
        if not normal or normal == self._original or not _names(source) <= self._names:
            return None
        function = self._function
        return Candidate(function.path, f"{function.path}:{line + 1} {function.name}", changed, source, normal)


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _normal(source: str) -> str:
    """The syntax tree as text; empty where the source does not parse."""
    tree = _parse(source)
    return ast.dump(tree) if tree else ""


def _names(source: str) -> set[str]:
    """Every name that the source uses, binds or takes as an argument."""
    found: set[str] = set()
    for node in ast.walk(_parse(source) or ast.Module([], [])):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.alias(name=name):
                found.add(name.split(".")[0])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case _:
                pass
        if isinstance(node, ast.alias) and node.asname:
            found.add(node.asname)
    return found
