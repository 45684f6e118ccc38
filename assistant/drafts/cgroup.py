"""A control group that bounds the number of processes of one command, where this user may make one.

The kernel's limit on processes does not hold for root, and a fork bomb outruns whoever only watches it. Root may make
control groups nearly everywhere; others where a session was delegated to them, and for them the limit holds anyway.

    /proc/self/cgroup + mounts ─► parent() ─► parent/ossa-PID-n with pids.max ─► joined by the command before it starts
"""

import contextlib
import itertools
import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path

_PREFIX = "ossa-"
_JOIN = '{ echo $$ >"$0/cgroup.procs"; } 2>/dev/null; exec "$@"'
_YOUNG = 60.0
"""Seconds within which a new group is joined."""
_numbers = itertools.count()


def parent() -> Path | None:
    """The folder in which a group for processes can be made; None where there is none."""
    try:
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        return None
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers not in ("", "pids"):
            continue
        kind = "cgroup" if controllers else "cgroup2"
        for root, top in ((fields[3], Path(fields[4])) for fields in mounts if _is_hierarchy(fields, kind)):
            own = top / os.path.relpath(path, root)
            for folder in (own, *(own.parents if kind == "cgroup2" else ())):
                if folder.is_relative_to(top) and _allows(folder, kind):
                    return folder
    return None


@contextlib.contextmanager
def bounded(folder: Path | None, tasks: int) -> Generator[list[str]]:
    """A new group below `folder` for as many processes and threads; gives the words before a command that joins it."""
    group = _make(folder, tasks) if folder else None
    if group is None:
        yield []
        return
    try:
        yield ["/bin/sh", "-c", _JOIN, str(group)]
    finally:
        _drop([group])


def _make(folder: Path, tasks: int) -> Path | None:
    group = folder / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
    try:
        _drop([left for left in folder.glob(f"{_PREFIX}*") if not _is_used(left)])
        group.mkdir()
        (group / "pids.max").write_text(str(tasks))
    except OSError:
        _drop([group])
        return None
    return group


def _is_hierarchy(fields: Sequence[str], kind: str) -> bool:
    """Whether a line of mountinfo is of the kind, and of the controller that counts processes where those are apart."""
    end = fields.index("-")
    return fields[end + 1] == kind and (kind == "cgroup2" or "pids" in fields[end + 3].split(","))


def _allows(folder: Path, kind: str) -> bool:
    if not os.access(folder, os.W_OK) or not os.access(folder / "cgroup.procs", os.W_OK):
        return False
    with contextlib.suppress(OSError):
        return kind == "cgroup" or "pids" in (folder / "cgroup.subtree_control").read_text().split()
    return False


def _is_used(group: Path) -> bool:
    """Whether its owner lives and may be about to use it; one that is long in use cannot be removed anyway."""
    number = group.name.removeprefix(_PREFIX).partition("-")[0]
    with contextlib.suppress(OSError):
        is_young = time.time() - group.stat().st_mtime < _YOUNG
        return not number.isdecimal() or (is_young and Path("/proc", number).exists())
    return True


def _drop(groups: Sequence[Path]) -> None:
    """Remove groups; one that still has a process stays for the next time."""
    for group in groups:
        with contextlib.suppress(OSError):
            group.rmdir()
