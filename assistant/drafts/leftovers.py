"""What killed runs of ossa left behind: drafts without a change, and reports, which nobody works on any more.

drafts/<session>, <session>-baseline, probe-* ─► old, and neither its session nor itself in use? ─► removed or kept
"""

import contextlib
import os
import time
from collections.abc import Generator
from pathlib import Path

from ossa.assistant.draft import DraftError
from ossa.assistant.drafts.opening import find_sandbox, open_draft
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox, remove
from ossa.assistant.drafts.scratch import clear_abandoned
from ossa.assistant.repository import Repository
from ossa.assistant.session import Session, SessionError

_PROBE = "probe-"
_BASELINE = "-baseline"


def clear(
    repository: Repository, drafts: Path, logs: Path, sandbox: Sandbox | NoSandbox, *, age: float = 3600.0
) -> None:
    """Remove what is left of drafts without a change; one that is kept is not looked at again before `age` is over.

    Args:
        repository: which the drafts are of.
        drafts: the folder that holds one folder for each draft.
        logs: where the sessions of this repository are.
        sandbox: what the drafts run in.
        age: seconds for which a folder must have been left alone, so that none that is just being made is touched.
    """
    clear_abandoned(age)
    for folder in list(drafts.glob("*")):
        with contextlib.suppress(OSError, DraftError, SessionError):
            if time.time() - folder.stat().st_mtime < age:
                continue
            if folder.name.startswith(_PROBE):
                remove(folder)
                continue
            with _claimed(logs / f"{folder.name.removesuffix(_BASELINE)}.jsonl"):
                open_draft(repository, folder, sandbox).close()
            os.utime(folder)


def drop(repository: Repository, drafts: Path, session: str) -> None:
    """Remove the drafts of a session that is no more, with the change that waits there.

    Raises:
        DraftError: they cannot be removed, or someone is at them.
    """
    for folder in (drafts / session, drafts / f"{session}{_BASELINE}"):
        if folder.exists():
            with contextlib.closing(open_draft(repository, folder, find_sandbox(drafts))) as draft:
                draft.discard()


@contextlib.contextmanager
def _claimed(log: Path) -> Generator[None]:
    """Hold the session, where it ever had an event, so that nobody goes on with it meanwhile.

    Raises:
        SessionError: someone is at it.
    """
    if not log.exists():
        yield
        return
    with contextlib.closing(Session.open(log)):
        yield
