"""Makes all attempts, one after the other, in a draft of a throw-away repository.

stage set up ─► environment with canaries ─► draft ─► Attempt.make() for each ─► Outcomes as they come
"""

import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from pathlib import Path

from ossa.assistant.doctor.attempt import Attempt, Outcome
from ossa.assistant.doctor.attempts import ALL
from ossa.assistant.doctor.stage import Stage
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox, remove
from ossa.assistant.repository import Repository


async def outcomes(
    folder: Path, sandbox: Sandbox | NoSandbox, which: Mapping[str, Sequence[Attempt]] = ALL
) -> AsyncGenerator[tuple[str, Outcome]]:
    """What comes of each attempt, with the group that it belongs to.

    Args:
        folder: where the throw-away surroundings are made, best where a sandbox does not hide everything anyway.
        sandbox: what confines the draft; to try them without any is for those who know that all of them succeed.
        which: the attempts.

    Raises:
        OSError: the surroundings cannot be made.
        DraftError: the draft cannot be opened.
    """
    with _stage(folder) as stage, _environment(stage.variables()), _open_secret(stage):
        draft = open_draft(Repository.open(stage.project), stage.drafts / "draft", sandbox)
        with contextlib.closing(draft):
            for group, some in which.items():
                for attempt in some:
                    yield group, await attempt.make(stage, draft)


@contextlib.contextmanager
def _stage(folder: Path) -> Generator[Stage]:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as closing:
        base = Path(tempfile.mkdtemp(prefix="doctor-", dir=folder)).resolve()
        closing.callback(remove, base)
        stage = Stage(base)
        stage.set_up(closing)
        yield stage


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Have these variables ourselves, so that it is seen whether they are passed on."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _open_secret(stage: Stage) -> Generator[None]:
    """Hold a secret open in a way that a careless start of a process would pass on."""
    with (stage.home / ".ssh/id_ed25519").open() as file:
        os.set_inheritable(file.fileno(), True)
        yield
