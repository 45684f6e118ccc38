"""The format of models with a chat template, such as SmolLM2's ChatML.

    messages ─► template around marks ─► split at them ─► control tokens from the template, plain text from messages

The template never sees what the messages say, only a mark for each; so content cannot smuggle control tokens in.
"""

import re
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import render_jinja_template

from ossa.model.base import Message, ModelError, Piece, Sampling, Text, ToolSpec
from ossa.model.codec import Reader, clean, is_verbatim

if TYPE_CHECKING:
    from ossa.model.constraints_vocabulary import Vocabulary

# Private-use characters: no template has them.
_MARK = "\ue0f0{}\ue0f1"
_MARKS = re.compile("\ue0f0([0-9]+)\ue0f1")


class ChatCodec:
    """A `Codec` by a Jinja chat template and a fast tokenizer."""

    def __init__(
        self, tokenizer: Tokenizer, template: str, stop_ids: frozenset[int], names: Mapping[str, str] | None = None
    ) -> None:
        """`names` are the tokens that the template asks for by name, such as `bos_token`."""
        self.stop_ids = stop_ids
        self._template = template
        self._names: dict[str, Any] = dict(names or {})
        self._tokenizer = tokenizer
        self._encoding = Lock()
        self._anchor = self._encode("a")

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling) -> list[int]:
        """The ids of the conversation; `tools` are left out, because such a model was not taught ours."""
        parts = _MARKS.split(self._render(messages))
        ids: list[int] = []
        # Every second part is the number of a message, the others are the template's own.
        for position, part in enumerate(parts):
            if position % 2:
                ids += self._content(messages[int(part)])
            else:
                ids += self._encode(part, controls=True)
        return ids

    def opening(self, begin: str) -> list[int]:
        """The ids of `begin`, as plain text."""
        return self._encode(clean(begin))

    def final(self) -> list[int]:
        """Nothing: such a model does not think apart."""
        return []

    def spell(self, token: int) -> str:
        """What the token says behind another one: some tokenizers drop a blank at the beginning."""
        before = self._anchor
        text = self._tokenizer.decode([*before, token])[len(self._tokenizer.decode(before)) :]
        return "" if "\ufffd" in text else text

    def blank_ids(self) -> list[int]:
        """The tokens whose text begins with a blank, in the spellings of the two kinds of vocabulary."""
        return [
            number for token, number in self._tokenizer.get_vocab().items() if token.startswith(("\u0120", "\u2581"))
        ]

    def vocabulary(self, size: int) -> "Vocabulary":
        """All tokens, for constraints."""
        from ossa.model.constraints_vocabulary import of_tokenizer

        return of_tokenizer(self._tokenizer, self.stop_ids, size)

    def reader(self) -> Reader:
        """A reader that shows all but control tokens."""
        return _TextReader(self._tokenizer)

    def _render(self, messages: Sequence[Message]) -> str:
        chat = [{"role": _role(message), "content": _MARK.format(n)} for n, message in enumerate(messages)]
        try:
            rendered, _ = render_jinja_template(
                [chat], chat_template=self._template, add_generation_prompt=True, **self._names
            )
        except (TemplateError, TypeError, ValueError) as error:
            raise ModelError(f"The model's chat template does not take this conversation: {error}.") from error
        return rendered[0]

    def _content(self, message: Message) -> list[int]:
        if is_verbatim(self, message):
            return [token for token in message.tokens if token not in self.stop_ids]
        text = f"Result of {message.tool}:\n{message.text}" if message.role == "tool" else message.text
        text += "".join(f"\n{call.name} {call.arguments}" for call in message.calls)
        return self._encode(clean(text))

    def _encode(self, text: str, *, controls: bool = False) -> list[int]:
        """The ids; without `controls` what looks like a control token stays text. Prompts are counted beside others."""
        with self._encoding:
            self._tokenizer.encode_special_tokens = not controls
            return self._tokenizer.encode(text, add_special_tokens=False).ids


def _role(message: Message) -> str:
    # No role of its own for tools: most templates know none, and their models were not taught ours.
    return "user" if message.role == "tool" else message.role


class _TextReader:
    """Gives text as soon as its characters are whole."""

    ended = False
    is_thinking = False

    _LONGEST = 8
    """Tokens that one character may need; what is no text after so many will never be."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Some tokenizers drop a blank at the beginning, so the tokens before are decoded along with the new ones.
        self._before: list[int] = []
        self._new: list[int] = []

    def feed(self, token: int) -> list[Piece]:
        # An id beyond the vocabulary, and negative ones, say nothing.
        if token < 0 or self._tokenizer.id_to_token(token) is None:
            return []
        self._new.append(token)
        text = self._text()
        return [] if text.endswith("\ufffd") and len(self._new) < self._LONGEST else self._give(text)

    def finish(self) -> list[Piece]:
        return self._give(self._text())

    def _text(self) -> str:
        known = self._tokenizer.decode(self._before)
        return self._tokenizer.decode(self._before + self._new)[len(known) :]

    def _give(self, text: str) -> list[Piece]:
        self._before, self._new = self._new or self._before, []
        return [Text(text)] if text else []
