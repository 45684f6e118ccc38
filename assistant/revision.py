"""A hunk written otherwise, in the draft: by the person's hand, or by whoever wrote it and is asked once more.

    HunkEdit ─► rewrite: the person's lines in exactly its place
    Reroll   ─► Second: the hunk taken out ─► another version asked for ─► what else was done put back
                    └──► none, the same, or one that cannot be told from the rest: all as it was before

Whatever happens, the other hunks of the change stay as they are, to the byte. Where ossa is killed in the middle of a
second try, `mend` brings the hunk back when the session is resumed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.choosing import Choices
from ossa.assistant.diff import CONTEXT, Run, changed_runs
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.edits.syntax import breakage
from ossa.assistant.events import Event, Proposed, Revised, TurnFinished
from ossa.assistant.review import HunkEdit
from ossa.assistant.text import body, ending, join, lines_of, split
from ossa.assistant.turn import Emit


class RevisionError(Exception):
    """The hunk cannot be written otherwise; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Another version of one hunk is wanted; the draft is without it."""

    file: FileChange
    hunk: Hunk
    reason: str
    refused: bytes
    """The file with the version that is not wanted."""
    failing: Sequence[str]
    """Tests that fail with that version, too."""


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever can write another version of a hunk into the draft."""

    ask: Callable[[Wish, Emit], Awaitable[None]]
    choices: Choices
    """The repairs that passed, where it searched for them."""
    anywhere: bool = False
    """Whether the new version may stand in other lines than the old one."""


Files: TypeAlias = Mapping[str, tuple[bytes | None, int | None]]


def find(change: Change, hunk: str) -> tuple[FileChange, Hunk]:
    """The hunk with this id, with its file.

    Raises:
        RevisionError: there is none, or it has no lines that could be other ones.
    """
    found = next(((f, h) for f, h in change.hunks if h.id == hunk), None)
    if found is None:
        raise RevisionError("That part is no longer in the change.")
    file, one = found
    what = "a symbolic link" if file.involves_link else "a binary file" if file.binary else ""
    if not what and file.kind == "modified" and not (one.before or one.after):
        what = "a change of mode"
    if what:
        raise RevisionError(f"{file.path}: {what} has no lines to write otherwise; accept it or reject it.")
    return file, one


def rewrite(draft: Draft, root: Path, change: Change, edit: HunkEdit) -> tuple[tuple[str, ...], str]:
    """Put the person's lines in the place of a hunk's; the change is what the draft was shown to hold.

    Returns:
        The lines as they stand now, and a sentence when the file no longer parses.

    Raises:
        RevisionError: the hunk has no lines, or the draft's file is no longer as it was shown.
        DraftError: the file cannot be written.
    """
    file, hunk = find(change, edit.hunk)
    if _file(draft.change(), file.path) != file:
        raise RevisionError(f"{file.path} changed in the draft meanwhile; look at it again before you edit it.")
    data = draft.read(file.path) or b""
    lines = lines_of(data)
    place = _places(file).get(hunk.id, 0)
    end = place + len(hunk.after)
    after = _as_written_here(edit.after, hunk, last=end == len(lines))
    if after == hunk.after:
        raise RevisionError(f"{file.path}, line {hunk.start + 1}: your version is the one that was there already.")
    if after == hunk.before or file.kind == "deleted":
        take_out(draft, root, change, [hunk.id])
    if after == hunk.before:
        return after, ""
    try:
        new = join([*lines[:place], *after, *lines[end:]])
    except UnicodeEncodeError as error:
        raise RevisionError(f"{file.path} cannot hold what you wrote: {error.reason}.") from error
    draft.write(file.path, new)
    problem = breakage(file.path, _original(file, lines), new) or breakage(file.path, data, new)
    return after, f"{file.path} no longer parses as it stands now: {problem}." if problem else ""


class Second:
    """One hunk's second try: everything else is put back to what it was."""

    def __init__(self, draft: Draft, root: Path, change: Change, file: FileChange, hunk: Hunk) -> None:
        """`change` is what the draft holds, with this hunk in it."""
        self._draft, self._root, self._change = draft, root, change
        self._file, self._hunk = file, hunk
        self._before: Files = {f.path: (draft.read(f.path), draft.permissions(f.path)) for f in change.files}
        self._bare: bytes | None = None

    @property
    def refused(self) -> bytes:
        """The file with the version that is not wanted."""
        return self._before[self._file.path][0] or b""

    def begin(self) -> None:
        """Take the hunk out of the draft.

        Raises:
            DraftError: it cannot be.
        """
        take_out(self._draft, self._root, self._change, [self._hunk.id])
        self._bare = self._draft.read(self._file.path)

    def restore(self) -> None:
        """Bring the draft back to what it was, the refused version included."""
        now = self._draft.change()
        for path in _changed(self._change, now):
            self._put_back(path, now)

    def conclude(self, *, anywhere: bool) -> str:
        """Keep the new version of the hunk and nothing else; a sentence on what was put back.

        Raises:
            RevisionError: there is no new version, so `restore` is to bring back the old one.
        """
        back = [] if anywhere else self._confine()
        path, new = self._file.path, self._draft.read(self._file.path)
        now = self._draft.change()
        kept = {hunk.id for _, hunk in now.hunks}
        others = {hunk.id for _, hunk in self._change.hunks} - {self._hunk.id}
        why = ""
        if kept == others | {self._hunk.id}:
            why = "the same version came again"
        elif kept == others and new == self._bare:
            why = "no other version came"
        elif not others <= kept:
            why = "the new version reaches into other parts of the change"
        if why:
            raise RevisionError(f"{path}, line {self._hunk.start + 1}: {why}, so the old one stays.")
        return f"Only that part was asked for; put back was what the model did in {', '.join(back)}." if back else ""

    def _confine(self) -> list[str]:
        """Put back what is not the hunk; where that was."""
        now = self._draft.change()
        back = [path for path in _changed(self._change, now) if path != self._file.path]
        for path in back:
            self._put_back(path, now)
        if self._file.kind == "modified" and self._bare is not None:
            back += self._confine_lines(self._bare)
        return back

    def _confine_lines(self, bare: bytes) -> list[str]:
        """The same within the hunk's own file."""
        path, mode = self._file.path, self._before[self._file.path][1]
        new = self._draft.read(path)
        old, lines = lines_of(bare), lines_of(new)
        runs = changed_runs(old, lines) if new is not None else []
        wanted = [run for run in runs if self._may(run)]
        if new is not None and wanted == runs and self._draft.permissions(path) == mode:
            return []
        for run in reversed(wanted):
            old[run.a : run.b] = lines[run.c : run.d]
        self._draft.write(path, join(old), mode)
        return [f"other lines of {path}"]

    def _may(self, run: Run) -> bool:
        """Whether changed lines belong to the hunk: they touch its surroundings, and no other hunk."""
        places = _places(self._file, without=self._hunk.id)
        place = places.pop(self._hunk.id)
        for hunk in self._file.hunks:
            start = places.get(hunk.id)
            if start is not None and run.a <= start + len(hunk.after) and start <= run.b:
                return False
        return run.a <= place + len(self._hunk.before) + CONTEXT and place - CONTEXT <= run.b

    def _put_back(self, path: str, now: Change) -> None:
        was = _file(self._change, path)
        if was and was.involves_link:
            return  # what is written to a link goes to the file behind it
        if path in self._before:
            data, mode = self._before[path]
            self._draft.write(path, data, mode)
        elif file := _file(now, path):
            take_out(self._draft, self._root, now, [hunk.id for hunk in file.hunks])


def mend(draft: Draft, history: Iterable[Event]) -> str:
    """Bring back the hunk that was out of the draft for a second try when ossa was killed; a sentence if so."""
    shown, out = Change(), None
    for event in history:
        match event:
            case Proposed(change=change):
                shown, out = change, None
            case Revised(by="model"):
                out = event
            case TurnFinished():
                out = None
            case _:
                pass
    try:
        if out is None or not _put_back(draft, shown, out.hunk):
            return ""
    except DraftError as error:
        return str(error)
    return f"ossa was ended while {out.path}, line {out.line} was to be written anew; the old version is back."


def _put_back(draft: Draft, change: Change, hunk: str) -> bool:
    """Whether a hunk of what was shown could be put back; it cannot where the file is another one by now."""
    try:
        file, one = find(change, hunk)
    except RevisionError:
        return False
    now = _file(draft.change(), file.path)
    if {other.id for other in (now.hunks if now else ())} != {other.id for other in file.hunks} - {hunk}:
        return False
    lines = lines_of(draft.read(file.path))
    place = _places(file, without=hunk).get(hunk, 0)
    if tuple(lines[place : place + len(one.before)]) != one.before:
        return False
    lines[place : place + len(one.before)] = one.after
    draft.write(file.path, None if file.kind == "deleted" else join(lines), file.mode)
    return True


def _places(file: FileChange, without: str = "") -> dict[str, int]:
    """Where the lines of each hunk begin in the file as the draft has it, or would have it without one of them."""
    places: dict[str, int] = {}
    shift = 0
    for hunk in sorted((h for h in file.hunks if h.before or h.after), key=lambda hunk: hunk.start):
        places[hunk.id] = hunk.start + shift
        if hunk.id != without:
            shift += len(hunk.after) - len(hunk.before)
    return places


def _original(file: FileChange, lines: Sequence[str]) -> bytes:
    """The file without its change, from its lines with it."""
    original = list(lines)
    places = _places(file)
    for hunk in sorted(file.hunks, key=lambda hunk: -places.get(hunk.id, 0)):
        place = places.get(hunk.id, 0)
        original[place : place + len(hunk.after)] = hunk.before
    return join(original)


def _as_written_here(after: Sequence[str], hunk: Hunk, *, last: bool) -> tuple[str, ...]:
    """The person's lines with the endings of the lines around; only a file's last line may go without."""
    around = [ending(line) for line in (*hunk.lead, *hunk.before, *hunk.after, *hunk.trail) if ending(line)]
    usual = "\r\n" if around and set(around) == {"\r\n"} else "\n"
    bare = last and bool(hunk.after) and not ending(hunk.after[-1])
    lines = split("".join(after))
    whole = lines[:-1] if bare and lines and not ending(lines[-1]) else lines
    ended = [line if ending(line) == "\r\n" else body(line) + usual for line in whole]
    return (*ended, *lines[len(whole) :])


def _file(change: Change, path: str) -> FileChange | None:
    return next((file for file in change.files if file.path == path), None)


def _changed(before: Change, now: Change) -> list[str]:
    """The files that the two do not do the same to."""
    paths = dict.fromkeys(file.path for file in (*before.files, *now.files))
    return [path for path in paths if _file(before, path) != _file(now, path)]
