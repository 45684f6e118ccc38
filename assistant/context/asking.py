"""The user's message: what is attached, what varies from turn to turn, what ossa has to tell, and the prompt itself.

    Ask ─► Asker.attached() ─► what the prompt names, what the person has changed since, AGENTS.md of new folders
        ─► Asker.message() ─► all that, the date, the branch, what is open, and the prompt last

Everything that varies is here, behind all that the model has read already.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from ossa.assistant.context.attachments import Attachments, cut, of_command
from ossa.assistant.context.fitting import cut_to_fit
from ossa.assistant.context.instructions import Instructions
from ossa.assistant.context.parts import About, Attached, Enclosed
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
    begin: str = ""
    """The first words of the answer, where the person has written them."""

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

    def enclosed(self, transcript: Transcript, ask: Ask) -> tuple[list[Enclosed], list[str]]:
        """The texts to attach, and a sentence for each that cannot be.

        What it has seen and the person has changed since is told anew, what it has seen unchanged is not shown twice.
        """
        known = transcript.known
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
        return [above(one, texts) for one in chosen], notices

    def message(self, transcript: Transcript, ask: Ask, attached: Sequence[Attached]) -> Message:
        """The message with these texts."""
        state = self._state(transcript, ask.viewing, attached) if self.works else ""
        hints = self.hints(ask.about(attached)) if self.works and ask.prompt else ""
        ran = transcript.ran
        is_attached = ran and of_command(ran).name in {a.name for a in attached}
        note = transcript.note_but_for(ran) if ran and is_attached else transcript.note
        texts = (*(a.text for a in attached), state, hints, note, ask.prompt, ask.told)
        return Message("user", "\n\n".join(text for text in texts if text))

    def _instructions(self, transcript: Transcript, paths: Sequence[str]) -> dict[str, Attached]:
        shown = instructions_shown(transcript)
        texts = ((path, self.instructions.text(path)) for path in self.instructions.applying(paths))
        return {path: Attached(path, text, lasting=True) for path, text in texts if text not in shown}

    def _state(self, transcript: Transcript, viewing: str, attached: Sequence[Attached]) -> str:
        """What varies: the date, the branch, what is open, and which files were changed by whom."""
        told = {a.path for a in attached}
        known = transcript.known
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


def trimmed(enclosed: Sequence[Enclosed], count: Callable[[str], int], room: int) -> tuple[list[Enclosed], list[str]]:
    """The same texts, the longest cut so that all have at most so many tokens; and a sentence for each that was."""
    texts = [one.shown.text if one.shown else "" for one in enclosed]
    limits = cut_to_fit(texts, count, room)
    fitting: list[Enclosed] = []
    notices: list[str] = []
    for one, limit in zip(enclosed, limits, strict=True):
        if one.shown and limit < len(one.shown.text):
            fitting.append(replace(one, shown=cut(one.shown, limit), state="cut to fit"))
            name = one.whole.name
            notices.append(
                f"{name} would fill the model's window: its middle was left out. Attach a part, as by @path:10-40."
            )
        else:
            fitting.append(one)
    return fitting, notices


def above(enclosed: Enclosed, texts: Container[str]) -> Enclosed:
    """The same; where its text is one of those that the model is shown before it, only that this is so."""
    shown = enclosed.shown
    if shown is None or shown.text not in texts:
        return enclosed
    text = f"({shown.name} is shown above and has not changed since.)"
    return replace(enclosed, shown=replace(shown, text=text, whole=False, digest=""))


def _in_view(transcript: Transcript) -> dict[str, Attached]:
    """By name, the latest texts that are attached to earlier prompts and still shown."""
    found: dict[str, Attached] = {}
    for number, entry in enumerate(transcript.entries):
        for place, attached in enumerate(entry.attached):
            if f"m{number}" not in transcript.replaced and f"m{number}.{place}" not in transcript.replaced:
                found.pop(attached.name, None)  # so that the latest is the last
                found[attached.name] = attached
    return found


def _chosen(attached: Attached, transcript: Transcript) -> Enclosed:
    """What the person made of it before it is sent: dropped, shortened, or as it is."""
    choice = transcript.choices.get(f"new:{attached.name}")
    if choice is None or choice.action in ("pin", "restore"):
        return Enclosed(attached, attached)
    if choice.action == "drop":
        return Enclosed(attached, None, "left out")
    return Enclosed(attached, cut(attached, choice.limit), "shortened")
