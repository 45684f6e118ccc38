"""What `ossa` says to bad input, through the real command line: one plain sentence that tells what to do, no trace."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ossa.assistant import paths
from ossa.assistant.events import Notice
from ossa.assistant.session import Session

SOURCE = "def add(a, b):\n    return a - b\n"
TESTS = """\
import unittest
from calc import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)
"""
SHORT = ("--budget", "3000", "--candidates", "8")
"""A search that ends soon, however slow the machine is: the first candidate is the repair."""
GPT_OSS = {"model_type": "gpt_oss", "max_position_embeddings": 131072, "quantization_config": {"quant_method": "mxfp4"}}


@dataclass(frozen=True)
class Ran:
    """What a command did: exit code, output, errors."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line that an error is."""
        assert self.code == 2, self
        (line,) = self.err.strip().splitlines()
        assert line.startswith("ossa: ") and line.endswith((".", "`")), line
        return line.removeprefix("ossa: ")


class Cli:
    """Runs `ossa` without a terminal, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {**os.environ, "OSSA_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}
        for scope in ("GLOBAL", "SYSTEM"):
            self.env[f"GIT_CONFIG_{scope}"] = os.devnull

    def __call__(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        within: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        command = [*within, sys.executable, "-P", "-m", "ossa.tui", *arguments]
        done = subprocess.run(
            command, env={**self.env, **(env or {})}, input=stdin, capture_output=True, timeout=300, check=False
        )
        out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        assert "Traceback" not in out + err, err
        return Ran(done.returncode, out, err)

    def configure(self, text: str) -> None:
        """Write the user's `config.toml`."""
        (self.home / "config").mkdir(parents=True)
        (self.home / "config" / "config.toml").write_text(text)


@pytest.fixture
def ossa(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a failing test, without git."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "calc.py").write_text(SOURCE)
    (root / "test_calc.py").write_text(TESTS)
    return root


@pytest.fixture
def repo(folder: Path) -> Path:
    """The same as a git repository, with nothing committed."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.fixture
def unread(tmp_path: Path) -> Path:
    """A model that is never loaded, or cannot be."""
    file = tmp_path / "unread.gguf"
    file.write_bytes(b"GGUF")
    return file


def without_network() -> list[str]:
    """What to put before a command so that it has no network, not even a name server."""
    return ["unshare", "--user", "--map-root-user", "--net"]


needs_namespaces = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*without_network(), "true"], capture_output=True).returncode != 0,
    reason="user namespaces are off",
)


# Where it is started.


@pytest.mark.parametrize("command", [["fix"], ["run", "hi"], []])
def test_a_folder_without_git_says_how_to_get_on(ossa: Cli, folder: Path, command: list[str]) -> None:
    said = ossa(*command, *(["-C"] if command else []), folder).sentence
    assert "git init" in said and "--copy" in said and str(folder) in said


def test_a_folder_without_git_is_worked_on_through_copies(ossa: Cli, folder: Path, small_model_file: Path) -> None:
    applied = ossa("fix", "-C", folder, "--copy", "--model", small_model_file, "--accept", *SHORT)
    assert applied.code == 0 and (folder / "calc.py").read_text() == SOURCE.replace("-", "+"), applied
    assert ossa("sessions", "-C", folder).out.count("/fix") == 1
    assert json.loads(ossa("undo", "-C", folder, "--json").out)["files"] == ["calc.py"]
    assert (folder / "calc.py").read_text() == SOURCE
    assert ossa("undo", "-C", folder).sentence == "There is nothing to undo."
    assert {path.name for path in folder.iterdir()} == {"calc.py", "test_calc.py"}


@pytest.mark.parametrize("command", [["fix", "-C"], ["undo", "-C"], ["sessions", "-C"], []])
def test_a_folder_that_is_none(ossa: Cli, folder: Path, command: list[str]) -> None:
    for place in (folder / "nowhere", folder / "calc.py"):
        assert str(place) in ossa(*command, place).sentence


@pytest.mark.parametrize("command", [["fix"], ["undo"], []])
def test_a_folder_that_is_gone(ossa: Cli, folder: Path, command: list[str]) -> None:
    leave = ["sh", "-c", f'cd {folder} && rm -r {folder} && exec "$@"', "sh"]
    assert "is gone" in ossa(*command, within=leave).sentence


def test_a_command_that_is_none(ossa: Cli) -> None:
    assert "`ossa --help` lists the commands" in ossa("fxi").sentence
    for budget in ("0", "-1", "nan", "inf", "x"):
        ran = ossa("fix", f"--budget={budget}")
        assert ran.code == 2 and "--budget" in ran.err.splitlines()[-1]


def test_a_window_without_a_terminal(ossa: Cli, repo: Path) -> None:
    assert "`ossa fix`" in ossa(repo).sentence


@pytest.mark.parametrize("place", ["", ".git"])
@pytest.mark.parametrize("command", [["fix", "-C"], []])
def test_a_folder_of_gits_own(ossa: Cli, tmp_path: Path, place: str, command: list[str]) -> None:
    kind = [] if place else ["--bare"]
    subprocess.run(["git", "init", "-q", *kind, str(tmp_path / "r")], check=True)
    ran = ossa(*command, tmp_path / "r" / place)
    assert "git clone" in ran.sentence or (not command and "terminal" in ran.sentence)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user(ossa: Cli, repo: Path) -> None:
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 12345, 12345)
    assert "safe.directory" in ossa("fix", "-C", repo).sentence


@pytest.mark.parametrize("commands", [["fix", "--copy"], ["fix"]])
def test_nothing_at_all_in_the_folder(ossa: Cli, tmp_path: Path, unread: Path, commands: list[str]) -> None:
    root = tmp_path / "bare"
    root.mkdir()
    if "--copy" not in commands:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    ran = ossa(*commands, "-C", root, "--model", unread)
    assert ran.code == 1 and "No tests were found" in ran.out
    assert ossa("undo", "-C", root).sentence == "There is nothing to undo."
    assert ossa("sessions", "-C", root).code == 0


# What it is asked.


@pytest.mark.parametrize("prompt", ["", "  \n", "-"])
def test_an_empty_prompt_is_not_sent(ossa: Cli, repo: Path, unread: Path, prompt: str) -> None:
    assert "prompt is empty" in ossa("run", prompt, "-C", repo, "--model", unread).sentence


def test_a_prompt_of_any_bytes_is_kept(ossa: Cli, repo: Path, unread: Path) -> None:
    ran = ossa("run", "-", "-C", repo, "--model", unread, stdin=b"\xff\x00\x1b[31m what?\n\xfe")
    assert ran.code == 2 and "corrupt" in ran.out and "ossa models pull" in ran.out
    assert "what?" in ossa("sessions", "-C", repo).out


def test_a_session_that_is_not_there_or_open_elsewhere(ossa: Cli, repo: Path, unread: Path) -> None:
    given = ("run", "hi", "-C", repo, "--model", unread, "--resume")
    assert "There is no session nosuch" in ossa(*given, "nosuch").sentence
    held = Session.create(ossa.home / "state" / "sessions", repo, "held")
    held.append(Notice("here"))
    assert "open in another ossa" in ossa(*given, held.id).sentence
    held.close()


# With which model.


def test_no_model_at_all(ossa: Cli, repo: Path) -> None:
    for command in (["fix"], ["run", "hi"]):
        assert "ossa models pull smollm2-135m" in ossa(*command, "-C", repo).sentence
    assert ossa("undo", "-C", repo).sentence == "There is nothing to undo."
    assert ossa("sessions", "-C", repo).code == 0
    assert ossa("models").out.count("ossa models pull") == 3


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nosuch", "it can fetch smollm2-135m"),
        ("./nosuch", "does not exist"),
        ("gpt-oss-20b", "run `ossa models pull gpt-oss-20b`"),
        (".", "give a .gguf file, or a folder"),
        ("x\udcff", "it can fetch smollm2-135m"),
    ],
)
def test_a_model_that_is_not_there(ossa: Cli, repo: Path, name: str, told: str) -> None:
    assert told in ossa("fix", "-C", repo, "--model", name).sentence


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"<html>"])
def test_a_file_that_is_no_model(ossa: Cli, repo: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    assert "no GGUF file" in ossa("fix", "-C", repo, "--model", tmp_path / "x.gguf").sentence


def test_a_folder_that_is_no_adapter(ossa: Cli, repo: Path, small_model_file: Path) -> None:
    ran = ossa("fix", "-C", repo, "--model", small_model_file, "--adapter", repo)
    assert "give a folder with adapter_config.json and adapter_model.safetensors" in ran.sentence


def test_a_model_that_does_not_fit_is_said_before_anything_runs(ossa: Cli, repo: Path, tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.mkdir()
    (huge / "config.json").write_text(json.dumps(GPT_OSS))
    with (huge / "model.safetensors").open("wb") as file:
        file.truncate(100 << 30)
    ran = ossa("fix", "-C", repo, "--model", huge)
    assert re.search(r"huge needs \d+ GB and [\d.]+ GB are free", ran.sentence)
    assert ran.out == ""


@needs_namespaces
def test_without_a_network_a_pull_says_so(ossa: Cli) -> None:
    ran = ossa("models", "pull", "smollm2-135m", within=without_network(), env={"PIP_RETRIES": "1"})
    assert "resolution" in ran.sentence and "Without a network" in ran.sentence and "--model PATH" in ran.sentence
    assert not [path for path in ossa.home.rglob("*") if path.suffix in (".gguf", ".whl")]


@needs_namespaces
def test_without_a_network_all_else_works(ossa: Cli, repo: Path, unread: Path) -> None:
    ran = ossa("fix", "-C", repo, "--model", unread, within=without_network())
    assert "1 failed, 0 passed" in ran.out and "corrupt" in ran.out
    assert ossa("models", within=without_network()).code == 0


# How its tests go.


@pytest.mark.parametrize(
    ("command", "config", "told"),
    [
        ("sleep 1000", "test_timeout = 1", "The tests did not end within 1 s."),
        ("no-such-program --all", "", "The test command `no-such-program --all` could not be run: "),
        ("'", "", "Unterminated quoted string"),
        ("yes ossa | head -c 300000000; exec no-such-program", "", "could not be run"),
    ],
)
def test_a_broken_test_command_is_one_line(
    ossa: Cli, repo: Path, unread: Path, command: str, config: str, told: str
) -> None:
    ossa.configure(config)
    ran = ossa("fix", "-C", repo, "--model", unread, "--test", command)
    assert ran.code == 1 and ran.out.count(told) == 1, ran
    assert len(ran.out.splitlines()) <= 6


def test_what_is_wrong_in_a_configuration_is_a_line_each(ossa: Cli, repo: Path, unread: Path) -> None:
    (repo / ".ossa.toml").write_text('test_command = "true"\nmodel = "mine"\nsandbox = false\n')
    ossa.configure("test_timeout = \n")
    given = ("fix", "-C", repo, "--model", unread)
    ran = ossa(*given)
    said = [line for line in ran.out.splitlines() if ".toml" in line]
    assert len(said) == 3 and ran.code == 1, ran
    assert "config.toml is not valid TOML" in said[0]
    assert "a repository may not set “model”" in said[1] and "no setting “sandbox”" in said[2]
    events = [json.loads(line) for line in ossa(*given, "--json").out.splitlines()]
    assert [event["text"] for event in events[:3]] == said


# Where it prints, and what it can write.


@pytest.fixture
def odd_paths(repo: Path) -> Path:
    """The source in a folder whose name is no text, so that it is in the traceback, the change and the output."""
    odd = repo / os.fsdecode(b"d\xff")
    odd.mkdir()
    (repo / "calc.py").rename(odd / "calc.py")
    (repo / "test_calc.py").write_text('import os, sys\nsys.path.insert(0, os.fsdecode(b"d\\xff"))\n' + TESTS)
    return odd / "calc.py"


def test_paths_that_are_no_text(ossa: Cli, repo: Path, odd_paths: Path, small_model_file: Path) -> None:
    ran = ossa("fix", "-C", repo, "--model", small_model_file, *SHORT, env={"PYTHONIOENCODING": "utf-8"})
    assert ran.code == 0 and "✓" in ran.out and odd_paths.read_text() == SOURCE, ran
    assert re.search(rf"`ossa {repo} --resume \S+`", ran.out), ran.out


def test_paths_that_are_no_text_in_ascii(ossa: Cli, repo: Path, odd_paths: Path, small_model_file: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    ran = ossa("fix", "-C", repo, "--model", small_model_file, "--accept", "--json", *SHORT, env=env)
    assert ran.code == 0 and odd_paths.read_text() == SOURCE.replace("-", "+"), ran
    (proposed,) = [event for line in ran.out.splitlines() if (event := json.loads(line))["event"] == "Proposed"]
    assert os.fsencode(proposed["change"]["files"][0]["path"]) == b"d\xff/calc.py"
    ran = ossa("fix", "-C", repo, "--model", small_model_file, env=env)
    assert ran.code == 1 and ran.out.isascii() and "> tests" in ran.out and "nothing to fix" in ran.out
    assert "calc.py" in ossa("undo", "-C", repo, env=env).out
    assert odd_paths.read_text() == SOURCE


def test_a_home_of_nobody_is_said(ossa: Cli, repo: Path) -> None:
    ran = ossa("sessions", "-C", repo, env={"OSSA_HOME": "~no-such-user/x"})
    assert "OSSA_HOME is ~no-such-user/x" in ran.sentence and ran.code == 2


def test_a_home_that_cannot_be_written(ossa: Cli, repo: Path, unread: Path) -> None:
    ossa.home.write_text("a file")
    assert "OSSA_HOME" in ossa("fix", "-C", repo, "--model", unread).sentence
    assert ossa("sessions", "-C", repo).code == 0


@pytest.fixture
def small_disk(ossa: Cli) -> Iterator[list[str]]:
    """What to put before a command so that ossa's home has room for a few files only."""
    ossa.home.mkdir()
    mount = f'mount -t tmpfs -o size=4k,nr_inodes=60 tmpfs {ossa.home} && exec "$@"'
    wrap = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield wrap


def test_a_full_disk_is_said(ossa: Cli, repo: Path, unread: Path, small_disk: list[str]) -> None:
    ran = ossa("run", f"look at this: {'x' * 9000}", "-C", repo, "--model", unread, within=small_disk)
    assert ran.code == 2
    assert "The session cannot be written to" in ran.out and "No space left on device" in ran.out
    assert paths.repository_key(repo) in ran.out
