"""What was seen of a repository's marks before, so that none asks twice: kept on disk, by digests alone.

look ─► Known.fresh(path, content, marks) ─► those that are new ─► keep() ─► comments.json in the repository's own state
"""

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ossa.assistant.marks.marks import Mark

_FILES, _CONTENTS = 500, 20
"""Files, and contents of one, that are remembered, the latest."""


@dataclass(slots=True)
class Seen:
    """What one file was when it was looked at last, and before."""

    marks: Counter[str] = field(default_factory=Counter[str])
    """By their keys, how often."""
    contents: list[str] = field(default_factory=list[str])
    """Digests of all that it was."""


def digest(data: bytes) -> str:
    """By which a content is known again."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


class Known:
    """The memory, by path."""

    def __init__(self, file: Path) -> None:
        """What cannot be read counts as nothing known."""
        self._file = file
        self._seen: dict[str, Seen] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            stored = cast("dict[str, Any]", json.loads(file.read_text("utf-8")))
            self._seen = {p: Seen(Counter(one["marks"]), [*map(str, one["contents"])]) for p, one in stored.items()}

    def concerns(self, path: str) -> bool:
        """Whether the file had a mark when it was looked at last."""
        return path in self._seen

    def fresh(self, path: str, content: str, marks: Sequence[Mark]) -> list[Mark]:
        """Those that were not there before; none where the file is as it was already once."""
        seen = self._seen.get(path, Seen())
        if content in seen.contents:
            return []
        left = Counter(seen.marks)
        fresh: list[Mark] = []
        for mark in marks:
            if left[mark.key]:
                left[mark.key] -= 1
            else:
                fresh.append(mark)
        return fresh

    def keep(self, path: str, content: str, marks: Iterable[Mark]) -> None:
        """The file is so now; `save` writes it down."""
        seen = self._seen.pop(path, Seen())
        counted = Counter(mark.key for mark in marks)
        contents = [*(one for one in seen.contents if one != content), *([content] if content else [])]
        self._seen[path] = Seen(counted, contents[-_CONTENTS:])
        while len(self._seen) > _FILES:
            self._seen.pop(next(iter(self._seen)))

    def forget(self, mark: Mark) -> None:
        """Let this one ask again, as it came to nothing."""
        if seen := self._seen.get(mark.path):
            seen.marks -= Counter([mark.key])
            seen.contents.clear()

    def save(self) -> None:
        """Write it down in one step; a disk that refuses costs no more than a question asked again."""
        stored = {path: {"marks": seen.marks, "contents": seen.contents} for path, seen in self._seen.items()}
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._file.parent, delete=False) as new:
                json.dump(stored, new)
            os.replace(new.name, self._file)  # noqa: PTH105
