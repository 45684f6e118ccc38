"""`ossa apply`: a patch from a file or standard input, put into the working tree as an accept is.

    FILE or standard input ─► text ─► parse ─► apply_patch, or plan_patch with --check ─► a line for each file, or JSON

Nothing is written unless all of it applies.
"""

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from ossa.assistant import paths
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.patching import apply_patch, plan_patch, repository_at
from ossa.assistant.change import Change, FileChange
from ossa.assistant.edits.engine import EditError, parse
from ossa.assistant.edits.patch import Patch
from ossa.assistant.repository import NotARepository, Repository
from ossa.tui.console import is_terminal
from ossa.tui.safe import plain_text

APPLIED, REFUSED, BAD_INPUT = 0, 1, 2
"""Exit codes; 0 also for what would apply, with `--check`."""
_LIMIT = 32 << 20
"""Bytes of a patch: nothing that is written by hand or by a model comes near it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; the fields are those of the JSON object."""

    applied: bool = False
    """Whether files were written."""
    applies: bool = False
    """Whether the patch fits, be it written or, with `--check`, not."""
    checked: bool = False
    """Whether it was asked only if it fits."""
    files: tuple[str, ...] = ()
    """Those that change, by their paths from the root."""
    added: int = 0
    """Lines."""
    removed: int = 0
    checkpoint: str = ""
    """Its id, where files were written."""
    reason: str = ""
    """Why it was not applied."""
    notes: tuple[str, ...] = ()
    """What one should know of how files were written."""


class BadInput(Exception):
    """There is no patch to be had; the text is a sentence that says why."""


def apply(arguments: argparse.Namespace) -> int:
    """Do it, tell what came of it, and return the exit code."""
    outcome, change = Outcome(checked=arguments.check), Change()
    try:
        patch = _patch(_text(arguments.file))
        folder, repository = _place(arguments.root)
        outcome, change = _carried_out(patch, folder, repository, check=arguments.check)
        code = APPLIED
    except (BadInput, NotARepository) as error:
        outcome, code = Outcome(checked=arguments.check, reason=str(error)), BAD_INPUT
    except (EditError, CheckpointError) as error:
        outcome, code = Outcome(checked=arguments.check, reason=str(error)), REFUSED
    if arguments.json:
        _say(json.dumps(asdict(outcome)), sys.stdout)
    elif outcome.reason:
        _say(plain_text(f"ossa: {outcome.reason}"), sys.stderr)
    else:
        _say(plain_text(_told(change, outcome, arguments.root)), sys.stdout)
    return code


def _carried_out(patch: Patch, folder: Path, repository: Repository, *, check: bool) -> tuple[Outcome, Change]:
    """Apply the patch, or see whether it would."""
    checkpoint = None
    if check:
        change = plan_patch(patch, folder, repository).change
    else:
        kept = paths.state_dir() / "repositories" / paths.repository_key(repository.root) / "checkpoints"
        checkpoints = Checkpoints(kept, repository.root)
        with _undisturbed():
            for sentence in checkpoints.recover():
                _say(plain_text(sentence), sys.stderr)
            change, checkpoint = apply_patch(patch, folder, repository, checkpoints)
    files = tuple(file.path for file in change.files)
    added, removed = sum(file.added for file in change.files), sum(file.removed for file in change.files)
    done, notes = (checkpoint.id, checkpoint.notes) if checkpoint else ("", ())
    return Outcome(not check, True, check, files, added, removed, done, notes=notes), change


def _text(name: str) -> str:
    """The patch as it was given.

    Raises:
        BadInput: it cannot be read, or is no text.
    """
    what = "Standard input" if name == "-" else name
    try:
        if name == "-":
            if is_terminal(sys.stdin):
                _say("Paste the patch, and end it with Ctrl+D on a line of its own.", sys.stderr)
            data = sys.stdin.buffer.read(_LIMIT + 1) if sys.stdin else b""
        else:
            with Path(name).open("rb") as file:
                data = file.read(_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BadInput(f"{what} cannot be read: {why}.") from error
    if len(data) > _LIMIT:
        raise BadInput(f"{what} is larger than {_LIMIT >> 20} MB; that is no patch.")
    if b"\0" in data:
        raise BadInput(f"{what} has NUL bytes in it, so it is no text; a patch is UTF-8 text.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{what} is not UTF-8 (line {line}). Convert it, for example by `iconv -f latin1 -t utf-8`; files in "
            "another encoding are patched in theirs."
        ) from error


def _patch(text: str) -> Patch:
    """What the text wants.

    Raises:
        BadInput: it is no patch.
    """
    if not text.strip():
        raise BadInput("The patch is empty; name a file with one, or send it to standard input.")
    try:
        return parse(text)
    except EditError as error:
        raise BadInput(str(error)) from error


def _place(root: str | None) -> tuple[Path, Repository]:
    """Where the patch's paths begin, and the repository that this is in.

    Raises:
        NotARepository: there is no such folder.
    """
    repository = repository_at(Path(root or "."))
    return (Path(root) if root else repository.root), repository


def _told(change: Change, outcome: Outcome, root: str | None) -> str:
    files = "\n".join(_line(file) for file in change.files)
    if outcome.checked:
        return f"{files}\n{change.summary}: it would apply. Nothing was written."
    undo = shlex.join(["ossa", "undo", *(["-C", root] if root else [])])
    return "\n".join([files, *outcome.notes, f"{change.summary}, applied; `{undo}` takes it back."])


def _line(file: FileChange) -> str:
    lines = [f"+{file.added}"] * bool(file.added) + [f"−{file.removed}"] * bool(file.removed)
    return " ".join([file.kind, file.path, *lines])


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Whoever asks to end this now waits the moment that it takes: files are either all written or none."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(signal.Signals[name], signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(signal.Signals[name], handler)


def _say(text: str, stream: TextIO | None) -> None:
    """Print, if anybody reads it: what was done stays done, and the exit code says so."""
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except OSError:
        with contextlib.suppress(OSError):  # else it would be tried again at the end, and complained about
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
