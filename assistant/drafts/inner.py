"""What commands write in repositories within the repository: submodules, clones and worktrees in its folders.

    files that a command touched ─► Inner.take() ─► those that are no part of a change
                                          └───────► told(): a sentence for each repository, once for what is new

Git leaves such a repository to itself, and so does ossa: its own history decides about its files. One that a command
has just made has files that no other repository knows, so these stay part of the change, unless it is a linked worktree
of this very repository.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from ossa.assistant.repository import Repository, is_repository

_Signature: TypeAlias = tuple[int, int, int]


class Inner:
    """The repositories within the one that a draft is of."""

    def __init__(self, repository: Repository, find: Callable[[str], Path | None]) -> None:
        """`find` tells where what the draft has at a path really is; None where it has nothing."""
        self._repository, self._find = repository, find
        self._known: dict[str, _Signature | None] = {}
        self._made: set[str] | None = None
        self._sentences: list[str] = []

    def take(self, touched: Iterable[str]) -> set[str]:
        """Those of a draft's touched files that are no part of its change."""
        homes: dict[str, tuple[str, bool]] = {}
        theirs = {path: inner for path in touched if (inner := self._home(path, homes))[0]}
        left = {path for path, (_, has_own) in theirs.items() if has_own}
        signed = {path: self._signature(path) for path in left}
        news = {theirs[path][0] for path, sign in signed.items() if self._known.get(path, ()) != sign}
        made = {folder for folder, has_own in theirs.values() if not has_own}
        if self._made is not None:  # else it was so when the draft was taken up again, and was told then
            self._sentences += [
                f"What was done in {folder} is no part of the change: it is a repository of its own within this one."
                for folder in sorted(news)
            ]
            self._sentences += [
                f"{folder} was made a repository of its own: its files are part of the change, its history is not."
                for folder in sorted(made - self._made)
            ]
        self._known, self._made = signed, made
        return left

    def told(self) -> tuple[str, ...]:
        """What has not been told yet, a sentence each."""
        sentences, self._sentences = tuple(self._sentences), []
        return sentences

    def _home(self, path: str, homes: dict[str, tuple[str, bool]]) -> tuple[str, bool]:
        """The repository within this one that a path is in, "" for none, and whether its files are left to it."""
        folder = path.rpartition("/")[0]
        if folder not in homes:
            homes[folder] = self._looked_up(folder)
        return homes[folder]

    def _looked_up(self, folder: str) -> tuple[str, bool]:
        if not folder or not self._repository.is_git:
            return "", False
        if inner := self._repository.inner(f"{folder}/file"):
            return inner, True
        for above in (folder, *map(str, PurePosixPath(folder).parents)):
            own = self._find(f"{above}/.git") if above != "." else None
            if own is not None and is_repository(own):
                return above, own.is_file() and not own.is_symlink()
        return "", False

    def _signature(self, path: str) -> _Signature | None:
        place = self._find(path)
        try:
            status = os.lstat(place) if place else None
        except OSError:
            return None
        return status and (status.st_ino, status.st_mtime_ns, status.st_size)
