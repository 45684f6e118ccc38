"""`ossa sessions`: earlier conversations listed, looked for by words, named, forked, or printed as Markdown."""

import argparse
import json
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.archive import Found, fork, matching, rename
from ossa.assistant.session import SessionInfo, events_of, named
from ossa.tui.export import markdown, save
from ossa.tui.safe import cut, plain_text


def kept(arguments: argparse.Namespace, root: Path | None) -> int:
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


def _export(info: SessionInfo, file: str) -> int:
    text = markdown(info, events_of(info.path))
    if file:
        save(text, Path(file))
    else:
        print(text, end="")
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
