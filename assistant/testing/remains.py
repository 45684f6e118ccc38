"""Runs inside the sandbox, with the server: puts files in place, and takes back whatever a child has left behind.

The repository is an overlay. What was written to it shows in its upper folder, which can be read here: the candidate's
files get their first content again, what is new is removed, and what still stands there then cannot be taken back.
Folders outside the repository that can be written to are compared with how they were.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from pathlib import Path

_PRIVATE = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # noqa: S108 – the sandbox's own
_FOLDERS = 10_000
"""Whose modes are known."""
_OPAQUE = "user.overlay.opaque"


class Files:
    """The repository's files, of which a candidate brings some of its own."""

    def __init__(self, root: Path, written_at: Path, kept: list[str]) -> None:
        """`written_at` is the overlay's upper folder; `kept` are files that are put right whoever changed them."""
        self._root, self._written_at = root, written_at
        self._originals: dict[Path, tuple[bytes, os.stat_result] | None] = {}
        self._made: dict[Path, None] = {}
        """Folders that a candidate's files needed."""
        self._raised: set[Path] = set()
        """Folders that came up into the upper one with something in them that is gone again; from the root."""
        self._modes = _modes(root)
        for name in kept:
            self._remember(root / name)

    def put(self, files: dict[str, bytes]) -> None:
        """Write files, by their paths from the root.

        Their times differ by seconds from those of the files they replace: a cached compilation is known by seconds
        and size alone, and one of the file itself may lie there.
        """
        for name, data in files.items():
            path = (self._root / name).resolve()
            original = self._remember(path)
            self._made.update((folder, None) for folder in path.parents if not folder.exists())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            now = int(path.stat().st_mtime)
            if original and now == int(original[1].st_mtime):
                os.utime(path, (now + 1, now + 1))

    def restore(self) -> None:
        """Give the candidates' files the content, mode and time that they had."""
        for path, original in self._originals.items():
            _remove(path)
            if original:
                data, status = original
                path.write_bytes(data)
                path.chmod(stat.S_IMODE(status.st_mode))
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        for folder in self._made:
            _remove(folder)
        self._made.clear()

    def sweep(self) -> list[str]:
        """Remove what is new in the repository; what else was changed there, which cannot be taken back."""
        strange = self._strange()
        for path in sorted(strange, key=lambda path: len(path.parts), reverse=True):
            real = self._root / path
            try:
                real.rmdir() if strange[path] else real.unlink()
            except OSError:
                if strange[path] and real.stat().st_mode == self._modes.get(path):
                    self._raised.add(path)
        return sorted(map(str, self._strange())) if strange else []

    def _remember(self, path: Path) -> tuple[bytes, os.stat_result] | None:
        """What stands at a path at first."""
        if path not in self._originals:
            self._originals[path] = (path.read_bytes(), path.stat()) if path.is_file() else None
        return self._originals[path]

    def _strange(self) -> dict[Path, bool]:
        """What nobody knows in the upper folder, from the root, with whether it is a folder."""
        found: dict[Path, bool] = {}
        known = {path.relative_to(self._root) for path in self._originals if path.is_relative_to(self._root)}
        above = {parent for path in known for parent in path.parents} | self._raised
        for folder, names, files in os.walk(self._written_at):
            below = Path(folder).relative_to(self._written_at)
            for name in (*names, *files):
                entry = Path(folder, name)
                mode = entry.lstat().st_mode
                is_known = below / name in known and stat.S_ISREG(mode)
                is_above = below / name in above and stat.S_ISDIR(mode) and not _is_opaque(entry)
                if not is_known and not is_above:
                    found[below / name] = stat.S_ISDIR(mode)
        return found


class Folders:
    """Folders that are to look as they do now; nothing is looked at that is mounted in them."""

    def __init__(self, tops: list[Path]) -> None:
        self._tops = tops
        self._known = self._look()

    def anew(self) -> Folders:
        """The same folders, as they look now."""
        return Folders(self._tops)

    def restore(self) -> list[str]:
        """Remove what is new in them; what is gone or was changed, which cannot be taken back."""
        now = self._look()
        for path in sorted(now.keys() - self._known.keys(), key=len, reverse=True):
            try:
                Path(path).rmdir() if stat.S_ISDIR(now[path][0]) else Path(path).unlink()
            except OSError:
                return [path]
        return [path for path, seen in self._known.items() if now.get(path) != seen]

    def _look(self) -> dict[str, tuple[int, ...]]:
        """Paths with what tells a change of theirs."""
        found: dict[str, tuple[int, ...]] = {}
        for top in self._tops:
            device = top.stat().st_dev
            todo = [str(top)]
            while todo:
                folder = todo.pop()
                if not os.access(folder, os.R_OK | os.X_OK):
                    Path(folder).chmod(0o700)
                with os.scandir(folder) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        if status.st_dev != device:
                            continue
                        is_folder = stat.S_ISDIR(status.st_mode)
                        file = () if is_folder else (status.st_ino, status.st_size, status.st_mtime_ns)
                        found[entry.path] = (status.st_mode, *file)
                        if is_folder:
                            todo.append(entry.path)
        return found


def private_folders() -> list[Path]:
    """The folders for temporary files, as far as they are the sandbox's own and can be written to."""
    real = {Path(name).resolve() for name in _PRIVATE if Path(name).is_dir()}
    return sorted(path for path in real if path.is_mount() and os.access(path, os.W_OK))


def _modes(root: Path) -> dict[Path, int]:
    """The modes of the folders in the repository, from its root; of a vast one, of some."""
    walk = itertools.islice(os.walk(root), _FOLDERS)
    return {Path(folder).relative_to(root): Path(folder).stat().st_mode for folder, _, _ in walk}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        path.unlink()


def _is_opaque(folder: Path) -> bool:
    try:
        return os.getxattr(folder, _OPAQUE) == b"y"
    except OSError:
        return False
