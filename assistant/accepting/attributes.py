"""What a file has besides bytes and permissions: owner, access lists, attributes.

They are kept when another file takes its place, and noted when it goes, so that they come back with it.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

_ACCESS = "system.posix_acl_access"
_OWNER = "owner"
"""What the owner is noted by; attributes have a dot in their names."""
_OF_CONTENT = frozenset({"security.capability", "security.ima", "security.evm"})
"""Rights and signatures that hold for the old bytes alone."""


def keep_attributes(old: Path, new: int, name: str) -> str:
    """Give a new file, by its descriptor, the owner, access list and attributes of the one that it will replace.

    Returns:
        A sentence on what the system did not allow; empty where all was kept.

    Raises:
        OSError: without it, others could do more with the file than before.
    """
    note = ""
    then, now = os.lstat(old), os.fstat(new)
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


def noted_attributes(old: Path) -> dict[str, str]:
    """What a file that goes has, as far as it can be read: its owner, and by their names attributes in hexadecimal."""
    noted: dict[str, str] = {}
    with contextlib.suppress(OSError):
        status = os.lstat(old)
        noted[_OWNER] = f"{status.st_uid}:{status.st_gid}"
        noted |= {name: data.hex() for name, data in _extended(old).items()}
    return noted


def give_back_attributes(new: int, noted: Mapping[str, str], name: str) -> str:
    """Give a file that comes back, by its descriptor, what was noted of it, and no access list that its folder gives.

    Returns:
        A sentence where it does not have its old owner again; empty where it has, as far as that is known.

    Raises:
        OSError: without it, others could do more with the file than before.
    """
    status = os.fstat(new)
    now = f"{status.st_uid}:{status.st_gid}"
    is_owned = noted.get(_OWNER, now) == now
    if not is_owned and hasattr(os, "chown"):
        with contextlib.suppress(OSError, ValueError):
            owner, group = map(int, noted[_OWNER].split(":"))
            os.chown(new, owner, group)
            is_owned = True
    if _ACCESS not in noted:
        _drop_access(new)
    for attribute, data in noted.items():
        if attribute != _OWNER:
            _set_extended(new, attribute, bytes.fromhex(data))
    return "" if is_owned else f"{name} belonged to another user or group; the system kept ossa from giving it back."


if sys.platform == "linux":

    def _extended(old: Path) -> dict[str, bytes]:
        return {name: os.getxattr(old, name) for name in sorted(set(os.listxattr(old)) - _OF_CONTENT)}

    def _set_extended(new: int, name: str, data: bytes) -> None:
        try:
            os.setxattr(new, name, data)
        except OSError:
            if name == _ACCESS:
                raise

    def _drop_access(new: int) -> None:
        try:
            inherited = os.listxattr(new)
        except OSError:  # the file system has none
            return
        if _ACCESS in inherited:
            os.removexattr(new, _ACCESS)

    def _copy_extended(old: Path, new: int) -> None:
        try:
            wanted = set(os.listxattr(old)) - _OF_CONTENT
        except OSError:  # the file system has none
            return
        if _ACCESS not in wanted:
            _drop_access(new)
        for name in sorted(wanted):
            _set_extended(new, name, os.getxattr(old, name))

else:

    def _extended(old: Path) -> dict[str, bytes]:
        """Python cannot read them here."""
        return {}

    def _set_extended(new: int, name: str, data: bytes) -> None:
        """Nor write them."""

    def _drop_access(new: int) -> None:
        """Nor remove them."""

    def _copy_extended(old: Path, new: int) -> None:
        """Python cannot read them here."""
