"""What stands in front of the conversation, ordered by how seldom it changes, so that the model need not read it again.

    system prompt (with the tools) ─► AGENTS.md ─► those of folders ─► map ─► pinned files, the latest changed one last

A part that is as it was stays in its place, byte for byte. The map is made once for a session.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ossa.assistant.context.attachments import Attachments
from ossa.assistant.context.instructions import NAME, Instructions
from ossa.assistant.context.parts import About, FrontPart
from ossa.assistant.transcript import Transcript
from ossa.assistant.wording import prompt_text
from ossa.model.base import Message

RepoMap: TypeAlias = Callable[[About, int, Callable[[str], int]], str]
"""Makes the repository's map: of at most so many tokens, counted by the function; empty where there is none."""

_FILE, _AGENTS = "file:", "agents:"


def no_map(_about: About, _tokens: int, _count: Callable[[str], int]) -> str:
    """For where there is no index."""
    return ""


@dataclass(frozen=True, slots=True)
class Front:
    """Makes the front for one model: `calls_tools` says whether it works in the repository or only talks."""

    calls_tools: bool
    instructions: Instructions
    attachments: Attachments
    repo_map: RepoMap
    map_tokens: int

    def parts(
        self,
        transcript: Transcript,
        about: About,
        known: Mapping[str, str],
        count: Callable[[str], int],
    ) -> tuple[FrontPart, ...]:
        """The front for the next prompt; what the person has dropped of it, too.

        Args:
            transcript: has what stands there now, and what the person pinned or dropped.
            about: the prompt; at the start of a conversation the AGENTS.md of its files' folders come along.
            known: digests of files as the model knows them by its own doing; these are not shown anew.
            count: tokens of a text.
        """
        now = {part.id: part for part in transcript.front}
        found = [FrontPart("system", "system", "system prompt", Message("system", self._prompt))]
        chosen = [part.removeprefix(_FILE) for part in transcript.choices if part.startswith(_FILE)]
        if not self.calls_tools:
            return (*found, *self._files(chosen, now, known))
        found += self._agents(transcript, [*about.mentioned, *chosen], now)
        if map_part := self._map(transcript, about, now, count):
            found.append(map_part)
        return (*found, *self._files(chosen, now, known))

    @property
    def _prompt(self) -> str:
        return prompt_text("system" if self.calls_tools else "chat")

    def _agents(self, transcript: Transcript, paths: Sequence[str], now: Mapping[str, FrontPart]) -> list[FrontPart]:
        """The repository's AGENTS.md, and those of folders that are there already or come with the first prompt."""
        names = [NAME]
        if transcript.entries:
            ids = dict.fromkeys((*now, *transcript.choices))
            names += [part.removeprefix(_AGENTS) for part in ids if part.startswith(_AGENTS)]
        else:
            names += self.instructions.applying(paths)
        texts = [(name, self.instructions.text(name)) for name in names]
        return [
            FrontPart("agents" if name == NAME else f"{_AGENTS}{name}", "agents", name, Message("system", text))
            for name, text in texts
            if text
        ]

    def _map(
        self, transcript: Transcript, about: About, now: Mapping[str, FrontPart], count: Callable[[str], int]
    ) -> FrontPart | None:
        """The map that stands there; a new one at the start of a conversation, and where the person chose about it."""
        if known := now.get("map"):
            return known
        if transcript.entries and "map" not in transcript.choices:
            return None
        title = prompt_text("map")
        text = self.repo_map(about, self.map_tokens - count(title), count)
        return FrontPart("map", "map", "map", Message("user", f"{title}\n\n{text}")) if text else None

    def _files(self, chosen: Sequence[str], now: Mapping[str, FrontPart], known: Mapping[str, str]) -> list[FrontPart]:
        """The pinned files: first those that are as they were, in their order, then the changed and the new ones."""
        same: list[FrontPart] = []
        changed: list[FrontPart] = []
        order = list(now)
        for path in chosen:
            name = f"{_FILE}{path}"
            before, file = now.get(name), self.attachments.file(path)
            if file is None:
                continue
            message = Message("user", file.text)
            if before and (before.message == message or known.get(path) == file.digest):
                same.append(before)
            else:
                changed.append(FrontPart(name, "file", path, message))
        return [*sorted(same, key=lambda part: order.index(part.id)), *changed]
