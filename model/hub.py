"""A model on the Hugging Face Hub: huggingface_hub loads the pinned commit into its own cache, then all is checked.

    snapshot_download, in a program of its own ─► HF cache ─► size and sha256 of every file ─► folder of the snapshot

What lies whole in the cache is not loaded again, whoever put it there; a file that was broken off is begun anew.
Run as a program, this module is the download itself.
"""

import contextlib
import os
import sys
from pathlib import Path

from ossa.model.base import ModelError
from ossa.model.catalog import Entry, PinnedFile, Repository
from ossa.model.discover import snapshots
from ossa.model.download import Progress, need_room, on_disk, run, sha256
from ossa.model.packages import hub_cache


def snapshot_of(entry: Entry, repository: Repository) -> Path:
    """The folder that has it whole, else the one into which it will come."""
    whole = (path for path in snapshots(repository) if not any(_missing(path, file) for file in entry.files))
    return next(whole, _storage(repository) / "snapshots" / repository.commit)


def fetch_snapshot(entry: Entry, repository: Repository, progress: Progress) -> Path:
    """Bring the pinned commit into the Hugging Face cache; `progress` counts the download, then the check.

    Raises:
        ModelError: no network, no room or a wrong checksum; the text says what to do.
    """
    cache = hub_cache()
    blobs = _storage(repository) / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    _sweep(entry, repository)
    folder = snapshot_of(entry, repository)
    if any(_missing(folder, file) for file in entry.files):
        need_room(cache, entry.size - _arrived(blobs, entry))
        try:
            reason = run(
                [sys.executable, "-m", "ossa.model.hub", str(cache), repository.id, repository.commit]
                + [file.name for file in entry.files],
                env={"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
                cwd=cache,
                tick=lambda: progress(min(_arrived(blobs, entry), entry.size), entry.size),
            )
        finally:
            _sweep(entry, repository)
        if reason:
            raise ModelError(
                f"{entry.name} could not be fetched: {reason}. Try again, it goes on where it stopped. Without a "
                f"network, copy the folder of {repository.id} here by hand and name it by `--model PATH`."
            )
    _check(entry, folder, progress)
    return folder


def _check(entry: Entry, folder: Path, progress: Progress) -> None:
    done = 0

    def advance(size: int) -> None:
        nonlocal done
        done += size
        progress(done, entry.size)

    for file in entry.files:
        path = folder / file.name
        if _missing(folder, file) or sha256(path, advance) != file.sha256:
            # Both the link and what it points to, or the next pull would find it again.
            path.resolve().unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise ModelError(
                f"{file.name} of {entry.name} is not the file that ossa knows, so it was thrown away: "
                f"run `ossa models pull {entry.name}` again."
            )


def _missing(folder: Path, file: PinnedFile) -> bool:
    path = folder / file.name
    return not path.is_file() or path.stat().st_size != file.size


def _storage(repository: Repository) -> Path:
    return hub_cache() / f"models--{repository.id.replace('/', '--')}"


def _arrived(blobs: Path, entry: Entry) -> int:
    # Files of any size are named by their sha256 in there, with a suffix while they come in.
    return sum(max((on_disk(path) for path in blobs.glob(f"{file.sha256}*")), default=0) for file in entry.files)


def _sweep(entry: Entry, repository: Repository) -> None:
    """Remove the halves that a killed download left, but not those that someone is loading right now."""
    from filelock import FileLock, Timeout

    storage = _storage(repository)
    for file in entry.files:
        lock = hub_cache() / ".locks" / storage.name / f"{file.sha256}.lock"
        for half in (storage / "blobs").glob(f"{file.sha256}.*incomplete"):
            lock.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(Timeout), FileLock(lock, timeout=0):
                half.unlink(missing_ok=True)


def _download(cache: str, repository: str, commit: str, *files: str) -> None:
    from huggingface_hub import snapshot_download

    # One file at a time: what is broken off is lost, so it should not be three of 5 GB.
    snapshot_download(repository, revision=commit, cache_dir=cache, allow_patterns=list(files), max_workers=1)


if __name__ == "__main__":
    try:
        _download(*sys.argv[1:])
    except Exception as error:
        print(f"ERROR: {error.__cause__ or error}".splitlines()[0], file=sys.stderr, flush=True)
        # At once: threads that still load would hold up an ordinary exit.
        os._exit(1)
