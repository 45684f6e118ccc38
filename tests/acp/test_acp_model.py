"""The main job with the real small model: a failing test is repaired from an editor, accepted, and taken back."""

import asyncio
import subprocess
import sys
from pathlib import Path

from ossa.tests.acp.editing import CALC, Editor, running


async def test_the_small_model_repairs_a_test_from_an_editor(repository: Path, small_model_file: Path) -> None:
    calc, editor = repository / "calc.py", Editor(["accept"])
    (repository / ".ossa.toml").unlink()
    (repository / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    line = [sys.executable, "-P", "-m", "ossa.tui", "acp", "--model", str(small_model_file), "--candidates", "8"]
    async with running(line, editor) as ossa:
        session = await ossa.open(repository)
        assert (await ossa.prompt(session, "/fix")).stop_reason == "end_turn"
        assert str(editor.asked[0][0].title).startswith("Change: 1 file, +1 −1 – 1/1 passed · 1 fixed")
        assert any(str(u.get("title")).startswith("Search for a repair:") for u in editor.of("tool_call_update"))
        assert calc.read_text() != CALC
        tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        assert (await asyncio.to_thread(subprocess.run, tests, cwd=repository, capture_output=True)).returncode == 0
        await ossa.prompt(session, "/undo")
        assert calc.read_text() == CALC
