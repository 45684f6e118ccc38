"""The command line's help tells what a command does, what it leaves alone, and its exit codes."""

import pytest

from ossa.tui.options import COMMANDS, parse


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *argv: str) -> str:
    """What a call that only prints prints."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        parse([*argv, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_how_it_ends(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = told(capsys, monkeypatch, command).splitlines()
    assert max(map(len, lines)) < 80
    first, last = (next(i for i, line in enumerate(lines) if line.startswith(w)) for w in ("options:", "exit codes: "))
    described = [line for line in lines[:first] if line and not line.startswith(("usage:", " "))]
    assert len(" ".join(described)) > 80 and last > first


@pytest.mark.parametrize("command", ["undo", "redo"])
def test_undo_and_redo_say_what_they_refuse(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(told(capsys, monkeypatch, command).split())
    assert "files since, nothing is written: the difference is shown, and your work stays." in text
    assert "2 nothing was written" in text


def test_the_list_of_commands_says_a_line_on_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = told(capsys, monkeypatch).splitlines()
    assert all(any(line.startswith(f"  {command} ") for line in lines) for command in COMMANDS)
    assert max(map(len, lines)) < 80
