"""A model without tools on llama.cpp's server: its own template, with what messages say never taken for control tokens.

    messages ─► /apply-template around marks ─► split at them ─► /tokenize: the template's parts with control tokens,
    messages without ─► ids ─► /completion

It answers all that the guided way asks: how likely a text is, and several ways to go on. Lines that it writes are tried
against their grammar behind the answer, since the server cannot begin within one.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from typing import Any, cast

from ossa.model.base import Continuation, FinishReason, Message, ModelError, Piece, Prefill, Sampling, ToolSpec, Weighed
from ossa.model.codec import clean
from ossa.model.constraints import Constraint
from ossa.model.server.faults import Fault, nonsense
from ossa.model.server.heard import Counted, Ended, Form, Reading, Request, Tally, Written
from ossa.model.server.ids import check
from ossa.model.server.line import Line
from ossa.model.server.llama import Llama, gbnf
from ossa.model.server.spoken import Spoken

# Private-use characters: no template has them.
_MARK = "\ue0f0{}\ue0f1"
_MARKS = re.compile("\ue0f0([0-9]+)\ue0f1")
_BLANK = 'root ::= " " [^\\x00]*'
"""Makes the first word of an answer begin with a blank; every build of llama.cpp takes this."""
_CANNOT_WEIGH = (
    "This build of llama.cpp takes no grammar in token ids, so it cannot tell how likely a text is; the search for "
    "repairs needs that: please update it."
)
_TRIES = 2
"""How often a line that may not stand there is asked for again, …"""
_FREER = 0.8
"""… and with which temperature."""
_REMEMBERED = 2000
"""Texts whose tokens are remembered."""


class PlainWay:
    """The `Way` to such a model."""

    about = "llama.cpp by token ids"

    def __init__(self, line: Line, llama: Llama) -> None:
        self._line, self._llama = line, llama
        self._known: dict[tuple[str, bool], tuple[int, ...]] = {}

    def begin(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling, hurried: Callable[[], bool]
    ) -> "PlainWriter":
        """A new answer; `tools` are left out, because such a model was not taught ours."""
        spoken = Spoken(sampling)
        prompt = self.prompt(messages) + self.tokens(clean(spoken.opening))
        check(len(prompt), self._llama.window)
        return PlainWriter(self._llama, prompt, spoken, sampling, self.remember)

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        """Tokens of the prompt, counted by the server."""
        return len(self.prompt(messages))

    def weigh(self, messages: Sequence[Message], answer: str, others: int, stop: Event | None) -> tuple[Weighed, ...]:
        """How likely each token is: the server is made to write just these, and tells."""
        prompt, tokens = self.prompt(messages), self.tokens(clean(answer))
        check(len(prompt) + len(tokens), self._llama.window)
        forced = (gbnf("root ::= " + " ".join(f"<[{token}]>" for token in tokens)),) if tokens else ()
        try:
            _, told = self._whole(prompt, Sampling(max_tokens=len(tokens)), stop, forms=forced, n_probs=others + 1)
        except Fault as fault:
            if "grammar" in fault.said:
                raise ModelError(_CANNOT_WEIGH) from fault
            raise
        if [each.get("id") for each in told] != tokens:
            raise ModelError(_CANNOT_WEIGH)
        weighed: list[Weighed] = []
        end, rest = 0, b""
        for each in told:
            rest += bytes(each.get("bytes") or ())
            text = rest.decode("utf-8", "ignore")
            rest = rest[len(text.encode()) :]
            start, end = end, end + len(text)
            likely = [o for o in each.get("top_logprobs") or () if o.get("id") != each.get("id") and o.get("token")]
            if text:
                ranked = tuple((other["token"], float(other["logprob"])) for other in likely[:others])
                weighed.append(Weighed(start, end, float(each["logprob"]), ranked))
        return tuple(weighed)

    def go_on(
        self, messages: Sequence[Message], begin: str, held: Constraint | None, sampling: Sampling, stop: Event | None
    ) -> Continuation:
        """One way to go on from a beginning."""
        writer = self.begin(messages, (), replace(sampling, begin=begin), lambda: False)
        found = self._written(writer, sampling, stop)
        for seed in range(_TRIES if held else 0):
            if not held or holds(held, found.text, begin) or (stop and stop.is_set()):
                return found
            writer = self.begin(messages, (), replace(sampling, begin=begin), lambda: False)
            found = self._written(writer, replace(sampling, temperature=_FREER, seed=seed), stop)
        return replace(found, logprob=-math.inf) if held and not holds(held, found.text, begin) else found

    def _written(self, writer: "PlainWriter", sampling: Sampling, stop: Event | None) -> Continuation:
        said, told = self._whole(writer.prompt, sampling, stop, forms=writer.forms, n_probs=1)
        writer.take(Written((), said))
        writer.finish()
        logprob, spent = sum(float(each["logprob"]) for each in told), len(told)
        reason = writer.ended or ("length" if spent >= sampling.max_tokens else "stop")
        return Continuation(writer.spoken.text, logprob, spent, reason)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids of the conversation, up to where the answer begins."""
        chat = [{"role": _role(message), "content": _MARK.format(n)} for n, message in enumerate(messages)]
        reply = self._line.ask("/apply-template", {"messages": chat}, is_safe=True)
        rendered = reply.get("prompt") if isinstance(reply, dict) else None
        if not isinstance(rendered, str):
            raise nonsense(self._line.address, str(reply))
        ids: list[int] = []
        # Every second part is the number of a message, the others are the template's own.
        for position, part in enumerate(_MARKS.split(rendered)):
            ids += self.tokens(_content(messages[int(part)])) if position % 2 else self.tokens(part, controls=True)
        return ids

    def tokens(self, text: str, *, controls: bool = False) -> list[int]:
        """The ids of a text; without `controls` what looks like a control token stays text."""
        if not text:
            return []
        if (text, controls) not in self._known:
            body = {"content": text, "add_special": False, "parse_special": controls}
            reply = self._line.ask("/tokenize", body, is_safe=True)
            found = reply.get("tokens") if isinstance(reply, dict) else None
            if not isinstance(found, list):
                raise nonsense(self._line.address, str(reply))
            self.remember(text, found, controls=controls)
        return list(self._known[text, controls])

    def remember(self, text: str, tokens: Sequence[int], *, controls: bool = False) -> None:
        """The text has these tokens; of one that was sampled so it is found in the server's cache again."""
        while len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(tuple(self._known)), ("", False)), None)  # other threads do the same
        self._known[text, controls] = tuple(tokens)

    def _whole(
        self, prompt: Sequence[int], sampling: Sampling, stop: Event | None, *, forms: tuple[Form, ...], n_probs: int
    ) -> tuple[str, list[dict[str, Any]]]:
        """An answer up to its stop text, and all its tokens, each with how likely it and `n_probs` in all were."""
        request = self._llama.request(prompt, sampling, sampling.max_tokens)
        form = forms[0].body if forms else {}
        whole = {"stream": False, "return_progress": False, "stop": list(sampling.stop), "n_probs": n_probs}
        body = {**request.body, **form, **whole}
        reply = self._line.ask(request.path, body, stop=stop, is_answer=True, is_safe=True, check=request.check)
        if not isinstance(reply, dict) or not isinstance(told := reply.get("completion_probabilities", []), list):
            raise nonsense(self._line.address, str(reply))
        return str(reply.get("content", "")), cast("list[dict[str, Any]]", told)


class PlainWriter:
    """An answer in plain text."""

    turns = False

    def __init__(
        self,
        llama: Llama,
        prompt: Sequence[int],
        spoken: Spoken,
        sampling: Sampling,
        remember: Callable[[str, Sequence[int]], None],
    ) -> None:
        self.prompt, self.spoken = prompt, spoken
        self.tally = Tally(prompt=len(prompt))
        self.begun, self.cuts = False, False
        self.ended: FinishReason | None = None
        self._llama, self._sampling, self._remember = llama, sampling, remember
        self._tokens: list[int] = []

    def request(self) -> Request:
        """To have the prompt continued."""
        room = min(self._sampling.max_tokens, self._llama.window - len(self.prompt))
        return self._llama.request(self.prompt, self._sampling, room, self.forms)

    @property
    def forms(self) -> tuple[Form, ...]:
        """What holds it; nothing holds a line in whose middle it begins."""
        constraint = self._sampling.constraint
        if constraint and constraint.grammar and not constraint.of_line:
            return self._llama.guided(constraint.grammar)
        return (gbnf(_BLANK),) if self.spoken.owes_blank else ()

    def hear(self, content: dict[str, Any]) -> list[Piece]:
        """The pieces that the next object makes known."""
        pieces: list[Piece] = []
        for heard in self._llama.hear(content):
            match heard:
                case Reading():
                    pieces.append(Prefill(heard.done, heard.total, heard.reused))
                case Written():
                    pieces += self.take(heard)
                case Counted():
                    self.tally.reused = heard.reused or 0
                case Ended():
                    self.ended = self.ended or heard.reason
        return pieces

    def take(self, written: Written) -> list[Piece]:
        """The pieces of what was written."""
        self.begun = True
        self._tokens += written.tokens
        pieces = self.spoken.say(written.text)
        if self.spoken.is_complete:
            self.ended, self.cuts = "stop", True
        return pieces

    def finish(self) -> list[Piece]:
        """The pieces that were held back."""
        self.tally.written = len(self._tokens)
        pieces = self.spoken.finish(is_whole=True)
        if not self.spoken.is_complete and not self.spoken.opening:
            self._remember(self.spoken.text, self._tokens)
        return pieces

    def result(self, reason: FinishReason) -> tuple[FinishReason, Message]:
        """Why it ended, and the entry for the transcript."""
        return reason, self.spoken.message(is_whole=True)


def holds(held: Constraint, text: str, begin: str) -> bool:
    """Whether the line in which the beginning ends, and what follows it, is what it may be."""
    from llguidance import LLMatcher, LLTokenizer

    matcher = LLMatcher(
        LLTokenizer("byte"), LLMatcher.grammar_from_lark(held.grammar or "start: /(?s:.*)/"), log_level=0
    )
    line = text[begin.rfind("\n") + 1 :]
    data = list(line.encode())
    return not matcher.is_error() and matcher.validate_tokens(data) == len(data)


def _content(message: Message) -> str:
    text = f"Result of {message.tool}:\n{message.text}" if message.role == "tool" else message.text
    return clean(text + "".join(f"\n{call.name} {call.arguments}" for call in message.calls))


def _role(message: Message) -> str:
    return "user" if message.role == "tool" else message.role
