"""Looks into files that were saved for comments that ask something, and tells those that nobody has answered yet.

paths ─► what may be read ─► marks_in ─► not seen before, not the last commit's ─► Found ─► keep() or release()
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.index.walk import LARGEST
from ossa.assistant.marks.known import Known, digest
from ossa.assistant.marks.marks import MAY_ASK, Mark, marks_in
from ossa.assistant.marks.request import Request, requested
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.safepath import is_git
from ossa.assistant.secretfile import looks_secret
from ossa.assistant.text import decode, is_binary

_NOTED = 200
"""Files of the person's that are looked through for notes."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One file as it is now."""

    path: str
    content: str
    """The digest of it."""
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has brought."""

    files: tuple[Looked, ...] = ()
    fresh: tuple[Mark, ...] = ()
    """Marks that ask, and were not answered."""
    gits: tuple[Mark, ...] = ()
    """Such that git has brought, not the person."""


class Looker:
    """Looks at one repository; not for use from several threads at once."""

    def __init__(self, repository: Repository, memory: Path) -> None:
        """`memory` is the file of what was seen before."""
        self._repository, self._known = repository, Known(memory)
        self._lock: Path | None = None

    @classmethod
    def of(cls, repository: Repository) -> "Looker":
        """With the memory in the place where ossa keeps what it knows of the repository."""
        own = paths.state_dir() / "repositories" / paths.repository_key(repository.root)
        return cls(repository, own / "comments.json")

    def git_lock(self) -> Path:
        """The file that is there while git is at work on its index. Blocks."""
        if self._lock is None:
            told = self._repository.git("rev-parse", "--absolute-git-dir") if self._repository.is_git else b""
            self._lock = Path(os.fsdecode(told.strip()) or self._repository.root / ".git", "index.lock")
        return self._lock

    def look(self, changed: Collection[str]) -> Found:
        """What these files ask now; nothing of it is remembered before `keep`. Blocks."""
        moved = ".git/index" in changed
        files = [*self._read(path for path in changed if not is_git(path))]
        fresh: list[Mark] = []
        gits: list[Mark] = []
        for file in files:
            new = self._known.fresh(file.path, file.content, file.marks)
            committed = self._lines(f"HEAD:{file.path}") if new else frozenset[str]()
            staged = self._staged(file.path, moved=moved) if new else frozenset[str]()
            own = [mark for mark in new if mark.source not in committed]
            fresh += [mark for mark in own if mark.source not in staged]
            gits += [mark for mark in own if mark.source in staged]
        return Found(tuple(files), tuple(fresh), tuple(gits))

    def keep(self, found: Found, but: Collection[tuple[str, str]] = ()) -> None:
        """Remember all of it, so that none asks again; those marks `but` for, by path and key, may."""
        for file in found.files:
            left = [mark for mark in file.marks if (file.path, mark.key) not in but]
            self._known.keep(file.path, file.content if len(left) == len(file.marks) else "", left)
        if found.files:
            self._known.save()

    def release(self, request: Request) -> None:
        """Let the marks of a request ask again when their files are saved: nobody has answered them."""
        for mark in request.marks:
            self._known.forget(mark)
        self._known.save()

    def request(self, found: Found) -> Request:
        """What the fresh marks ask for, with the notes that the person has made in other files."""
        texts = {file.path: file.text for file in found.files}
        notes: list[Mark] = []
        if any(mark.kind == "do" for mark in found.fresh):
            others = [path for path in self._changed() if path not in texts][:_NOTED]
            files = [*found.files, *self._read(others, notes=True)]
            texts |= {file.path: file.text for file in files}
            for file in files:
                made = [mark for mark in file.marks if mark.kind == "note"]
                committed = self._lines(f"HEAD:{file.path}") if made else frozenset[str]()
                notes += [mark for mark in made if mark.source not in committed]
        marks = (*found.fresh, *notes)
        return requested(marks, texts, {path: self._kept(path, texts[path], marks) for path in {m.path for m in marks}})

    def _changed(self) -> Collection[str]:
        """The person's files that differ from the last commit."""
        try:
            return self._repository.status()
        except NotARepository:
            return ()

    def _kept(self, path: str, text: str, marks: Collection[Mark]) -> frozenset[str]:
        """Lines of comments that are none of the request's: the last commit's, and those of other marks."""
        others = {mark.source for mark in _marks(path, text) if mark not in marks}
        return self._lines(f"HEAD:{path}") | others

    def _read(self, changed: Iterable[str], *, notes: bool = False) -> Iterator[Looked]:
        """Those of the files that may be read and have, or had, a mark that asks; with `notes`, all that may."""
        there = [path for path in sorted(changed) if self._is_readable(path)]
        try:
            ignored = self._repository.ignored(there) if there else set[str]()
        except NotARepository:
            return
        for path in there:
            if path in ignored or (data := self._data(path)) is None:
                continue
            if notes or MAY_ASK.search(data) or self._known.concerns(path):
                text = decode(data)
                yield Looked(path, digest(data), text, _marks(path, text))

    def _is_readable(self, path: str) -> bool:
        """Whether it is a file of ordinary size, no link, and none that would hold secrets."""
        try:
            place = self._repository.root / path
            told = place.lstat()
            inside = os.path.realpath(place) == os.path.join(os.path.realpath(self._repository.root), path)  # noqa: PTH118
        except (OSError, ValueError):
            return False
        fits = inside and stat.S_ISREG(told.st_mode) and told.st_size <= LARGEST
        # A name tells little by itself: what is tracked is everybody's already.
        return fits and (
            not looks_secret(path) or bool(self._repository.git("ls-files", "-z", "--", f":(literal){path}"))
        )

    def _data(self, path: str) -> bytes | None:
        """The file's content; None for what is no text."""
        try:
            data = (self._repository.root / path).read_bytes()
        except OSError:
            return None
        return None if is_binary(data) else data

    def _staged(self, path: str, *, moved: bool) -> frozenset[str]:
        """The lines that git has put into a file: where its index has `moved`, or a merge has stopped in the file."""
        if not self._repository.is_git:
            return frozenset()
        # Of an unmerged file the index has no stage 0, but what both sides began with, and what each has made of it.
        unmerged = self._repository.git("ls-files", "--unmerged", "-z", "--", f":(literal){path}")
        stages = range(1, 4) if unmerged else range(1) if moved else ()
        return frozenset[str]().union(*(self._lines(f":{stage}:{path}") for stage in stages))

    def _lines(self, blob: str) -> frozenset[str]:
        """The lines of a file as git has it, without blanks around them."""
        if not self._repository.is_git:
            return frozenset()
        return frozenset(line.strip() for line in decode(self._repository.git("cat-file", "blob", blob)).split("\n"))


def _marks(path: str, text: str) -> tuple[Mark, ...]:
    """The file's marks; none where a reader of its language fails on it."""
    try:
        return tuple(marks_in(path, text))
    except (ValueError, RecursionError):
        return ()
