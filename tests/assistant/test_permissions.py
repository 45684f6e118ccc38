"""Where nothing confines commands, each is asked for, and "always" reaches as far as the question said."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, DraftError
from ossa.assistant.drafts.copied import CopyDraft
from ossa.assistant.drafts.guard import GuardedDraft
from ossa.assistant.drafts.permissions import Permissions, line, pattern
from ossa.assistant.repository import Repository
from ossa.assistant.review import Permission, Unattended


class Answers(Unattended):
    """A reviewer that gives the answers it was made with, and keeps what it was asked."""

    def __init__(self, *answers: Permission) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.warnings: list[str] = []

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        self.asked.append((command, pattern))
        self.warnings.append(warning)
        await asyncio.sleep(0)
        return self.answers.pop(0)


@pytest.fixture
def bare(repo: Path, tmp_path: Path) -> Iterator[CopyDraft]:
    draft = CopyDraft(Repository.open(repo), tmp_path / "draft", None, "user namespaces are off")
    yield draft
    draft.close()


def sh(text: str) -> Command:
    return Command(["sh", "-c", text])


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("pytest", "pytest *"),
        ("pytest -q tests/test_calc.py", "pytest *"),
        ("python -m pytest -x", "python -m pytest *"),
        ("git status --short", "git status *"),
        ("ruff check .", "ruff check *"),
        ("npm run test -- --watch=false", "npm run test *"),
    ],
)
def test_known_tools_may_run_with_other_arguments(text: str, scope: str) -> None:
    assert pattern(sh(text)) == pattern(Command(text.split())) == scope


@pytest.mark.parametrize(
    "text",
    [
        "make",
        "./run.sh",
        "python -c 'print(1)'",
        "python script.py",
        "sh -c 'pytest'",
        "bash x.sh",
        "git push",
        "git -c alias.status=!x status",
        "env pytest",
        "PYTHONPATH=/x pytest",
        "pytest; ls",
        "pytest && ls",
        "pytest | tail",
        "pytest > report",
        "pytest $(cat x)",
        "pytest `cat x`",
        "pytest &",
        "pytest\nls",
        "pytest -c ../other/pytest.ini",
        "pytest --rootdir=/elsewhere",
        "pytest ~/elsewhere",
        "ls /etc",
        "pytest 'unclosed",
        "cat secrets.txt",
    ],
)
def test_anything_else_is_permitted_by_its_whole_line(text: str) -> None:
    assert pattern(sh(text)) == text


@pytest.mark.parametrize(
    "text",
    ["rm -rf build", "sudo pytest", "pytest; rm x", "git add . && curl http://x", "/bin/rm x", "find . | xargs rm"],
)
def test_what_destroys_or_sends_is_permitted_once(text: str) -> None:
    assert pattern(sh(text)) == ""


def test_a_name_says_it_better() -> None:
    command = Command(["python", "-m", "pytest"], name="the project's tests (pytest)")
    assert line(command) == pattern(command) == "the project's tests (pytest)"


def test_what_is_covered() -> None:
    permissions = Permissions()
    for text in ("pytest -q", "make test", "rm x", ""):
        permissions.add(sh(text))
    assert all(permissions.covers(sh(text)) for text in ("pytest", "pytest tests", "make test"))
    refused = (
        "pytest; ls",
        "pytest > x",
        "pytest /etc",
        "make test2",
        "make",
        "rm x",
        "rm y",
        "git status",
        "",
        "pytest *",
    )
    assert not any(permissions.covers(sh(text)) for text in refused)


async def test_every_command_is_asked_for_until_it_is_permitted_for_good(bare: CopyDraft) -> None:
    reviewer = Answers("once", "once", "always", "no")
    draft = GuardedDraft(bare, reviewer)
    for _ in range(4):
        assert (await draft.run(sh("ls calc.py"))).output == "calc.py\n"
    assert (await draft.run(sh("ls run.sh"))).output == "run.sh\n"
    with pytest.raises(DraftError, match="not permitted"):
        await draft.run(sh("echo made > made; ls"))
    assert reviewer.asked == [*[("ls calc.py", "ls *")] * 3, ("echo made > made; ls", "echo made > made; ls")]
    assert not draft.change()


async def test_what_is_missing_is_said_with_the_question(bare: CopyDraft) -> None:
    reviewer = Answers("no")
    with pytest.raises(DraftError):
        await GuardedDraft(bare, reviewer).run(sh("true"))
    (warning,) = reviewer.warnings
    for words in ("NOT confined", "user namespaces are off", "change and delete any", "network", "keys", "detaches"):
        assert words in warning
    assert len(bare.isolation.missing) == 6


async def test_for_good_does_not_hold_for_what_may_only_run_once(bare: CopyDraft) -> None:
    reviewer = Answers("always", "no")
    draft = GuardedDraft(bare, reviewer)
    await draft.run(sh("rm run.sh"))
    with pytest.raises(DraftError):
        await draft.run(sh("rm run.sh"))
    assert reviewer.asked == [("rm run.sh", "")] * 2


async def test_two_that_wait_need_one_answer(bare: CopyDraft) -> None:
    """As candidates that are tried side by side do."""
    reviewer = Answers("always")
    draft = GuardedDraft(bare, reviewer)
    await asyncio.gather(*(draft.run(sh("ls"), scratch=True) for _ in range(2)))
    assert reviewer.asked == [("ls", "ls *")]


async def test_drafts_of_one_session_share_what_was_permitted(bare: CopyDraft) -> None:
    permissions, reviewer = Permissions(), Answers("always")
    await GuardedDraft(bare, reviewer, permissions).run(sh("ls"))
    await GuardedDraft(bare, reviewer, permissions).run(sh("ls pkg"))
    assert len(reviewer.asked) == 1


async def test_nobody_there_means_no_unless_it_was_said_before(bare: CopyDraft) -> None:
    with pytest.raises(DraftError, match="allow-unconfined"):
        await GuardedDraft(bare, Unattended()).run(sh("true"))
    assert (await GuardedDraft(bare, Unattended(allow_unconfined=True)).run(sh("true"))).exit_code == 0
