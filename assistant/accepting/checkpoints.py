"""Checkpoints: every accept written down before it is made, so that it can be finished, taken back and made again.

    accept ─► checkpoint on disk, "doing" ─► files swapped ─► "done" ⇄ "undone", by way of "undoing" and "redoing"

One folder a checkpoint, with the bytes of each file before and after and a manifest whose state is the journal: after
a kill, `recover` finds the work in progress there and brings all files to one side. The folders are ossa's own;
nothing of the user's git is read or written.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ossa.assistant.accepting.tree import Content, Swap, Tree, TreeError, same, sync_folder
from ossa.assistant.lock import lock

State: TypeAlias = Literal["doing", "done", "undoing", "undone", "redoing"]
_STATES: tuple[State, ...] = get_args(State)
_WORKING: dict[State, tuple[State, State | None]] = {
    "doing": ("done", None),
    "undoing": ("undone", "done"),
    "redoing": ("done", "undone"),
}
"""Where work in progress leads when it comes to its end, and where when it is taken back; None: it never was."""
_SIDES = ("before", "after")


class CheckpointError(Exception):
    """Files cannot be written or brought back; the text is a sentence for the user, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One accept, to which `undo` and `redo` go back and forth."""

    id: str
    """Nanoseconds since 1970, so ids sort by time."""
    files: tuple[str, ...]
    state: State
    folders: tuple[str, ...] = ()
    """Those that it made."""

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return int(self.id) / 1e9


class Checkpoints:
    """The accepts of one repository, newest last."""

    def __init__(self, folder: Path, root: Path, *, max_age: float = 30 * 86400, max_bytes: int = 256 << 20) -> None:
        """Nothing is read or written yet.

        Args:
            folder: where they are kept, for this repository alone.
            root: the working tree.
            max_age: seconds after which one is dropped.
            max_bytes: what all of them may take; the oldest go first, the newest always stays.
        """
        self._folder = folder
        self._tree = Tree(root)
        self._max_age, self._max_bytes = max_age, max_bytes

    def apply(self, swaps: Sequence[Swap]) -> Checkpoint:
        """Write these files into the working tree, all or none, as one step that can be undone.

        Raises:
            CheckpointError: one of them is no longer as expected, or the disk refuses.
        """
        with self._locked():
            known = self.list()
            checkpoint = self._record(swaps, max((int(c.id) for c in known), default=0))
            done = self._carry_out(checkpoint, swaps)
            for undone in (c for c in known if c.state == "undone"):
                shutil.rmtree(self._folder / undone.id, ignore_errors=True)
            self._prune()
        return done

    def undo(self) -> Checkpoint:
        """Bring back the files as they were before the latest accept that is not undone yet.

        Raises:
            CheckpointError: there is none, or the user changed one of its files since.
        """
        return self._go(back=True)

    def redo(self) -> Checkpoint:
        """Make the accept again that was undone last.

        Raises:
            CheckpointError: there is none, or the user changed one of its files since.
        """
        return self._go(back=False)

    def list(self) -> Sequence[Checkpoint]:
        """All that are kept, oldest first."""
        folders = sorted(path for path in self._folder.glob("[0-9]*") if path.name.isdigit())
        return [found for folder in folders if (found := _load(folder))]

    def recover(self) -> Sequence[str]:
        """Finish or take back what a kill interrupted; call it at every start.

        Returns:
            Sentences for the user, on what was taken back and which files were left as someone changed them since.
        """
        told: list[str] = []
        with contextlib.suppress(CheckpointError), self._locked():
            for checkpoint in self.list():
                if checkpoint.state in _WORKING:
                    try:
                        told += self._settle(checkpoint, self.swaps(checkpoint))
                    except CheckpointError as error:
                        told.append(str(error))
            for folder in self._folder.glob("[0-9]*"):
                if not (folder / "manifest.json").exists():
                    shutil.rmtree(folder, ignore_errors=True)
            self._prune()
        return told

    def swaps(self, checkpoint: Checkpoint) -> Sequence[Swap]:
        """What the checkpoint did to each file, with the bytes before and after.

        Raises:
            CheckpointError: its files are damaged.
        """
        folder = self._folder / checkpoint.id
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
            return [
                Swap(path, *(_content(folder, number, side, manifest) for side in _SIDES))
                for number, path in enumerate(checkpoint.files)
            ]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CheckpointError(
                f"Checkpoint {checkpoint.id} is damaged: {error}. Its files stay as they are."
            ) from error

    def _go(self, *, back: bool) -> Checkpoint:
        word = "undo" if back else "redo"
        with self._locked():
            fitting = [c for c in self.list() if c.state == ("done" if back else "undone")]
            if not fitting:
                raise CheckpointError(f"There is nothing to {word}.")
            checkpoint = fitting[-1 if back else 0]
            swaps = self.swaps(checkpoint)
            changed = [s.path for s in swaps if not self._stands(s.path, s.new if back else s.old)]
            if changed:
                raise CheckpointError(
                    f"{', '.join(changed)} changed since, so {word}ing would overwrite that. "
                    "Put your change aside first, or take the accepted lines back by hand."
                )
            checkpoint = self._mark(checkpoint, "undoing" if back else "redoing")
            return self._carry_out(checkpoint, swaps)

    def _stands(self, path: str, content: Content | None) -> bool:
        try:
            return same(self._tree.read(path), content)
        except TreeError:
            return False

    def _record(self, swaps: Sequence[Swap], last: int) -> Checkpoint:
        """Write the checkpoint, its manifest last: without one it never was."""
        name = str(max(time.time_ns(), last + 1))
        folder = self._folder / name
        try:
            made = self._tree.missing_folders([swap.path for swap in swaps if swap.new])
            folder.mkdir(mode=0o700, parents=True)
            for number, swap in enumerate(swaps):
                for side, content in zip(_SIDES, (swap.old, swap.new), strict=True):
                    if content is not None:
                        _write(folder / f"{number}.{side}", content.data)
            checkpoint = Checkpoint(name, tuple(swap.path for swap in swaps), "doing", tuple(made))
            modes = {
                side: [None if content is None else {"mode": content.mode} for content in contents]
                for side, contents in zip(_SIDES, zip(*((s.old, s.new) for s in swaps), strict=True), strict=True)
            }
            _save(folder, {"files": checkpoint.files, "folders": made, "state": "doing", **modes})
        except TreeError as error:
            raise CheckpointError(f"Nothing was written: {error}") from error
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CheckpointError(
                f"Nothing was written, because there would be no way back: {folder}: {error.strerror or error}."
            ) from error
        return checkpoint

    def _carry_out(self, checkpoint: Checkpoint, swaps: Sequence[Swap]) -> Checkpoint:
        try:
            self._tree.swap(_way(checkpoint, swaps), checkpoint.id)
        except TreeError as error:
            self._settle(checkpoint, swaps)
            raise CheckpointError(str(error)) from error
        return self._finish(checkpoint, swaps)

    def _finish(self, checkpoint: Checkpoint, swaps: Sequence[Swap]) -> Checkpoint:
        """The files are all there: folders come to the same side, and the work is over."""
        self._tidy(swaps, checkpoint, before=checkpoint.state == "undoing")
        return self._mark(checkpoint, _WORKING[checkpoint.state][0])

    def _settle(self, checkpoint: Checkpoint, swaps: Sequence[Swap]) -> Sequence[str]:
        """Bring work in progress to one side: the new one when all of it is there, else the old one."""
        way = _way(checkpoint, swaps)
        if all(self._stands(swap.path, swap.new) for swap in way):
            self._finish(checkpoint, swaps)
            return []
        kept = self._tree.revert(way, checkpoint.id)
        self._tidy(swaps, checkpoint, before=checkpoint.state != "undoing")
        if state := _WORKING[checkpoint.state][1]:
            self._mark(checkpoint, state)
        else:
            shutil.rmtree(self._folder / checkpoint.id, ignore_errors=True)
        word = {"doing": "accept", "undoing": "undo", "redoing": "redo"}[checkpoint.state]
        told = f"An interrupted {word} of {', '.join(checkpoint.files)} was taken back."
        return [told, *(f"{path} was left as it is, because it changed since." for path in kept)]

    def _tidy(self, swaps: Sequence[Swap], checkpoint: Checkpoint, *, before: bool) -> None:
        """Remove the folders that are empty on this side."""
        if before:
            self._tree.remove_folders(checkpoint.folders)
            return
        for swap in swaps:
            if swap.new is None:
                self._tree.remove_empty_above(swap.path)

    def _mark(self, checkpoint: Checkpoint, state: State) -> Checkpoint:
        folder = self._folder / checkpoint.id
        try:
            _save(folder, {**json.loads((folder / "manifest.json").read_bytes()), "state": state})
        except (OSError, ValueError) as error:
            raise CheckpointError(f"The checkpoint cannot be written: {error}. Start ossa again to mend it.") from error
        return replace(checkpoint, state=state)

    def _prune(self) -> None:
        total, oldest = 0, time.time() - self._max_age
        for number, checkpoint in enumerate(reversed(self.list())):
            folder = self._folder / checkpoint.id
            total += sum(path.stat().st_size for path in folder.glob("*"))
            if number and (checkpoint.time < oldest or total > self._max_bytes):
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Only one process at a time changes the tree; the system gives the lock free if it dies."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CheckpointError(f"Nothing was written: {self._folder} cannot be used: {error.strerror}.") from error
        try:
            if not any(lock(file) or time.sleep(0.05) for _ in range(60)):
                raise CheckpointError("Another ossa is changing files of this repository just now. Try again.")
            yield
        finally:
            os.close(file)


def _way(checkpoint: Checkpoint, swaps: Sequence[Swap]) -> Sequence[Swap]:
    return [swap.reverse for swap in swaps] if checkpoint.state == "undoing" else swaps


def _content(folder: Path, number: int, side: str, manifest: dict[str, Any]) -> Content | None:
    known = manifest[side][number]
    return None if known is None else Content((folder / f"{number}.{side}").read_bytes(), known["mode"])


def _load(folder: Path) -> Checkpoint | None:
    try:
        found: Any = json.loads((folder / "manifest.json").read_bytes())
        if found["state"] not in _STATES:
            return None
        return Checkpoint(folder.name, tuple(found["files"]), found["state"], tuple(found["folders"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(folder: Path, manifest: dict[str, Any]) -> None:
    fresh = folder / "manifest.new"
    fresh.unlink(missing_ok=True)
    _write(fresh, json.dumps(manifest).encode())
    fresh.replace(folder / "manifest.json")
    sync_folder(folder)
    sync_folder(folder.parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
