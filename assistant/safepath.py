"""Which paths a draft takes: relative, inside the repository, never in `.git`, wherever symbolic links lead.

path as the model or the user wrote it ─► inside() ─► follow() through the draft's links ─► the file that is meant
"""

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from ossa.assistant.draft import DraftError

_LINKS = 40
"""Symbolic links on the way to one file, as many as Linux follows."""
_GIT = frozenset({".git", "git~1"})
"""The repository's own folder, also by its short name on Windows file systems."""
_UNSEEN = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
"""Characters that file systems of macOS do not see in a name."""
_NAME, _WHOLE = 255, 2000
"""Bytes that a name and a path may have: file systems take no longer name, and ossa's folders come before the path."""


def inside(path: str) -> str:
    """The path, normalised; "." for the repository's root.

    Raises:
        DraftError: it is absolute, leads out of the repository or into `.git`, or no path at all.
    """
    if not _nameable(path):
        raise DraftError(f"{path[:200]!r} is no path; name a file from the root of the repository.")
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        raise DraftError(f"{path} leads out of the repository; use a path from its root, without `..`.")
    if is_git(path):
        raise DraftError(f"{path} is in `.git`, which belongs to git alone.")
    return posixpath.normpath(path)


def _nameable(path: str) -> bool:
    """Whether a file system takes it as a path."""
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return bool(name) and b"\0" not in name and len(name) <= _WHOLE and max(map(len, name.split(b"/"))) <= _NAME


def too_long(path: str) -> bool:
    """Whether a path is longer than any that is taken: a command can make folders so deep that none leads there."""
    return len(os.fsencode(path)) > _WHOLE


def is_git(path: str) -> bool:
    """Whether any part of the path is git's own folder."""
    # Windows splits at backslashes and ends a name at a colon; macOS leaves out characters that take no room.
    visible = path.translate(_UNSEEN).casefold()
    return any(part.partition(":")[0].rstrip(". ") in _GIT for part in re.split(r"[/\\]", visible))


def follow(path: str, find: Callable[[str], Path | None], root: Path, *, last: bool = True) -> str:
    """The path without symbolic links in it, resolved part by part as the system does it.

    Args:
        path: normalised, from the root.
        find: what stands at a path, without following a link there; None where nothing does.
        root: the repository's, by which an absolute link can lead back into it.
        last: whether to follow a link at the very end, too.

    Raises:
        DraftError: a link leads out of the repository, into `.git`, in a circle or too far for a path.
    """

    def leads(here: str) -> str | None:
        entry = find(here)
        return leads_to(entry) if entry is not None and entry.is_symlink() else None

    return resolve(path, leads, root, last=last)


def resolve(path: str, leads: Callable[[str], str | None], root: Path, *, last: bool = True) -> str:
    """The same, by where the link at a path leads; None where there is no link.

    Raises:
        DraftError: a link leads out of the repository, into `.git`, in a circle or too far for a path.
    """
    todo, done, links = path.split("/")[::-1], "", 0
    while todo:
        part = todo.pop()
        if part == ".." and not done:
            raise _astray(path)
        if part in ("..", ".", ""):
            done = posixpath.dirname(done) if part == ".." else done
            continue
        here = posixpath.join(done, part)
        if not _nameable(here):  # a link may say anything, also what no system call takes
            raise _astray(path)
        target = leads(here) if todo or last else None
        if target is None:
            done = here
            continue
        links += 1
        if target.startswith("/"):
            done, target = "", _from(root, target)
        if links > _LINKS or target.startswith("/"):
            raise _astray(path)
        todo += target.split("/")[::-1]
    if is_git(done):
        raise _astray(path)
    return done or "."


def leads_to(link: Path) -> str:
    """Where a symbolic link leads, exactly as it says: a `Path` would leave out dots and doubled slashes.

    Raises:
        OSError: it cannot be read, or is none.
    """
    return os.readlink(link)  # noqa: PTH115


def _from(root: Path, target: str) -> str:
    """The rest of an absolute path below the root; the path itself where it is elsewhere."""
    below = f"{root}/"
    return f"{target}/".removeprefix(below) if f"{target}/".startswith(below) else target


def _astray(path: str) -> DraftError:
    return DraftError(
        f"{path} goes through a symbolic link that leads out of the repository or nowhere; leave it alone."
    )
