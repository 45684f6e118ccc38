"""Sessions as a person keeps them: found by words, named, and forked."""

import stat
from pathlib import Path

import pytest

from ossa.assistant.archive import delete, fork, matching, rename
from ossa.assistant.draft import DraftError
from ossa.assistant.events import Answering, Notice, TurnFinished, TurnStarted
from ossa.assistant.session import Session, SessionError, sessions


def said(folder: Path, root: Path, *prompts: str) -> Path:
    """The log of a session with these prompts."""
    session = Session.create(folder, root, "tiny")
    for prompt in prompts:
        session.append(TurnStarted(prompt))
        session.append(Answering(f"about {prompt}"))
        session.append(TurnFinished("answered", 1.0))
    session.close()
    return session.path


def test_sessions_are_found_by_words_in_titles_and_prompts(tmp_path: Path) -> None:
    folder, root = tmp_path / "sessions", tmp_path / "r"
    dates = said(folder, root, "Mend the dates", "and the ÜBERLAUF of years")
    said(folder, root, "explain calc")
    said(folder, tmp_path / "other", "mend dates elsewhere")
    assert [found.info.path for found in matching(folder, root, ["dates", "überlauf"])] == [dates]
    (found,) = matching(folder, root, ["years"])
    assert found.prompt == "and the ÜBERLAUF of years"
    (found,) = matching(folder, root, ["MEND"])
    assert found.prompt == ""
    assert not list(matching(folder, root, ["about"])), "what the model said is not looked through"
    assert len(list(matching(folder, root, []))) == 2 and len(list(matching(folder, None, ["dates"]))) == 2


def test_a_title_stays_until_it_is_taken_away(tmp_path: Path) -> None:
    folder, root = tmp_path / "sessions", tmp_path / "r"
    path = said(folder, root, "Mend the dates")
    assert rename(path, "  All about\n dates ") == "All about dates"
    (info,) = sessions(folder, root)
    assert info.title == "All about dates"
    assert next(matching(folder, root, ["about", "mend"])).prompt == "Mend the dates"
    assert stat.S_IMODE(path.with_suffix(".title").stat().st_mode) == 0o600
    assert rename(path, "x" * 500) == "x" * 200
    assert rename(path, " ") == ""
    assert sessions(folder, root)[0].title == "Mend the dates"


def test_what_is_in_the_way_of_a_title_is_said(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    with pytest.raises(SessionError, match="The title cannot be written"):
        rename(tmp_path / "blocked/a.jsonl", "x")


def test_a_fork_goes_its_own_way(tmp_path: Path) -> None:
    folder, root = tmp_path / "sessions", tmp_path / "r"
    path = said(folder, root, "one", "two")
    rename(path, "Numbers")
    with path.open("ab") as log:
        log.write(b'{"at": 1, "torn')  # as if it was being written
    name = fork(path)
    other = Session.find(folder, root, name)
    assert (other.id, other.root) == (name, root)
    other.append(Notice("here alone"))
    assert [type(event).__name__ for event in other.events()].count("TurnStarted") == 2
    assert list(other.events())[-1] == Notice("here alone")
    other.close()
    assert Notice("here alone") not in list(Session.open(path).events())
    assert {info.title for info in sessions(folder, root)} == {"Numbers"}
    assert stat.S_IMODE(other.path.stat().st_mode) == 0o600


def test_of_nothing_there_is_no_fork(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="nothing to fork"):
        fork(tmp_path / "none.jsonl")
    (tmp_path / "no.jsonl").write_text("{}\n")
    with pytest.raises(SessionError, match="is not a session"):
        fork(tmp_path / "no.jsonl")


def test_what_cannot_be_deleted_whole_is_there_to_be_deleted_again(tmp_path: Path) -> None:
    path = said(tmp_path / "sessions", tmp_path / "r", "mend the dates")

    def fail() -> None:
        raise DraftError("someone is at it")

    with pytest.raises(DraftError):
        delete(path, fail)
    assert path.exists()
    gone: list[bool] = []
    delete(path, lambda: gone.append(not path.exists()))
    assert gone == [False] and not path.exists()


def test_what_is_deleted_is_gone_with_its_title_unless_someone_is_at_it(tmp_path: Path) -> None:
    folder, root = tmp_path / "sessions", tmp_path / "r"
    path, other = said(folder, root, "one"), said(folder, root, "two")
    rename(path, "Numbers")
    held = Session.open(path)
    with pytest.raises(SessionError, match="open in another ossa"):
        delete(path)
    held.close()
    delete(path)
    assert [file for file in folder.rglob("*") if file.is_file()] == [other]
    with pytest.raises(SessionError, match="Nothing has been said"):
        delete(path)
