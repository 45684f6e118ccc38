"""The person's own editor, as a real program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.tests.waiting import until
from ossa.tui.outside import EditorError, edit_outside

SHOUT = "import sys, pathlib; p = pathlib.Path(sys.argv[-1]); p.write_bytes(p.read_bytes().upper() + p.suffix.encode())"


def editor(folder: Path, code: str) -> str:
    """A command line that runs Python code as an editor, with a path that has a space."""
    script = folder / "my editor.py"
    script.write_text(code)
    return f"'{sys.executable}' '{script}' --wait"


def test_what_the_editor_leaves_is_the_edit(tmp_path: Path) -> None:
    environment = {"EDITOR": editor(tmp_path, SHOUT)}
    assert edit_outside("a\tb\n", "src/a.py", environment) == "A\tB\n.py"
    assert edit_outside("caf\udce9", "odd name.$(x)", environment) == "CAF\udce9.txt"


def test_visual_comes_before_editor(tmp_path: Path) -> None:
    environment = {"VISUAL": editor(tmp_path, SHOUT), "EDITOR": "false"}
    assert edit_outside("a", "a.c", environment) == "A.c"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "No editor is set: set $VISUAL or $EDITOR"),
        ("false", "The editor false ended with exit code 1"),
        ("no-such-editor -w", "The editor no-such-editor could not be started: No such file"),
        ("vi 'x", "$EDITOR is no command line"),
    ],
)
def test_an_editor_that_cannot_be_used_is_a_sentence(command: str, sentence: str) -> None:
    with pytest.raises(EditorError) as caught:
        edit_outside("a", "a.py", {"EDITOR": command, "PATH": os.environ["PATH"]})
    assert sentence in str(caught.value)


def test_a_text_that_no_file_can_hold_and_a_file_that_is_gone_are_sentences(tmp_path: Path) -> None:
    gone = editor(tmp_path, "import sys, os; os.unlink(sys.argv[-1])")
    with pytest.raises(EditorError, match="did not come back"):
        edit_outside("a", "a.py", {"EDITOR": gone})
    with pytest.raises(EditorError, match="no file can hold"):
        edit_outside("\ud800", "a.py", {"EDITOR": gone})


def test_ctrl_c_belongs_to_the_editor(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = (
        "import pathlib, sys, time\n"
        f"try:\n    pathlib.Path({str(started)!r}).touch()\n    time.sleep(300)\n"
        "except KeyboardInterrupt:\n    pathlib.Path(sys.argv[-1]).write_text('interrupted')\n"
    )
    program = "from ossa.tui.outside import edit_outside; print(edit_outside('a', 'a.py'))"
    environment = {**os.environ, "VISUAL": editor(tmp_path, code)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until(started.exists)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=300)[0] == "interrupted\n" and process.returncode == 0
