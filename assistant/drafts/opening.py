"""Opens the best draft that this machine allows: an overlay, else a confined copy, else a copy without confinement."""

import os
import re
from pathlib import Path, PurePosixPath

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.drafts.copied import CopyDraft
from ossa.assistant.drafts.overlay import OverlayDraft
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox, probe
from ossa.assistant.repository import Repository


def open_draft(repository: Repository, folder: Path, sandbox: Sandbox | NoSandbox | None = None) -> Draft:
    """The draft that lives in `folder`: the one that was left there, or a new one.

    Args:
        repository: whose working tree it is a view of.
        folder: the draft's own, outside the repository.
        sandbox: what `probe` told, where that is known; it takes a moment.

    Raises:
        DraftError: the folder lies in the repository, or another process works on the draft.
    """
    if Path(os.path.realpath(folder)).is_relative_to(repository.root):
        raise DraftError(f"{folder} lies in the repository; set OSSA_HOME to a folder outside of it.")
    found = sandbox or find_sandbox(folder)
    if isinstance(found, NoSandbox):
        return CopyDraft(repository, folder / "copy", None, str(found))
    why = (foreign(repository) or mounted(repository.root)) if found.overlays else found.why
    if why:
        return CopyDraft(repository, folder / "copy", found, why)
    return OverlayDraft(repository, folder / "overlay", found)


def foreign(repository: Repository) -> str:
    """Which file belongs to someone else; an overlay in a user namespace could not change it. "" where none does."""
    root, mine = repository.root, (os.geteuid(), os.getegid())
    files = repository.files()
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    for path in sorted(folders) + files:
        try:
            status = os.lstat(f"{root}/{path}")
        except OSError:
            continue
        if (status.st_uid, status.st_gid) != mine:
            return f"{path} belongs to another user or group"
    return ""


def mounted(root: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """What is mounted within the repository; an overlay would show what is below it instead. "" where nothing is.

    Args:
        root: of the repository.
        table: of what is mounted, as the kernel tells it.
    """
    try:
        points = [line.split(b" ")[4] for line in table.read_bytes().splitlines()]
    except (OSError, IndexError):
        return ""
    for point in points:
        place = Path(os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), point)))
        if place != root and place.is_relative_to(root):
            return f"{place.relative_to(root)} is mounted there from elsewhere"
    return ""


def find_sandbox(folder: Path) -> Sandbox | NoSandbox:
    """What this machine allows for drafts below a folder; it takes a moment, so ask once."""
    try:
        return probe(folder)
    except NoSandbox as reason:
        return reason
