"""What a small model is asked for: a token of a function exchanged, a line gone on with otherwise, the whole body anew.

    weigh(function) ─► Idea: "here it would rather have written that"
        ├► exchanged: that token, the rest as it was
        ├► skipped: that token stands further on in the line, so what is between goes
        ├► continued: that token, and the line gone on with from there
        ├► inserted: the same as a line of its own, before the one that stands there
        └► slip: what stands there is changed as people's slips are (`templates`)

Ideas cost one reading of the function, and come ranked: the more the model would rather have written it, the earlier.
What it is told before comes from the failing test.
"""

import ast
import asyncio
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Literal

from ossa.assistant.repair.additions import simple_statements
from ossa.assistant.repair.apart import Apart
from ossa.assistant.repair.doubts import Doubts, values
from ossa.assistant.repair.excerpt import Excerpt
from ossa.assistant.repair.functions import Function, parse, unparse
from ossa.assistant.repair.lines import Lines
from ossa.assistant.repair.localise import Sources
from ossa.assistant.repair.names import Names
from ossa.assistant.repair.odds import Odds
from ossa.assistant.repair.templates import edits
from ossa.assistant.stream import pieces
from ossa.assistant.text import encode
from ossa.assistant.threads import in_thread
from ossa.assistant.verdict import TestResult
from ossa.model.base import LanguageModel, Message, Sampling, Text, Weighed
from ossa.model.constraints import Constraint

_HEAD = "```python\n"
_SUSPECT_GAIN = 2.0
"""How much likelier a token counts on a line that the traceback names."""
_CONTINUED_COST = 1.0
"""How much likelier the first token of a line's new end must be than one exchanged: it costs a generation."""
_INSERTED_COST = 2.0
_WORD_COST = 1.0
"""How much likelier a whole function must be for each word that is taken or brought."""
_LITERAL_COST = 2.0
"""How much likelier a token within a text in quotes must be: most such texts are read by people only."""
_SLIP_COST = 7.0
"""How surprising a place must be to the model for a slip there to count as much as a token it would have written."""
_LINE_TOKENS = 40
_BODY_TOKENS = 512
_MESSAGE_LIMIT = 400
_ELSEWHERE = 12
"""Statements of other functions that are tried as a line more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file with one place written anew."""

    function: Function
    """Which function it changes, as it stands without it."""
    place: str
    """For the person: "calc.py:12 add"."""
    text: str
    """What stands there now: the changed lines."""
    source: str
    """The whole file with it."""
    normal: str
    """The same for all candidates that differ in layout only, and for no others of this or any other file."""

    score: float = 0.0
    """Of the idea that it comes from; see there."""
    lost: str = ""
    """Statements that the function has no longer, with none of their kind in their place."""

    @property
    def path(self) -> str:
        """The file."""
        return self.function.path

    @property
    def data(self) -> bytes:
        """The whole file, as bytes."""
        return encode(self.source)

    @property
    def files(self) -> Mapping[str, bytes]:
        """All files that it changes."""
        return {self.path: self.data}


@dataclass(frozen=True, slots=True)
class Idea:
    """One token that the model would rather have written, not yet looked at."""

    kind: Literal["exchanged", "skipped", "continued", "inserted", "slip"]
    start: int
    end: int
    """What of the excerpt goes."""
    text: str
    """What comes in its place."""
    score: float
    """By how much likelier the model finds it than what stands there, as a difference of logarithms."""

    @property
    def is_written(self) -> bool:
        """Whether the model has to write for it."""
        return self.kind in ("continued", "inserted")


class Proposer:
    """Proposes candidates for one function; only such as parse, differ, and neither use nor make a name for nothing."""

    def __init__(
        self,
        model: LanguageModel,
        function: Function,
        sources: Sources,
        failure: TestResult,
        suspects: Collection[int] = (),
        *,
        free: bool = False,
    ) -> None:
        """`suspects` are lines of the function that the failure leads to; `free` lets the model write any line."""
        source = sources.text(function.path)
        self._model, self._function, self._suspects = model, function, suspects
        self._excerpt = Excerpt(source, function.start, function.end)
        self._literals = self._excerpt.literals()
        self._apart, self._length = Apart(source, function), source.count("\n") + 1
        before, test = self._apart.written(source), sources.text(failure.id.split("::")[0])
        self._original, nodes = (before.normal, before.nodes) if before else ("", ())
        self._names, self._doubts = Names(source, test, nodes), Doubts(nodes, values(test))
        self._elsewhere = _lines_elsewhere(source, function)
        known = {"*"} if free else self._names.known
        self._lines = Lines(self._excerpt.text, known, self._names.attributes, self._names.imported)
        name, message = failure.id.split("::")[-1], failure.message.strip()[:_MESSAGE_LIMIT]
        self._ask = Message(
            "user",
            f"The Python function `{function.name}` has a bug: the test `{name}` fails with\n"
            f"```\n{message}\n```\nWrite the corrected function.",
        )

    async def ideas(self) -> list[Idea]:
        """Everything that the model would rather have written in the function's body, and slips; best first."""
        weighed = await asyncio.to_thread(self._model.weigh, [self._ask], _HEAD + self._excerpt.text)
        body = self._excerpt.offset(self._function.body)
        within = [token for token in weighed if token.start - len(_HEAD) >= body]
        found = [idea for token in within for idea in self._ideas_at(token)]
        found += await in_thread(self._slips, within, body)
        return sorted(found, key=lambda idea: -idea.score)

    def proposed(self, candidate: Candidate) -> bool:
        """Whether a candidate is of this function."""
        return candidate.function == self._function

    async def liking(self, candidate: Candidate) -> float:
        """How likely the model finds the whole function with it, as the mean logarithm of a token's odds.

        What the edit takes or brings counts against it, so that of two as likely the smaller is liked better.
        """
        lines = candidate.source.split("\n")
        longer = len(lines) - self._length
        text = Excerpt(candidate.source, self._function.start, self._function.end + longer).text
        weighed = await asyncio.to_thread(self._model.weigh, [self._ask], _HEAD + text)
        before, after = (re.findall(r"\w+|\S", source) for source in (self._excerpt.text, text))
        edited = Counter(before) - Counter(after) + (Counter(after) - Counter(before))
        odds = sum(token.logprob for token in weighed) - _WORD_COST * edited.total()
        return odds / max(len(weighed), 1)

    async def candidates(self, ideas: Sequence[Idea]) -> list[Candidate]:
        """What comes of the ideas that make sense; lines are gone on with side by side."""
        text = self._excerpt.text
        open_ended = [idea for idea in ideas if idea.is_written]
        begins = [text[: idea.start] + idea.text for idea in open_ended]
        written = await self._continued(begins, [self._held(idea) for idea in open_ended])
        ends = dict(zip(open_ended, written, strict=True))
        possible = [idea for idea in ideas if not idea.is_written or ends[idea] is not None]
        return await in_thread(lambda: [c for idea in possible if (c := self._made(idea, ends.get(idea) or ""))])

    def _made(self, idea: Idea, rest: str) -> Candidate | None:
        text = self._excerpt.text
        above, below = text[: idea.start] + idea.text + rest.rstrip(), text[idea.end :]
        if idea.kind == "continued":
            below = text[text.index("\n", idea.start) :]
        elif idea.kind == "inserted":
            below = "\n" + text[text.rindex("\n", 0, idea.start) + 1 :]
        return self._candidate(above + below, idea.score)

    def _held(self, idea: Idea) -> Constraint | None:
        """What the line may be that the model writes for an idea."""
        return self._lines.before(idea.start) if idea.kind == "inserted" else self._lines.within(idea.start)

    async def _continued(self, begins: Sequence[str], held: Sequence[Constraint | None]) -> list[str | None]:
        """How the lines at whose middle these texts end may go on; None where nothing that may stand there came."""
        if not begins:
            return []
        sampling, stop = Sampling(max_tokens=_LINE_TOKENS, stop=("\n",)), Event()
        try:
            heads = [_HEAD + begin for begin in begins]
            go_on = partial(self._model.continue_all, held=held, sampling=sampling, stop=stop)
            written = await asyncio.to_thread(go_on, [self._ask], heads)
        finally:
            stop.set()
        ends = [one.text[len(_HEAD + begin) :] for one, begin in zip(written, begins, strict=True)]
        came = [
            one.logprob > -math.inf and not (limit and one.reason == "length")
            for one, limit in zip(written, held, strict=True)
        ]
        return [end if whole else None for end, whole in zip(ends, came, strict=True)]

    async def rewritten(self, temperature: float, seed: int) -> Candidate | None:
        """The whole body anew."""
        above, margin = self._excerpt.above(self._function.body)
        sampling = Sampling(temperature, 0.95, seed, _BODY_TOKENS, ("```",), constraint=self._lines.block(margin))
        text = await self._go_on(replace(sampling, begin=_HEAD + above + margin))
        first, *rest = text.rstrip().split("\n")
        kept = [margin + first]
        for line in rest:
            if line.strip() and not line.startswith(margin):
                break  # the model went on to something behind the function
            kept.append(line.rstrip())
        return await in_thread(self._candidate, above + "\n".join(kept).rstrip() + "\n")

    def _gained(self, start: int) -> float:
        """How much more or less an idea counts for being at a place."""
        gained = _SUSPECT_GAIN if self._excerpt.line(start) in self._suspects else 0.0
        is_literal = any(first < start < last for first, last in self._literals)
        return gained - _LITERAL_COST if is_literal else gained

    def _slips(self, weighed: Sequence[Weighed], body: int) -> list[Idea]:
        """The templates' edits of the body, by the model's surprise at what is there, or its hope of what is not."""
        found: list[Idea] = []
        odds = Odds(self._excerpt.text, weighed, len(_HEAD))
        for edit in edits(self._excerpt.text, self._elsewhere):
            if edit.start < body:
                continue
            gain = odds.gain(edit)
            hope = odds.surprise(edit) - _SLIP_COST if gain is None else max(gain, odds.surprise(edit) - _SLIP_COST)
            score = hope - edit.cost + self._gained(edit.start)
            found.append(Idea("slip", edit.start, edit.end, edit.text, score))
        return found

    def _ideas_at(self, token: Weighed) -> list[Idea]:
        start, end = token.start - len(_HEAD), token.end - len(_HEAD)
        gained = self._gained(start)
        line_end = self._excerpt.text.find("\n", start)
        begins_line = not self._excerpt.text[self._excerpt.text.rfind("\n", 0, start) + 1 : start].strip()
        found: list[Idea] = []
        for other, logprob in token.others:
            score = logprob - token.logprob + gained
            found.append(Idea("exchanged", start, end, other, score))
            if (next_place := self._excerpt.text.find(other, end, line_end)) >= 0:
                found.append(Idea("skipped", start, next_place, "", score))
            if "\n" not in other:
                found.append(Idea("continued", start, end, other, score - _CONTINUED_COST))
                if begins_line and other.strip():
                    found.append(Idea("inserted", start, end, other, score - _INSERTED_COST))
        return found

    async def _go_on(self, sampling: Sampling) -> str:
        written = ""
        async for piece in pieces(lambda: self._model.generate([self._ask], sampling=sampling)):
            if isinstance(piece, Text):
                written += piece.text
        return written

    def _candidate(self, text: str, score: float = 0.0) -> Candidate | None:
        source, line, changed = self._excerpt.replaced(text)
        after, function = self._apart.written(source), self._function
        if not after or not self._names.suit(after):
            return None
        if self._doubts.by_heart(after.nodes) or self._doubts.cuts_off(after.nodes):
            return None
        same = after.normal
        if not same or same == self._original:
            return None
        place, lost = f"{function.path}:{line + 1} {function.name}", self._doubts.taken_out(after.nodes)
        return Candidate(function, place, changed, source, same, score, lost)


def _lines_elsewhere(source: str, function: Function) -> list[str]:
    """Simple statements of the file's other functions, the nearest first."""
    tree = parse(source)
    found = [n for n in simple_statements(tree) if not function.start < n.lineno <= function.end] if tree else []
    inner = [node for node in found if node.col_offset]
    nearest = sorted(inner, key=lambda node: abs(node.lineno - function.start))
    texts = [text for node in nearest if "\n" not in (text := unparse(node)) and not isinstance(node, ast.Return)]
    return list(dict.fromkeys(filter(None, texts)))[:_ELSEWHERE]
