"""What is asked for and what comes of it, as plain values that go to the worker and back as JSON."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

What: TypeAlias = Literal["rename", "move", "signature"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A refactoring."""

    what: What
    symbol: str
    """As the person or the model names it: `name`, `Class.method`, `module.name`, `path:line`."""
    to: str
    """The new name; the module or file to move to; the new parameters, in brackets."""
    keep: bool = False
    """Whether what moves can still be imported from where it was."""

    @property
    def title(self) -> str:
        """In a few words."""
        return f"{self.what} {self.symbol} {self.to}{' --keep' * self.keep}"


@dataclass(frozen=True, slots=True)
class Target:
    """One definition."""

    path: str
    name: str
    """Dotted, within the file; empty: the whole module, or the package that `path` is the folder of."""
    line: int


@dataclass(frozen=True, slots=True)
class Left:
    """A place that was left as it is, for a person to look at."""

    path: str
    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the files become, and what was left."""

    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    came: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the new path of a file, the old one, which goes."""
    places: int = 0
    """Where the name stood and was changed."""
    left: Sequence[Left] = ()
    notes: Sequence[str] = ()
    """Sentences for the person."""
    problem: str = ""
    """Why nothing was done, as a sentence."""

    def packed(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "files": {path: base64.b64encode(data).decode() for path, data in self.files.items()},
                "came": dict(self.came),
                "places": self.places,
                "left": [asdict(one) for one in self.left],
                "notes": list(self.notes),
                "problem": self.problem,
            }
        )

    @classmethod
    def unpacked(cls, line: str | bytes) -> "Outcome":
        """The outcome of such a line."""
        told: dict[str, Any] = json.loads(line)
        files = {path: base64.b64decode(data) for path, data in told["files"].items()}
        left = [Left(**one) for one in told["left"]]
        return cls(files, told["came"], told["places"], left, told["notes"], told["problem"])


def unread(path: str) -> str:
    """Why a definition in a file that was not given is left alone."""
    return f"{path[:120]} is not among the files that are changed: git ignores it, it is too large, or holds secrets."


class Refused(Exception):
    """The refactoring cannot be done; the text is a sentence that says why."""
