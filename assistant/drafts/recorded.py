"""What both kinds of draft share: safe paths, the record of what was found, the change computed from it.

    write() · a command ─► touched files ─► Found.take()          change() = for each of them: as found ─► as it is now

A kind says where a file of the draft is, how one is put and taken out, and how a command runs.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ossa.assistant.change import Change, FileChange
from ossa.assistant.diff import diff_file, diff_link
from ossa.assistant.draft import Command, Completed, DraftError, Isolation
from ossa.assistant.drafts.found import Entry, Found, standing
from ossa.assistant.drafts.gate import Gate
from ossa.assistant.drafts.inner import Inner
from ossa.assistant.drafts.sandbox import remove
from ossa.assistant.repository import Repository
from ossa.assistant.safepath import follow, inside, is_git
from ossa.assistant.threads import in_thread

_NOISE = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".coverage"})
_NOISE_ENDS = (".pyc", ".pyo", "node_modules/.cache")


def is_noise(path: str) -> bool:
    """Whether tools leave it behind by running, so that it is never part of a change; `.git` counts, too."""
    return path.endswith(_NOISE_ENDS) or not _NOISE.isdisjoint(path.split("/")) or is_git(path)


class RecordedDraft(ABC):
    """A draft in a folder on disk, from which it goes on after a restart."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        """Go on from what is in `folder`, or start afresh.

        Raises:
            DraftError: another process works on it.
        """
        self._repository = repository
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # a command may leave a program in it that runs as its owner
        self._lock = _locked(folder)
        for left in folder.glob("scratch-*"):
            remove(left)
        self._found = Found(folder)
        self._gate = Gate()
        self._inner = Inner(repository, self._find)

    @property
    def root(self) -> Path:
        return self._repository.root

    @property
    @abstractmethod
    def isolation(self) -> Isolation: ...

    def read(self, path: str) -> bytes | None:
        place = self._find(follow(inside(path), self._find, self._repository.root))
        try:
            regular = place is not None and stat.S_ISREG(place.lstat().st_mode)
            return place.read_bytes() if place and regular else None
        except OSError as error:
            raise DraftError(f"{path} cannot be read: {error.strerror}.") from error

    def permissions(self, path: str) -> int | None:
        place = self._find(follow(inside(path), self._find, self._repository.root))
        return Entry.at(place).permissions if place else None

    def write(self, path: str, data: bytes | None, mode: int | None = None) -> None:
        self._gate.check_idle()
        real = follow(inside(path), self._find, self._repository.root, last=data is not None)
        if inner := self._repository.inner(real):
            raise DraftError(f"{path} belongs to the repository {inner} within this one; only there it can be changed.")
        place = self._find(real)
        if real == "." or (place and place.is_dir() and not place.is_symlink()):
            raise DraftError(f"{path} is a folder; name a file.")
        for parent in PurePosixPath(real).parents:
            if (above := self._find(str(parent))) and not above.is_dir():
                raise DraftError(f"{path} cannot be: {parent} is a file.")
        if data is None and place is None:
            return
        if mode is None:
            mode = Entry.at(place).permissions if place else 0o644
        try:
            self._found.take([real], self._repository.root)
            self._remove(real) if data is None else self._put(real, data, mode or 0o644)
            self._let_go([real])
        except OSError as error:
            raise DraftError(f"{path} cannot be written: {error.strerror or error}.") from error

    def restore(self, path: str) -> None:
        self._gate.check_idle()
        above = [str(folder) for folder in PurePosixPath(inside(path)).parents]
        if link := next((p for p in above if (place := self._find(p)) and place.is_symlink()), None):
            raise DraftError(f"{path} cannot come back: {link} is a symbolic link in the draft; reject that, too.")
        place, theirs = self._find(path), Entry.at(standing(self._repository.root, path))
        try:
            if place and theirs.data is not None and place.is_dir() and not place.is_symlink():
                if any(not entry.is_dir() and not is_noise(entry.name) for entry in place.rglob("*")):
                    raise DraftError(f"{path} cannot come back: the draft has a folder with files there; reject those.")
                remove(place)
            self._remove(path) if theirs.data is None else self._put(path, theirs.data, theirs.mode)
            self._let_go([path])
        except OSError as error:
            raise DraftError(f"{path} cannot be written: {error.strerror or error}.") from error

    def files(self) -> list[str]:
        touched = self._found.paths
        kept = set(self._repository.files()).difference(touched)
        ignored = self._repository.ignored(touched)
        return sorted(kept.union(p for p in touched if p not in ignored and self._is_file(self._find(p))))

    def change(self) -> Change:
        touched = [path for path in self._found.paths if not is_noise(path)]
        ignored = self._repository.ignored(touched)
        changes = (self._file_change(path) for path in touched if path not in ignored)
        return Change(tuple(change for change in changes if change))

    async def run(
        self, command: Command, *, scratch: bool = False, on_output: Callable[[str], None] | None = None
    ) -> Completed:
        workdir = inside(command.workdir)
        if not (place := self._find(follow(workdir, self._find, self._repository.root))) or not place.is_dir():
            raise DraftError(f"There is no folder {workdir} to run the command in.")
        try:
            async with self._gate.pass_through(alone=not scratch):
                return await (self._run_apart if scratch else self._run_here)(command, on_output)
        except (OSError, ValueError) as error:  # a model may write what no command can be
            raise DraftError(f"The command cannot be started: {getattr(error, 'strerror', '') or error}.") from error

    def settle(self, paths: Sequence[str]) -> None:
        self._gate.check_idle()
        for path in map(inside, paths):
            if path in self._found:
                self._rebase(path)
        self._open_up(list(map(inside, paths)))
        self._let_go([path for path in map(inside, paths) if path in self._found])

    def discard(self) -> None:
        self._gate.check_idle()
        self._wipe()
        self._found.forget(self._found.paths)

    def close(self) -> None:
        if self._lock < 0:
            return
        if not self._gate.busy and not self.change():
            remove(self._folder)
            with contextlib.suppress(OSError):
                self._folder.parent.rmdir()
        os.close(self._lock)
        self._lock = -1

    @abstractmethod
    def _find(self, path: str) -> Path | None:
        """Where what the draft has at a path really is, links not followed; None where it has nothing."""

    @abstractmethod
    def _put(self, path: str, data: bytes, mode: int) -> None:
        """Write a file, or by its mode a symbolic link; its folders are made."""

    @abstractmethod
    def _remove(self, path: str) -> None:
        """Take a file out."""

    @abstractmethod
    def _release(self, path: str) -> bool:
        """See the working tree's file again, which is the same; False where the draft must keep its own."""

    @abstractmethod
    def _open_up(self, paths: Sequence[str]) -> None:
        """See what the working tree has beside these files, also in folders that the draft has made for them."""

    @abstractmethod
    def _wipe(self) -> None:
        """Drop everything that was written."""

    @abstractmethod
    def _touched(self) -> set[str]:
        """All files that the draft has of its own or lacks, noise left out."""

    @abstractmethod
    async def _execute(self, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        """Run a command whose writes stay."""

    @abstractmethod
    async def _try_out(self, command: Command, folder: Path, on_output: Callable[[str], None] | None) -> Completed:
        """Run a command, with the files of its trial; what it writes goes to `folder`, which is thrown away."""

    def _trial(self, command: Command) -> dict[str, bytes]:
        """The files of a command's trial, by paths that no link is on."""
        return {follow(inside(p), self._find, self._repository.root): data for p, data in command.trial.items()}

    async def _run_here(self, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        try:
            done = await self._execute(command, on_output)
        finally:
            await in_thread(self._absorb)
        return replace(done, notes=self._inner.told())

    async def _run_apart(self, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=self._folder))
        try:
            return await self._try_out(command, folder, on_output)
        finally:
            await in_thread(remove, folder)

    def _absorb(self) -> None:
        """Bring the record up to what commands did: record what is new, forget what the draft no longer has."""
        try:
            touched = self._touched()
            touched -= self._inner.take(touched)
            new = touched.difference(self._found.paths)
            self._found.take(sorted(new - self._repository.ignored(new)), self._repository.root)
            self._found.forget([path for path in self._found.paths if path not in touched])
            self._let_go(self._found.paths)
        except OSError as error:
            raise DraftError(f"The draft cannot be kept on disk: {error.strerror or error}.") from error

    def _let_go(self, paths: Iterable[str]) -> None:
        """Drop the draft's own files that are the same as the working tree's."""
        same = [path for path in paths if self._is_same(path)]
        self._found.forget([path for path in same if self._release(path)])

    def _is_same(self, path: str) -> bool:
        mine, theirs = self._find(path), standing(self._repository.root, path)
        if mine and theirs and mine.lstat().st_size != theirs.lstat().st_size:
            return False
        return _seen(Entry.at(mine)) == _seen(Entry.at(theirs))

    def _rebase(self, path: str) -> None:
        """Take the working tree's file as what was found, and what it has of others into the draft's."""
        before, mine = self._found.entry(path), Entry.at(self._find(path))
        now = Entry.at(standing(self._repository.root, path))
        texts = [e.data for e in (mine, before, now) if e.data is not None and not e.is_link]
        if len(texts) == 3 and now.data not in (mine.data, before.data):
            merged = self._repository.merge(*texts)
            if merged is not None:
                self._put(path, merged, mine.permissions or 0o644)
        self._found.take([path], self._repository.root, again=True)

    def _file_change(self, path: str) -> FileChange | None:
        before, after = self._found.entry(path), Entry.at(self._find(path))
        if _seen(before) == _seen(after):
            return None
        if before.is_link or after.is_link:
            return diff_link(path, before.data, after.data, before.mode, after.mode)
        was, now = _modes(before, after)
        return diff_file(path, before.data, after.data, mode_before=was, mode_after=now)

    @staticmethod
    def _is_file(place: Path | None) -> bool:
        return place is not None and (place.is_symlink() or place.is_file())


def stage(place: Path, data: bytes, mode: int) -> None:
    """Write a file, or by its mode a symbolic link, where it waits to be moved into the draft."""
    place.unlink(missing_ok=True)
    if stat.S_ISLNK(mode):
        place.symlink_to(os.fsdecode(data))
        return
    place.write_bytes(data)
    place.chmod(stat.S_IMODE(mode))


def _seen(entry: Entry) -> tuple[bytes | None, bool, bool]:
    """What git sees of a file: its content, whether it is a link, whether it can be executed."""
    return entry.data, entry.is_link, entry.data is not None and bool(entry.mode & 0o100)


def _modes(before: Entry, after: Entry) -> tuple[int | None, int | None]:
    """Permission bits where they matter: a new file's, and those of one that becomes executable or ceases to be."""
    if before.data is None:
        return None, after.permissions
    if after.data is None or _seen(before)[2] == _seen(after)[2]:
        return None, None
    return before.permissions, after.permissions


def _locked(folder: Path) -> int:
    """Hold the folder for this process alone; the kernel lets go of it when the process ends, however it does."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise DraftError("Another ossa works on this draft; end it, or go on there.") from error
    return handle
