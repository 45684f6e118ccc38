"""Reads one file for the index; as a program, any number of them, apart from the window and its threads.

    {"path", "digest"} lines on stdin ─► read() ─► an Entry a line on stdout

A grammar that crashes or hangs on a file takes only this process with it.
"""

import faulthandler
import hashlib
import json
import os
import re
import stat
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ossa.assistant.index.outlines import outline
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.index.terms import words
from ossa.assistant.index.walk import LARGEST, left_out_by_content, left_out_by_name, text_of

SECONDS = 20.0
"""After this a file is given up."""
_OFTEN = 6
"""A word counts at most so many times in one file: BM25 hardly tells more apart, and the index stays small."""
_IDENTIFIER = re.compile(r"[^\W_]\w*")
_FRESH = 50_000_000
"""Nanoseconds; a file that is written again this soon can have the same time and size."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of one file."""

    path: str
    size: int = 0
    mtime: int = 0
    digest: str = ""
    gone: bool = False
    """There is no such file (any more), or only a link."""
    same: bool = False
    """Its content is what was known; what follows is left empty."""
    reason: str = ""
    """Why it has no part in a ranking."""
    symbols: Sequence[Symbol] = ()
    references: dict[str, int] = field(default_factory=dict[str, int])
    names: str = ""
    """The words of the names that it defines."""
    text: str = ""
    """All its words, each as often as it counts, in no order."""

    def packed(self) -> str:
        """One line of JSON."""
        symbols = [(one.name, one.kind, one.line, one.end, one.signature, one.parent) for one in self.symbols]
        about = (self.path, self.size, self.mtime, self.digest, self.gone, self.same, self.reason)
        return json.dumps((about, symbols, self.references, self.names, self.text))

    @classmethod
    def unpacked(cls, line: str | bytes) -> "Entry":
        """The entry of such a line."""
        (path, size, mtime, digest, gone, same, reason), told, references, names, text = json.loads(line)
        symbols = [Symbol(path, *symbol) for symbol in told]
        return cls(path, size, mtime, digest, gone, same, reason, symbols, references, names, text)


def read(root: Path, path: str, digest: str = "") -> Entry:
    """What the index should know of the file; `digest` is of the content that it knows."""
    place = f"{root}/{path}"
    try:
        told = os.lstat(place)
        if not stat.S_ISREG(told.st_mode):
            return Entry(path, gone=True)
        mtime = told.st_mtime_ns if time.time_ns() - told.st_mtime_ns > _FRESH else -1
        if reason := left_out_by_name(path, told.st_size):
            return Entry(path, told.st_size, mtime, reason=reason)
        with open(place, "rb") as file:  # noqa: PTH123 – a hundred thousand times
            data = file.read(LARGEST + 1)
    except OSError as error:
        return Entry(path, gone=isinstance(error, FileNotFoundError | NotADirectoryError), reason="unreadable")
    found = hashlib.blake2b(data, digest_size=16).hexdigest()
    if found == digest:
        return Entry(path, told.st_size, mtime, digest, same=True)
    if reason := left_out_by_content(path, data):
        return Entry(path, told.st_size, mtime, found, reason=reason)
    text = text_of(data)
    known = outline(path, text)
    names = " ".join(word for symbol in known.symbols for word in _split(symbol.name))
    references = dict(known.references)
    return Entry(path, told.st_size, mtime, found, False, False, "", known.symbols, references, names, _counted(text))


def given_up(root: Path, path: str) -> Entry:
    """A file on which a reader died: left alone until it changes."""
    try:
        told = os.lstat(f"{root}/{path}")
    except OSError:
        return Entry(path, gone=True)
    return Entry(path, told.st_size, told.st_mtime_ns, reason="unreadable")


def _counted(text: str) -> str:
    counts: Counter[str] = Counter()
    for word, count in Counter(_IDENTIFIER.findall(text)).items():
        for part in _split(word):
            counts[part] += count
    return " ".join(" ".join([word] * min(count, _OFTEN)) for word, count in counts.items())


@lru_cache(1 << 16)
def _split(name: str) -> tuple[str, ...]:
    return tuple(words(name))


def main(root: str) -> None:
    """Read what stdin asks for until it ends."""
    with suppress(AttributeError, OSError):
        os.nice(5)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        for line in sys.stdin.buffer:
            path, digest = json.loads(line)
            faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
            entry = read(Path(root), path, digest)
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.write(entry.packed() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
