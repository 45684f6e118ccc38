"""What the model is shown: the system prompt and AGENTS.md, the conversation, and the new prompt with its files.

    prompt, @files ─► Context.compose() ─► the messages, the ledger of their exact tokens, and what had to be left out

The front stays the same bytes from turn to turn, so the model need not read it again; what varies (branch, changed
files) goes into the last message.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ossa.assistant.context.parts import Part
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import Composed
from ossa.assistant.repository import Repository
from ossa.assistant.transcript import Transcript
from ossa.assistant.trim import shorten
from ossa.assistant.wording import prompt_text
from ossa.model.base import LanguageModel, Message, ModelError, ToolSpec

_MENTION = re.compile(r"(?<!\S)@([^\s:]+)(?::(\d+)(?:-(\d+))?)?")
_AGENTS_LIMIT = 16_000
_FILE_LIMIT = 60_000
_OLD_RESULT = 600
"""Characters that an old tool result of more than twice as many is shortened to when the window is full."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A prompt ready to be sent."""

    messages: tuple[Message, ...]
    ledger: Composed
    notices: tuple[str, ...]
    """What was left out and why, a sentence each."""


class Context:
    """Composes what one model is shown of one repository."""

    def __init__(
        self, model: LanguageModel, repository: Repository, draft: Draft, tools: Sequence[ToolSpec] = ()
    ) -> None:
        """`tools` are those the model may call; none for a model that was not trained to."""
        self._model, self._repository, self._draft, self._tools = model, repository, draft, tuple(tools)
        self._system = self._front()

    def compose(self, transcript: Transcript, prompt: str, reserve: int, told: str = "") -> Composition:
        """Put a new prompt behind the conversation so far, leaving `reserve` tokens for the answer.

        Only what the person wrote attaches files; `told` is what ossa adds to it, such as the failures of tests.
        Blocking: it asks the model for exact counts, which loads it.

        Raises:
            ModelError: the prompt alone is larger than the model's window.
        """
        conversation = transcript.messages
        message, attached, notices = self._ask(prompt, transcript.note, told)
        ledger: list[Part] = []
        total = 0
        steps: list[tuple[str, list[Message]]] = [
            ("system prompt and tools" if self._tools else "system prompt", [self._system[0]]),
            ("AGENTS.md", [self._system[-1]]),
            ("conversation", [self._system[-1], *conversation]),
        ]
        for name, messages in steps:
            count = self.count(messages)
            if count > total:
                ledger.append(Part(name, count - total))
            total = count
        kept, dropped = self.fit([self._system[-1], *conversation, message], reserve)
        before = self.count(kept[:-1])
        if before < total:
            ledger.append(Part("left out", before - total))
        bare = self.count([*kept[:-1], Message("user", attached)]) if attached else before
        if attached:
            ledger.append(Part("attached files", bare - before))
        whole = self.count(kept)
        ledger.append(Part("prompt", whole - bare))
        return Composition(
            tuple(kept), Composed(message, tuple(ledger), whole, self._model.info.window), (*notices, *dropped)
        )

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of these messages, tools included."""
        return self._model.count(messages, tools=self._tools)

    def fit(self, messages: Sequence[Message], reserve: int) -> tuple[list[Message], tuple[str, ...]]:
        """Trim what is oldest until `reserve` tokens are left: first old tool results, then whole old turns.

        The system prompt, the user's latest prompt and all that came after it are never dropped.

        Raises:
            ModelError: even so it does not fit.
        """
        kept = list(messages)
        room = self._model.info.window - reserve
        if self.count(kept) <= room:
            return kept, ()
        notices: list[str] = []
        results = [i for i, m in enumerate(kept[:-1]) if m.role == "tool" and len(m.text) > 2 * _OLD_RESULT]
        for n, index in enumerate(results):
            kept[index] = replace(kept[index], text=shorten(kept[index].text, _OLD_RESULT))
            if n == len(results) - 1 or self.count(kept) <= room:
                notices.append(f"The model's window is full: {n + 1} old tool results were shortened.")
                break
        turns = 0
        while self.count(kept) > room and (end := _second_turn(kept)):
            del kept[1:end]
            turns += 1
        if turns:
            notices.append(f"The model's window is full: the oldest {turns} turns are no longer shown to it.")
        if (size := self.count(kept)) > room:
            raise ModelError(
                f"The prompt has {size:,} tokens; {self._model.info.name} takes {room:,} beside its answer. "
                "Attach fewer or shorter files (@path:10-40), or start a new session."
            )
        return kept, tuple(notices)

    def _front(self) -> tuple[Message, Message]:
        """The system message without AGENTS.md and with it."""
        text = prompt_text("system" if self._tools else "chat")
        agents = self._agents() if self._tools else b""
        if not agents:
            return Message("system", text), Message("system", text)
        note = shorten(agents.decode(errors="replace"), _AGENTS_LIMIT)
        return Message("system", text), Message("system", f"{text}\n\n# AGENTS.md of this repository\n\n{note}")

    def _agents(self) -> bytes:
        """AGENTS.md; nothing where there is none, or a link that leads out of the repository."""
        try:
            return self._draft.read("AGENTS.md") or b""
        except DraftError:
            return b""

    def _ask(self, prompt: str, note: str, told: str) -> tuple[Message, str, list[str]]:
        """The user's message, the part of it that is attached files, and what could not be attached."""
        blocks: list[str] = []
        notices: list[str] = []
        for match in _MENTION.finditer(prompt):
            path, first, last = match.group(1).rstrip(".,;)"), match.group(2), match.group(3)
            try:
                data = self._draft.read(path)
            except DraftError as error:
                notices.append(str(error))
                continue
            if data is None:
                notices.append(f"There is no file {path} to attach.")
            elif b"\0" in data[:8192]:
                notices.append(f"{path} is a binary file and was not attached.")
            else:
                blocks.append(_block(path, data.decode(errors="replace"), first, last))
                if len(data) > _FILE_LIMIT and not first:
                    notices.append(f"{path} is long: its middle was left out. Attach a part by @{path}:10-40.")
        attached = "\n\n".join(blocks)
        state = [self._state()] if self._tools else []
        said = [part for part in (*blocks, *state, note, prompt, told) if part]
        return Message("user", "\n\n".join(said)), attached, notices

    def _state(self) -> str:
        """What varies: branch, changed files and the draft."""
        changed = sorted(self._repository.status())
        drafted = [file.path for file in self._draft.change().files]
        lines = [f"Branch: {self._repository.head()}"]
        for name, paths in (("Changed by the person, not committed", changed), ("Changed in your draft", drafted)):
            if paths:
                more = f" and {len(paths) - 20} more" if len(paths) > 20 else ""
                lines.append(f"{name}: {', '.join(paths[:20])}{more}")
        return "\n".join(lines)


def _second_turn(messages: Sequence[Message]) -> int:
    """Where the second of the turns behind the system prompt begins; 0 when there is but one."""
    starts = [i for i, message in enumerate(messages) if message.role == "user"]
    return starts[1] if len(starts) > 1 else 0


def _block(path: str, text: str, first: str | None, last: str | None) -> str:
    lines = text.split("\n")
    if first:
        start, end = int(first), int(last or first)
        return f"`{path}`, lines {start}–{end}:\n```\n" + "\n".join(lines[max(0, start - 1) : end]) + "\n```"
    return f"`{path}`:\n```\n{shorten(text, _FILE_LIMIT)}\n```"
