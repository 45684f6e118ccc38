"""The window in a real browser: what is drawn there, looked at as pixels; skipped where no Chromium is installed."""

import asyncio
import base64
import io
import os
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from PIL import Image

from ossa.tests.waiting import LIMIT
from ossa.tui.themes import DARK

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
needs_browser = pytest.mark.skipif(not BROWSER, reason="no chromium, chromium-browser or google-chrome is installed")
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,700", "--remote-debugging-port=0")


class Browser:
    """A page of it, over the DevTools protocol."""

    def __init__(self, page: ClientWebSocketResponse) -> None:
        self._page, self._sent = page, 0

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have the page do something; what it answers."""
        self._sent += 1
        await self._page.send_json({"id": self._sent, "method": method, "params": parameters})
        while (answer := await self._page.receive_json()).get("id") != self._sent:
            pass
        return answer["result"]

    async def value(self, script: str) -> object:
        """What an expression is in the page."""
        return (await self.call("Runtime.evaluate", expression=script))["result"].get("value")

    async def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """Press a key, by its name and number; modifier 2 is ctrl."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                **{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers},
            )

    async def picture(self) -> Image.Image:
        """What the page shows."""
        answer = await self.call("Page.captureScreenshot")
        return Image.open(io.BytesIO(base64.b64decode(answer["data"]))).convert("RGB")

    async def until(self, script: str, what: str) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + LIMIT
        while await self.value(script) is not True:
            assert time.monotonic() < end, what
            await asyncio.sleep(0.1)

    async def drawn(self, met: Callable[[Image.Image], bool], what: str) -> None:
        """Wait until the picture is as it should be."""
        end = time.monotonic() + LIMIT
        while not met(picture := await self.picture()):
            assert time.monotonic() < end, f"{what}: not in {sorted(picture.getcolors(1 << 24) or ())[-8:]}"
            await asyncio.sleep(0.2)


def share(picture: Image.Image, color: str | None) -> float:
    """How much of a picture has exactly this colour, from 0 to 1."""
    wanted = tuple(bytes.fromhex((color or "").removeprefix("#")))
    counts = {found: count for count, found in picture.getcolors(1 << 24) or ()}
    return counts.get(wanted, 0) / (picture.width * picture.height)


@asynccontextmanager
async def ended(program: str, *arguments: str, **environment: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process, until this is over."""
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line(process: asyncio.subprocess.Process, beginning: str) -> str:
    """The last word of the first line that it prints with these words."""
    assert process.stdout
    async for printed in process.stdout:
        if beginning in (text := printed.decode()):
            return text.split()[-1]
    raise AssertionError(f"{beginning!r} was not printed")


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Browser]:
    """A browser with a profile of its own."""
    async with ended(BROWSER, *OPTIONS, f"--user-data-dir={folder}", "about:blank") as process:
        address = await line(process, "DevTools listening")
        host = address.removeprefix("ws://").partition("/")[0]
        async with ClientSession() as client:
            async with client.get(f"http://{host}/json") as answer:
                pages = [target for target in await answer.json(content_type=None) if target["type"] == "page"]
            async with client.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as page:
                yield Browser(page)


@needs_browser
async def test_the_window_is_drawn_in_a_real_browser(repository: Path, tmp_path: Path) -> None:
    ossa = ("-P", "-m", "ossa.tui", "--web", "--port", "0", str(repository))
    async with ended(sys.executable, *ossa, OSSA_HOME=str(tmp_path / "home")) as serving:
        address = await line(serving, "ossa is at http://127.0.0.1:")
        async with opened(tmp_path / "profile") as browser:
            await browser.call("Page.navigate", url=address)
            await browser.until("document.body?.classList.contains('-first-byte')", "nothing comes from the window")
            # The three columns by their grounds, the words by the colour of plain text.
            grounds = {DARK.background: 0.2, DARK.surface: 0.2, DARK.foreground: 0.0005}
            await browser.drawn(
                lambda picture: all(share(picture, color) > least for color, least in grounds.items()),
                "the first screen",
            )
            assert await browser.value("document.activeElement.className") == "xterm-helper-textarea"
            await browser.press("F1", 112)
            await browser.drawn(lambda picture: share(picture, DARK.panel) > 0.25, "the help, above it")
            await browser.press("Escape", 27)
            await browser.drawn(lambda picture: share(picture, DARK.surface) > 0.2, "the first screen again")
            await browser.press("q", 81, modifiers=2)
            await browser.until("document.body.classList.contains('-closed')", "ctrl+q does not leave")
