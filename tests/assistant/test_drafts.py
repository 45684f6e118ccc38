"""What every kind of draft keeps to: an overlay, a copy in the sandbox, a copy without one."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Command, Draft, DraftError
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox, probe
from ossa.assistant.repository import Repository

Reopen: TypeAlias = Callable[[], Draft]


@pytest.fixture(params=["overlay", "confined copy", "bare copy"])
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Sandbox | NoSandbox:
    if request.param == "bare copy":
        return NoSandbox("user namespaces are off")
    best = probe(tmp_path / "probe")
    return best if request.param == "overlay" else Sandbox(best.program, False, "this bubblewrap cannot overlay")


@pytest.fixture
def reopen(repo: Path, tmp_path: Path, sandbox: Sandbox | NoSandbox) -> Iterator[Reopen]:
    opened: list[Draft] = []

    def start() -> Draft:
        for earlier in opened:
            earlier.close()
        opened.append(open_draft(Repository.open(repo), tmp_path / "state" / "draft", sandbox))
        return opened[-1]

    yield start
    for draft in opened:
        draft.close()


@pytest.fixture
def draft(reopen: Reopen) -> Draft:
    return reopen()


def sh(line: str, **more: float) -> Command:
    return Command(["sh", "-c", line], timeout=more.get("timeout", 150.0))


def summary(draft: Draft) -> list[tuple[str, str]]:
    return [(file.path, file.kind) for file in draft.change().files]


async def test_a_new_draft_is_the_working_tree(draft: Draft, repo: Path) -> None:
    assert draft.read("calc.py") == (repo / "calc.py").read_bytes()
    assert draft.read("nothing.py") is None
    assert draft.read("pkg") is None
    assert draft.files() == Repository.open(repo).files()
    assert not draft.change()


async def test_writes_show_in_reads_commands_and_the_change(draft: Draft, repo: Path) -> None:
    draft.write("calc.py", b"def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n")
    draft.write("new/deep/file.txt", b"hello\n")
    draft.write("pkg/deep/one.py", None)
    done = await draft.run(sh("grep -c + calc.py; cat new/deep/file.txt; ls pkg/deep"))
    assert done.output == "1\nhello\ntwo.py\n"
    assert summary(draft) == [("calc.py", "modified"), ("new/deep/file.txt", "added"), ("pkg/deep/one.py", "deleted")]
    hunk = draft.change().files[0].hunks[0]
    assert (hunk.before, hunk.after) == (("    return a - b\n",), ("    return a + b\n",))
    assert "new/deep/file.txt" in draft.files()
    assert "pkg/deep/one.py" not in draft.files()


async def test_what_commands_write_shows_in_the_change(draft: Draft) -> None:
    await draft.run(
        sh("echo more >> calc.py; rm tests/test_calc.py; echo x > made; mkdir -p build && echo o > build/o")
    )
    assert summary(draft) == [("calc.py", "modified"), ("made", "added"), ("tests/test_calc.py", "deleted")]
    assert draft.read("build/o") == b"o\n"
    assert "build/o" not in draft.files()


async def test_the_working_tree_stays_as_it_was_to_the_byte(
    draft: Draft, repo: Path, fingerprint: Callable[..., str]
) -> None:
    times = draft.isolation.confined  # else git may freshen those of borrowed objects
    before = fingerprint(repo, times=times)
    draft.write("calc.py", b"")
    draft.write("link.py", None)
    await draft.run(sh("rm -rf pkg tests; echo x > calc.py; chmod -x run.sh; git add -A; git commit -qm x; git stash"))
    await draft.run(sh("git checkout -q -b other; git gc -q; touch .git/hooks/pre-commit", timeout=300), scratch=True)
    draft.discard()
    assert fingerprint(repo, times=times) == before
    assert not draft.change()


async def test_it_outlives_the_process(reopen: Reopen) -> None:
    first = reopen()
    first.write("calc.py", b"first\n")
    await first.run(sh("rm -r pkg/deep; echo made > made"))
    change = first.change()
    second = reopen()
    assert second.change() == change
    assert second.read("calc.py") == b"first\n"
    assert (await second.run(sh("cat made; ls pkg"))).output == "made\n__init__.py\n"


async def test_closing_removes_a_draft_without_a_change(reopen: Reopen, tmp_path: Path) -> None:
    draft = reopen()
    draft.write("calc.py", b"other\n")
    await draft.run(sh("true"))
    draft.discard()
    draft.close()
    assert not any(path.is_file() for path in (tmp_path / "state").rglob("*"))


async def test_a_scratch_run_sees_the_draft_and_leaves_nothing(draft: Draft) -> None:
    draft.write("calc.py", b"mine\n")
    draft.write("pkg/deep/two.py", None)
    await draft.run(sh("rm -r tests; mkdir tests; echo new > tests/new"))
    before = draft.change()
    done = await draft.run(sh("cat calc.py; ls pkg/deep tests; rm -r pkg; echo x > calc.py; echo y > z"), scratch=True)
    assert done.output == "mine\npkg/deep:\none.py\n\ntests:\nnew\n"
    assert draft.change() == before
    assert draft.read("z") is None


async def test_a_trial_puts_files_in_place_of_the_drafts_own(draft: Draft, repo: Path) -> None:
    draft.write("pkg/deep/one.py", b"ONE = 2\n")
    trial = {"calc.py": b"tried = 1\n", "pkg/deep/one.py": b"ONE = 3\n", "link.py": b"tried = 2\n"}
    command = Command(["sh", "-c", "cat calc.py pkg/deep/one.py pkg/deep/two.py; test -L link.py"], trial=trial)
    done = await draft.run(command, scratch=True)
    assert (done.exit_code, done.output) == (0, "tried = 2\nONE = 3\nTWO = 2\n")
    assert [file.path for file in draft.change().files] == ["pkg/deep/one.py"]
    assert draft.read("pkg/deep/one.py") == b"ONE = 2\n"
    assert "tried" not in (repo / "calc.py").read_text()
    with pytest.raises(DraftError):
        await draft.run(Command(["true"], trial={"../out": b""}), scratch=True)


async def test_several_scratch_runs_go_on_at_once(draft: Draft) -> None:
    line = "echo $0 > mine; cat mine"
    runs = [draft.run(Command(["sh", "-c", line, str(n)]), scratch=True) for n in range(4)]
    assert [done.output for done in await asyncio.gather(*runs)] == ["0\n", "1\n", "2\n", "3\n"]


async def test_nothing_is_written_while_a_command_runs(draft: Draft) -> None:
    seen: list[str] = []

    def attempt(text: str) -> None:
        with pytest.raises(DraftError, match="command is running"):
            draft.write("calc.py", b"")
        seen.append(text)

    await draft.run(sh("echo ready"), on_output=attempt)
    assert seen == ["ready\n"]


async def test_what_the_person_edits_meanwhile_is_not_taken_back(draft: Draft, repo: Path) -> None:
    draft.write("calc.py", draft.read("calc.py") + b"# mine\n")  # pyright: ignore[reportOptionalOperand]
    (repo / "calc.py").write_text("# theirs\n" + (repo / "calc.py").read_text())
    (repo / "pkg/deep/one.py").write_text("ONE = 11\n")
    assert [hunk.after for _, hunk in draft.change().hunks] == [("# mine\n",)]
    assert draft.read("pkg/deep/one.py") == b"ONE = 11\n"
    assert (await draft.run(sh("cat pkg/deep/one.py"))).output == "ONE = 11\n"
    assert summary(draft) == [("calc.py", "modified")]


async def test_after_an_accept_only_the_rest_is_left(draft: Draft, repo: Path) -> None:
    lines = [f"line {n}\n" for n in range(30)]
    (repo / "long.txt").write_text("".join(lines))
    mine = [*lines]
    mine[3], mine[25] = "accepted\n", "open\n"
    draft.write("long.txt", "".join(mine).encode())
    draft.write("gone.txt", b"all of it\n")
    theirs = [*lines]
    theirs[3], theirs[14] = "accepted\n", "the person's\n"
    (repo / "long.txt").write_text("".join(theirs))
    (repo / "gone.txt").write_text("all of it\n")
    draft.settle(["long.txt", "gone.txt"])
    (change,) = draft.change().files
    assert [(hunk.before, hunk.after) for hunk in change.hunks] == [(("line 25\n",), ("open\n",))]
    assert b"the person's\n" in (draft.read("long.txt") or b"")
    (repo / "gone.txt").write_text("edited\n")
    assert draft.read("gone.txt") == b"edited\n"


async def test_a_file_put_back_follows_the_working_tree_again(draft: Draft, repo: Path) -> None:
    original = draft.read("calc.py")
    draft.write("calc.py", b"try\n")
    draft.write("calc.py", original)
    (repo / "calc.py").write_text("edited\n")
    assert draft.read("calc.py") == b"edited\n"
    assert not draft.change()


async def test_a_folder_replaced_by_another(draft: Draft) -> None:
    await draft.run(sh("rm -r pkg; mkdir pkg; echo n > pkg/new.py"))
    assert summary(draft) == [
        ("pkg/__init__.py", "deleted"),
        ("pkg/deep/one.py", "deleted"),
        ("pkg/deep/two.py", "deleted"),
        ("pkg/new.py", "added"),
    ]
    assert draft.read("pkg/deep/one.py") is None
    draft.write("pkg/deep/one.py", b"again\n")
    assert draft.read("pkg/deep/one.py") == b"again\n"
    assert (await draft.run(sh("ls pkg/deep"))).output == "one.py\n"


async def test_a_folder_replaced_by_a_file_and_a_file_by_a_folder(draft: Draft) -> None:
    await draft.run(sh("rm -r pkg/deep; echo f > pkg/deep; rm calc.py; mkdir calc.py; echo i > calc.py/in"))
    assert summary(draft) == [
        ("calc.py", "deleted"),
        ("calc.py/in", "added"),
        ("pkg/deep", "added"),
        ("pkg/deep/one.py", "deleted"),
        ("pkg/deep/two.py", "deleted"),
    ]
    assert {"calc.py/in", "pkg/deep"} <= set(draft.files())


async def test_executable_bit(draft: Draft) -> None:
    await draft.run(
        sh("chmod +x calc.py; chmod -x run.sh; printf '#!/bin/sh\n' > new.sh; chmod 755 new.sh; touch pkg/__init__.py")
    )
    assert [(file.path, file.mode and oct(file.mode)) for file in draft.change().files] == [
        ("calc.py", "0o755"),
        ("new.sh", "0o755"),
        ("run.sh", "0o644"),
    ]


async def test_binary_and_large_files(draft: Draft, repo: Path) -> None:
    (repo / "big.bin").write_bytes(os.urandom(1 << 20) * 50)
    assert len(draft.read("big.bin") or b"") == 50 << 20
    draft.write("big.bin", b"\0small")
    draft.write("logo.png", b"\x89PNG\r\n\x1a\n\0\0")
    assert [(file.path, file.binary) for file in draft.change().files] == [("big.bin", True), ("logo.png", True)]


async def test_a_name_that_is_not_utf8(draft: Draft, repo: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    (repo / name).write_text("one\n")
    assert name in draft.files()
    await draft.run(sh("for f in caf*; do echo two >> $f; done; printf x > $(printf 'n\\351w')"))
    assert summary(draft) == [(name, "modified"), (os.fsdecode(b"n\xe9w"), "added")]
    draft.write(name, None)
    assert draft.read(name) is None


async def test_links_inside_are_followed_and_those_out_refused(draft: Draft, repo: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (repo / "out").symlink_to(tmp_path / "outside")
    (repo / "up").symlink_to("..")
    (repo / "git").symlink_to(".git")
    (repo / "circle").symlink_to("circle")
    (repo / "inner").symlink_to(repo / "pkg")
    assert draft.read("inner/deep/one.py") == b"ONE = 1\n"
    draft.write("link.py", b"through the link\n")
    assert draft.read("calc.py") == b"through the link\n"
    assert summary(draft) == [("calc.py", "modified")]
    for path in ("out", "up/outside", "git/config", "circle"):
        with pytest.raises(DraftError, match="symbolic link"):
            draft.read(path)
        if path != "circle":
            with pytest.raises(DraftError, match="symbolic link"):
                draft.write(path, b"x")
    assert (tmp_path / "outside").read_text() == "secret"


async def test_links_that_commands_make_are_one_hunk_each(draft: Draft) -> None:
    await draft.run(sh("ln -s calc.py again; ln -sf pkg link.py"))
    files = draft.change().files
    assert [(f.path, f.kind, f.hunks[0].note) for f in files] == [
        ("again", "added", "symbolic link to calc.py"),
        ("link.py", "modified", "symbolic link to pkg, before to calc.py"),
    ]
    assert all(f.mode is not None and stat.S_ISLNK(f.mode) for f in files)


async def test_what_is_no_file_by_now_is_gone_and_what_no_path_leads_to_is_left_out(
    draft: Draft, tmp_path: Path
) -> None:
    deep = "for n in $(seq 300); do mkdir deeper-and-deeper; cd deeper-and-deeper; done; echo 1 > end"
    await draft.run(sh(f"rm calc.py; mkfifo calc.py; mkdir deep; cd deep; {deep}"))
    assert (summary(draft), draft.read("calc.py")) == ([("calc.py", "deleted")], None)
    draft.discard()
    draft.close()
    assert not (tmp_path / "state" / "draft").exists()


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".git/config", "pkg/../../x", "a/.GIT/hooks/x", "", "a\0b"])
async def test_paths_out_of_the_repository_are_refused(draft: Draft, path: str) -> None:
    for attempt in (lambda: draft.read(path), lambda: draft.write(path, b"x")):
        with pytest.raises(DraftError):
            attempt()
    with pytest.raises(DraftError):
        await draft.run(Command(["true"], workdir=path))


async def test_folders_are_no_files(draft: Draft) -> None:
    for path, data in (("pkg", b"x"), ("pkg", None), ("calc.py/x", b"x"), (".", b"x")):
        with pytest.raises(DraftError):
            draft.write(path, data)
    assert not draft.change()


async def test_noise_is_left_out(draft: Draft) -> None:
    await draft.run(
        sh("mkdir -p pkg/__pycache__ .pytest_cache; touch pkg/__pycache__/a.pyc .pytest_cache/b c.pyc .coverage d.log")
    )
    assert not draft.change()
    assert "d.log" not in draft.files()


async def test_where_it_runs_and_what_it_is_told(draft: Draft, repo: Path) -> None:
    done = await draft.run(Command(["sh", "-c", "pwd; echo $GREETING"], workdir="pkg/deep", env={"GREETING": "hi"}))
    assert done.output == f"{draft.root}/pkg/deep\nhi\n"
    with pytest.raises(DraftError, match="no folder"):
        await draft.run(Command(["true"], workdir="nowhere"))


async def test_uncommitted_work_is_in_the_draft(draft: Draft, repo: Path) -> None:
    (repo / "calc.py").write_text("dirty\n")
    (repo / "untracked.txt").write_text("untracked\n")
    (repo / "run.sh").unlink()
    done = await draft.run(sh("cat calc.py untracked.txt; ls run.sh; git status --porcelain"))
    assert "dirty\nuntracked\n" in done.output
    assert {" M calc.py", " D run.sh", "?? untracked.txt"} <= set(done.output.splitlines())
    assert not draft.change()


async def test_only_one_process_at_a_time(
    draft: Draft, repo: Path, tmp_path: Path, sandbox: Sandbox | NoSandbox
) -> None:
    with pytest.raises(DraftError, match="Another ossa"):
        open_draft(Repository.open(repo), tmp_path / "state" / "draft", sandbox)


async def test_a_state_folder_in_the_repository_is_refused(repo: Path, sandbox: Sandbox | NoSandbox) -> None:
    with pytest.raises(DraftError, match="OSSA_HOME"):
        open_draft(Repository.open(repo), repo / "state", sandbox)


@pytest.mark.parametrize("is_git", [True, False])
async def test_an_empty_repository_and_a_plain_folder(
    empty: Path, tmp_path: Path, sandbox: Sandbox | NoSandbox, is_git: bool
) -> None:
    repository = Repository.open(empty) if is_git else Repository.plain(empty)
    draft = open_draft(repository, tmp_path / "state", sandbox)
    draft.write("a.py", b"a\n")
    assert (await draft.run(sh("cat a.py; echo b > b.py"))).output == "a\n"
    assert summary(draft) == [("a.py", "added"), ("b.py", "added")]
    assert Repository.open(empty).files() == []
    draft.close()
