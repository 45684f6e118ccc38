"""`ossa find` and `ossa map` from the command line, on a real repository."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ossa.model.process import LocalModel
from ossa.tui.__main__ import main

MONEY = "class Money:\n    def convert(self, rate):\n        return self\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and a home that has no model."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    (folder / "money.py").write_text(MONEY)
    (folder / "mail.py").write_text("def send_letter(address):\n    return address\n")
    (folder / "\x1b[31mred\x1b[0m.py").write_text("def red_letter():\n    return 1\n")
    monkeypatch.chdir(folder)
    return folder


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main([*argv])
    out, err = capsys.readouterr()
    return code, out, err


def test_find_prints_files_reasons_and_symbols(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = printed(capsys, "find", "Money.convert is wrong")
    assert (code, err) == (0, "")
    first, reasons, *symbols = out.splitlines()[:4]
    assert first.split() == ["1", "money.py"] and "defines Money, convert" in reasons
    assert [line.split(maxsplit=1) for line in symbols] == [["2", "def convert(self, rate)"], ["1", "class Money"]]


def test_find_prints_json_a_line_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys, "find", "a red letter", "--json", "--limit", "2")
    files = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [file["path"] for file in files] == ["\x1b[31mred\x1b[0m.py", "mail.py"]
    assert set(files[0]) == {"path", "score", "reasons", "symbols"} and files[0]["score"] > files[1]["score"] > 0
    assert files[0]["symbols"][0]["name"] == "red_letter" and files[0]["symbols"][0]["line"] == 1


def test_names_of_files_set_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(capsys, "find", "a red letter")[1]
    assert "\x1b" not in printed(capsys, "map")[1]


def test_find_reads_standard_input_and_other_folders(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff send_letter\n")))
    code, out, _ = printed(capsys, "find", "-", "-C", str(repository))
    assert code == 0 and out.splitlines()[0].split() == ["1", "mail.py"]


@pytest.mark.parametrize(
    "argv,code,said",
    [
        (["find", "  "], 2, "nothing to look for"),
        (["find", "x", "-C", "/nowhere/at/all"], 2, "is no folder"),
        (["map", "-C", "/nowhere/at/all"], 2, "is no folder"),
        (["map", "--model", "no-such-model"], 2, "no-such-model"),
        (["map", "--tokens", "1"], 1, "not one file fits into 1 tokens"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    argv: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = printed(capsys, *argv)
    assert (ended, out) == (code, "") and said in err and err.count("\n") == 1


def test_nothing_is_found_in_an_empty_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = printed(capsys, "find", "x", "--copy", "-C", str(tmp_path / "empty"))
    assert (code, out) == (1, "") and "no file fits" in err


def test_without_a_model_the_map_is_counted_roughly_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = printed(capsys, "map", "--tokens", "500")
    assert code == 0 and "money.py\n  class Money\n    def convert(self, rate)\n" in out
    assert "of 500 tokens, counted roughly, one for three bytes" in err
    assert "ossa models pull" in err


def test_the_map_fits_by_the_tokens_of_the_model(
    small_model: LocalModel, small_model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = printed(capsys, "map", "money", "--tokens", "60", "--json", "--model", str(small_model_file))
    told = json.loads(out)
    assert code == 0 and told["budget"] == 60 and told["counted"] == f"exactly by {small_model.info.name}"
    assert 0 < told["tokens"] <= 60 and "class Money" in told["map"]


def test_the_index_is_kept_for_the_next_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "find", "letter")
    kept = list((tmp_path / "home" / "cache").rglob("*.sqlite"))
    assert len(kept) == 1
    before = kept[0].stat().st_ino
    assert printed(capsys, "find", "letter")[0] == 0 and kept[0].stat().st_ino == before
