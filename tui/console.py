"""What ossa prints, on any terminal: no character stops it, and what broke is one sentence here and a trace in the log.

main ─► prepare() ─► print() as always        an exception that nobody expected ─► explain() ─► one sentence
"""

import codecs
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

_SIMPLER = {
    **{"▸": ">", "✓": "+", "✗": "x", "·": "-", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->"},
    **{"“": '"', "”": '"', "█": "#", "░": "."},
}
"""What stands for a character of ossa's own on a terminal that cannot show it."""
NEXT = "OSSA_NEXT"
"""Names a file for the id of the session to go on with, where the window is in a browser and another page opens it."""
_HANDLER = "ossa-simpler"


def prepare() -> None:
    """Let output show what its encoding lacks, and bytes of paths that are no text, as something simpler."""
    if not os.environ.get("NO_COLOR", "no"):
        del os.environ["NO_COLOR"]  # empty, it means nothing: no-color.org; Textual would take it for a wish
    codecs.register_error(_HANDLER, _simpler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def keep_log(file: Path) -> None:
    """Have traces written to a file, made when the first comes, and never to the terminal."""
    # Imported here since the sketch of the window should not wait for it.
    import logging

    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
    logging.raiseExceptions = False
    handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace", delay=True)
    logging.basicConfig(handlers=[handler], format="%(asctime)s %(name)s %(message)s", level=logging.WARNING)


def explain(error: Exception) -> str:
    """An exception as a sentence for the user; one that nobody expected also goes to the log."""
    if type(error).__module__.startswith("ossa."):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        if not _is_somewhere():
            return "The folder that you are in is gone: go to another one, for example by `cd`."
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}. If that is for ossa's own files, name another folder by OSSA_HOME."
    import logging

    logging.getLogger(__name__).error("ossa broke", exc_info=error)
    return f"Something in ossa broke ({type(error).__name__}: {error}); its log has the details."


def is_terminal(stream: object) -> bool:
    """Whether a person sits at this stream; it may also be closed."""
    return isinstance(stream, io.TextIOBase) and not stream.closed and stream.isatty()


def _is_somewhere() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _simpler(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_SIMPLER.get(c, "?") for c in error.object[error.start : error.end]), error.end
