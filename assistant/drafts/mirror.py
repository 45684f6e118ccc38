"""A copy of the working tree that follows it, and knows which of its files a draft has touched.

    working tree ─► update() ─► copy/ + the times and sizes of both sides ─► touched(): what is not as it was copied

Copied are tracked and untracked-not-ignored files; ignored folders that tests need are linked or mounted, not copied.
"""

import json
import os
import shutil
import stat
from collections.abc import Container
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from ossa.assistant.drafts import gitcopy
from ossa.assistant.drafts.recorded import is_noise, stage
from ossa.assistant.drafts.sandbox import remove
from ossa.assistant.repository import Repository
from ossa.assistant.safepath import too_long

_NEEDED = (".venv", "venv", "node_modules")
"""Ignored folders at the root that tests need and that are too big to copy."""
_Signature: TypeAlias = list[int]
"""Time, size and mode, by which a change of a file is noticed; empty where there is none."""


class Mirror:
    """The copy, in a folder that also holds the record of it."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        """Go on from what is in `folder`, or start afresh."""
        self._repository = repository
        self._staged, self._manifest, self._unfinished = (folder / n for n in ("staged", "copied.json", "copying"))
        self.folder = folder / "copy"
        self.folder.mkdir(exist_ok=True)
        self._copied: dict[str, tuple[_Signature, _Signature]] = self._load()

    def update(self, keep: Container[str]) -> None:
        """Bring the copy up to what the working tree has now, but for the files to keep.

        Raises:
            OSError: a file cannot be read or written.
        """
        root = self._repository.root
        listed = [path for path in self._repository.files() if path not in keep]
        stale = [
            path for path in listed if path not in self._copied or self._copied[path][0] != _signature(root / path)
        ]
        gone = [path for path in self._copied.keys() - set(listed) if path not in keep]
        if stale or gone:
            self._unfinished.touch()
            for path in gone:
                self._remove(path)
                del self._copied[path]
            for path in stale:
                self._copy(path)
            self._save()
            self._unfinished.unlink()
        if self._repository.is_git:
            gitcopy.refresh(self.folder, self._repository)
        for name, real in self.borrowed().items():
            if not os.path.lexists(self.folder / name):
                (self.folder / name).symlink_to(real)

    def borrowed(self) -> dict[str, Path]:
        """What the copy sees of the repository itself: by its path in the copy, where it really is."""
        root = self._repository.root
        needed = {name: root / name for name in _NEEDED if (root / name).is_dir() and name not in self._folders()}
        return needed | ({gitcopy.BORROWED: gitcopy.objects(self._repository)} if self._repository.is_git else {})

    def touched(self) -> set[str]:
        """Files that are not as they were copied, new and missing ones too; noise left out."""
        touched = {path for path, (_, own) in self._copied.items() if self._now(path) != own}
        for folder, names, files in os.walk(self.folder):
            below = os.path.relpath(folder, self.folder)
            paths = {name: os.path.normpath(f"{below}/{name}") for name in (*names, *files)}
            names[:] = [name for name in names if not is_noise(paths[name]) and not too_long(paths[name])]
            links = [name for name in names if Path(folder, name).is_symlink()]
            present = (paths[name] for name in (*files, *links))
            new = (path for path in present if path not in self._copied and path not in _NEEDED)
            touched.update(path for path in new if not is_noise(path) and not too_long(path))
        return touched

    def settle_unfinished(self, keep: Container[str]) -> None:
        """After a kill in the middle of `update`: drop all that it may have copied without noting it."""
        if self._unfinished.exists():
            self._copied.clear()
            for path in self.touched():
                if path not in keep:
                    self._remove(path)
            self._unfinished.unlink()

    def note(self, path: str) -> None:
        """Count a file as not touched: it is as the working tree has it."""
        own = self._now(path)
        if own:
            self._copied[path] = (_signature(self._repository.root / path), own)
        else:
            self._copied.pop(path, None)
        self._save()

    def put(self, path: str, data: bytes, mode: int) -> None:
        """Write a file, or by its mode a symbolic link; its folders are made.

        Raises:
            OSError: the disk refuses.
        """
        stage(self._staged, data, mode)
        self._place(path)

    def take_out(self, path: str) -> None:
        """Remove a file, also one that is not copied yet, so that it counts as touched."""
        if path not in self._copied:
            signature = _signature(self._repository.root / path)
            self._copied[path] = (signature, signature)
            self._save()
        self._remove(path)

    def _remove(self, path: str) -> None:
        """Remove a file, and the folders that are empty without it."""
        target = self.folder / path
        if self._is_beyond_link(path):
            return
        target.unlink(missing_ok=True)
        for parent in target.parents:
            if parent == self.folder or not parent.is_dir() or any(parent.iterdir()):
                return
            parent.rmdir()

    def wipe(self) -> None:
        """Start afresh with the next update."""
        remove(self.folder)
        self.folder.mkdir()
        self._copied.clear()
        self._save()

    def _copy(self, path: str) -> None:
        original = self._repository.root / path
        signature = _signature(original)
        shutil.copy2(original, self._staged, follow_symlinks=False)
        self._place(path)
        self._copied[path] = (signature, self._now(path))

    def _place(self, path: str) -> None:
        """Move what is staged to its place; a command may have put links in its way that lead out of the copy."""
        target = self.folder / path
        for parent in reversed(target.relative_to(self.folder).parents[:-1]):
            folder = self.folder / parent
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                folder.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            remove(target)
        self._staged.replace(target)

    def _is_beyond_link(self, path: str) -> bool:
        """Whether a folder above a file is a link by now, so that it is not the copy's any more."""
        return any((self.folder / parent).is_symlink() for parent in PurePosixPath(path).parents)

    def _now(self, path: str) -> _Signature:
        return [] if self._is_beyond_link(path) else _signature(self.folder / path)

    def find(self, path: str) -> Path | None:
        """Where the copy has a file or folder, none on the way to it being a link."""
        own = self.folder / path
        return own if os.path.lexists(own) and not self._is_beyond_link(path) else None

    def _folders(self) -> set[str]:
        """Names at the root that hold copied files."""
        return {path.partition("/")[0] for path in self._copied}

    def _load(self) -> dict[str, tuple[_Signature, _Signature]]:
        try:
            return {path: (theirs, own) for path, (theirs, own) in json.loads(self._manifest.read_bytes()).items()}
        except (FileNotFoundError, ValueError):
            return {}

    def _save(self) -> None:
        half = self._manifest.with_suffix(".half")
        half.write_text(json.dumps(self._copied))
        half.replace(self._manifest)


def _signature(path: Path) -> _Signature:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    is_file = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
    return [status.st_mtime_ns, status.st_size, status.st_mode] if is_file else []
