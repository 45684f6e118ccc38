"""What a folder of the repository holds, for the file tree. Reads the disk: call it in a thread."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

SHOWN = 1_000
"""Entries of one folder that are shown at once; more are one page further."""
_FEW = 20
"""Entries of a folder within which are looked at, to see whether all of them are ignored."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder; or, with a `note` alone, a line that says what is not shown."""

    path: str
    """From the root of the repository, with "/"; empty for the root itself."""
    folder: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def list_folder(
    root: Path,
    path: str,
    ignored: Callable[[Collection[str]], Iterable[str]],
    also: Iterable[str] = (),
    limit: int = SHOWN,
) -> list[Entry]:
    """Folders first, each sorted by name; without what `ignored` names, and folders of which it names all.

    Files that are not on the disk may `also` belong here: deleted ones, and those that a change adds. Of more than
    `limit`, the last entry is a note of how many there still are, ignored ones perhaps among them.
    """
    missing = _here(path, also)
    try:
        with os.scandir(root / path) as found:
            entries = [Entry(_join(path, e.name), e.is_dir(follow_symlinks=False)) for e in found if e.name != ".git"]
    except OSError as error:
        if not missing:
            return [Entry("", note=f"cannot be read: {error.strerror}")]
        entries = []
    known = {entry.path for entry in entries}
    entries += [entry for entry in missing if entry.path not in known]
    entries.sort(key=lambda e: (not e.folder, e.name.casefold(), e.name))
    shown: list[Entry] = []
    seen = 0
    while seen < len(entries) and len(shown) < limit:  # git takes seconds for 50,000 paths, which nobody sees at once
        page = entries[seen : seen + limit]
        inside = {entry.path: _inside(root, entry.path) if entry.folder else [] for entry in page}
        told = set(ignored([*inside, *(path for held in inside.values() for path in held)]))
        hidden = {path for path, held in inside.items() if path in told or (held and told.issuperset(held))}
        shown += [entry for entry in page if entry.path not in hidden]
        seen += len(page)
    left = len(shown[limit:]) + len(entries) - seen
    return [*shown[:limit], Entry("", note=f"{left:,} more: enter")] if left else shown


def _inside(root: Path, path: str) -> list[str]:
    """What a folder holds that says itself what git is to ignore in it, as caches do; for any other, nothing."""
    try:
        with os.scandir(root / path) as found:
            names = {entry.name for entry in islice(found, _FEW + 1)}
    except OSError:
        return []
    is_asked = ".gitignore" in names and ".git" not in names and len(names) <= _FEW
    return [_join(path, name) for name in names] if is_asked else []


def _here(folder: str, paths: Iterable[str]) -> list[Entry]:
    """What of these paths is right in the folder: files, and folders that lead to others."""
    start = f"{folder}/" if folder else ""
    inside = [path[len(start) :].partition("/") for path in paths if path.startswith(start)]
    return list(dict.fromkeys(Entry(start + name, folder=bool(slash)) for name, slash, _ in inside))


def folders_of(paths: Iterable[str]) -> set[str]:
    """Every folder above these paths, without the root."""
    folders: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in folders:
            folders.add(path)
    return folders


def marks(status: Mapping[str, str]) -> dict[str, str]:
    """The letter for each path that git calls changed."""
    letters = {"modified": "M", "added": "A", "deleted": "D", "untracked": "?", "renamed": "R", "conflicted": "!"}
    return {path: letters.get(kind, "M") for path, kind in status.items()}


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
