"""A session as Markdown: what was asked and answered, the changes with their verdicts, and what became of them.

events ─► markdown() ─► a text that any viewer may show: nothing in it is run, fetched or sent to a terminal

Reasoning, what commands printed, and what is for the model alone are left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant import paths
from ossa.assistant.diff import unified
from ossa.assistant.events import (
    Answering,
    Attempt,
    Event,
    Failure,
    Proposed,
    Ran,
    Reviewed,
    Searching,
    StepFinished,
    StepStarted,
    TurnStarted,
)
from ossa.assistant.session import SessionInfo, events_of
from ossa.tui.plain import line_of
from ossa.tui.safe import plain_text

if TYPE_CHECKING:
    from markdown_it.token import Token

_TAG = re.compile(r"<(?=[A-Za-z/!?])(?!https?://[^\s<>]*>)")
_ROUNDS = 10
"""How often a text is looked through: without its HTML, lines of it may read otherwise."""


def markdown(info: SessionInfo, events: Iterable[Event]) -> str:
    """The session as a text in Markdown."""
    head = [
        f"# {_inline(info.title) or 'A session of ossa'}",
        "",
        f"- repository: {_inline(str(info.root))}",
        f"- model: {_inline(info.model)}",
        f"- from {info.started:%Y-%m-%d %H:%M} to {info.updated:%Y-%m-%d %H:%M}",
        f"- session: {info.id}",
    ]
    # Looked through as a whole, too: indented lines mean another thing behind a list.
    return harmless("\n".join([*head, "", *_paragraphs(events)]).rstrip("\n")) + "\n"


def export(info: SessionInfo, file: Path | None = None) -> Path:
    """Write a session into a file, or into one of its own beside ossa's state; returns where it is. Blocks.

    Raises:
        ExportError: the file is there already, or cannot be written.
    """
    folder = paths.state_dir() / "exports"
    names = (folder / f"{info.id}{f'-{number}' if number > 1 else ''}.md" for number in count(1))
    target = file or next(path for path in names if not path.exists())
    save(markdown(info, events_of(info.path)), target)
    return target


def harmless(text: str) -> str:
    """Markdown that somebody wrote, less HTML and pictures that a viewer would fetch; what it opens, it closes."""
    # Imported here since only an export needs a parser.
    from markdown_it import MarkdownIt

    # Viewers that know tables divide a line into cells before they look for code in it.
    parser, other = MarkdownIt("commonmark"), MarkdownIt("commonmark").enable("table")
    lines = plain_text(text).split("\n")
    for _ in range(_ROUNDS):
        tokens = parser.parse("\n".join(lines))
        acting = [token.map for token in (*tokens, *other.parse("\n".join(lines))) if token.map and _acts(token)]
        if not acting:
            return "\n".join([*lines, *_closing(lines, tokens)])
        for first, end in acting:
            lines[first:end] = [_TAG.sub("&lt;", line).replace("![", "!\\[") for line in lines[first:end]]
    return fenced(text)


def _acts(token: "Token") -> bool:
    """Whether a block would be more than text to a viewer."""
    return token.type == "html_block" or any(c.type in ("html_inline", "image") for c in token.children or ())


def _closing(lines: Sequence[str], tokens: "Sequence[Token]") -> list[str]:
    """The end of a block of code that lacks one, so that what follows is not taken for code."""
    fences = [token for token in tokens if token.type == "fence" and token.map and token.map[1] >= len(lines)]
    open_ended = bool(fences) and lines[-1].strip().strip(fences[-1].markup[0]) != ""
    return [fences[-1].markup] if open_ended else []


class ExportError(Exception):
    """The file cannot be had; the text is a sentence for the user."""


def save(text: str, file: Path) -> None:
    """Write it into a file that is not there yet, for its owner alone.

    Raises:
        ExportError: it is there, or cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="utf-8", errors="replace")
    except FileExistsError as error:
        raise ExportError(f"{file} is there already; name another file.") from error
    except OSError as error:
        raise ExportError(f"{file} cannot be written: {error.strerror}.") from error


def _paragraphs(events: Iterable[Event]) -> Iterator[str]:
    """Blocks, each with an empty line behind it."""
    answer, number, steps = "", 0, dict[str, str]()
    for event in events:
        if isinstance(event, Answering):
            answer += event.text
            continue
        if answer:
            yield harmless(answer).strip("\n") + "\n"
            answer = ""
        match event:
            case TurnStarted(prompt=prompt):
                number += 1
                quoted = "\n".join(f"> {line}".rstrip() for line in harmless(prompt).split("\n"))
                yield f"---\n\n## {number}\n\n{quoted}\n"
            case StepStarted(id=step, title=title):
                steps[step] = title
            case StepFinished(id=step, ok=ok, summary=summary):
                yield f"- {_inline(steps.pop(step, 'step'))}: {'' if ok else 'failed: '}{_inline(summary)}\n"
            case Searching() | Attempt(ok=False):
                pass
            case _:
                yield from _told(event)
    if answer:
        yield harmless(answer).strip("\n") + "\n"


def _told(event: Event) -> Iterator[str]:
    """What is neither said nor a step."""
    match event:
        case Proposed(change=change, verdict=verdict):
            yield fenced(unified(change), "diff")
            yield f"**{_inline(change.summary)}** – {_inline(verdict.summary)}\n"
        case Reviewed():
            yield _reviewed(event)
        case Ran(command=command, exit_code=code):
            yield f"{fenced('$ ' + command)}\nexit code {code}\n"
        case Failure(text=text, diff=diff):
            yield f"**{_inline(text)}**\n"
            if diff:
                yield fenced(diff, "diff")
        case _:
            if line := line_of(event).strip():
                yield f"*{_inline(line)}*\n"


def _reviewed(event: Reviewed) -> str:
    """What the person decided, in words."""
    rejected = [decision for decision in event.decisions if not decision.accepted]
    taken = len(event.decisions) - len(rejected)
    lines = [f"- hunks accepted: {taken}, rejected: {len(rejected)}"]
    lines += [f"- rejected because: {_inline(decision.reason)}" for decision in rejected if decision.reason]
    lines += [f"- written: {_inline(', '.join(event.files))}"] if event.files else []
    return "\n".join([*lines, *(f"- not applied: {_inline(reason)}" for reason in event.refused)]) + "\n"


def fenced(text: str, kind: str = "") -> str:
    """A block of code, whatever fences are in it."""
    body = plain_text(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{kind}\n{body}\n{fence}\n"


def _inline(text: str) -> str:
    """A text as it stands, in one line: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>#|!])", r"\\\1", " ".join(plain_text(text).split()))
