"""A server is used only where the user names it, and everyone is told where tokens go."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult

from ossa.assistant.config import Config, load_config
from ossa.assistant.doctor import machine
from ossa.model.base import ModelError, Text
from ossa.tui.__main__ import _choose
from ossa.tui.widgets.status import Status


def test_a_repository_may_not_name_a_server(tmp_path: Path) -> None:
    (tmp_path / ".ossa.toml").write_text('server = "http://evil"\nserver_model = "x"\nserver_window = 9\n')
    config = load_config(tmp_path, tmp_path)
    assert (config.server, config.server_model, config.server_window) == ("", "", 0)
    assert len(config.problems) == 3 and all("a repository may not set" in each for each in config.problems)


def test_the_user_names_it_in_the_configuration_or_behind_the_command(tmp_path: Path, serve: Any) -> None:
    server, other = serve("vllm", name="one"), serve("vllm", name="two")
    (tmp_path / "config.toml").write_text(f'server = "{server.url}"\nserver_model = "one"\nserver_window = 4096\n')
    config = load_config(None, tmp_path)
    assert not config.problems
    for url, configured, name, window in (("", config, "one", 4096), (other.url, config, "two", 4096)):
        model = _choose(argparse.Namespace(server=url, server_model="", model="", adapter=""), configured)
        assert (model.info.name, model.info.window) == (name, window)
        model.close()
    here = argparse.Namespace(server="", server_model="", model=str(tmp_path / "none.gguf"), adapter="")
    with pytest.raises(ModelError, match="does not exist"):
        _choose(here, config)  # a model that is named on this machine goes before the configured server
    assert Config().server == ""


def test_a_turn_tells_where_it_sends_what_the_model_reads(tmp_path: Path, serve: Any) -> None:
    server = serve("llama", [Text("It is empty.")])
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    environment = {**os.environ, "OSSA_HOME": str(tmp_path.parent / "home"), "OSSA_API_KEY": "sk-very-secret"}
    command = [sys.executable, "-P", "-m", "ossa.tui", "run", "What is here?", "-C", str(tmp_path)]
    command += ["--server", server.url]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert "It is empty." in done.stdout, done.stdout + done.stderr
    assert f"goes to a server: {server.url.removeprefix('http://')}." in done.stdout
    assert "secret" not in done.stdout + done.stderr
    written = (path for path in (tmp_path.parent / "home").rglob("*") if path.is_file())
    assert not [path for path in written if b"very-secret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "stay on this machine"),
        ('server = "http://box:8000"', "go to the server: box:8000, by config.toml, without a key, NOT encrypted"),
        ('server = "nonsense here"', "go nowhere: "),
    ],
)
def test_the_doctor_tells_where_tokens_go(
    line: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path))
    monkeypatch.delenv("OSSA_API_KEY", raising=False)
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config.toml").write_text(line)
    assert dict(machine.facts())["tokens"].startswith(told)


async def test_the_status_line_names_the_server_first() -> None:
    class Window(App[None]):
        def compose(self) -> ComposeResult:
            yield Status()

    async with Window().run_test(size=(60, 5)) as pilot:
        status = pilot.app.query_one(Status)
        status.model, status.where, status.why = "gpt-oss-120b", "server: box:8000", "vLLM by token ids"
        status.isolation = "confined by bubblewrap"
        await pilot.pause()
        assert status.render().plain.startswith("gpt-oss-120b · server: box:8000")
        assert "what the model reads and writes goes there" in " ".join(status.details().plain.split())
