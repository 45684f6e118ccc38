"""The draft as an overlay: what it writes lies in a folder above the working tree, at the repository's own path.

    working tree (never written) ◄─ upper/ (the draft's files and whiteouts) ◄─ scratch-*/upper (thrown away)

The overlay is mounted anew by every command, inside its sandbox; from outside the layers are read and edited here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from ossa.assistant.draft import Command, Completed, Isolation
from ossa.assistant.drafts.found import standing
from ossa.assistant.drafts.layers import Layers
from ossa.assistant.drafts.recorded import RecordedDraft, is_noise, stage
from ossa.assistant.drafts.sandbox import Sandbox, View, remove
from ossa.assistant.repository import Repository


class OverlayDraft(RecordedDraft):
    """A draft that costs nothing to make, confined by bubblewrap."""

    def __init__(self, repository: Repository, folder: Path, sandbox: Sandbox) -> None:
        """Go on from what is in `folder`, or start afresh; `sandbox` is one that can overlay.

        Raises:
            DraftError: another process works on it.
        """
        super().__init__(repository, folder)
        self._sandbox = sandbox
        self._upper, self._work = folder / "upper", folder / "work"
        self._reads = repository.outer()
        self._layers = Layers(repository.root, self._upper)
        self._prepare()
        self._absorb()

    @property
    def isolation(self) -> Isolation:
        return Isolation("overlay", True, "confined by bubblewrap", self._sandbox.missing)

    def _prepare(self) -> None:
        remove(self._work)
        for folder in (self._upper, self._work):
            folder.mkdir(exist_ok=True)

    def _find(self, path: str) -> Path | None:
        return self._layers.place(path).entry

    def _put(self, path: str, data: bytes, mode: int) -> None:
        self._put_into(self._layers, path, data, mode)

    def _put_into(self, layers: Layers, path: str, data: bytes, mode: int) -> None:
        staged = self._folder / "staged"
        stage(staged, data, mode)
        layers.put(path, staged)

    def _remove(self, path: str) -> None:
        self._layers.remove(path)

    def _release(self, path: str) -> bool:
        return self._layers.uncover(path)

    def _open_up(self, paths: Sequence[str]) -> None:
        gone = [path for path in self._found.paths if self._find(path) is None]
        folders = {folder for path in paths for folder in (path, *map(str, PurePosixPath(path).parents))}
        for folder in sorted(folders - {"."}):
            self._layers.open_up(folder, gone)

    def _wipe(self) -> None:
        remove(self._upper)
        self._prepare()

    def _touched(self) -> set[str]:
        touched: set[str] = set()
        covers: list[str] = []
        for path, touch in self._layers.walk(is_noise):
            below = standing(self._repository.root, path)
            covers_folder = below is not None and below.is_dir() and not below.is_symlink()
            if covers_folder:
                covers.append(f"{path}/")
            elif touch == "opaque" and below is None:
                self._layers.open_up(path)  # a new folder hides nothing yet, and is not to hide what the person adds
            if touch == "file" or (not covers_folder and below):
                touched.add(path)
        listed = self._repository.files() if covers else []
        touched.update(path for path in listed if path.startswith(tuple(covers)))
        inner = self._repository.repositories() if covers else []  # whole ones within this one
        touched.update(f"{folder}/.git" for folder in inner if f"{folder}/".startswith(tuple(covers)))
        touched.update(path for path in self._found.paths if self._layers.place(path).touched)
        return touched

    async def _execute(self, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        self._drop_stale_index()
        view = View.layered(self.root, [self.root], self._upper, self._work, self._reads)
        return await self._sandbox.run(command, view, on_output)

    async def _try_out(self, command: Command, folder: Path, on_output: Callable[[str], None] | None) -> Completed:
        upper, work = folder / "upper", folder / "work"
        upper.mkdir()
        work.mkdir()
        for path, data in self._trial(command).items():
            self._put_into(Layers(self.root, upper), path, data, self.permissions(path) or 0o644)
        view = View.layered(self.root, [self.root, self._upper], upper, work, self._reads, command.written_at)
        return await self._sandbox.run(command, view, on_output)

    def _drop_stale_index(self) -> None:
        """Forget the draft's git index where the person has used git since, so that git in it is not confused."""
        mine, theirs = (folder / ".git" / "index" for folder in (self._upper, self.root))
        if mine.is_file() and theirs.is_file() and theirs.stat().st_mtime_ns > mine.stat().st_mtime_ns:
            mine.unlink()
