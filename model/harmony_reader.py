"""Reads what gpt-oss writes, token by token, however it is formed.

    [to=tool] [<|channel|>name [to=tool] [<|constrain|>type]] <|message|> content <|end|> · <|call|> · <|return|>

Any sequence of ids gives pieces, never an exception, and no text is lost: an unknown channel is shown, a recipient ends
at the first control token, text without a header is the answer. Who a message is for decides, not its channel.
"""

import codecs
import re
from dataclasses import dataclass, field

from openai_harmony import HarmonyEncoding, HarmonyError

from ossa.model.base import Piece, Text, Thought, ToolCall

RETURN, CONSTRAIN, CHANNEL, START, END, MESSAGE, CALL = 200002, 200003, 200005, 200006, 200007, 200008, 200012
FUNCTIONS = "functions"
"""The namespace of tools that have none of their own."""

CONTROLS = range(199998, 201089)
_ENDS = frozenset({END, RETURN, CALL, 199999})
_HEADER_TOKENS = 48
"""A header is never as long; what goes on is content whose `<|message|>` was forgotten."""
_RECIPIENT = re.compile(r"\bto=\s*(\S+)")
_NOBODY = frozenset({"assistant", "user", "all"})
_ROLES = ("assistant", "user", "system", "developer", "tool")
_EXPECTED = {START: _ROLES, CHANNEL: ("analysis", "commentary", "final"), CONSTRAIN: ("json", "code", "text")}
"""The word that may follow each control token of a header."""


@dataclass
class Part:
    """The text of a header between two control tokens."""

    after: int | None
    """The token before it; none at the beginning of the answer, where the prompt has said who speaks."""
    text: str = ""

    @property
    def word(self) -> str:
        """Its first word."""
        return next(iter(self.text.split()), "")

    @property
    def rest(self) -> str:
        """What a header has no use for."""
        rest = _RECIPIENT.sub("", self.text)
        expected = self.after is not None and self.word in _EXPECTED.get(self.after, ())
        return rest.lstrip()[len(self.word) :] if expected else rest


@dataclass
class Segment:
    """One message of the answer, as it was written."""

    header: list[Part]
    tokens: list[int] = field(default_factory=list[int])
    channel: str = ""
    recipient: str = ""
    content: str = ""
    in_content: bool = False

    @property
    def is_reasoning(self) -> bool:
        """Whether it is for the model alone."""
        return self.channel == "analysis" and not self.recipient

    def looks_like_content(self) -> bool:
        """Whether what should be a header can't be one."""
        if len(self.tokens) > _HEADER_TOKENS or "\n" in self.header[-1].text.strip():
            return True
        word = self.header[0].word
        may_follow = any(known.startswith(word) for known in (*_ROLES, "to="))
        return len(self.header) == 1 and not may_follow and "to=" not in word

    def open(self) -> None:
        """The header is over: who is it for, and on which channel?"""
        self.in_content = True
        channels = [part.word for part in self.header if part.after == CHANNEL]
        self.channel = channels[-1] if channels and "to=" not in channels[-1] else ""
        named = [found[1] for part in self.header if (found := _RECIPIENT.search(part.text))]
        recipient = named[0].removeprefix(f"{FUNCTIONS}.") if named else ""
        self.recipient = "" if recipient in _NOBODY else recipient


class HarmonyReader:
    """A `Reader` for one answer of gpt-oss; `segments` has its messages so far, with all their tokens."""

    def __init__(self, encoding: HarmonyEncoding) -> None:
        """Begin after the prompt's `<|start|>assistant`."""
        self.segments = [Segment([Part(None)])]
        self.ended = False
        self._encoding = encoding
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._has_said = False

    @property
    def is_thinking(self) -> bool:
        """Whether it reads reasoning."""
        segment = self.segments[-1]
        return segment.in_content and segment.is_reasoning

    def feed(self, token: int) -> list[Piece]:
        """What becomes known by the next id."""
        if token in CONTROLS:
            return self._add(self._utf8.decode(b"", final=True)) + self._control(token)
        try:
            raw = bytes(self._encoding._inner.decode_bytes([token]))
        except (HarmonyError, OverflowError):
            return []  # no token of the vocabulary
        self.segments[-1].tokens.append(token)
        return self._add(self._utf8.decode(raw))

    def finish(self) -> list[Piece]:
        """What was held back; a tool call that was cut off becomes text, because it must not be made."""
        return self._add(self._utf8.decode(b"", final=True)) + self._close(is_whole=False)

    def _control(self, token: int) -> list[Piece]:
        segment = self.segments[-1]
        if token == START or (token == CHANNEL and segment.in_content):
            pieces = self._close()
            self.segments.append(Segment([Part(token)], [token]))
            return pieces
        segment.tokens.append(token)
        if token in _ENDS:
            pieces = self._close()
            self.segments.append(Segment([Part(None)]))
            return pieces
        if token == MESSAGE and not segment.in_content:
            segment.open()
            # It goes on with what someone else would say.
            self.ended = self.ended or (segment.header[0].after == START and segment.header[0].word in _ROLES[1:])
        elif not segment.in_content:
            segment.header.append(Part(token))
        return []

    def _add(self, text: str) -> list[Piece]:
        segment = self.segments[-1]
        if segment.in_content:
            return self._content(segment, text)
        segment.header[-1].text += text
        return self._headless(segment) if segment.looks_like_content() else []

    def _headless(self, segment: Segment) -> list[Piece]:
        """The header turned out to be content: what a header has no use for is shown."""
        segment.open()
        return self._content(segment, "".join(part.rest for part in segment.header))

    def _content(self, segment: Segment, text: str) -> list[Piece]:
        is_first = not segment.content
        segment.content += text
        return [] if segment.recipient else self._shown(segment, text, is_first=is_first)

    def _close(self, *, is_whole: bool = True) -> list[Piece]:
        segment = self.segments[-1]
        pieces: list[Piece] = []
        if not segment.in_content and "".join(part.rest for part in segment.header).strip():
            pieces += self._headless(segment)
        if segment.recipient and is_whole:
            self.ended = True
            return [*pieces, ToolCall(segment.recipient, segment.content)]
        if segment.recipient:
            return pieces + self._shown(segment, segment.content, is_first=True)
        self.ended = self.ended or (segment.in_content and segment.channel in ("final", ""))
        return pieces

    def _shown(self, segment: Segment, text: str, *, is_first: bool) -> list[Piece]:
        if not text:
            return []
        if segment.is_reasoning:
            return [Thought(text)]
        gap = "\n\n" if is_first and self._has_said else ""
        self._has_said = True
        return [Text(gap + text)]
