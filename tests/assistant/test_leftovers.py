"""Drafts that killed runs left behind go away by themselves, unless there is a change in them or someone at them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.drafts import leftovers
from ossa.assistant.drafts.opening import find_sandbox, open_draft
from ossa.assistant.drafts.scratch import clear_abandoned, held
from ossa.assistant.events import Notice
from ossa.assistant.repository import Repository
from ossa.assistant.review import Unattended
from ossa.assistant.session import Session
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.scripted import ScriptedModel

KILLED = """
import os, signal, sys
from pathlib import Path
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository

repo, folder, written = sys.argv[1:]
draft = open_draft(Repository.open(Path(repo)), Path(folder))
if written:
    draft.write(written, b"worth keeping")
os.kill(os.getpid(), signal.SIGKILL)
"""

Kill: TypeAlias = Callable[..., Path]


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    return tmp_path / "drafts"


@pytest.fixture
def killed(repo: Path, drafts: Path) -> Kill:
    """Leaves the draft of a run that was killed, long ago or just now."""

    def leave(name: str, written: str = "", *, old: bool = True) -> Path:
        folder = drafts / name
        subprocess.run([sys.executable, "-c", KILLED, str(repo), str(folder), written], check=False)
        assert (folder / "overlay").exists() or (folder / "copy").exists()
        if old:
            os.utime(folder, (0, 0))
        return folder

    return leave


def clear(repo: Path, drafts: Path) -> None:
    leftovers.clear(Repository.open(repo), drafts, drafts.parent / "logs", find_sandbox(drafts))


def test_what_is_old_and_empty_goes_and_all_else_stays(repo: Path, drafts: Path, killed: Kill) -> None:
    killed("s1")
    killed("s1-baseline")
    changed, young = killed("s2", "new.txt"), killed("s3", old=False)
    used = open_draft(Repository.open(repo), drafts / "s4")
    os.utime(drafts / "s4", (0, 0))
    (drafts / "probe-abc" / "upper").mkdir(parents=True)
    os.utime(drafts / "probe-abc", (0, 0))
    clear(repo, drafts)
    assert sorted(drafts.iterdir()) == [changed, young, drafts / "s4"]
    kept = open_draft(Repository.open(repo), changed)
    assert kept.read("new.txt") == b"worth keeping"
    used.write("other.txt", b"at work")
    assert used.change()
    used.close()


def test_one_that_is_kept_is_not_looked_at_again_at_once(repo: Path, drafts: Path, killed: Kill) -> None:
    changed = killed("s1", "new.txt")
    clear(repo, drafts)
    assert changed.stat().st_mtime > 0


def test_the_draft_of_a_session_that_is_open_stays(repo: Path, drafts: Path, killed: Kill) -> None:
    session = Session.create(drafts.parent / "logs", repo, "m")
    session.append(Notice("begun"))
    folder = killed(session.id)
    leftovers.clear(Repository.open(repo), drafts, session.path.parent, find_sandbox(drafts))
    assert folder.exists()
    session.close()
    leftovers.clear(Repository.open(repo), drafts, session.path.parent, find_sandbox(drafts))
    assert not folder.exists()


def test_every_start_clears_what_earlier_ones_left(repo: Path, killed: Kill, tmp_path: Path) -> None:
    work = open_workbench(Options(repo), lambda _: ScriptedModel(), Unattended())
    (own,) = (tmp_path / "ossa" / "state" / "repositories").iterdir()
    left = killed(own / "drafts" / "20200101-000000-00000000")
    work.close()
    assert left.exists()
    open_workbench(Options(repo), lambda _: ScriptedModel(), Unattended()).close()
    assert not left.exists()
    assert not list((own / "drafts").iterdir())


HOLDING = """
import sys, time
from ossa.assistant.drafts.scratch import held

with held() as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def test_the_reports_of_a_killed_run_go_and_those_of_a_living_one_stay() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        clear_abandoned(0)
        assert folder.is_dir()
        process.kill()
    clear_abandoned(0)
    assert not folder.exists()


def test_reports_are_held_while_they_are_made_and_gone_afterwards() -> None:
    with held() as folder:
        clear_abandoned(0)
        assert folder.is_dir()
    assert not folder.exists()
