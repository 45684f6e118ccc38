"""Watch mode below the screens: real files, the real watcher, real drafts; only the model is scripted."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ossa.assistant.events import Proposed, Reviewed
from ossa.assistant.marks.inbox import Inbox
from ossa.assistant.marks.looking import Looker
from ossa.assistant.marks.request import Request, Tidying
from ossa.assistant.repository import Repository
from ossa.assistant.workbench import Workbench
from ossa.tests.waiting import LIMIT, until_async

Git: TypeAlias = Callable[..., str]
ADD = "def add(a, b):\n    return a - b\n"
ASKING = "def add(a, b):\n    # mend this AI!\n    return a - b\n"
MENDED = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b"


def look(repo: Path, *paths: str, keep: bool = True) -> list[str]:
    """What these files ask now, as a new start of ossa sees it."""
    looker = Looker.of(Repository.open(repo))
    found = looker.look(paths)
    if keep:
        looker.keep(found)
    return [mark.text for mark in found.fresh]


def write(repo: Path, path: str, text: str) -> None:
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text(text)


def test_the_same_comment_asks_once_whatever_comes_between(repo: Path) -> None:
    write(repo, "calc.py", ASKING)
    assert look(repo, "calc.py", keep=False) == ["mend this"]
    assert look(repo, "calc.py") == ["mend this"]
    assert look(repo, "calc.py") == []
    write(repo, "calc.py", "\n\n" + ASKING)
    assert look(repo, "calc.py") == [], "it stands elsewhere only"
    write(repo, "calc.py", ADD)
    assert look(repo, "calc.py") == []
    write(repo, "calc.py", ASKING)
    assert look(repo, "calc.py") == [], "the file is as it was: an undo"
    write(repo, "calc.py", ADD)
    assert look(repo, "calc.py") == []
    write(repo, "calc.py", ASKING + "\nX = 1\n")
    assert look(repo, "calc.py") == ["mend this"], "written anew, in another file"
    write(repo, "calc.py", ASKING.replace("mend", "change") + "\nX = 1\n")
    assert look(repo, "calc.py") == ["change this"]
    write(repo, "calc.py", f"{ASKING}# mend this AI!\n")
    assert look(repo, "calc.py") == ["mend this", "mend this"]


def test_what_may_not_be_read_asks_nothing(repo: Path, git: Git, tmp_path: Path) -> None:
    ask = "# do AI!\n"
    outside = tmp_path / "outside.py"
    outside.write_text(ask)
    for path in ("build/a.py", "token.yaml", "secrets/a.yaml", ".git/x.py", "sub/own/a.py"):
        write(repo, path, ask)
    (repo / "huge.py").write_text(ask + "x = 1\n" * 200_000)
    (repo / "binary.py").write_bytes(ask.encode() + b"\0")
    (repo / "away.py").symlink_to(outside)
    (repo / "folder").symlink_to(tmp_path)
    git("init", "-q", "sub/own")
    write(repo, "known-token.yaml", "a: 1\n")
    git("add", "known-token.yaml")
    write(repo, "known-token.yaml", "a: 1 # do AI!\n")
    asked = (
        *("build/a.py", "token.yaml", "secrets/a.yaml", ".git/x.py", "sub/own/a.py", "huge.py", "binary.py", "away.py"),
        *("folder/outside.py", "gone.py", "../outside.py", "", "a\0b", "pkg"),
    )
    assert look(repo, *asked) == []
    assert look(repo, "known-token.yaml") == ["do"], "a tracked file is everybody's already"


def test_what_git_brings_asks_nothing(repo: Path, git: Git) -> None:
    write(repo, "calc.py", ASKING)
    git("commit", "-qam", "asking")
    write(repo, "calc.py", ASKING + "\nX = 1\n")
    assert look(repo, "calc.py") == [], "it is in the last commit"
    git("checkout", "-q", "--", "calc.py")
    git("checkout", "-q", "-b", "before", "HEAD~")
    assert look(repo, "calc.py", ".git/index") == []
    git("cherry-pick", "-n", "main")
    assert look(repo, "calc.py", ".git/index") == [], "it is staged, and not by the person"
    assert look(repo, "calc.py") == []
    git("reset", "-q", "--hard")
    assert look(repo, "calc.py") == []
    write(repo, "calc.py", ASKING + "# and this AI!\n")
    assert look(repo, "calc.py") == ["mend this", "and this"] or look(repo, "calc.py") == []


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_a_merge_that_stops_in_a_conflict_asks_nothing(repo: Path, git: Git, style: str) -> None:
    git("checkout", "-q", "-b", "theirs")
    write(repo, "calc.py", ASKING.replace("-", "*"))
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "main")
    write(repo, "calc.py", ADD.replace("-", "%"))
    git("commit", "-qam", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git("-c", f"merge.conflictStyle={style}", "merge", "-q", "theirs")
    assert "mend this AI!" in (repo / "calc.py").read_text()
    assert look(repo, "calc.py", keep=False) == [] == look(repo, "calc.py", ".git/index", keep=False)
    write(repo, "calc.py", (repo / "calc.py").read_text() + "# settle this AI!\n")
    assert look(repo, "calc.py") == ["settle this"], "the person's own"


def test_a_folder_without_git_is_watched_too(tmp_path: Path) -> None:
    write(tmp_path / "plain", "a.py", "# do AI!\n")
    looker = Looker.of(Repository.plain(tmp_path / "plain"))
    found = looker.look(["a.py"])
    assert [mark.text for mark in found.fresh] == ["do"]
    assert "@a.py:1-1, line 1: do" in looker.request(found).prompt


def test_notes_of_other_files_go_with_what_asks(repo: Path, git: Git) -> None:
    write(repo, "pkg/deep/one.py", "ONE = 1\n# old note AI\n")
    git("commit", "-qam", "a note")
    write(repo, "pkg/deep/one.py", "ONE = 1\n# old note AI\n\n# keep this AI\n")
    write(repo, "new.sh", "# by hand AI\n")
    write(repo, "calc.py", ASKING)
    looker = Looker.of(Repository.open(repo))
    request = looker.request(looker.look(["calc.py"]))
    assert [(mark.path, mark.text) for mark in request.marks] == [
        ("calc.py", "mend this"),
        ("new.sh", "by hand"),
        ("pkg/deep/one.py", "keep this"),
    ]


@asynccontextmanager
async def watching(work: Workbench) -> AsyncGenerator[tuple[Inbox, asyncio.Event, list[str]]]:
    idle, said = asyncio.Event(), list[str]()
    idle.set()
    inbox = Inbox(Looker.of(work.repository), idle, said.append)
    work.watcher.listen(inbox.changed)
    await asyncio.to_thread(work.watcher.start)
    yield inbox, idle, said


async def first(work: Awaitable[Request]) -> Request:
    return await asyncio.wait_for(work, LIMIT)


async def play(work: Workbench, inbox: Inbox, idle: asyncio.Event, request: Request) -> list[Any]:
    idle.clear()
    events: list[Any] = []
    async for event in work.agent.run(request.prompt, tidy=Tidying(request, work.draft, work.root)):
        events.append(event)
        await inbox.see(event)
    idle.set()
    return events


async def test_a_saved_comment_becomes_a_change_without_it(repo: Path, desk: Any, reader: Any) -> None:
    work = desk.open([desk.patch(MENDED), "Mended."], reader(desk.take))
    async with watching(work) as (inbox, idle, said):
        write(repo, "calc.py", ASKING + (repo / "calc.py").read_text().removeprefix(ADD))
        request = await first(inbox.next())
        assert "@calc.py:1-3, line 2, in add: mend this" in request.prompt
        events = await play(work, inbox, idle, request)
        proposed = desk.of(events, Proposed)[0]
        assert [file.path for file in proposed.change.files] == ["calc.py"] and desk.of(events, Reviewed)
        assert (repo / "calc.py").read_text().startswith(ADD.replace("-", "+"))
        assert "AI!" not in (repo / "calc.py").read_text() and "mend this" in str(desk.seen(work)[0][-1])
        assert desk.end(await desk.play(work.agent.undo())) == "answered"
        assert "AI!" in (repo / "calc.py").read_text()
        write(repo, "pkg/deep/one.py", "ONE = 1  # what is it AI?\n")
        asked = await first(inbox.next())
        assert [mark.path for mark in asked.marks] == ["pkg/deep/one.py"] and not asked.wants_change and not said


def truncated(file: Path, data: bytes) -> None:
    """As nano and VS Code save."""
    with file.open("wb") as stream:
        for start in range(0, len(data), 20):
            stream.write(data[start : start + 20])
            stream.flush()


def renamed(file: Path, data: bytes) -> None:
    """As IDEs and Emacs with `file-precious-flag` save."""
    new = file.with_name(f"{file.name}___jb_tmp___")
    new.write_bytes(data)
    new.replace(file)


def backed_up(file: Path, data: bytes) -> None:
    """As vim saves, which tries the folder first."""
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    file.rename(f"{file}~")
    file.write_bytes(data)
    Path(f"{file}~").unlink()


def made_anew(file: Path, data: bytes) -> None:
    """As some editors over a network save; the old file stays beside it."""
    file.with_name(f".#{file.name}").symlink_to("user@host.1")
    Path(f"{file}.bak").write_bytes(data)
    file.unlink()
    file.write_bytes(data)


@pytest.mark.parametrize("save", [truncated, renamed, backed_up, made_anew])
async def test_however_an_editor_saves_it_asks_once(repo: Path, desk: Any, save: Callable[[Path, bytes], None]) -> None:
    (repo / ".gitignore").write_text("*.bak\n*~\n")
    work = desk.open([])
    texts = {
        "latin.py": "s = 'é'  # größer AI!\n".encode("latin-1"),
        "bom.py": "\ufeff# first AI!\r\nx = 1\r\n".encode(),
        "calc.py": ASKING.replace("\n", "\r\n").encode(),
    }
    async with watching(work) as (inbox, _, _):
        asked: list[str] = []
        for path, data in texts.items():
            (repo / path).touch()
            save(repo / path, data)
        while len(asked) < len(texts):
            asked += [mark.path for mark in (await first(inbox.next())).marks]
        assert sorted(asked) == sorted(texts)


async def test_files_saved_during_a_turn_wait_for_its_end(repo: Path, desk: Any) -> None:
    work = desk.open(["Answered."])
    async with watching(work) as (inbox, idle, said):
        idle.clear()
        waiting = asyncio.ensure_future(inbox.next())
        write(repo, "one.py", "# one AI!\n")
        await until_async(lambda: said)
        write(repo, "two.py", "# two AI!\n")
        await until_async(lambda: len(said) == 2)
        write(repo, "one.py", "# one and a half AI!\n")
        await until_async(lambda: len(said) == 3)
        assert said[0] == "one.py:1: one (AI!) waits until this turn is over." and not waiting.done()
        await inbox.see(Reviewed((), ("one.py",)))
        idle.set()
        request = await first(waiting)
        assert [mark.text for mark in request.marks] == ["one and a half", "two"]


async def test_switched_off_during_a_turn_what_waits_is_forgotten(repo: Path, desk: Any) -> None:
    work = desk.open([])
    async with watching(work) as (inbox, idle, said):
        idle.clear()
        waiting = asyncio.ensure_future(inbox.next())
        write(repo, "one.py", "# one AI!\n")
        await until_async(lambda: said)
        inbox.on = False
        idle.set()
        await asyncio.wait([waiting], timeout=1)
        assert not inbox.on and not waiting.done()
        inbox.on = True
        write(repo, "two.py", "# two AI!\n")
        assert [mark.path for mark in (await first(waiting)).marks] == ["two.py"]
        await inbox.drop(waiting.result())
        write(repo, "two.py", "# two AI!\nx = 1\n")
        assert [mark.path for mark in (await first(inbox.next())).marks] == ["two.py"], "nobody has played it"


async def test_what_ossa_writes_asks_nothing_and_what_failed_may_ask_again(repo: Path, desk: Any, reader: Any) -> None:
    loop = "*** Add File: loop.py\n+# again AI!\n"
    work = desk.open([desk.patch(loop), "Written."], reader(desk.take))
    async with watching(work) as (inbox, idle, _):
        idle.clear()
        async for event in work.agent.run("write it"):
            await inbox.see(event)
        assert (repo / "loop.py").exists()
        idle.set()
        write(repo, "calc.py", ASKING)
        request = await first(inbox.next())
        assert [mark.path for mark in request.marks] == ["calc.py"]
        events = await play(work, inbox, idle, request)  # the script is over: the model fails
        assert desk.end(events) == "failed"
        write(repo, "calc.py", ASKING)
        assert (await first(inbox.next())).marks == request.marks


async def test_a_checkout_is_waited_for_and_asks_nothing(repo: Path, desk: Any) -> None:
    work = desk.open([])
    async with watching(work) as (inbox, _, said):
        lock = repo / ".git/index.lock"
        lock.touch()
        write(repo, "calc.py", ASKING)
        waiting = asyncio.ensure_future(inbox.next())
        work.repository.git("hash-object", "-w", "calc.py")
        await asyncio.wait([waiting], timeout=1.5)
        assert not waiting.done()
        lock.unlink()
        assert (await first(waiting)).marks[0].text == "mend this" and not said


@pytest.mark.parametrize("end", ["no change", "reworded"])
async def test_comments_go_only_from_a_change(repo: Path, desk: Any, end: str) -> None:
    reworded = (
        "*** Update File: calc.py\n@@\n-    # mend this AI!\n-    return a - b\n+    # mended AI!\n+    return a + b"
    )
    script = ["I would not."] if end == "no change" else [desk.patch(reworded), "Mended."]
    work = desk.open(script)
    async with watching(work) as (inbox, idle, _):
        write(repo, "calc.py", ASKING)
        events = await play(work, inbox, idle, await first(inbox.next()))
        assert desk.end(events) == ("answered" if end == "no change" else "proposed")
        assert (repo / "calc.py").read_text() == ASKING, "nothing is written by itself"
        draft = work.draft.read("calc.py")
        assert draft == (ASKING if end == "no change" else "def add(a, b):\n    return a + b\n").encode()


def test_what_was_taken_out_comes_back_where_nothing_came_of_it(repo: Path, desk: Any) -> None:
    work = desk.open([])
    write(repo, "calc.py", ASKING)
    looker = Looker.of(work.repository)
    tidying = Tidying(looker.request(looker.look(["calc.py"])), work.draft, work.root)
    assert tidying.clear() and not tidying.clear() and work.draft.read("calc.py") == ADD.encode()
    tidying.restore()
    assert not work.draft.change()
    assert tidying.clear()
    work.draft.write("calc.py", b"mended = 1\n")
    tidying.restore()
    assert work.draft.read("calc.py") == b"mended = 1\n"


def test_a_comment_that_the_person_saves_meanwhile_is_not_the_models(repo: Path, desk: Any) -> None:
    work = desk.open([])
    write(repo, "calc.py", ASKING)
    looker = Looker.of(work.repository)
    tidying = Tidying(looker.request(looker.look(["calc.py"])), work.draft, work.root)
    write(repo, "calc.py", ASKING + "# log this AI!\n")
    work.draft.write("calc.py", ("# mended AI!\n" + ASKING + "# log this AI!\n").encode())
    assert tidying.clear() and work.draft.read("calc.py") == (ADD + "# log this AI!\n").encode()
    (repo / "calc.py").unlink()
    assert tidying.clear() and work.draft.read("calc.py") == ADD.encode(), "nobody's but the model's"


@pytest.mark.parametrize("place", ["above", "below"])
@pytest.mark.parametrize("left", [True, False])
async def test_the_same_words_saved_once_more_meanwhile_are_asked_next(
    repo: Path, desk: Any, place: str, left: bool
) -> None:
    work = desk.open([])
    again = "def sub(a, b):\n    # mend this AI!\n    return a + b\n"
    both = f"{again}\n{{}}" if place == "above" else f"{{}}\n{again}"
    mended = ADD.replace("-", "+")  # the model has taken its comment out, or left it to us
    async with watching(work) as (inbox, idle, said):
        write(repo, "calc.py", ASKING)
        tidying = Tidying(await first(inbox.next()), work.draft, work.root)
        idle.clear()
        waiting = asyncio.ensure_future(inbox.next())
        write(repo, "calc.py", both.format(ASKING))
        await until_async(lambda: said)
        work.draft.write("calc.py", both.format(ASKING if left else mended).encode())
        tidying.clear()
        assert work.draft.read("calc.py") == both.format(ADD if left else mended).encode()
        write(repo, "calc.py", both.format(mended))
        await inbox.see(Reviewed((), ("calc.py",)))
        idle.set()
        assert [(mark.text, mark.line) for mark in (await first(waiting)).marks] == [
            ("mend this", 2 if place == "above" else 5)
        ]


def test_a_comment_that_the_person_moves_meanwhile_goes_with_the_change(repo: Path, desk: Any) -> None:
    work = desk.open([])
    others = "def first():\n    return 1\n\n\ndef second():\n    return 2\n"
    write(repo, "calc.py", f"{others}\n\n{ASKING}")
    looker = Looker.of(work.repository)
    tidying = Tidying(looker.request(looker.look(["calc.py"])), work.draft, work.root)
    write(repo, "calc.py", f"{ASKING}\n\n{others}")
    work.draft.write("calc.py", f"{ASKING.replace('-', '+')}\n\n{others}".encode())
    assert tidying.clear() and work.draft.read("calc.py") == f"{ADD.replace('-', '+')}\n\n{others}".encode()


@pytest.mark.parametrize("how", ["review", "fix"])
async def test_a_later_turn_takes_out_no_comments(repo: Path, desk: Any, reader: Any, how: str) -> None:
    work = desk.open([desk.patch(MENDED), "Mended."], reader(desk.take, desk.take))
    async with watching(work) as (inbox, idle, _):
        write(repo, "calc.py", ASKING)
        await play(work, inbox, idle, await first(inbox.next()))
        assert (repo / "calc.py").read_text() == ADD.replace("-", "+")
        later = ASKING.replace("-", "+")
        work.draft.write("calc.py", later.encode())
        events = await desk.play(work.agent.review() if how == "review" else work.agent.fix())
        assert desk.of(events, Reviewed) and (repo / "calc.py").read_text() == later
