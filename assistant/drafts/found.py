"""What a draft found: every file it touched, as the working tree had it at that moment.

    first touch ─► take() ─► a copy on disk ─► entry() ─► compared with the draft: the change

So what the person edits later in the working tree does not look as if the draft had taken it back.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ossa.assistant.safepath import leads_to


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or symbolic link; without data there is none."""

    data: bytes | None = None
    """A link's is where it leads."""
    mode: int = 0
    """Type and permission bits, as `lstat` tells them."""

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.data is not None and stat.S_ISLNK(self.mode)

    @property
    def permissions(self) -> int | None:
        """Permission bits without set-user-id and the like, which no draft passes on; None where there is no file."""
        return None if self.data is None else self.mode & 0o777

    @classmethod
    def at(cls, path: Path | None) -> "Entry":
        """What stands at a path; folders, devices and pipes count as nothing.

        Raises:
            OSError: it cannot be read.
        """
        if path is None:
            return cls()
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                return cls(os.fsencode(leads_to(path)), mode)
            return cls(path.read_bytes(), mode) if stat.S_ISREG(mode) else cls()
        except (FileNotFoundError, NotADirectoryError):
            return cls()


def standing(root: Path, path: str) -> Path | None:
    """Where the working tree has a file, link or folder; None where it has none, and behind a symbolic link."""
    at = root / path
    if not os.path.lexists(at) or any((root / folder).is_symlink() for folder in PurePosixPath(path).parents):
        return None
    return at


class Found:
    """The record, in a folder of its own; every change of it is on disk when the call returns."""

    def __init__(self, folder: Path) -> None:
        """Go on from what is recorded in `folder`, or start afresh."""
        self._copies = folder / "base"
        self._manifest = folder / "found.json"
        self._modes: dict[str, int] = self._load()

    @property
    def paths(self) -> list[str]:
        """Every file that was touched, sorted."""
        return sorted(self._modes)

    def __contains__(self, path: str) -> bool:
        return path in self._modes

    def entry(self, path: str) -> Entry:
        """A file as it was found; nothing where it was not touched."""
        mode = self._modes.get(path)
        return Entry(self._copy(path).read_bytes(), mode) if mode else Entry()

    def take(self, paths: Iterable[str], root: Path, *, again: bool = False) -> None:
        """Record these files as the working tree has them; those already recorded stay, unless `again`."""
        new = [path for path in paths if again or path not in self._modes]
        if not new:
            return
        self._copies.mkdir(parents=True, exist_ok=True)
        for path in new:
            self._modes[path] = self._keep(path, standing(root, path))
        self._save()

    def forget(self, paths: Iterable[str]) -> None:
        """Drop these files from the record."""
        gone = [path for path in paths if self._modes.pop(path, None) is not None]
        if gone:
            self._save()
        for path in gone:
            self._copy(path).unlink(missing_ok=True)

    def _keep(self, path: str, original: Path | None) -> int:
        """Copy a file; its mode, or 0 where there is none."""
        copy = self._copy(path)
        if original is None:
            return 0
        try:
            mode = original.lstat().st_mode
            if stat.S_ISREG(mode):
                shutil.copyfile(original, copy)
            elif stat.S_ISLNK(mode):
                copy.write_bytes(os.fsencode(leads_to(original)))
            else:
                return 0
        except (FileNotFoundError, NotADirectoryError):
            return 0
        return mode

    def _copy(self, path: str) -> Path:
        return self._copies / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]

    def _load(self) -> dict[str, int]:
        try:
            return json.loads(self._manifest.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}

    def _save(self) -> None:
        half = self._manifest.with_suffix(".half")
        half.write_text(json.dumps(self._modes))
        half.replace(self._manifest)
