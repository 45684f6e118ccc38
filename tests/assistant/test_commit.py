"""/commit takes the files that were accepted and nothing else; the index, the stash and the rest stay as they were."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.commitmessage import plain, tidy
from ossa.assistant.events import Committed, Event, Failure, Notice, StepFinished, StepOutput, StepStarted
from ossa.assistant.transcript import Transcript
from ossa.assistant.workbench import Workbench
from ossa.model.base import Text, Thought, ToolCall
from ossa.model.scripted import Answer as Script

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Git, Reader

ADD = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
NEW = "*** Add File: notes/new.md\n+one\n"
GONE = "*** Delete File: pkg/deep/two.py\n"
State = Callable[[], tuple[str, ...]]


@pytest.fixture
def state(git: "Git") -> State:
    """All of the person's git that a commit of some paths must leave alone when it fails."""

    def read() -> tuple[str, ...]:
        asked = (["ls-files", "--stage"], ["status", "--porcelain"], ["stash", "list"], ["show-ref", "--head"])
        return tuple(git(*arguments) for arguments in asked)

    return read


async def accepted(desk: "Desk", reader: "type[Reader]", *parts: str, more: Sequence[Script | str] = ()) -> Workbench:
    """A session in which these parts of a patch were accepted."""
    work = desk.open([desk.patch(*parts), "Done.", *more], reader(desk.take))
    assert desk.end(await desk.play(work.agent.run("go"))) == "applied"
    return work


async def test_only_what_was_accepted_is_committed(
    desk: "Desk", reader: "type[Reader]", git: "Git", state: State
) -> None:
    (desk.repo / "run.sh").write_text("#!/bin/sh\necho staged\n")
    git("add", "run.sh")
    (desk.repo / "pkg/deep/one.py").write_text("ONE = 'mine'\n")
    (desk.repo / "mine.txt").write_text("untracked\n")
    work = await accepted(desk, reader, ADD, NEW, GONE)
    events = await desk.play(work.agent.commit("Do it\n\nAll of it."))
    assert desk.end(events) == "answered"
    (committed,) = desk.of(events, Committed)
    assert committed.files == ("calc.py", "notes/new.md", "pkg/deep/two.py")
    assert git("rev-parse", "HEAD").startswith(committed.commit) and len(committed.commit) >= 7
    assert git("show", "--format=%B", "--name-status", "HEAD").split("\n\n") == [
        "Do it",
        "All of it.",
        "\nM\tcalc.py\nA\tnotes/new.md\nD\tpkg/deep/two.py\n",
    ]
    assert set(git("status", "--porcelain").splitlines()) == {"M  run.sh", " M pkg/deep/one.py", "?? mine.txt"}
    assert not desk.of(events, Notice)
    before = state()
    events = await desk.play(work.agent.commit("again"))
    assert desk.end(events) == "failed" and "nothing to commit" in desk.of(events, Failure)[0].text
    assert state() == before


async def test_a_link_is_committed_as_a_link(desk: "Desk", reader: "type[Reader]", git: "Git") -> None:
    steps = [ToolCall("container.exec", json.dumps({"cmd": "ln -s calc.py alias.py"}))]
    work = desk.open([steps, "Done."], reader(desk.take))
    assert desk.end(await desk.play(work.agent.run("go"))) == "applied"
    events = await desk.play(work.agent.commit("Link it"))
    assert desk.end(events) == "answered" and not desk.of(events, Notice)
    assert git("ls-tree", "HEAD", "alias.py").startswith("120000 blob")


async def test_the_session_knows_what_it_committed_after_a_restart(
    desk: "Desk", reader: "type[Reader]", git: "Git"
) -> None:
    work = await accepted(desk, reader, ADD)
    work.close()
    again = desk.open(["x"], resume="latest")
    assert desk.end(await desk.play(again.agent.commit("One"))) == "answered"
    assert desk.end(await desk.play(again.agent.commit("Two"))) == "failed"
    assert "committed calc.py: One" in Transcript(again.session.events()).note
    assert git("log", "--format=%s").splitlines() == ["One", "first"]


async def test_what_was_undone_is_not_committed(desk: "Desk", reader: "type[Reader]", git: "Git") -> None:
    work = await accepted(desk, reader, ADD)
    await desk.play(work.agent.undo())
    assert desk.end(await desk.play(work.agent.commit("no"))) == "failed"
    await desk.play(work.agent.redo())
    assert desk.end(await desk.play(work.agent.commit("yes"))) == "answered"
    assert git("log", "--format=%s").splitlines() == ["yes", "first"]


async def test_changes_of_the_persons_own_in_the_same_file_are_named(desk: "Desk", reader: "type[Reader]") -> None:
    work = await accepted(desk, reader, ADD, NEW)
    with (desk.repo / "calc.py").open("a") as file:
        file.write("MINE = 1\n")
    events = await desk.play(work.agent.commit("Both"))
    (notice,) = desk.of(events, Notice)
    assert "calc.py yourself" in notice.text and "notes" not in notice.text
    assert events.index(notice) < events.index(desk.of(events, Committed)[0])


async def test_what_the_person_had_changed_before_is_named_too(desk: "Desk", reader: "type[Reader]") -> None:
    with (desk.repo / "calc.py").open("a") as file:
        file.write("MINE = 1\n")
    work = await accepted(desk, reader, ADD)
    assert any("calc.py yourself" in e.text for e in desk.of(await desk.play(work.agent.commit("x")), Notice))


async def test_the_model_writes_the_message_from_the_diff_alone(
    desk: "Desk", reader: "type[Reader]", git: "Git"
) -> None:
    said = "```\nFix add\n\n" + "It subtracted where it should have added, " * 4 + "\n- really\n```"
    work = await accepted(desk, reader, ADD, NEW, more=([Thought("hm"), Text(said)], "I see."))
    events = await desk.play(work.agent.commit())
    assert desk.end(events) == "answered"
    lines = git("log", "-1", "--format=%B").strip().splitlines()
    assert lines[0] == "Fix add" and lines[1] == "" and max(map(len, lines)) <= 72 and lines[-1] == "- really"
    (asked,) = desk.seen(work)[-1]
    assert "-    return a - b\n+    return a + b" in asked.text and "+one" in asked.text
    assert len(work.agent.transcript.messages) == 4
    assert Transcript(work.session.events()).messages == work.agent.transcript.messages
    await desk.play(work.agent.run("and?"))
    assert "committed calc.py, notes/new.md: Fix add" in desk.seen(work)[-1][-1].text


async def test_the_conversation_goes_on_from_where_it_was_after_the_message(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    work = await accepted(desk, reader, ADD, more=["Add adds", "Sure."])
    before = desk.seen(work)[-1]
    await desk.play(work.agent.commit())
    await desk.play(work.agent.run("and now?"))
    beside, after = desk.seen(work)[-2:]
    assert not set(beside) & set(after), "the message is asked for beside the conversation"
    assert after[: len(before)] == before and after[len(before)].text == "Done."
    assert len(after) == len(before) + 2, "all that was read can be known again"


async def test_a_change_larger_than_the_window_still_gets_a_message(desk: "Desk", reader: "type[Reader]") -> None:
    big = "*** Add File: big.txt\n" + "".join(f"+{n} some words in a line of a long file\n" for n in range(4000))
    work = await accepted(desk, reader, big, more=("Add a long file",))
    (committed,) = desk.of(await desk.play(work.agent.commit()), Committed)
    assert committed.message == "Add a long file"
    assert work.model.count(desk.seen(work)[-1]) < work.model.info.window


async def test_a_model_without_words_and_a_small_one_leave_it_to_a_plain_message(
    desk: "Desk", reader: "type[Reader]", git: "Git"
) -> None:
    work = await accepted(desk, reader, ADD, more=([Thought("…")],))
    await desk.play(work.agent.commit())
    assert git("log", "-1", "--format=%B").strip() == "Change add in calc.py"


async def test_esc_while_the_model_writes_commits_nothing(desk: "Desk", reader: "type[Reader]", state: State) -> None:
    work = await accepted(desk, reader, ADD, NEW, more=("never mind",))
    before = state()

    def at(event: Event) -> bool:
        return isinstance(event, StepStarted) and event.id == "message"

    assert desk.end(await desk.stop_at(work, work.agent.commit(), at)) == "cancelled"
    assert state() == before


def hook(repo: Path, name: str, text: str) -> None:
    place = repo / ".git/hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)


async def test_a_hook_that_refuses_leaves_the_index_as_it_was(
    desk: "Desk", reader: "type[Reader]", git: "Git", state: State
) -> None:
    hook(desk.repo, "pre-commit", "git diff --cached --name-only; echo 'lint: no way' >&2; exit 1")
    (desk.repo / "run.sh").write_text("#!/bin/sh\necho staged\n")
    git("add", "run.sh")
    work = await accepted(desk, reader, ADD, NEW)
    before = state()
    events = await desk.play(work.agent.commit("x"))
    assert desk.end(events) == "failed" and state() == before
    (failure,) = desk.of(events, Failure)
    assert "lint: no way" in failure.text
    (step,) = desk.of(events, StepFinished)
    assert not step.ok and step.output.split() == ["calc.py", "notes/new.md", "lint:", "no", "way"]
    (desk.repo / ".git/hooks/pre-commit").unlink()
    assert desk.end(await desk.play(work.agent.commit("x"))) == "answered"


async def test_hooks_run_as_the_persons_own_git_runs_them(desk: "Desk", reader: "type[Reader]", git: "Git") -> None:
    hook(desk.repo, "commit-msg", 'echo "Signed: hook" >> "$1"')
    work = await accepted(desk, reader, ADD)
    assert desk.end(await desk.play(work.agent.commit("x"))) == "answered"
    assert "Signed: hook" in git("log", "-1", "--format=%B")


async def test_esc_while_a_hook_runs_leaves_the_index_as_it_was(
    desk: "Desk", reader: "type[Reader]", state: State, git: "Git"
) -> None:
    hook(desk.repo, "pre-commit", "echo linting; sleep 60")
    work = await accepted(desk, reader, ADD, NEW)
    before = state()
    events = await desk.stop_at(work, work.agent.commit("x"), lambda e: isinstance(e, StepOutput))
    assert desk.end(events) == "cancelled" and not desk.of(events, Committed)
    assert state() == before and not list((desk.repo / ".git").glob("*.lock"))
    (desk.repo / ".git/hooks/pre-commit").unlink()
    assert desk.end(await desk.play(work.agent.commit("x"))) == "answered"


async def test_without_an_identity_git_says_so(
    desk: "Desk", reader: "type[Reader]", state: State, monkeypatch: pytest.MonkeyPatch, git: "Git"
) -> None:
    work = await accepted(desk, reader, NEW)
    git("config", "user.useConfigOnly", "true")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{who}_NAME")
        monkeypatch.delenv(f"GIT_{who}_EMAIL")
    before = state()
    events = await desk.play(work.agent.commit("x"))
    assert desk.end(events) == "failed" and state() == before
    assert "no email was given" in desk.of(events, Failure)[0].text


async def test_in_the_middle_of_a_merge_git_says_so(
    desk: "Desk", reader: "type[Reader]", git: "Git", state: State
) -> None:
    git("checkout", "-q", "-b", "other")
    (desk.repo / "run.sh").write_text("#!/bin/sh\necho other\n")
    git("commit", "-qam", "other")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-commit", "--no-ff", "other")
    work = await accepted(desk, reader, ADD, NEW)
    before = state()
    events = await desk.play(work.agent.commit("x"))
    assert desk.end(events) == "failed" and state() == before
    assert "partial commit during a merge" in desk.of(events, Failure)[0].text


async def test_a_detached_head_and_a_first_commit_are_fine(
    desk: "Desk", reader: "type[Reader]", git: "Git", empty: Path
) -> None:
    git("checkout", "-q", "--detach")
    work = await accepted(desk, reader, ADD)
    assert desk.end(await desk.play(work.agent.commit("x"))) == "answered"
    work.close()
    desk.repo = empty
    work = await accepted(desk, reader, NEW)
    assert desk.end(await desk.play(work.agent.commit("First words"))) == "answered"


async def test_odd_names_are_taken_literally(desk: "Desk", reader: "type[Reader]", git: "Git") -> None:
    (desk.repo / "a1.txt").write_text("mine\n")
    git("add", "a1.txt")
    work = await accepted(desk, reader, "*** Add File: a*.txt\n+one\n", "*** Add File: a b/ü.txt\n+two\n")
    events = await desk.play(work.agent.commit("x"))
    assert desk.end(events) == "answered"
    assert set(git("show", "-z", "--format=", "--name-only").split("\0")) == {"a b/ü.txt", "a*.txt", ""}


async def test_a_plain_folder_has_nothing_to_commit_to(desk: "Desk", tmp_path: Path) -> None:
    desk.repo = tmp_path / "plain"
    desk.repo.mkdir()
    events = await desk.play(desk.open(plain_folder=True).agent.commit())
    assert desk.end(events) == "failed" and "no git repository" in desk.of(events, Failure)[0].text


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Fix add.", "Fix add"),
        ("```text\nFix add\n```", "Fix add"),
        ("# Fix add\n", "Fix add"),
        ("Commit message: **Fix add**", "Fix add"),
        ("**Commit message:** Fix add\nand more", "Fix add\n\nand more"),
        ("`Fix add`\n\nWhy\nnot.", "Fix add\n\nWhy not."),
        ("Fix add\n\n- one\n- two\n  more", "Fix add\n\n- one\n- two more"),
        ("   \n", ""),
    ],
)
def test_what_a_model_says_is_made_a_message(said: str, message: str) -> None:
    assert tidy(said) == message


def test_a_long_first_line_is_cut_and_kept_whole_below() -> None:
    said = "Make the function that adds two numbers add them instead of taking one from the other as it did"
    subject, _, below = tidy(said).partition("\n\n")
    assert len(subject) <= 72 and subject.endswith("…") and below.replace("\n", " ") == said


def test_a_plain_message_names_functions_and_what_they_fixed() -> None:
    source = b"def add(a, b):\n    return a + b\n"
    one = FileChange("calc.py", "modified", (Hunk("h", 1, ("    return a - b\n",), ("    return a + b\n",)),))
    two = FileChange("n.md", "added", (Hunk("i", 0, (), ("x\n",)),))
    gone = FileChange("o.md", "deleted", (Hunk("j", 0, ("x\n",), ()),))

    def read(path: str) -> bytes | None:
        return source if path == "calc.py" else None

    fixed = plain(Change((one,)), read, ["tests/test_calc.py::test_add"])
    assert fixed == "Fix add in calc.py\n\nThese tests pass by it:\n- tests/test_calc.py::test_add"
    assert plain(Change((two,)), read) == "Add n.md" and plain(Change((gone,)), read) == "Delete o.md"
    assert plain(Change((one, two)), read) == (
        "Change calc.py, n.md\n\n- calc.py: modified, add (+1 −1)\n- n.md: added (+1 −0)"
    )
