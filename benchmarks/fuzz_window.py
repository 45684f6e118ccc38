"""Presses random keys in the real window for a while and says what broke.

The window runs over a small repository and a model that writes whatever is nasty: markup, escape sequences, wide and
combining characters, endless lines and lists. Keys, clicks, pasted texts and sizes come at random. Wanted: no
exception, and the window still answers in the end.

    python benchmarks/fuzz_window.py [SECONDS] [SEED] [THINGS]     THINGS: one window, and so many things done in it
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import OutOfBounds, Pilot

from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Piece, Text, Thought, ToolCall
from ossa.model.scripted import Answer, ScriptedModel
from ossa.tui.app import OssaApp
from ossa.tui.widgets.prompt import Prompt

_KEYS = """
enter escape tab shift+tab up down left right pageup pagedown home end space backspace delete ctrl+j ctrl+g ctrl+t
ctrl+r ctrl+o ctrl+l ctrl+p ctrl+x ctrl+z ctrl+y ctrl+u ctrl+w f1 f2 f6 f7 slash exclamation_mark at left_square_bracket
right_square_bracket ctrl+f ctrl+s
"""
KEYS = _KEYS.split()
LETTERS = "aAbcdDeEfgGiIjknNopRrsSuvwxyz0123456789/!@[]:.漢é"
SENT = (
    "why?", "/fix", "/test", "/undo", "/redo", "/rewind 2", "/rewind 1 files", "/edit", "/edit 2", "/amend", "/copy",
    "/copy 2", "/context", "/status", "/sessions", "/discard", "/review", "/answer", "/theme light", "/theme dark",
    "/theme textual-ansi", "/commit", "/help", "/nothing", "!ls", "!false", "!printf '\\033[31mred\\033[2J'",
    "@calc.py what?", "@", "[bold]x[/]", "\x1b[2J", "x" * 5000, "/rename [red]x", "/export", "/fork", "/files",
)  # fmt: skip
LIMIT = 300
"""Seconds for one thing to be done, on a machine that may have others to do."""
SIZES = ((80, 24), (120, 40), (220, 60), (20, 6), (1, 1), (101, 12), (300, 100))
NASTY = (
    "[bold]markup[/bold] [link=x]y[/] [/] [@click=app.quit]here[/]",
    "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07 \x9b31m \x1bP1q\x1b\\ \x07\x08\x00",
    "漢字かな交じり文 e\u0301\u0301\u0301 👨‍👩‍👧‍👦 🇩🇪 \u202egnp\u202c \u200b\ufeff \ud800",
    "x" * 100_000,
    "```python\n" + "print('a [b]')  # 漢\n" * 3_000 + "```",
    "- " * 500 + "deep",
    ">" * 300 + " deep",
    "|a|b|\n|-|-:|\n" + "|1|[x]|\n" * 300,
    "1. one\n" * 400,
    "```\nnever closed",
    "# h\n## h2\n\n---\n\n***bold italic*** `code` ~~gone~~ ![i](u) [l](javascript:x)\n\n<script>x</script>\n",
    "",
    "\n" * 500,
    "`" * 999,
)


class Breath(threading.Event):
    """A moment between two pieces of a slow answer, so that keys come while a turn runs."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a moment, whatever the limit."""
        time.sleep(0.02)
        return True


def answers(chance: random.Random) -> Iterator[Answer | str]:
    """Answers without end: texts, thoughts and calls, in pieces of any length."""
    number = 0
    while True:
        number += 1
        pieces: list[Piece] = []
        for _ in range(chance.randint(1, 4)):
            text = chance.choice(NASTY)
            step = chance.choice((7, 100, 100_000))
            kind = Thought if chance.random() < 0.3 else Text
            pieces += [kind(text[at : at + step]) for at in range(0, min(len(text), 200 * step), step)]
            pieces.append(Text("\n\n"))
        if chance.random() < 0.3:
            calls = (("exec", f'{{"command": "echo {number} [b]"}}'), ("open", '{"path": "calc.py"}'), ("nope", "{"),
                     ("apply_patch", '{"patch": "*** Begin Patch\\n*** Update File: calc.py\\n@@\\n-    return a - b\\n'
                                     '+    return a + b\\n*** End Patch"}'))  # fmt: skip
            pieces.append(ToolCall(*chance.choice(calls)))
        slow = chance.random() < 0.3
        yield [part for piece in pieces for part in ((Breath(), piece) if slow else (piece,))]


async def act(pilot: Pilot[Any], chance: random.Random) -> str:
    """Do something that a person, or their terminal, might do; returns what."""
    app, kind = pilot.app, chance.random()
    if kind < 0.55:
        key = chance.choice(KEYS) if chance.random() < 0.6 else chance.choice(LETTERS)
        if key not in ("ctrl+q",):
            await pilot.press(key)
        return key
    if kind < 0.72:
        prompt = app.screen.query("#prompt")
        if prompt:
            prompt.first().focus()
            text = chance.choice(SENT)
            app.screen.query_one(Prompt).text = text
            await pilot.press("enter")
            return f"sent {text[:40]!r}"
        await pilot.press("escape")
        return "escape"
    if kind < 0.85:
        with contextlib.suppress(OutOfBounds):
            place = (chance.randrange(max(1, app.size.width)), chance.randrange(max(1, app.size.height)))
            await pilot.click(offset=place, times=chance.choice((1, 1, 2)))
            return f"click {place}"
        return "click outside"
    if kind < 0.92:
        text = chance.choice(NASTY)
        if app.focused is not None:
            app.focused.post_message(events.Paste(text))
        return f"paste {text[:20]!r}"
    if kind < 0.95:
        size = chance.choice(SIZES)
        await pilot.resize_terminal(*size)
        return f"size {size}"
    if kind < 0.97:
        conversation = app.screen.query("Conversation")
        if conversation:
            conversation.first().scroll_home(animate=chance.random() < 0.5)
        return "scroll home"
    await pilot.pause(chance.choice((0.0, 0.05, 0.5)))
    return "wait"


async def one(root: Path, chance: random.Random, end: float, things: int) -> list[str]:
    """One window, until the time is over or so many things were done; what was done."""
    os.environ["VISUAL"] = "true"
    model = ScriptedModel(answers(chance), calls_tools=chance.random() < 0.7, window=32_768)
    options = Options(root)
    app = OssaApp(root, lambda reviewer: open_workbench(options, lambda _: model, reviewer))
    done: list[str] = []
    try:
        async with app.run_test(size=chance.choice(SIZES[:3])) as pilot:
            for _ in range(things or chance.choice((100, 400, 1000))):
                if time.monotonic() > end or not app.is_running:
                    break
                done.append(await asyncio.wait_for(act(pilot, chance), LIMIT))
    except Exception:
        print(f"--- the last of {len(done)}: {done[-25:]}", flush=True)
        raise
    return done


def main(seconds: float = 60, seed: int = 0, things: int = 0) -> None:
    """Try for so long; exit status 1 when anything broke."""
    end, broken, windows, acts = time.monotonic() + seconds, 0, 0, 0
    while time.monotonic() < end and not (things and windows):
        with tempfile.TemporaryDirectory() as name:
            os.environ["OSSA_HOME"] = f"{name}/home"
            root = Path(name) / "repository"
            root.mkdir()
            (root / "calc.py").write_text("def add(a, b):\n    return a - b\n")
            (root / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
            subprocess.run(["git", "init", "-q", str(root)], check=True)
            windows += 1
            try:
                acts += len(asyncio.run(one(root, random.Random(f"{seed} {windows}"), end, things)))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                broken += 1
                print(f"--- broken: seed {seed}, window {windows}\n{traceback.format_exc()[-6000:]}", flush=True)
    print(f"seed {seed}, {seconds:.0f} s: {windows} windows, {acts} things done, {broken} broken")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
