"""What a small model is asked for: one statement of a function anew, or the whole function.

The function's text up to the statement is put into the model's mouth, so that it has only to go on; what it is told
before comes from the failing test.
"""

import ast
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ossa.assistant.functions import Function, Statement, statements
from ossa.assistant.stream import pieces
from ossa.assistant.verdict import TestResult
from ossa.model.base import LanguageModel, Message, Sampling, Text

_ROUNDS = (0.0, 0.6, 0.9)
"""Temperatures at which every statement is asked for, one round after the other."""
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
    """What the model wrote there."""
    source: str
    """The whole file with it."""
    normal: str
    """The same for all candidates that differ in layout only."""


class Proposer:
    """Proposes candidates for one function."""

    def __init__(self, model: LanguageModel, function: Function, source: str, failure: TestResult) -> None:
        """`source` is the file that the function stands in."""
        self._model, self._function, self._source = model, function, source
        self._lines = source.split("\n")
        self._original = _normal(source)
        name, message = failure.id.split("::")[-1], failure.message.strip()[:_MESSAGE_LIMIT]
        self._ask = Message(
            "user",
            f"The Python function `{function.name}` has a bug: the test `{name}` fails with\n"
            f"```\n{message}\n```\nWrite the corrected function.",
        )

    async def candidates(self) -> AsyncIterator[Candidate]:
        """Round by round: every statement from the top, then the whole function; only what parses and is new."""
        for seed, temperature in enumerate(_ROUNDS):
            for statement in statements(self._source, self._function):
                if candidate := await self._rewrite_statement(statement, temperature, seed):
                    yield candidate
            if candidate := await self._rewrite_function(temperature, seed):
                yield candidate

    async def _rewrite_statement(self, statement: Statement, temperature: float, seed: int) -> Candidate | None:
        text = (await self._go_on(statement.start, temperature, seed, _STATEMENT_TOKENS, "\n")).strip()
        if not text or statement.is_header != text.endswith(":"):
            return None
        return self._candidate(statement.start, statement.end, [text])

    async def _rewrite_function(self, temperature: float, seed: int) -> Candidate | None:
        body = self._function.body
        text = await self._go_on(body, temperature, seed, _FUNCTION_TOKENS, "```")
        margin = self._margin(body)
        first, *rest = text.rstrip().split("\n")
        kept = [first]
        for line in rest:
            if line.strip() and not line.startswith(margin):
                break  # the model went on to something behind the function
            kept.append(line.removeprefix(margin).rstrip())
        return self._candidate(body, self._function.end, kept)

    async def _go_on(self, line: int, temperature: float, seed: int, tokens: int, stop: str) -> str:
        """What the model writes at a line of the function when all above it, brought to the margin, is given."""
        base = self._indent(self._function.start)
        above = "\n".join(text[base:].rstrip("\r") for text in self._lines[self._function.start : line])
        begin = f"```python\n{above}\n{self._margin(line)}"
        sampling = Sampling(temperature, 0.95, seed, tokens, (stop,), begin=begin)
        written = ""
        async for piece in pieces(lambda: self._model.generate([self._ask], sampling=sampling)):
            if isinstance(piece, Text):
                written += piece.text
        return written

    def _margin(self, line: int) -> str:
        """How far a line is indented from the function's own."""
        return self._lines[line][self._indent(self._function.start) : self._indent(line)]

    def _indent(self, line: int) -> int:
        return len(self._lines[line]) - len(self._lines[line].lstrip())

    def _candidate(self, start: int, end: int, texts: list[str]) -> Candidate | None:
        indent = self._lines[start][: self._indent(start)]
        ending = "\r" if self._lines[start].endswith("\r") else ""
        written = [f"{indent}{text}{ending}" if text else ending for text in texts]
        source = "\n".join([*self._lines[:start], *written, *self._lines[end:]])
        normal = _normal(source)
        if not normal or normal == self._original:
            return None
        place = f"{self._function.path}:{start + 1} {self._function.name}"
        return Candidate(self._function.path, place, "\n".join(texts), source, normal)


def _normal(source: str) -> str:
    """The syntax tree as text; empty where the source does not parse."""
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
