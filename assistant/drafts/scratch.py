"""Temporary folders for reports, which a later start can tell to be abandoned however this process ends.

held() ─► /tmp/ossa-tests-…/ with a lock that the kernel drops at our death ─► clear_abandoned() removes it
"""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from ossa.assistant.drafts.sandbox import remove

_PREFIX = "ossa-tests-"
_LOCK = ".held"


@contextlib.contextmanager
def held() -> Generator[Path]:
    """A new folder for one run, its real path; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def clear_abandoned(age: float) -> None:
    """Remove our folders that no process holds; those without a lock only after `age` seconds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if status.st_uid != os.geteuid() or folder.is_symlink():
                continue
            if _is_free(folder) if (folder / _LOCK).exists() else time.time() - status.st_mtime > age:
                remove(folder)


def _is_free(folder: Path) -> bool:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
