"""Sessions as a person keeps them: found by words, named, forked, and deleted.

    FOLDER/<repository>/<id>.jsonl ─► matching(words) ─► Found, with the prompt that has the words
                        <id>.title ◄─ rename()           fork() ─► <another id>.jsonl, which goes its own way
    delete() takes both away

A log is only ever appended to, by whoever has it open; so a name stands in a file beside it.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.eventlog import from_line, to_line
from ossa.assistant.events import Notice
from ossa.assistant.session import LINE, Session, SessionError, SessionInfo, new_id, sessions, title_file

_TITLE = 200
"""Characters of a title."""
_STARTED = b'"TurnStarted"'


@dataclass(frozen=True, slots=True)
class Found:
    """A session that was looked for."""

    info: SessionInfo
    prompt: str = ""
    """The first of its prompts with words that its title lacks; empty where the title has them all."""


def matching(folder: Path, root: Path | None, words: Sequence[str]) -> Iterator[Found]:
    """The sessions, latest first, that have all of these in title and prompts, whatever their case. Reads the logs."""
    wanted = [word.casefold() for word in words]
    for info in sessions(folder, root):
        missing = [word for word in wanted if word not in info.title.casefold()]
        shown = ""
        for prompt in _prompts(info.path) if missing else ():
            folded = prompt.casefold()
            if any(word in folded for word in missing):
                shown = shown or prompt
                missing = [word for word in missing if word not in folded]
            if not missing:
                break
        if not missing:
            yield Found(info, shown)


def rename(path: Path, title: str) -> str:
    """Give the session of this log a title, as it will be shown; an empty one takes it away.

    Raises:
        SessionError: it cannot be written.
    """
    kept = " ".join(title.split())[:_TITLE]
    file = title_file(path)
    try:
        if not kept:
            file.unlink(missing_ok=True)
            return ""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(kept, encoding="utf-8", errors="surrogatepass")
    except OSError as error:
        raise SessionError(f"The title cannot be written to {file}: {error.strerror}.") from error
    return kept


def fork(path: Path) -> str:
    """Copy the session of this log, as far as it is, to another that goes its own way from there; returns its id.

    Raises:
        SessionError: there is nothing to copy, or it cannot be written.
    """
    name = new_id()
    target = path.with_name(f"{name}.jsonl")
    try:
        with path.open("rb") as log:
            header = from_line(log.readline(LINE))
            if header is None or "session" not in header:
                raise SessionError(f"{path} is not a session of ossa.")
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                copy.write(to_line({**header, "id": name, "fork": path.stem}))
                shutil.copyfileobj(log, copy)
        if title_file(path).exists():
            shutil.copyfile(title_file(path), title_file(target))
    except FileNotFoundError as error:
        raise SessionError("Nothing has been said in this session yet, so there is nothing to fork.") from error
    except OSError as error:
        raise SessionError(f"The session cannot be copied to {target}: {error.strerror}.") from error
    with closing(Session.open(target)) as other:
        other.append(Notice(f"This session is a fork of {path.stem}; a change that waits there stays there."))
    return name


def delete(path: Path, before: Callable[[], None] = lambda: None) -> None:
    """Remove the session of this log and its title for good.

    What else is kept of it is to be removed by `before`: where that fails the log is still there, to try again.

    Raises:
        SessionError: it is open in another ossa, or cannot be removed.
    """
    with closing(Session.open(path)):
        before()
        try:
            path.unlink(missing_ok=True)
            title_file(path).unlink(missing_ok=True)
        except OSError as error:
            raise SessionError(f"The session {path} cannot be removed: {error.strerror}.") from error


def _prompts(path: Path) -> Iterator[str]:
    """What the person said, from the lines that hold it."""
    try:
        with path.open("rb") as log:
            for line in log:
                if _STARTED in line and (record := from_line(line)) and record.get("event") == "TurnStarted":
                    yield str(record.get("prompt", ""))
    except OSError:
        return
