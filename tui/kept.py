"""`ossa sessions`: earlier conversations listed, looked for by words, named, forked, or printed as Markdown.

And the same for the session that a window has open, each with a sentence on how that went.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant import paths
from ossa.assistant.archive import Found, fork, matching, rename
from ossa.assistant.session import Session, SessionError, SessionInfo, events_of, info_of, named
from ossa.tui.export import ExportError, export, markdown
from ossa.tui.safe import cut, plain_text

if TYPE_CHECKING:
    import argparse


def kept(arguments: "argparse.Namespace", root: Path | None) -> int:
    """Do what the command says of this repository's sessions, or of all where it is None; the exit code.

    Raises:
        SessionError, ExportError: the one that is named is not there, or the disk refuses.
    """
    folder = paths.state_dir() / "sessions"
    if arguments.export:
        info = named(folder, root, arguments.export)
        return _export(info, arguments.to)
    if arguments.rename:
        name, title = arguments.rename
        rename(named(folder, root, name).path, title)
        return 0
    if arguments.fork:
        print(fork(named(folder, root, arguments.fork).path))
        return 0
    found = list(matching(folder, root, arguments.words))
    for one in found:
        print(_record(one) if arguments.json else plain_text("\n".join(_lines(one))))
    if found or arguments.json:
        return 0 if found or not arguments.words else 1
    print("No session has these words." if arguments.words else "No sessions yet.")
    return 1 if arguments.words else 0


def titled(session: Session, title: str) -> str:
    """Give the open session a title, or take it away. Blocks, as do the following."""
    try:
        title = rename(session.path, title)
    except SessionError as error:
        return str(error)
    return f"This session is called “{title}”." if title else "This session has no title any more."


def exported(session: Session, root: Path, file: str) -> str:
    """Write the open session as Markdown into a file, by its path from the root, or into one of its own."""
    try:
        return f"The session is in {export(info_of(session.path), root / Path(file).expanduser() if file else None)}"
    except (SessionError, ExportError) as error:
        return str(error)
    except (RuntimeError, ValueError) as error:  # "~nobody", or no path at all
        return f"{file} is no place for a file: {error}"


def forked(session: Session) -> tuple[str, str]:
    """Copy the open session; the id of the copy, or why there is none."""
    try:
        return fork(session.path), ""
    except SessionError as error:
        return "", str(error)


def listed(root: Path, words: Sequence[str] = ()) -> str:
    """The sessions of a repository that have these words, a line each, or that there are none. Blocks."""
    found = list(matching(paths.state_dir() / "sessions", root, words))
    none = "No session has these words." if words else "No sessions yet."
    return "\n".join(line for one in found for line in _lines(one)) or none


def _export(info: SessionInfo, file: str) -> int:
    if file:
        export(info, Path(file))
    else:
        print(markdown(info, events_of(info.path)), end="")
    return 0


def _lines(found: Found) -> list[str]:
    info = found.info
    count = "1 turn" if info.turns == 1 else f"{info.turns} turns"
    line = f"{info.id}  {info.updated:%Y-%m-%d %H:%M}  {count:>9}  {info.title}"
    return [line, f"{'':15}… {_one_line(found.prompt)}"] if found.prompt else [line]


def _record(found: Found) -> str:
    info = found.info
    return json.dumps(
        {
            "id": info.id,
            "root": str(info.root),
            "title": info.title,
            "started": info.started.isoformat(),
            "updated": info.updated.isoformat(),
            "turns": info.turns,
            "model": info.model,
            "prompt": found.prompt,
        }
    )


def _one_line(text: str) -> str:
    return cut(" ".join(text.split()), 120)
