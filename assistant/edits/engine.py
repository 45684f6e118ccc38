"""The edit engine: from what a model wrote to the files of the draft, all of it or nothing.

    text ─► parse ─► plan: each section located, the new lines fitted to the file, the result still parses ─► draft

Unchanged lines of the result come from the file, never from the patch; what the file has of line endings, byte order
mark, encoding and final newline stays.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.edits.encoded import content
from ossa.assistant.edits.fitting import updated
from ossa.assistant.edits.parse import parse
from ossa.assistant.edits.patch import Delete, EditError, Patch, Step, Update
from ossa.assistant.edits.syntax import breakage
from ossa.assistant.safepath import inside
from ossa.assistant.secretfile import looks_secret

__all__ = ["Edit", "EditError", "apply_to", "parse", "paths", "plan"]


_STANDS_FOR_OTHERS = re.compile(
    r"\W*(\.\.\.|\u2026)[\s(\[]*(the |all )?(rest|existing|remaining|unchanged|other|same|previous)\b"
    r"|\W*(the )?(rest|remainder) of (the |this )?(code|file|class|function|content)\b.*(unchanged|same|\.\.\.|\u2026)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a file becomes."""

    data: bytes | None
    """None takes it away."""
    moved_from: str = ""
    """The file whose permissions it takes over."""


def apply_to(draft: Draft, text: str) -> list[str]:
    """Apply a patch to the draft, all of it or nothing; returns the paths it touched, sorted.

    Raises:
        EditError: it cannot be applied; the draft is as it was.
    """
    try:
        edits = plan(parse(text), draft.read, root=draft.root, files=draft.files)
        before = {path: draft.read(path) for path in edits}
        modes = {path: draft.permissions(edit.moved_from) for path, edit in edits.items() if edit.moved_from}
    except DraftError as error:
        raise EditError(str(error)) from error
    written: list[str] = []
    try:
        for path, edit in edits.items():
            written.append(path)
            draft.write(path, edit.data, modes.get(path))
    except DraftError as error:
        for path in reversed(written):
            with contextlib.suppress(DraftError):
                draft.write(path, before[path])
        raise EditError(f"{error} Nothing was changed.") from error
    return sorted(edits)


def plan(
    patch: Patch,
    read: Callable[[str], bytes | None],
    *,
    root: Path | None = None,
    files: Callable[[], Iterable[str]] | None = None,
) -> Mapping[str, Edit]:
    """What every file that the patch names becomes, in memory.

    Args:
        patch: what the model wants.
        read: a file's content by its path from the root, None where there is none.
        root: the repository, so that absolute paths into it are understood.
        files: lists the files there are, to name the likely one when a path is wrong.

    Raises:
        EditError: any part of it cannot be done.
    """
    planner = _Planner(read, root, files)
    for step in patch.steps:
        planner.take(step)
    return planner.result()


class _Planner:
    """The files as the steps so far have left them."""

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        root: Path | None,
        files: Callable[[], Iterable[str]] | None,
    ) -> None:
        self._read = read
        self._root = root
        self._files = files
        self._before: dict[str, bytes | None] = {}
        self._now: dict[str, bytes | None] = {}
        self._moved: dict[str, str] = {}

    def take(self, step: Step) -> None:
        path = safe_path(step.path, self._root)
        data = self._data(path)
        if isinstance(step, Update):
            self._update(step, path, self._existing(path, data))
        elif isinstance(step, Delete):
            if self._existing(path, data) and step.emptied:
                raise EditError(f"{path} has lines that the patch does not show as removed; it is not deleted.")
            self._now[path] = None
        elif step.new and data:
            raise EditError(
                f"{path} exists already. To change it, use `*** Update File: {path}`; to write it anew, "
                f"put `*** Delete File: {path}` before."
            )
        else:
            self._now[path] = content(path, step.lines, data, ends=step.ends)
            if data and (left_out := _left_out(step.lines, data)):
                raise EditError(
                    f"{path} would lose what {left_out[:80]!r} stands for. Send the whole file, or only the changes "
                    f"after `*** Update File: {path}`."
                )

    def result(self) -> dict[str, Edit]:
        edits: dict[str, Edit] = {}
        for path, data in self._now.items():
            before = self._before[path]
            source = self._moved.get(path, path)
            if data == before:
                continue
            known = self._before[source]
            if data is not None and known is not None and (problem := breakage(path, known, data)):
                raise EditError(
                    f"With this patch {path} would no longer parse: {problem}. Correct it and send all of it."
                )
            edits[path] = Edit(data, self._moved.get(path, ""))
        if not edits:
            raise EditError("The patch changes nothing: every file is as it says already.")
        return edits

    def _update(self, step: Update, path: str, data: bytes) -> None:
        data = updated(path, data, step.sections, ordered=step.ordered) if step.sections else data
        if not step.move_to:
            self._now[path] = data
            return
        goal = safe_path(step.move_to, self._root)
        if goal != path and self._data(goal) is not None:
            raise EditError(f"{path} cannot be moved to {goal}: there is such a file already.")
        self._now[path] = None
        self._now[goal] = data
        self._moved[goal] = self._moved.get(path, path)

    def _data(self, path: str) -> bytes | None:
        if path not in self._now:
            data = self._read(path)
            if data is not None and self._files and looks_secret(path) and path not in self._files():
                raise EditError(f"{path} is ignored by git and looks like it holds secrets; leave it alone.")
            self._before[path] = self._now[path] = data
        return self._now[path]

    def _existing(self, path: str, data: bytes | None) -> bytes:
        if data is not None:
            return data
        known = list(self._files()) if self._files else []
        name = PurePosixPath(path).name
        near = [p for p in known if PurePosixPath(p).name == name] or get_close_matches(path, known, 3)
        hint = f" Did you mean {' or '.join(near[:3])}?" if near else ""
        raise EditError(f"There is no file {path}.{hint}")


def paths(text: str) -> list[str]:
    """The paths that a patch names, as it names them; none where it cannot be read."""
    try:
        steps = parse(text).steps
    except EditError:
        return []
    return list(dict.fromkeys(step.path for step in steps))


def safe_path(path: str, root: Path | None = None) -> str:
    """The path from the root of the repository, with "/".

    Raises:
        EditError: it leads out of the repository or into `.git`, or is no path of a file.
    """
    below = path
    if root is not None and PurePosixPath(path).is_relative_to(root):
        below = str(PurePosixPath(path).relative_to(root))
    if not _nameable(below):
        raise EditError(f"{path[:200]!r} is no path of a file.")
    try:
        return inside(below)
    except DraftError as error:
        raise EditError(str(error)) from error


def _left_out(lines: Iterable[str], before: bytes) -> str:
    """A line that stands for others, such as `# ... existing code ...`, where the file has no such line itself."""
    known = before.decode("utf-8", "replace")
    return next((line.strip() for line in lines if _STANDS_FOR_OTHERS.match(line) and line.strip() not in known), "")


def _nameable(path: str) -> bool:
    """Whether it can be a file's, is without control characters and not in `~`; `inside` looks at the rest."""
    plain = all(ord(c) >= 32 and ord(c) != 127 for c in path) and not path.startswith("~/")
    return plain and path.rstrip("/.") != "" and not path.endswith("/")
