"""Text through the person's own editor: a temporary file, `$VISUAL` or `$EDITOR`, and what comes back."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ossa.assistant.text import decode, encode


class EditorError(Exception):
    """The editor could not be used; the text is a sentence for the person."""


def edit_outside(text: str, path: str, environment: Mapping[str, str] = os.environ) -> str:
    """Let the person edit a text until their editor ends. It owns the terminal meanwhile.

    Args:
        text: may hold the lone surrogates of undecodable bytes, which come back unchanged.
        path: of the file that it is from; the editor knows the language by its suffix.
        environment: where `VISUAL` and `EDITOR` are looked up.

    Raises:
        EditorError: there is no editor, it failed, or the text is none that a file can hold.
    """
    command = _command(environment)
    with tempfile.TemporaryDirectory(prefix="ossa-") as folder:
        file = Path(folder) / _name(path)
        try:
            file.write_bytes(encode(text))
            _run([*command, str(file)])
            return decode(file.read_bytes())
        except OSError as error:
            raise EditorError(f"The text did not come back from the editor: {error}.") from error
        except UnicodeEncodeError as error:
            raise EditorError("This text has characters that no file can hold.") from error


def _command(environment: Mapping[str, str]) -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        try:
            if command := shlex.split(environment.get(name, "")):
                return command
        except ValueError as error:
            raise EditorError(f"${name} is no command line: {error}.") from error
    raise EditorError("No editor is set: set $VISUAL or $EDITOR before you start ossa.")


def _run(command: Sequence[str]) -> None:
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EditorError(f"The editor {command[0]} could not be started: {reason}.") from error
    with _interrupts_ignored():
        code = process.wait()
    if code:
        raise EditorError(f"The editor {command[0]} ended with exit code {code}; the text stays as it was.")


@contextmanager
def _interrupts_ignored() -> Generator[None]:
    """Ctrl+C belongs to the editor. Only set once that runs, since it would inherit it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _name(path: str) -> str:
    """What the file is called: as in the path, unless that is a name that an editor might take for something else."""
    name = PurePosixPath(path).name
    return name if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63}\.[A-Za-z0-9_+-]{1,16}", name) else "text.txt"
