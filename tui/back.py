"""`ossa undo` and `ossa redo`: the latest accept taken back, or made again, without a window.

    recover ─► undo or redo ─► a line, or a JSON object ─► the latest session learns of it, unless it is open elsewhere

Where the person changed the files since, nothing is written, and their change is shown.
"""

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.eventlog import pack
from ossa.assistant.events import Event, Failure, Redone, Undone
from ossa.assistant.session import Session, SessionError
from ossa.tui.safe import plain_text

REFUSED = 2


def back(arguments: argparse.Namespace, root: Path) -> int:
    """Do what the command says in this repository and return the exit code.

    Raises:
        CheckpointError: it cannot be done, for another reason than the person's own changes.
    """
    state = paths.state_dir()
    checkpoints = Checkpoints(state / "repositories" / paths.repository_key(root) / "checkpoints", root)
    for sentence in checkpoints.recover():
        print(plain_text(sentence), file=sys.stderr)
    try:
        done = checkpoints.undo() if arguments.command == "undo" else checkpoints.redo()
    except CheckpointError as error:
        if not error.diff:
            raise
        _show_changes(error, as_json=arguments.json)
        return REFUSED
    event = Undone(done.files, done.id) if arguments.command == "undo" else Redone(done.files, done.id)
    if arguments.json:
        print(json.dumps(pack(event)))
    else:
        word = "taken back" if arguments.command == "undo" else "made again"
        print(plain_text("\n".join([f"{word}: {', '.join(done.files)}", *done.notes])))
    _tell_session(state / "sessions", root, event)
    return 0


def _show_changes(error: CheckpointError, *, as_json: bool) -> None:
    """What the person changed since on standard output, the sentence as all errors."""
    if as_json:
        print(json.dumps(pack(Failure(str(error), error.diff))))
        return
    print(plain_text(error.diff), end="", flush=True)
    print(plain_text(f"ossa: {error}"), file=sys.stderr)


def _tell_session(folder: Path, root: Path, event: Event) -> None:
    """Let the latest session go on from there; one that is open in a window stays that window's."""
    with suppress(SessionError):
        session = Session.find(folder, root, "latest")
        try:
            session.append(event)
        finally:
            session.close()
