"""What a file has besides bytes and permissions, kept when another takes its place: owner, access lists, attributes."""

import contextlib
import os
import stat
import sys
from pathlib import Path

_ACCESS = "system.posix_acl_access"
_OF_CONTENT = frozenset({"security.capability", "security.ima", "security.evm"})
"""Rights and signatures that hold for the old bytes alone."""


def keep_attributes(old: Path, new: Path, name: str) -> str:
    """Give a new file the owner, access list and extended attributes of the one that it will replace.

    Returns:
        A sentence on what the system did not allow; empty where all was kept.

    Raises:
        OSError: without it, others could do more with the file than before.
    """
    note = ""
    then, now = os.lstat(old), os.lstat(new)
    if hasattr(os, "chown") and (then.st_uid, then.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(new, then.st_uid, then.st_gid)
        except PermissionError:
            if then.st_mode & (stat.S_ISUID | stat.S_ISGID):
                raise
            with contextlib.suppress(PermissionError):
                os.chown(new, -1, then.st_gid)
            note = f"{name} belonged to another user or group; the system let ossa keep it only in part."
    _copy_extended(old, new)
    return note


if sys.platform == "linux":

    def _copy_extended(old: Path, new: Path) -> None:
        try:
            wanted = set(os.listxattr(old)) - _OF_CONTENT
            inherited = set(os.listxattr(new)) - wanted
        except OSError:  # the file system has none
            return
        if _ACCESS in inherited:
            os.removexattr(new, _ACCESS)
        for name in sorted(wanted):
            try:
                os.setxattr(new, name, os.getxattr(old, name))
            except OSError:
                if name == _ACCESS:
                    raise

else:

    def _copy_extended(old: Path, new: Path) -> None:
        """Python cannot read them here."""
