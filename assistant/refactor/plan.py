"""From a wish to a change in the draft: find the definition, work out what files become, write all of it or nothing.

Wish ─► target.find ─► python.worked_out, or other.reworked ─► draft.write ─► Outcome
"""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.edits.syntax import breakage
from ossa.assistant.index.languages import language_of
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.index.walk import LARGEST
from ossa.assistant.refactor import other, python, target
from ossa.assistant.refactor.wish import Left, Outcome, Refused, Target, Wish
from ossa.assistant.secretfile import looks_secret
from ossa.assistant.testing.environments import common, of_interpreter, own
from ossa.assistant.text import BINARY_PROBE
from ossa.assistant.threads import in_thread

PYTHON = (".py", ".pyi")
_HELPER = re.compile(rb"^(?:async +)?(?:def|class) +(_\w+)", re.MULTILINE)
"""What may go along with what moves."""
_SEARCHED = 50
"""Files that are looked into where the index knows nothing."""
_SHOWN = 30
"""Places that are told."""


class Refactoring:
    """Carries out wishes in one draft."""

    def __init__(self, draft: Draft, defined: Callable[[str], Sequence[Symbol]]) -> None:
        """`defined` is what the index knows: every definition of a name."""
        self._draft, self._defined = draft, defined

    async def carry_out(self, wish: Wish) -> Outcome:
        """Change the draft; where that cannot be, the outcome has the problem, and the draft is as it was.

        Raises:
            DraftError: the draft cannot be read or written.
        """
        try:
            _see_text(wish)
            found, files, definitions = await in_thread(self._gather, wish)
            if not found.name and wish.what == "signature":
                raise Refused(f"{wish.symbol[:120]} is a module, which has no parameters.")
            if not found.name or found.path.endswith(PYTHON):
                outcome = await python.worked_out(wish, found, files, _packages(self._draft.root))
            else:
                outcome = await in_thread(other.reworked, wish, found, files, definitions)
            return outcome if outcome.problem else await in_thread(self._write, outcome, files)
        except Refused as error:
            return Outcome(problem=str(error))

    def _gather(self, wish: Wish) -> tuple[Target, Mapping[str, bytes], int]:
        """The definition, the files in which it may be used, and how many definitions have its name."""
        draft = self._draft
        touched = [file.path for file in draft.change().files if file.kind != "deleted"]
        listed = draft.files()
        found = self._found(wish, touched, listed)
        whole = "" if found.name or found.path in listed else f"{found.path}/"
        name = found.name.rpartition(".")[2] or PurePosixPath(found.path).stem
        words = {name.encode(), wish.to.encode()}
        if wish.what == "move" and found.name:
            words.update(_HELPER.findall(draft.read(found.path) or b""))
        sought = re.compile(rb"(?<!\w)(" + b"|".join(map(re.escape, sorted(words))) + rb")(?!\w)")
        files: dict[str, bytes] = {}
        for path in listed:
            if whole and path.startswith(whole):
                files[path] = self._carried(path)
                continue
            if looks_secret(path):
                continue
            data = draft.read(path)
            if data is None or len(data) > LARGEST:
                continue
            if path.endswith(PYTHON) or (sought.search(data) and b"\0" not in data[:BINARY_PROBE]):
                files[path] = data
        places = {(one.path, one.line) for one in self._defined(name)} | {(found.path, found.line)}
        return found, files, len({place for place in places if place[0] in files})

    def _found(self, wish: Wish, touched: Sequence[str], listed: Sequence[str]) -> Target:
        """The definition, or the module.

        Raises:
            Refused: there is none, or there are several.
        """
        is_place = wish.symbol.endswith("/") or wish.symbol.removeprefix("./") in listed
        if is_place and (found := target.module(wish.symbol, listed)):
            return found
        known = self._defined(_last(wish.symbol))
        if not known:  # the index is not ready, or the name is none
            touched = sorted({*touched, *self._mentioning(_last(wish.symbol), listed)})
        try:
            return target.find(wish.symbol, lambda _: known, self._draft.read, touched)
        except Refused:
            if found := target.module(wish.symbol, listed):
                return found
            raise

    def _carried(self, path: str) -> bytes:
        """A file of a package that goes elsewhere, which goes along whatever it is.

        Raises:
            Refused: it is a link, or too large.
        """
        data = self._draft.read(path)
        if data is None or len(data) > LARGEST:
            raise Refused(f"{path} cannot go along: it is no plain file, or too large.")
        return data

    def _mentioning(self, name: str, files: Sequence[str]) -> list[str]:
        """Some of the files in which a name stands, where the index tells none."""
        if not name.isidentifier():
            return []
        sought = re.compile(rb"(?:class|def|func|fn|function|struct|interface)\s+" + name.encode() + rb"(?!\w)")
        code = [path for path in files if language_of(path) is not None and not looks_secret(path)]
        found = (path for path in code if sought.search(self._draft.read(path) or b""))
        return list(islice(found, _SEARCHED))

    def _write(self, outcome: Outcome, files: Mapping[str, bytes]) -> Outcome:
        """Put the files into the draft.

        Raises:
            Refused: one of them would no longer parse, or nothing changes.
        """
        changed: dict[str, bytes | None] = dict.fromkeys(outcome.came.values())
        changed |= {path: data for path, data in outcome.files.items() if data != files.get(path)}
        for path, data in changed.items():
            if data is not None and (problem := breakage(path, files.get(outcome.came.get(path, path), b""), data)):
                raise Refused(f"{path} would no longer parse ({problem}), so nothing was changed.")
        if not changed:
            raise Refused("That would change nothing.")
        fresh = changed.keys() - files.keys()
        for path in fresh:
            self._see_free(path)
        written: list[str] = []
        modes = {path: self._draft.permissions(outcome.came.get(path, path)) for path in changed}
        try:
            for path, data in changed.items():
                written.append(path)
                self._draft.write(path, data, modes[path])
            if fresh and (lost := fresh - {file.path for file in self._draft.change().files}):
                raise DraftError(f"{min(lost)} would be no part of the change, as git ignores it.")
        except DraftError as error:
            for path in reversed(written):
                with contextlib.suppress(DraftError):
                    self._draft.write(path, files.get(path), modes[path])
            raise Refused(f"{error} Nothing was changed.") from error
        kept = {path: data for path, data in changed.items() if data is not None}
        return Outcome(kept, outcome.came, outcome.places, outcome.left, outcome.notes)

    def _see_free(self, path: str) -> None:
        """See that a file that is to be made is not there.

        Raises:
            Refused: it is there, but not among the files that were looked at.
        """
        if self._draft.permissions(path) is not None:
            raise Refused(f"{path} is there already, but is ignored by git, too large or secret; nothing was changed.")


def _packages(root: Path) -> list[str]:
    """Where the packages of the project's own environments, or of the active one, are installed."""
    programs = [*own(root), *common()[:1]]
    folders = [folder for program in programs if (folder := of_interpreter(program))]
    return [str(place) for folder in folders for place in sorted(folder.glob("[Ll]ib/**/site-packages"))]


def _see_text(wish: Wish) -> None:
    """See that what was typed is text throughout.

    Raises:
        Refused: a part of it cannot be written as UTF-8, or is a NUL.
    """
    for part in (wish.symbol, wish.to):
        if "\0" in part or any("\ud800" <= letter <= "\udfff" for letter in part):
            raise Refused("What is to be refactored has letters that are none in UTF-8; type it anew.")


def _last(symbol: str) -> str:
    """The name at the end of what was typed."""
    return re.split(r"[.:]", symbol.strip())[-1]


def told(outcome: Outcome) -> str:
    """What came of it, for a person or a model."""
    lines = [outcome.problem] if outcome.problem else [_counted(outcome)]
    lines += outcome.notes
    if outcome.left:
        lines.append("Places:" if outcome.problem else "Left as they are, to be looked at:")
        lines += [_line(one, bare=bool(outcome.problem)) for one in outcome.left[:_SHOWN]]
        lines += [f"… and {len(outcome.left) - _SHOWN} more"] if len(outcome.left) > _SHOWN else []
    return "\n".join(lines)


def _counted(outcome: Outcome) -> str:
    files = sorted(outcome.files)
    places = "1 place" if outcome.places == 1 else f"{outcome.places} places"
    shown = ", ".join(files[:_SHOWN]) + (" …" if len(files) > _SHOWN else "")
    return f"Changed {places} in {len(files)} file{'s' * (len(files) != 1)}: {shown}."


def _line(one: Left, *, bare: bool) -> str:
    why = "" if bare else f"  – {one.why}"
    return f"{PurePosixPath(one.path)}:{one.line}: {one.text}{why}"
