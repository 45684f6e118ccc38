"""A patch put straight into the working tree, as an accept is: located on the files as they are, all of it or nothing.

    patch ─► planned on the working tree ─► every place can be written to? ─► checkpoint ─► all files swapped at once

Paths are from the folder that is named; checkpoints are those of the repository that it is in, so that an undo finds
them in their order.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ossa.assistant.accepting.checkpoints import Checkpoint, Checkpoints
from ossa.assistant.accepting.tree import Content, Swap, Tree, TreeError
from ossa.assistant.change import Change
from ossa.assistant.diff import diff_file
from ossa.assistant.draft import DraftError
from ossa.assistant.edits.engine import Edit, plan
from ossa.assistant.edits.patch import EditError, Patch
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.safepath import follow, inside
from ossa.assistant.secretfile import looks_secret


@dataclass(frozen=True, slots=True)
class Planned:
    """A patch that fits, and nothing written yet."""

    change: Change
    """What it does; paths are from the folder that was named."""
    swaps: tuple[Swap, ...]
    """The same for `Checkpoints.apply`; paths are from the root of the repository."""


def repository_at(folder: Path) -> Repository:
    """The repository that a folder is in, or the folder itself where there is none that git can read.

    Raises:
        NotARepository: there is no such folder.
    """
    here = Path(os.path.realpath(folder))
    if any((above / ".git").exists() for above in (here, *here.parents)):  # else git need not be loaded
        try:
            return Repository.open(folder)
        except NotARepository:
            pass
    return Repository.plain(folder)


def apply_patch(
    patch: Patch, folder: Path, repository: Repository, checkpoints: Checkpoints
) -> tuple[Change, Checkpoint]:
    """Put a patch into the working tree, in one step that can be undone.

    Args:
        patch: what is wanted.
        folder: where its paths begin; the repository's root or below.
        repository: the one that the checkpoints are of.
        checkpoints: where the way back is kept.

    Returns:
        What was done, and the checkpoint that takes it back.

    Raises:
        EditError: it does not fit; nothing was written.
        CheckpointError: the files cannot be written; nothing was.
    """
    planned = plan_patch(patch, folder, repository)
    return planned.change, checkpoints.apply(planned.swaps)


def plan_patch(patch: Patch, folder: Path, repository: Repository) -> Planned:
    """What a patch would do to the working tree as it is now; writes nothing.

    Raises:
        EditError: it does not fit, or a place cannot be written to.
    """
    files = _Files(folder, repository)
    edits = plan(patch, files.read, root=files.root, files=files.names)
    swaps = {path: files.swap(path, edit) for path, edit in edits.items()}
    files.check(swaps)
    changes = [
        diff_file(path, *_bytes(swap), mode_after=swap.new.mode if swap.new and not swap.old else None)
        for path, swap in sorted(swaps.items())
    ]
    return Planned(Change(tuple(change for change in changes if change)), tuple(swaps.values()))


class _Files:
    """The working tree below the folder, read once: what a plan was made on is what a swap expects to find."""

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.root = Path(os.path.realpath(folder))
        self._repository = repository
        self._tree = Tree(repository.root)
        self._below = self.root.relative_to(self._tree.root).as_posix()
        self._found: dict[str, tuple[str, Content | None]] = {}

    def read(self, path: str) -> bytes | None:
        """A file by its path from the folder.

        Raises:
            EditError: it is out of the folder, no plain file, or not for patches.
        """
        try:
            if path not in self._found:
                real = self._real(path)
                if inner := self._repository.inner(real):
                    raise EditError(f"{path} belongs to the repository {inner} within this one; apply it there.")
                self._refuse_secret(path, real)
                self._found[path] = real, self._tree.read(real)
        except (DraftError, TreeError) as error:
            raise EditError(str(error)) from error
        content = self._found[path][1]
        return content.data if content else None

    def names(self) -> Iterable[str]:
        """The files there are, by their paths from the folder."""
        try:
            known = self._repository.files()
        except NotARepository:
            return []
        head = "" if self._below == "." else f"{self._below}/"
        return [path.removeprefix(head) for path in known if path.startswith(head)]

    def swap(self, path: str, edit: Edit) -> Swap:
        """From the file as it was read to what the plan makes of it.

        Raises:
            EditError: a link would have to go, and what it leads to with it.
        """
        real, old = self._found[path]
        if edit.data is None and (self.root / path).is_symlink():
            raise EditError(f"{path} is a symbolic link; ossa deletes and moves plain files only.")
        source = self._found[edit.moved_from][1] if edit.moved_from else old
        return Swap(real, old, None if edit.data is None else Content(edit.data, source.mode if source else None))

    def check(self, swaps: dict[str, Swap]) -> None:
        """Make sure that every file can be written, as far as that can be known without writing.

        Raises:
            EditError: one cannot.
        """
        named: dict[str, str] = {}
        for path, swap in swaps.items():
            if named.setdefault(swap.path, path) != path:
                raise EditError(f"{named[swap.path]} and {path} are the same file; name it once.")
        going = {swap.path for swap in swaps.values() if swap.new is None}
        staying = named.keys() - going
        for path, swap in swaps.items():
            try:
                problem = self._obstacle(swap, going, staying)
            except TreeError as error:
                raise EditError(str(error)) from error
            if problem:
                raise EditError(f"{path} cannot be written: {problem}.")

    def _obstacle(self, swap: Swap, going: set[str], staying: set[str]) -> str:
        """Why a file cannot be put into its place; empty where it can."""
        above = [str(folder) for folder in PurePosixPath(swap.path).parents]
        if swap.new and (file := next((folder for folder in above if folder in staying), None)):
            return f"{file} is to be a file"
        root = self._tree.root
        nearest = next(folder for folder in above if os.path.lexists(root / folder) and folder not in going)
        if not (root / nearest).is_dir():
            return f"{nearest} is a file"
        if not os.access(root / nearest, os.W_OK | os.X_OK):
            return f"the folder {nearest} does not let you write"
        if swap.new and self._tree.is_occupied(swap.path, going):
            return "it is a folder with files in it"
        return "it is write-protected" if swap.old and self._tree.write_protected([swap.path]) else ""

    def _refuse_secret(self, path: str, real: str) -> None:
        """Keep what holds secrets out of patches, and its lines out of what is said of them."""
        try:
            secret = self._repository.is_git and looks_secret(real) and self._repository.ignored([real])
        except NotARepository as error:
            raise EditError(str(error)) from error
        if secret:
            raise EditError(f"{path} is ignored by git and looks like it holds secrets; change it by hand.")

    def _real(self, path: str) -> str:
        """The path from the repository's root, with links followed, that never leave the folder.

        Raises:
            DraftError: it leads out of the folder or into `.git`.
        """
        here = follow(inside(path), self._entry, self.root)
        return (PurePosixPath(self._below) / here).as_posix()

    def _entry(self, path: str) -> Path | None:
        place = self.root / path
        return place if os.path.lexists(place) else None


def _bytes(swap: Swap) -> tuple[bytes | None, bytes | None]:
    return (swap.old.data if swap.old else None), (swap.new.data if swap.new else None)
