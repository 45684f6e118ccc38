"""The window in a browser: for whoever has the address that was printed, and for nobody else."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web

from ossa.tests.waiting import LIMIT
from ossa.tui.__main__ import main
from ossa.tui.options import parse
from ossa.tui.web import PortError, application, command, listen

TOKEN = "a-token"
WINDOW = """
from pathlib import Path
import os, sys
from ossa.tui.app import OssaApp
def none(reviewer):
    raise ValueError("no workbench " + " ".join(sys.argv[1:]))
OssaApp(Path("."), none).run()
"""


@asynccontextmanager
async def served(tmp_path: Path, line: str = "") -> AsyncGenerator[tuple[str, ClientSession]]:
    """The real server over a real window, whose workbench does not open; its address without the token."""
    script = tmp_path / "window.py"
    script.write_text(WINDOW)
    listening = listen(0)
    port = listening.getsockname()[1]
    line = line or f"cd {tmp_path} && {sys.executable} {script}"
    runner = web.AppRunner(await application(line, port, TOKEN, tmp_path))
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        async with ClientSession() as session:
            yield f"http://127.0.0.1:{port}", session
    finally:
        await runner.cleanup()


async def test_only_the_printed_address_opens_the_page(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, client):
        port = address.rpartition(":")[2]
        for path, headers, status in (
            (f"/{TOKEN}/", {}, 200),
            (f"/{TOKEN}/", {"Host": f"localhost:{port}"}, 200),
            (f"/{TOKEN}/", {"Origin": address}, 200),
            (f"/{TOKEN}/static/js/textual.js", {}, 200),
            (f"/{TOKEN}/page/focus.js", {}, 200),
            ("/page/focus.js", {}, 403),
            ("/", {}, 403),
            ("/ws", {}, 403),
            ("/static/js/textual.js", {}, 403),
            (f"/{TOKEN}x/", {}, 403),
            (f"/?token={TOKEN}", {}, 403),
            (f"/{TOKEN}/", {"Host": "evil.example"}, 403),
            (f"/{TOKEN}/", {"Host": f"evil.example:{port}"}, 403),
            (f"/{TOKEN}/", {"Host": ""}, 403),
            (f"/{TOKEN}/", {"Origin": "http://evil.example"}, 403),
            (f"/{TOKEN}/", {"Origin": "null"}, 403),
            (f"/{TOKEN}/", {"Origin": f"http://127.0.0.1:{int(port) + 1}"}, 403),
        ):
            async with client.get(address + path, headers=headers) as answer:
                assert answer.status == status, (path, headers)


async def test_the_page_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, client), client.get(f"{address}/{TOKEN}/") as answer:
        page = await answer.text()
        urls = re.findall(r"(?:https?|wss?)://[^\s\"'<>]*", page)
        assert urls and all(url.split("://")[1].startswith(address.split("://")[1]) for url in urls)
        assert f"ws://{address.removeprefix('http://')}/{TOKEN}/ws" in urls
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_only_our_own_page_connects(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, client):
        for path, origin in (
            (f"/{TOKEN}/ws", None),
            (f"/{TOKEN}/ws", "http://evil.example"),
            ("/ws", address),
            (f"/{TOKEN[:-1]}/ws", address),
        ):
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect(address + path, origin=origin)
            assert refused.value.status == 403


async def test_the_window_is_in_the_browser_and_takes_keys(tmp_path: Path) -> None:
    (tmp_path / "session-a1").write_text("a session")
    (tmp_path / "session-b2").write_text("of another page")
    async with served(tmp_path) as (address, client):
        socket_address = f"{address}/{TOKEN}/ws/a1?width=100&height=30"
        async with client.ws_connect(socket_address, origin=address) as window:
            seen = ""

            async def sees(text: str) -> None:
                nonlocal seen
                while text not in seen:
                    message = await window.receive()
                    assert message.type is WSMsgType.BINARY, f"{text!r} did not come: {seen[-2000:]}"
                    seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", message.data.decode())

            async with asyncio.timeout(LIMIT):
                await sees("an offline pair programmer")
                await sees("no workbench --resume a session")
                await window.send_json(["stdin", "\x1bOP"])
                await sees("Show the commands and keys")
                await window.send_json(["stdin", "\x1b"])
                await window.send_json(["stdin", "\x11"])
                while (await window.receive()).type is WSMsgType.BINARY:
                    pass
    assert not (tmp_path / "session-a1").exists() and (tmp_path / "session-b2").exists()


async def test_a_page_is_told_of_the_session_that_its_window_goes_on_with(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, client):
        (tmp_path / "session-a1").write_text("20260101-000000-abcd")
        for path, status in (
            (f"/{TOKEN}/next/a1", 204),
            (f"/{TOKEN}/next/b2", 404),
            (f"/{TOKEN}/next/a.1", 404),
            (f"/{TOKEN}/next/a1%2F..", 404),
            ("/next/a1", 403),
        ):
            async with client.get(address + path) as answer:
                assert answer.status == status, path


async def test_the_window_of_each_page_tells_its_own_page(tmp_path: Path) -> None:
    code = 'import os, pathlib; print("__GANGLION__"); pathlib.Path(os.environ["OSSA_NEXT"]).write_text("s")'
    line = f"{sys.executable} -c '{code}' #"  # it begins as a window does for textual-serve
    async with served(tmp_path, line) as (address, client):
        async with asyncio.timeout(LIMIT):
            for page in ("a1", "b2"):
                async with client.ws_connect(f"{address}/{TOKEN}/ws/{page}", origin=address):
                    while True:
                        async with client.get(f"{address}/{TOKEN}/next/{page}") as answer:
                            if answer.status == 204:
                                break
                        await asyncio.sleep(0.05)
        assert following(tmp_path) == ["session-a1", "session-b2"]


def following(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("session-*"))


def test_it_listens_for_this_machine_alone() -> None:
    with listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1" and listening.family is socket.AF_INET
        with pytest.raises(PortError, match=f"Port {port} cannot be had"):
            listen(port)
    with pytest.raises(PortError, match="no such port"):
        listen(70_000)


def test_the_window_gets_the_arguments_as_they_were_given() -> None:
    window = " ".join([sys.executable, "-P", "-m", "ossa.tui"])
    assert command(["--web", "a b", "--model", "x"]) == f"{window} --web 'a b' --model x"


def test_a_path_behind_web_is_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--web", "path"], ["path", "--web"], ["--web", "--port", "8420", "path"]):
        given = parse(argv)
        assert (given.web, given.port, given.path) == (True, 8420, "path")
    assert parse(["--web", "--port=0"]).port == 0
    for bad in ("70000", "-1", "http", "8_0", "²"):
        with pytest.raises(SystemExit):
            parse(["--web", f"--port={bad}"])
        assert f"argument --port: {bad!r} is no port; give a number up to 65535" in capsys.readouterr().err
    assert main(["--web", "8000"]) == 2
    assert "8000 does not exist; a port is named by --port 8000." in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen(0) as listening:
        assert main([str(repository), "--web", "--port", str(listening.getsockname()[1])]) == 2
    said = "cannot be had: Address already in use. Name another: `ossa --web --port PORT`."
    assert said in capsys.readouterr().err


def test_what_to_install_is_said(repository: Path) -> None:
    without = "import sys; sys.modules['textual_serve'] = None; from ossa.tui.__main__ import main"
    code = f"{without}; main([{str(repository)!r}, '--web'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stderr == 'ossa: --web needs textual-serve: `pip install "ossa[web]"` installs it.\n'
