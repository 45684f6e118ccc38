"""The main job with the real small model: the example's failing test is repaired, accepted, and taken back."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.tests.acp.editing import Editor, running
from ossa.tui.demo import make_example


@pytest.mark.timeout(240)
async def test_the_small_model_repairs_the_example_from_an_editor(tmp_path: Path, small_model_file: Path) -> None:
    root, editor = make_example(tmp_path), Editor(["accept"])
    book = root / "pocket/book.py"
    buggy = book.read_text()
    line = [sys.executable, "-P", "-m", "ossa.tui", "acp", "--model", str(small_model_file), "--file", "pocket/book.py"]
    async with running(line, editor) as ossa:
        session = await ossa.open(root)
        assert (await ossa.prompt(session, "/fix")).stop_reason == "end_turn"
        title = str(editor.asked[0][0].title)
        assert title.startswith("Change: 1 file, +1 −1 – 14/14 passed · 2 fixed")
        assert any(str(u.get("title")).startswith("Search for a repair:") for u in editor.of("tool_call_update"))
        mended = book.read_text()
        assert mended != buggy
        tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        assert (await asyncio.to_thread(subprocess.run, tests, cwd=root, capture_output=True)).returncode == 0
        await ossa.prompt(session, "/undo")
        assert book.read_text() == buggy
