"""`/commit`: the files accepted in this session, and nothing else, into the person's repository.

    accepted, not undone, not committed ─► those that differ from HEAD ─► message ─► git commit --only ─► Committed

Git runs as the person's own would: their configuration, identity, hooks and signature. What they have staged of other
files stays staged. It never asks: no editor, no pager, no prompt. Where no commit comes of it, the index is as it was.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.accepting.checkpoints import Checkpoint, CheckpointError, Checkpoints
from ossa.assistant.change import Change
from ossa.assistant.commitmessage import plain, written
from ossa.assistant.diff import diff_file
from ossa.assistant.draft import Completed
from ossa.assistant.events import Committed, End, Failure, Notice, StepFinished, StepOutput, StepStarted
from ossa.assistant.repository import Repository
from ossa.assistant.safepath import leads_to
from ossa.assistant.shell import unconfined
from ossa.assistant.threads import in_thread, to_its_end
from ossa.assistant.timeline import Timeline
from ossa.assistant.turn import Emit
from ossa.model.base import LanguageModel

_STEP = "commit"
_NAMED = 3
"""Files that the step's title names; more are counted."""
_ENVIRONMENT = {"GIT_EDITOR": ":", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits what was accepted in one session."""

    repository: Repository
    model: LanguageModel
    timeline: Timeline
    checkpoints: Checkpoints

    async def commit(self, message: str, emit: Emit) -> End:
        """Commit what stands accepted; without a message the model writes one from the change."""
        if not self.repository.is_git:
            emit(Failure("This folder is no git repository, so there is nothing to commit to."))
            return "failed"
        change = await in_thread(self._change)
        if not change:
            emit(Failure("There is nothing to commit: no file that was accepted in this session differs from HEAD."))
            return "failed"
        if own := await in_thread(self._own, change):
            emit(Notice(f"You changed {', '.join(own)} yourself, too; the commit takes all that is in there."))
        text = message.strip() or await self._message(change, emit)
        return await self._commit([file.path for file in change.files], text, emit)

    def _change(self) -> Change:
        """What a commit of the accepted files would be."""
        differing = self.repository.status()
        paths = [path for path in self.timeline.uncommitted if path in differing]
        changes = (diff_file(path, self._committed(path), self._now(path)) for path in paths)
        return Change(tuple(change for change in changes if change))

    def _committed(self, path: str) -> bytes | None:
        known = self.repository.git("ls-tree", "-z", "--name-only", "--full-tree", "HEAD", "--", path)
        return self.repository.git("cat-file", "--filters", f"HEAD:{path}") if known else None

    def _now(self, path: str) -> bytes | None:
        place = self.repository.root / path
        if place.is_symlink():
            return os.fsencode(leads_to(place))
        return place.read_bytes() if place.is_file() else None

    def _own(self, change: Change) -> list[str]:
        """Files that hold more than what was accepted."""
        known = {checkpoint.id: checkpoint for checkpoint in self.checkpoints.list()}
        return [file.path for file in change.files if not self._is_ours(file.path, known)]

    def _is_ours(self, path: str, known: Mapping[str, Checkpoint]) -> bool:
        """Whether a file leads from HEAD to what stands there now by accepts alone."""
        state = self._committed(path)
        try:
            for name in self.timeline.checkpoints(path):
                swap = next(swap for swap in self.checkpoints.swaps(known[name]) if swap.path == path)
                if state != (swap.old.data if swap.old else None):
                    return False
                state = swap.new.data if swap.new else None
        except (CheckpointError, KeyError, StopIteration):
            return False
        return state == self._now(path)

    async def _message(self, change: Change, emit: Emit) -> str:
        """A message for the change, from the model where it is one that can."""
        fixed = self.timeline.fixed
        if not self.model.info.calls_tools:
            return await in_thread(plain, change, self._now, fixed)
        emit(StepStarted("message", "write the commit message"))
        text = await written(self.model, change) or await in_thread(plain, change, self._now, fixed)
        emit(StepFinished("message", True, text.partition("\n")[0], text))
        return text

    async def _commit(self, paths: Sequence[str], message: str, emit: Emit) -> End:
        before = self._head()
        new = sorted(set(paths) - self._tracked(paths))
        what = ", ".join(paths) if len(paths) <= _NAMED else f"{len(paths)} files"
        emit(StepStarted(_STEP, f"git commit {what}", message))
        text = message.replace("\0", "").encode("utf-8", "replace").decode()
        done: Completed | None = None
        try:
            if new:
                await self._git([*_NO_HOOKS, "add", "--intent-to-add", "--", *_literally(new)])
            done = await self._git(
                ["commit", "--only", "-m", text, "--", *_literally(paths)],
                lambda output: emit(StepOutput(_STEP, output)),
            )
        finally:
            made = await to_its_end(self._conclude(before, new, done))
            if made:
                emit(StepFinished(_STEP, True, made, done.output if done else ""))
                emit(Committed(made, text, tuple(paths)))
        if made:
            return "answered"
        output = done.output if done else ""
        emit(StepFinished(_STEP, False, "no commit", output))
        emit(Failure(f"Git made no commit: {_words(output)}"))
        return "failed"

    async def _conclude(self, before: str, new: Sequence[str], done: Completed | None) -> str:
        """The abbreviated id of the new commit; where there is none, "", and the index is as it was."""
        head = self._head()
        if head != before and (done is None or done.exit_code == 0):
            return head[:10]
        if new:
            await self._git([*_NO_HOOKS, "update-index", "--force-remove", "--", *new])
        return ""

    def _head(self) -> str:
        return self.repository.git("rev-parse", "--quiet", "--verify", "HEAD").decode().strip()

    def _tracked(self, paths: Sequence[str]) -> set[str]:
        out = self.repository.git("ls-files", "-z", "--", *_literally(paths))
        return set(out.decode("utf-8", "surrogateescape").split("\0"))

    async def _git(self, arguments: Sequence[str], on_output: Callable[[str], None] = lambda _: None) -> Completed:
        return await unconfined(["git", *arguments], self.repository.root, on_output, _ENVIRONMENT)


def _literally(paths: Sequence[str]) -> list[str]:
    """The paths as git takes them, without a meaning of their asterisks; by option the hooks would inherit that."""
    return [f":(literal){path}" for path in paths]


def _words(output: str) -> str:
    """The line of git's that says why."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    why = (line for line in lines if line.startswith(("fatal:", "error:")))
    return next(why, lines[-1] if lines else "it gave no reason.")
