"""The draft as a copy of the working tree, for machines or repositories where nothing can be overlaid.

    working tree ─► Mirror (brought up to date before every command) ─► scratch-*/copy (thrown away)

Not a linked git worktree: that would write into the repository's `.git/worktrees`, stay there after a kill, lack the
uncommitted work, and let a command in it move the person's branches, stash and hooks. A plain copy of the tracked and
untracked-not-ignored files has none of that, works without git, and costs next to nothing where the file system shares
blocks. It gets a git folder of its own, at the same commit, which borrows the repository's objects.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ossa.assistant.draft import Command, Completed, DraftError, Isolation
from ossa.assistant.drafts import environment, process
from ossa.assistant.drafts.found import standing
from ossa.assistant.drafts.mirror import Mirror
from ossa.assistant.drafts.recorded import RecordedDraft
from ossa.assistant.drafts.sandbox import Sandbox, View
from ossa.assistant.repository import Repository

MISSING = (
    "it can change and delete any of your files, those of the working tree, too",
    "it can reach the network, and the programs that listen on this machine",
    "it can read your keys, tokens and histories where it finds them in files",
    "it can see your other programs and end them",
    "a process of it that detaches itself may outlive it",
    "processor time, memory and file size are limited for each process, not for all together",
)


class CopyDraft(RecordedDraft):
    """A draft in a copy: confined where bubblewrap works at all, else only out of the way."""

    def __init__(self, repository: Repository, folder: Path, sandbox: Sandbox | None, why: str) -> None:
        """Go on from what is in `folder`, or start afresh; `why` says why it is no overlay.

        Raises:
            DraftError: another process works on it.
        """
        super().__init__(repository, folder)
        self._sandbox, self._why = sandbox, why
        self._mirror = Mirror(repository, folder)
        self._mirror.settle_unfinished(self._found)
        self._updating = asyncio.Lock()
        self._absorb()

    @property
    def root(self) -> Path:
        return self._repository.root if self._sandbox else self._mirror.folder

    @property
    def isolation(self) -> Isolation:
        if self._sandbox:
            summary = f"confined by bubblewrap, in a copy: {self._why}"
            return Isolation("copy", True, summary, self._sandbox.missing)
        missing = "commands can write anywhere, reach the network and read your secrets"
        return Isolation("copy", False, f"NOT confined: {self._why}; {missing}", MISSING)

    def _find(self, path: str) -> Path | None:
        theirs = None if path in self._found else standing(self._repository.root, path)
        return theirs or self._mirror.find(path)

    def _put(self, path: str, data: bytes, mode: int) -> None:
        self._mirror.put(path, data, mode)

    def _remove(self, path: str) -> None:
        self._mirror.take_out(path)

    def _release(self, path: str) -> bool:
        self._mirror.note(path)
        return True

    def _open_up(self, paths: Sequence[str]) -> None:
        """The copy follows the working tree file by file, so that nothing is hidden in it."""

    def _wipe(self) -> None:
        self._mirror.wipe()

    def _touched(self) -> set[str]:
        return self._mirror.touched()

    async def _execute(self, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        await self._update()
        return await self._run_in(self._mirror.folder, command, on_output)

    async def _try_out(self, command: Command, folder: Path, on_output: Callable[[str], None] | None) -> Completed:
        await self._update()
        copying = await asyncio.create_subprocess_exec("cp", "-a", str(self._mirror.folder), str(folder / "copy"))
        if await copying.wait():
            raise DraftError("The draft cannot be copied to try something out; is the disk full?")
        for path, data in self._trial(command).items():
            (folder / "copy" / path).write_bytes(data)
        return await self._run_in(folder / "copy", command, on_output)

    async def _update(self) -> None:
        async with self._updating:
            try:
                await asyncio.to_thread(self._mirror.update, self._found)
            except OSError as error:
                raise DraftError(f"The working tree cannot be copied: {error.strerror or error}.") from error

    async def _run_in(self, copy: Path, command: Command, on_output: Callable[[str], None] | None) -> Completed:
        if self._sandbox:
            return await self._sandbox.run(command, self._view(copy), on_output)
        env = environment.variables(command.env)
        cwd = copy / command.workdir
        return await process.run(process.Group(), command.argv, command, env=env, cwd=cwd, on_output=on_output)

    def _view(self, copy: Path) -> View:
        """The copy in the repository's place, with mounts where it has links into the repository."""
        borrowed = self._mirror.borrowed()
        for name in borrowed:
            link = copy / name
            if link.is_symlink():
                link.unlink()
            link.mkdir(exist_ok=True)
        return View.copied(
            self._repository.root, copy, {self._repository.root / n: real for n, real in borrowed.items()}
        )
