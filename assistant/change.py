r"""What a draft would do to the working tree: a change of files, each with hunks. Plain values, nothing else.

Lines keep their endings and are cut at "\n" only. Text is UTF-8 with undecodable bytes as lone surrogates
(`surrogateescape`), so every text file, whatever its encoding, goes through unchanged to the byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

FileKind: TypeAlias = Literal["modified", "added", "deleted"]
LINK_NOTE = "symbolic link to "
"""How the note of a hunk begins that makes, changes or removes a symbolic link."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """The smallest part of a change that can be accepted or rejected by itself."""

    id: str
    """Unique within the change and the same whenever the same change is computed again."""
    start: int
    """Index (from 0) of the first line it replaces in the file as the draft found it."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    lead: tuple[str, ...] = ()
    """Up to three unchanged lines above."""
    trail: tuple[str, ...] = ()
    """Up to three unchanged lines below."""
    note: str = ""
    """For what has no lines: "binary, 12 kB", "mode 644 → 755"."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happens to one file."""

    path: str
    """From the root of the repository, with "/"."""
    kind: FileKind
    hunks: tuple[Hunk, ...]
    """Never empty; exactly one for an added, deleted or binary file, a link and a change of mode alone."""
    binary: bool = False
    """Its new content is in the draft, not in the hunk."""
    mode: int | None = None
    """New permission bits, where they change."""
    link: str | None = None
    """Where it leads by now, if it is a symbolic link."""
    link_before: str | None = None
    """Where it led, if it was one."""

    @property
    def involves_link(self) -> bool:
        """Whether it is, or was, a symbolic link: that comes, goes or changes as a whole."""
        return self.link is not None or self.link_before is not None

    @property
    def added(self) -> int:
        """Lines added."""
        return sum(len(h.after) for h in self.hunks)

    @property
    def removed(self) -> int:
        """Lines removed."""
        return sum(len(h.before) for h in self.hunks)


@dataclass(frozen=True, slots=True)
class Change:
    """What a draft would do to the working tree."""

    files: tuple[FileChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def hunks(self) -> Iterator[tuple[FileChange, Hunk]]:
        """Every hunk, with the file it belongs to."""
        return ((file, hunk) for file in self.files for hunk in file.hunks)

    @property
    def summary(self) -> str:
        """One line, for example "2 files, +3 −1"."""
        files = "1 file" if len(self.files) == 1 else f"{len(self.files)} files"
        return f"{files}, +{sum(f.added for f in self.files)} −{sum(f.removed for f in self.files)}"
