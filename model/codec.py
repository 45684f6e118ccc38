"""What both formats have in common: messages become token ids, and sampled ids become pieces again.

    messages ─► Codec.prompt() ─► ids ─► engine ─► sampled ids ─► Reader.feed() ─► Thought · Text · ToolCall

A codec never lets content become a control token, and a reader takes any sequence of ids without an exception.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from ossa.model.base import Message, Piece, Sampling, Text, ToolCall, ToolSpec

if TYPE_CHECKING:
    from ossa.model.constraints_vocabulary import Vocabulary


class Reader(Protocol):
    """Makes pieces of one answer's ids as they come."""

    @property
    def ended(self) -> bool:
        """Whether the answer is complete, though no stop token came."""
        ...

    @property
    def is_thinking(self) -> bool:
        """Whether what comes next is reasoning."""
        ...

    def feed(self, token: int) -> list[Piece]:
        """What becomes known by the next id: of `Thought`, `Text` and `ToolCall`."""
        ...

    def finish(self) -> list[Piece]:
        """What was held back, now that no id follows."""
        ...


class Codec(Protocol):
    """The format in which a model was taught to converse."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens after which the model has no more to say."""
        ...

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling) -> list[int]:
        """The ids of the conversation, up to where the model's answer begins; without `sampling.begin`.

        Raises:
            ModelError: the model's own template does not take such a conversation.
        """
        ...

    def opening(self, begin: str) -> list[int]:
        """The ids that put `begin` into the model's mouth."""
        ...

    def final(self) -> list[int]:
        """The ids that end reasoning and begin the answer."""
        ...

    def blank_ids(self) -> Sequence[int]:
        """The tokens whose text begins with a blank."""
        ...

    def spell(self, token: int) -> str:
        """What one token says within a text; nothing for a control token or a part of a character."""
        ...

    def vocabulary(self, size: int) -> "Vocabulary":
        """All tokens, for constraints; `size` is how many logits the model has. Takes about a second."""
        ...

    def reader(self) -> Reader:
        """A reader for one answer, from its first id on, opening included."""
        ...


def read(reader: Reader, tokens: Iterable[int]) -> tuple[str, tuple[ToolCall, ...]]:
    """The text and the calls of a whole answer."""
    pieces = [piece for token in tokens for piece in reader.feed(token)] + reader.finish()
    text = "".join(piece.text for piece in pieces if isinstance(piece, Text))
    return text, tuple(piece for piece in pieces if isinstance(piece, ToolCall))


def is_verbatim(codec: Codec, message: Message) -> bool:
    """Whether the message's tokens say what its text and calls say.

    They do not where a stop text cut the answer within a token, where someone edited it, and where another model
    wrote it: its ids mean something else here.
    """
    return bool(message.tokens) and read(codec.reader(), message.tokens) == (message.text, message.calls)


def clean(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes; file names and broken JSON bring them."""
    return text.encode("utf-8", "replace").decode("utf-8")
