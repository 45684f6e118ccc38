"""A lock on an open file, which the system gives free when the process ends, however it ends."""

import sys

if sys.platform == "win32":
    import msvcrt
    import os

    def lock(file: int) -> bool:
        """Lock the open file for this process alone; False when another has it."""
        # Windows keeps others from reading what is locked: take a byte where no log ever reaches.
        os.lseek(file, 0x7FFF_FFFF, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock(file: int) -> bool:
        """Lock the open file for this process alone; False when another has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
