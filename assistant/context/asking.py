"""The user's message: what is attached, what varies from turn to turn, what ossa has to tell, and the prompt itself.

    Ask ─► Asker.attached() ─► what the prompt names, what the person has changed since, AGENTS.md of new folders
        ─► Asker.message() ─► all that, the date, the branch, what is open, and the prompt last

Everything that varies is here, behind all that the model has read already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from ossa.assistant.context.attachments import Attachments, cut
from ossa.assistant.context.fitting import cut_to_fit
from ossa.assistant.context.instructions import Instructions
from ossa.assistant.context.parts import About, Attached
from ossa.assistant.draft import Draft
from ossa.assistant.repository import Repository
from ossa.assistant.transcript import Transcript
from ossa.model.base import Message

Hints: TypeAlias = Callable[[About], str]
"""Names files that may matter to a prompt, a line each; empty where there is nothing to say."""

_LISTED = 20
"""Changed files that are named."""


def no_hints(_: About) -> str:
    """For where there is no index."""
    return ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the model: the person's prompt, and what is put to it."""

    prompt: str
    told: str = ""
    """What ossa adds to it, such as the failures of tests; "@" in it attaches nothing."""
    attached: tuple[Attached, ...] = ()
    """What the person attached beside what the prompt mentions."""
    failures: str = ""
    """The last test failures, for `@!failures`."""
    viewing: str = ""
    """What the person has open, as "calc.py:12"."""

    def about(self, attached: Sequence[Attached]) -> About:
        """What files that matter are looked for by."""
        paths = dict.fromkeys(text.path for text in attached if text.path)
        return About(self.prompt or self.told, tuple(paths), self.viewing.partition(":")[0])


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes the user's messages for one repository; `works` says whether the model has tools to work in it."""

    repository: Repository
    draft: Draft
    attachments: Attachments
    instructions: Instructions
    works: bool
    hints: Hints

    def attached(self, transcript: Transcript, ask: Ask, known: Mapping[str, str]) -> tuple[list[Attached], list[str]]:
        """The texts to attach, and a sentence for each that cannot be; `known` are digests of files as the model knows.

        What it has seen and the person has changed since is told anew, what it has seen unchanged is not shown twice.
        """
        found, notices = self.attachments.of(ask.prompt, transcript.ran, ask.failures)
        wanted = {a.name: a for a in (*ask.attached, *found)}
        seen = _in_view(transcript)
        texts = {a.text for a in seen.values()}
        for path, last in {a.path: a for a in seen.values() if a.path and a.digest}.items():
            now = self.attachments.digest(path)
            if now not in (last.digest, known.get(path)) and path not in {a.path for a in wanted.values()}:
                renewed = self.attachments.renewed(last)
                wanted[renewed.name] = renewed
        if self.works and transcript.entries:
            wanted |= self._instructions(transcript, [a.path for a in wanted.values() if a.path])
        chosen = [_chosen(a, transcript) for a in wanted.values()]
        return [_above(a) if a.text in texts else a for a in chosen if a], notices

    def message(
        self, transcript: Transcript, ask: Ask, attached: Sequence[Attached], known: Mapping[str, str]
    ) -> Message:
        """The message with these texts."""
        state = self._state(transcript, ask.viewing, attached, known) if self.works else ""
        hints = self.hints(ask.about(attached)) if self.works and ask.prompt else ""
        texts = (*(a.text for a in attached), state, hints, transcript.note, ask.prompt, ask.told)
        return Message("user", "\n\n".join(text for text in texts if text))

    def _instructions(self, transcript: Transcript, paths: Sequence[str]) -> dict[str, Attached]:
        shown = instructions_shown(transcript)
        texts = ((path, self.instructions.text(path)) for path in self.instructions.applying(paths))
        return {path: Attached(path, text, lasting=True) for path, text in texts if text not in shown}

    def _state(
        self, transcript: Transcript, viewing: str, attached: Sequence[Attached], known: Mapping[str, str]
    ) -> str:
        """What varies: the date, the branch, what is open, and which files were changed by whom."""
        told = {a.path for a in attached}
        touched = [path for path, was in known.items() if path not in told and self.attachments.digest(path) != was]
        lines = [f"Date: {date.today():%Y-%m-%d}", f"Branch: {self.repository.head()}"]
        if viewing:
            lines.append(f"Open before the person: {viewing}")
        front = {part.id.removeprefix("file:") for part in transcript.front}
        for name, paths in (
            ("Changed by the person, not committed", sorted(self.repository.status())),
            ("Changed by the person since you saw them", sorted(set(touched) - front)),
            ("Changed in your draft", [file.path for file in self.draft.change().files]),
        ):
            if paths:
                more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
                lines.append(f"{name}: {', '.join(paths[:_LISTED])}{more}")
        return "\n".join(lines)


def instructions_shown(transcript: Transcript) -> set[str]:
    """The texts of AGENTS.md files that the model has seen."""
    shown = {part.message.text for part in transcript.front if part.kind == "agents"}
    for entry in transcript.entries:
        shown.update(a.text for a in entry.attached if a.lasting)
        if entry.kind == "instructions":
            shown.add(entry.message.text)
    return shown


def trimmed(attached: Sequence[Attached], count: Callable[[str], int], room: int) -> tuple[list[Attached], list[str]]:
    """The same texts, the longest cut so that all have at most so many tokens; and a sentence for each that was."""
    limits = cut_to_fit([a.text for a in attached], count, room)
    fitting = [a if limit >= len(a.text) else cut(a, limit) for a, limit in zip(attached, limits, strict=True)]
    notices = [
        f"{was.name} would fill the model's window: its middle was left out. Attach a part, as by @path:10-40."
        for was, now in zip(attached, fitting, strict=True)
        if was is not now
    ]
    return fitting, notices


def _in_view(transcript: Transcript) -> dict[str, Attached]:
    """By name, the latest texts that are attached to earlier prompts and still shown; and the pinned files."""
    found: dict[str, Attached] = {}
    for number, entry in enumerate(transcript.entries):
        for place, attached in enumerate(entry.attached):
            if f"m{number}" not in transcript.replaced and f"m{number}.{place}" not in transcript.replaced:
                found.pop(attached.name, None)  # so that the latest is the last
                found[attached.name] = attached
    pinned = (part for part in transcript.front if part.kind == "file")
    return found | {part.id: Attached(part.name, part.message.text) for part in pinned}


def _chosen(attached: Attached, transcript: Transcript) -> Attached | None:
    """What the person made of it before it is sent: dropped, shortened, or as it is."""
    choice = transcript.choices.get(f"new:{attached.name}")
    if choice is None or choice.action in ("pin", "restore"):
        return attached
    return None if choice.action == "drop" else cut(attached, choice.limit)


def _above(attached: Attached) -> Attached:
    return replace(
        attached, text=f"({attached.name} is shown above and has not changed since.)", whole=False, digest=""
    )
