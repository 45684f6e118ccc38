"""What a prompt attaches: files and parts of them, folders, definitions, what was printed or failed last.

prompt ─► mentions ─► Attachments.of() ─► Attached…, and a sentence for each that cannot be had
"""

import difflib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from ossa.assistant.context.parts import Attached
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import Ran
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.mentions import FAILURES, OUTPUT, Mention, mentions, named_lines
from ossa.assistant.text import BINARY_PROBE
from ossa.assistant.trim import essence, shorten

Definitions: TypeAlias = Callable[[str], Sequence[Symbol]]
"""Looks up every definition of exactly this name."""

_FILE, _FOLDER, _OUTPUT = 60_000, 60_000, 12_000
"""Characters of a file, of all files of a folder, and of a command's output."""
_DEFINITIONS = 3
"""Definitions of one name that are attached."""
_GONE = "-"
"""Stands for the digest of a file that is not there."""


def no_definitions(_: str) -> Sequence[Symbol]:
    """For where there is no index."""
    return ()


class Attachments:
    """Reads what prompts mention, as the draft has it."""

    def __init__(self, draft: Draft, definitions: Definitions = no_definitions) -> None:
        self._draft, self._definitions = draft, definitions

    def of(self, prompt: str, ran: Ran | None = None, failures: str = "") -> tuple[list[Attached], list[str]]:
        """What the prompt mentions, each once, in its order, and a sentence for each that cannot be had, or not whole.

        `ran` is the person's last command, `failures` tells of the tests that failed last.
        """
        notices: list[str] = []
        found: dict[str, Attached] = {}
        for mention in mentions(prompt):
            for attached in self._of(mention, ran, failures, notices):
                found.setdefault(attached.name, attached)
        return list(found.values()), notices

    def file(self, path: str) -> Attached | None:
        """A whole file; None where there is none that could be shown."""
        data = self._read(path)
        if data is None or _is_binary(data):
            return None
        return _whole(path, data)

    def digest(self, path: str) -> str:
        """By which a change of the file is seen."""
        data = self._read(path)
        return _digest(data) if data is not None else _GONE

    def renewed(self, old: Attached) -> Attached:
        """What tells of a file's change since it was attached: the difference, or all of it where that is shorter."""
        new = self.file(old.path)
        if new is None:
            return Attached(f"{old.path}, gone", f"`{old.path}` is no longer there.", old.path, digest=_GONE)
        lines = difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), "before", "now", n=3, lineterm="")
        difference = "\n".join(lines)
        name = f"{old.path}, changed"
        if old.whole and len(difference) < len(new.text):
            text = f"`{old.path}` was changed by the person since it was shown:\n{_fenced(difference, 'diff')}"
            return replace(new, name=name, text=text, whole=False)
        return replace(new, name=name, text=f"Changed by the person since it was shown:\n{new.text}")

    def _of(self, mention: Mention, ran: Ran | None, failures: str, notices: list[str]) -> Iterator[Attached]:
        if mention.target in (OUTPUT, FAILURES):
            text = of_command(ran) if mention.target == OUTPUT and ran else None
            text = of_failures(failures) if mention.target == FAILURES and failures else text
            if text:
                yield text
            else:
                notices.append(f"There is nothing to attach for @{mention.target} yet.")
            return
        try:
            data = self._draft.read(mention.target.rstrip("/"))
        except DraftError as error:
            notices.append(str(error))
            return
        if data is None:
            yield from self._folder(mention.target, notices) or self._defined(mention, notices)
        elif _is_binary(data):
            notices.append(f"{mention.target} is a binary file and was not attached.")
        elif mention.first:
            yield _lines(mention, data)
        else:
            if len(data) > _FILE:
                notices.append(
                    f"{mention.target} is long: its middle was left out. Attach a part by @{mention.target}:10-40."
                )
            yield _whole(mention.target, data)

    def _folder(self, path: str, notices: list[str]) -> list[Attached]:
        """The files below a folder, as many as there is room for."""
        top = f"{path.strip('/').removeprefix('./')}/"
        below = [p for p in self._draft.files() if p.startswith(top)] if top != "/" else []
        found: list[Attached] = []
        room = _FOLDER
        for name in below:
            file = self.file(name)
            if file and len(file.text) <= room:
                room -= len(file.text)
                found.append(file)
        if left := len(below) - len(found):
            notices.append(f"{left} of the {len(below)} files in {top} are binary or too much and were not attached.")
        return found

    def _defined(self, mention: Mention, notices: list[str]) -> list[Attached]:
        """The definitions of a name, or of one within another: "Parser.feed"."""
        parent, _, name = mention.target.rpartition(".")
        known = [s for s in self._definitions(name) if not parent or _within(s.parent, parent) or _in(s.path, parent)]
        if not known:
            notices.append(f"There is no file {mention.target} to attach.")
        if len(known) > _DEFINITIONS:
            left = len(known) - _DEFINITIONS
            notices.append(f"{mention.target} is defined {len(known)} times; {left} of them were not attached.")
        found: list[Attached] = []
        for symbol in known[:_DEFINITIONS]:
            data = self._read(symbol.path)
            if data is not None:
                found.append(_lines(Mention(0, 0, symbol.path, symbol.line, symbol.end), data))
        return found

    def _read(self, path: str) -> bytes | None:
        try:
            return self._draft.read(path)
        except DraftError:
            return None


def of_command(ran: Ran) -> Attached:
    """What a command of the person's printed."""
    body = _fenced(essence(ran.output.rstrip(), _OUTPUT))
    title = f"The person ran `{ran.command}` in their working tree (exit {ran.exit_code}), which printed:"
    return Attached(f"output of {ran.command}", f"{title}\n{body}")


def of_failures(text: str) -> Attached:
    """What is known of failing tests."""
    return Attached("failing tests", f"The tests that fail:\n{_fenced(shorten(text, _OUTPUT))}")


def cut(attached: Attached, limit: int) -> Attached:
    """The same in at most so many characters, or a little more."""
    return replace(attached, text=shorten(attached.text, limit), whole=False)


def _whole(path: str, data: bytes) -> Attached:
    text = data.decode(errors="replace")
    block = f"`{path}`:\n{_fenced(shorten(text, _FILE))}"
    return Attached(path, block, path, whole=len(text) <= _FILE, digest=_digest(data))


def _lines(mention: Mention, data: bytes) -> Attached:
    path, first = mention.target, mention.first
    lines = data.decode(errors="replace").split("\n")
    shown = "\n".join(named_lines(lines, mention))
    title = f"`{path}`, lines {first}–{mention.last}:"
    name = f"{path}:{first}" + (f"-{mention.last}" if mention.last > first else "")
    return Attached(name, f"{title}\n{_fenced(shorten(shown, _FILE))}", path, digest=_digest(data))


def _fenced(text: str, language: str = "") -> str:
    """The text between fences that it does not have itself."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _is_binary(data: bytes) -> bool:
    """Whether it is no text, however long: of a long one the middle is left out."""
    return b"\0" in data[:BINARY_PROBE]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _within(names: str, parent: str) -> bool:
    """Whether the dotted names are or end with the others."""
    return names == parent or names.endswith(f".{parent}")


def _in(path: str, module: str) -> bool:
    """Whether the file is that module: "calc" or "pkg.calc" of pkg/calc.py."""
    dotted = path.rpartition(".")[0].replace("/", ".")
    return dotted == module or dotted.endswith(f".{module}")
