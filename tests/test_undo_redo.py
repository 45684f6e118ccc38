"""`ossa undo` and `ossa redo` on a repository with accepts."""

import json
from pathlib import Path

import pytest

from ossa.assistant import paths
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.tree import Content, Swap
from ossa.assistant.events import Redone, TurnStarted, Undone
from ossa.assistant.session import Session
from ossa.tui.back import back
from ossa.tui.options import parse


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which one accept made "two" of "one"."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"one\n")
    kept = paths.state_dir() / "repositories" / paths.repository_key(folder) / "checkpoints"
    Checkpoints(kept, folder).apply([Swap("a.txt", Content(b"one\n"), Content(b"two\n"))])
    return folder


def session(root: Path) -> Session:
    made = Session.create(paths.state_dir() / "sessions", root, "none")
    made.append(TurnStarted("hello"))
    return made


def test_there_and_back_and_the_latest_session_learns_of_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = session(root)
    talk.close()
    assert back(parse(["undo"]), root) == 0
    assert (root / "a.txt").read_bytes() == b"one\n"
    assert back(parse(["redo", "--json"]), root) == 0
    assert (root / "a.txt").read_bytes() == b"two\n"
    first, second = capsys.readouterr().out.splitlines()
    assert first == "taken back: a.txt"
    told = json.loads(second)
    assert (told["event"], told["files"]) == ("Redone", ["a.txt"])
    again = Session.open(talk.path)
    events = list(again.events())[1:]
    again.close()
    assert events == [Undone(("a.txt",), told["checkpoint"]), Redone(("a.txt",), told["checkpoint"])]


def test_a_session_that_is_open_elsewhere_is_left_alone(root: Path) -> None:
    talk = session(root)
    assert back(parse(["undo"]), root) == 0
    assert len(list(talk.events())) == 1
    talk.close()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_shows_the_persons_own_change(root: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    (root / "a.txt").write_bytes(b"two\nmine\x1b[31m\n")
    assert back(parse(["undo", *["--json"] * as_json]), root) == 2
    out, err = capsys.readouterr()
    if as_json:
        told = json.loads(out)
        assert told["event"] == "Failure" and "changed since" in told["text"] and "+mine" in told["diff"]
    else:
        assert " two\n+mine\n" in out and "\x1b" not in out
        assert err.startswith("ossa: a.txt changed since, so undoing would overwrite that.")
    assert (root / "a.txt").read_bytes() == b"two\nmine\x1b[31m\n"
