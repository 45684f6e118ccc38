"""Odd repositories, odd files and uncommitted work: a change goes in and comes out again, and nothing else moves."""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.change import Change
from ossa.assistant.events import Composed, End, Event, Failure, Notice, Proposed, Reviewed, StepFinished, TurnFinished
from ossa.assistant.review import Decision, Unattended
from ossa.assistant.verdict import Verdict
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import ToolCall
from ossa.model.scripted import ScriptedModel

FIX = """\
*** Begin Patch
*** Update File: calc.py
@@
 def add(a, b):
-    return a - b
+    return a + b
*** End Patch"""
MB = 1 << 20

Git: TypeAlias = Callable[..., str]
Fingerprint: TypeAlias = Callable[..., str]


class Switch(Unattended):
    """Accepts every hunk, whatever the tests say, or puts the review off."""

    def __init__(self) -> None:
        super().__init__()
        self.takes = True

    async def review(self, change: Change, verdict: Verdict, alternatives: object) -> Sequence[Decision] | None:
        return [Decision(hunk.id, True) for _, hunk in change.hunks] if self.takes else None


class Told(list[Event]):
    """What a turn told."""

    def of(self, *kinds: type) -> list[Event]:
        return [event for event in self if isinstance(event, kinds)]

    @property
    def end(self) -> End:
        last = self[-1]
        assert isinstance(last, TurnFinished)
        return last.end

    @property
    def files(self) -> list[tuple[str, str]]:
        """What was proposed last: paths and kinds."""
        (*_, proposed) = self.of(Proposed)
        assert isinstance(proposed, Proposed)
        return [(file.path, file.kind) for file in proposed.change.files]

    @property
    def refused(self) -> tuple[str, ...]:
        (reviewed,) = self.of(Reviewed)
        assert isinstance(reviewed, Reviewed)
        return reviewed.refused

    @property
    def sentences(self) -> str:
        return "\n".join(e.text for e in self.of(Notice, Failure) if isinstance(e, Notice | Failure))

    @property
    def results(self) -> str:
        """What the model was told by its tools."""
        return "\n".join(e.result.text for e in self if isinstance(e, StepFinished) and e.result)


class Desk:
    """Workbenches on which the model calls the tools it is told to."""

    def __init__(self) -> None:
        self.open: list[Workbench] = []
        self.reviewer = Switch()

    async def do(self, root: Path, *calls: ToolCall, prompt: str = "do it", plain: bool = False) -> Told:
        """One turn on a new workbench, in which these calls are made one after the other."""
        model = ScriptedModel([*([call] for call in calls), "Done."], window=100_000)
        options = Options(root, test="true", plain_folder=plain)
        self.open.append(open_workbench(options, lambda _: model, self.reviewer))
        return await told(self.open[-1].agent.run(prompt))

    async def undo(self) -> Told:
        return await told(self.open[-1].agent.undo())


async def told(events: AsyncIterator[Event]) -> Told:
    return Told([event async for event in events])


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    for workbench in made.open:
        workbench.close()


def sh(line: str) -> ToolCall:
    return ToolCall("container.exec", json.dumps({"cmd": line}))


def opened(path: str, **lines: int) -> ToolCall:
    return ToolCall("repo_browser.open_file", json.dumps({"path": path, **lines}))


def patch(text: str = FIX) -> ToolCall:
    return ToolCall("repo_browser.apply_patch", json.dumps({"patch": text}))


# Repositories in any state.


def conflict(git: Git, repo: Path) -> None:
    for branch, value in (("theirs", "2"), ("main", "3")):
        git("checkout", "-q", "-B", branch, "main")
        (repo / "pkg/deep/one.py").write_text(f"ONE = {value}\n")
        git("commit", "-q", "-a", "-m", branch)
    assert subprocess.run(["git", "merge", "-q", "theirs"], cwd=repo, capture_output=True, check=False).returncode


def uncommitted(git: Git, repo: Path) -> None:
    (repo / "pkg/deep/one.py").write_text("ONE = 111\n")
    (repo / "staged.py").write_text("STAGED = 1\n")
    git("add", "staged.py")
    (repo / "staged.py").write_text("STAGED = 2\n")
    (repo / "loose.txt").write_text("loose\n")
    (repo / "pkg/deep/two.py").unlink()
    (repo / "calc.py").write_text((repo / "calc.py").read_text() + "\n\nMINE = 1\n")


def detached(git: Git, repo: Path) -> None:
    git("checkout", "-q", "--detach")


def unborn(git: Git, repo: Path) -> None:
    git("update-ref", "-d", "HEAD")


def submodule(git: Git, repo: Path) -> None:
    other = repo.parent / "other"
    subprocess.run(["git", "clone", "-q", str(repo), str(other)], check=True)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")


@pytest.mark.parametrize("state", [uncommitted, conflict, detached, unborn, submodule])
async def test_a_change_goes_in_and_out_and_nothing_else_moves(
    desk: Desk, repo: Path, git: Git, fingerprint: Fingerprint, state: Callable[[Git, Path], None]
) -> None:
    state(git, repo)
    before, status = fingerprint(repo, times=False), git("--no-optional-locks", "status", "--porcelain")
    source = (repo / "calc.py").read_text()
    done = await desk.do(repo, sh("cat pkg/deep/one.py loose.txt staged.py; ls pkg/deep; git status --short"), patch())
    assert (done.end, done.files) == ("applied", [("calc.py", "modified")])
    assert (repo / "calc.py").read_text() == source.replace("a - b", "a + b", 1)
    (repo / "calc.py").write_text(source)
    assert fingerprint(repo, times=False) == before, "only calc.py has changed, and no byte of git's"
    (repo / "calc.py").write_text(source.replace("a - b", "a + b", 1))
    assert (await desk.undo()).end == "answered"
    assert fingerprint(repo, times=False) == before
    assert git("--no-optional-locks", "status", "--porcelain") == status
    if state is uncommitted:
        assert all(text in done.results for text in ("ONE = 111", "STAGED = 2", "loose", " D pkg/deep/two.py"))
    if state is conflict:
        assert "<<<<<<<" in done.results and "UU pkg/deep/one.py" in done.results


async def test_a_linked_worktree_and_a_submodule_are_repositories(desk: Desk, repo: Path, git: Git) -> None:
    submodule(git, repo)
    git("commit", "-q", "-m", "a submodule")
    git("worktree", "add", "-q", "-b", "side", str(repo.parent / "side"))
    for root in (repo.parent / "side", repo / "sub"):
        done = await desk.do(root, sh("git status --short && git log --oneline"), patch())
        assert done.end == "applied" and "first" in done.results
        assert "return a + b" in (root / "calc.py").read_text()
        assert (await desk.undo()).end == "answered"
        assert git("-C", str(root), "status", "--porcelain") == ""
    assert "return a - b" in (repo / "calc.py").read_text()


async def test_what_a_command_does_in_a_submodule_stays_out_of_the_change(desk: Desk, repo: Path, git: Git) -> None:
    submodule(git, repo)
    done = await desk.do(repo, sh("echo 1 > sub/new.py; mkdir -p build; echo 1 | tee build/out mine.py tool.log"))
    assert done.files == [("mine.py", "added")]
    assert not (repo / "sub/new.py").exists() and not (repo / "build").exists()
    done = await desk.do(repo, patch(FIX.replace("calc.py", "sub/calc.py")))
    assert "sub/calc.py belongs to the repository sub within this one" in done.results and done.end == "answered"


async def test_an_empty_folder(desk: Desk, tmp_path: Path) -> None:
    root = tmp_path / "nothing"
    root.mkdir()
    done = await desk.do(root, sh("mkdir a; echo 1 > a/b.py"), plain=True)
    assert (done.end, (root / "a/b.py").read_text()) == ("applied", "1\n")
    assert (await desk.undo()).end == "answered"
    assert list(root.iterdir()) == []


# Files of any kind.


async def test_a_path_that_is_no_text(desk: Desk, repo: Path, fingerprint: Fingerprint) -> None:
    path = os.fsdecode(b"d\xff/\xe9.py")
    (repo / path).parent.mkdir()
    (repo / path).write_bytes(b"x = '\xe9'\ny = 1\n")
    before = fingerprint(repo, times=False)
    edit = f"*** Begin Patch\n*** Update File: {path}\n@@\n-y = 1\n+y = 2\n*** End Patch"
    done = await desk.do(repo, opened(path), patch(edit), sh("echo 1 > $(printf 'n\\377')"), prompt=f"see @{path}")
    assert done.files == [(path, "modified"), (os.fsdecode(b"n\xff"), "added")], done.results
    assert (repo / path).read_bytes() == b"x = '\xe9'\ny = 2\n"
    await desk.undo()
    assert fingerprint(repo, times=False) == before


async def test_a_binary_file(desk: Desk, repo: Path, fingerprint: Fingerprint) -> None:
    (repo / "logo.png").write_bytes(bytes(range(256)) * 40)
    before = fingerprint(repo, times=False)
    done = await desk.do(
        repo, opened("logo.png"), sh("printf 'a\\0b' > logo.png; printf '\\0' > new.bin"), prompt="see @logo.png"
    )
    assert "logo.png is a binary file and was not attached." in done.sentences
    assert "logo.png is a binary file of 10,240 bytes." in done.results
    assert done.files == [("logo.png", "modified"), ("new.bin", "added")] and done.end == "applied"
    assert (repo / "logo.png").read_bytes() == b"a\0b" and (repo / "new.bin").read_bytes() == b"\0"
    await desk.undo()
    assert fingerprint(repo, times=False) == before


async def test_a_file_of_50_mb(desk: Desk, repo: Path, git: Git, fingerprint: Fingerprint) -> None:
    line = b"0123456789abcdef" * 3 + b" 0\n"
    (repo / "big.csv").write_bytes(line * (50 * MB // len(line)))
    (repo / "wide.json").write_bytes(b"[" + b"1," * (25 * MB) + b"1]")
    git("add", "-A")
    before = fingerprint(repo, times=False)
    done = await desk.do(
        repo,
        opened("big.csv", line_start=1_000_000, line_end=1_000_001),
        opened("wide.json"),
        sh("echo end >> big.csv; cat big.csv"),
        patch(),
        prompt="see @big.csv:7-8",
    )
    assert done.end == "applied" and done.files == [("big.csv", "modified"), ("calc.py", "modified")]
    assert (repo / "big.csv").read_bytes().endswith(b" 0\nend\n")
    (composed, *_) = done.of(Composed)
    assert isinstance(composed, Composed) and len(composed.message.text) < 1000
    assert max(len(e.result.text) for e in done if isinstance(e, StepFinished) and e.result) < 20_000
    assert desk.open[0].session.path.stat().st_size < 6 * MB
    await desk.undo()
    assert fingerprint(repo, times=False) == before


async def test_attaching_a_file_of_50_mb_is_said(desk: Desk, repo: Path) -> None:
    (repo / "big.txt").write_bytes(b"words " * (50 * MB // 6))
    done = await desk.do(repo, prompt="see @big.txt")
    assert "big.txt is long: its middle was left out." in done.sentences
    assert len(desk.open[0].session.path.read_bytes()) < MB


async def test_links_out_of_the_repository_are_left_alone(desk: Desk, repo: Path, git: Git) -> None:
    secret, folder = repo.parent / "secret.txt", repo.parent / "elsewhere"
    secret.write_text("secret\n")
    folder.mkdir()
    (repo / "out.txt").symlink_to(secret)
    (repo / "far").symlink_to(folder)
    edit = "*** Begin Patch\n*** Update File: out.txt\n@@\n-secret\n+mine\n*** End Patch"
    add = "*** Begin Patch\n*** Add File: far/new.txt\n+mine\n*** End Patch"
    done = await desk.do(
        repo, opened("out.txt"), patch(edit), patch(add), sh("echo mine > out.txt"), sh("echo mine > far/new.txt")
    )
    assert done.results.count("symbolic link that leads out of the repository") == 3
    assert (done.end, secret.read_text(), list(folder.iterdir())) == ("answered", "secret\n", [])


@pytest.mark.parametrize(
    "line", ["ln -s calc.py new.py", "rm link.py; echo mine > link.py", "rm run.sh; ln -s calc.py run.sh; rm link.py"]
)
async def test_links_come_and_go_and_come_back(desk: Desk, repo: Path, fingerprint: Fingerprint, line: str) -> None:
    before = fingerprint(repo, times=False)
    done = await desk.do(repo, sh(line))
    assert (done.end, done.refused) == ("applied", ())
    assert fingerprint(repo, times=False) != before
    await desk.undo()
    assert fingerprint(repo, times=False) == before


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "..", "pkg/../../other", ".git/hooks", "./.GIT", "link.py", "pkg/../calc.py"]
)
async def test_links_to_elsewhere_are_the_persons_to_make(
    desk: Desk, repo: Path, fingerprint: Fingerprint, target: str
) -> None:
    before = fingerprint(repo)
    done = await desk.do(repo, sh(f"ln -sfn {target} link.py"))
    (sentence,) = done.refused
    assert "symbolic link" in sentence and f"run `ln -sfn -- {target} link.py`" in sentence and done.end == "rejected"
    assert fingerprint(repo) == before


# More than one, and not allowed to.


async def test_two_at_once_on_one_repository(desk: Desk, repo: Path) -> None:
    desk.reviewer.takes = False
    other = FIX.replace("add", "sub").replace("return a + b", "return a - b - 0")
    assert (await desk.do(repo, patch())).end == "proposed"
    assert (await desk.do(repo, patch(other))).end == "proposed"
    assert (await desk.do(repo, patch(FIX.replace("a + b", "b + a")))).end == "proposed"
    desk.reviewer.takes = True
    ends = [await told(bench.agent.review()) for bench in desk.open]
    assert [done.end for done in ends] == ["applied", "applied", "rejected"]
    assert "changed in the working tree since the draft was made" in ends[2].refused[0]
    text = (repo / "calc.py").read_text()
    assert "return a + b" in text and "return a - b - 0" in text and "b + a" not in text


@pytest.fixture
def read_only(repo: Path) -> Iterator[Path]:
    """The repository where nobody may write."""
    if os.geteuid():
        repo.chmod(0o555)
        yield repo
        repo.chmod(0o755)
        return
    bind = [["mount", "--bind", str(repo), str(repo)], ["mount", "-o", "remount,ro,bind", str(repo)]]
    if any(subprocess.run(command, capture_output=True, check=False).returncode for command in bind):
        pytest.skip("nothing can be mounted here")
    yield repo
    subprocess.run(["umount", str(repo)], check=True)


async def test_a_working_tree_that_cannot_be_written(desk: Desk, read_only: Path, fingerprint: Fingerprint) -> None:
    before = fingerprint(read_only)
    done = await desk.do(read_only, patch(), sh("echo 1 > new.py"))
    assert done.end == "failed" and "Nothing was written" in done.sentences and "Errno" not in done.sentences
    assert fingerprint(read_only) == before
    assert (await desk.undo()).sentences == "There is nothing to undo."


async def test_tests_that_pass_only_sometimes(desk: Desk, repo: Path) -> None:
    (repo / "tests/test_luck.py").write_text("import os\n\n\ndef test_luck():\n    assert os.urandom(1)[0] < 128\n")
    model = ScriptedModel([[patch()], "Done.", *["Sorry."] * 3])
    desk.open.append(open_workbench(Options(repo), lambda _: model, desk.reviewer))
    done = await told(desk.open[0].agent.run("fix add"))
    assert done.end == "applied" and not done.of(Failure)
    (proposed,) = done.of(Proposed)
    assert isinstance(proposed, Proposed) and "tests/test_calc.py::test_add" in proposed.verdict.fixed
