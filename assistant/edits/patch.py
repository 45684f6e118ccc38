"""What a model may want of files, as plain values: update one by sections, write it whole, delete it.

Every form in which models write patches comes down to these three; nothing here looks at a file.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Sign: TypeAlias = Literal[" ", "-", "+"]


class Line(NamedTuple):
    """One line of a section: " " and "-" must stand in the file, "+" comes in. Without its ending."""

    sign: Sign
    text: str
    bare: bool = False
    """A line without any sign, taken for context."""


@dataclass(frozen=True, slots=True)
class Section:
    """What is to happen at one place of a file."""

    lines: tuple[Line, ...]
    anchors: tuple[str, ...] = ()
    """Lines above the place, outermost first; each may be just the start of a line."""
    at_end: bool = False
    """The last lines of the file."""
    start: int | None = None
    """Index (from 0) of the first line, where the patch gives line numbers. A hint: models miscount."""
    numbered: bool = False
    """All numbers that the patch gives for this file agree with each other and with its lines: nobody miscounted."""
    compared: bool = False
    """Its signs were found by comparing two texts, so that lines may have come in elsewhere in the same run."""

    ends: bool | None = None
    """Whether the file ends with a line break afterwards, where the patch says so; None where it does not."""

    @property
    def old(self) -> list[str]:
        """The lines that must stand in the file."""
        return [line.text for line in self.lines if line.sign != "+"]

    @property
    def new(self) -> list[str]:
        """The lines that come in."""
        return [line.text for line in self.lines if line.sign == "+"]


@dataclass(frozen=True, slots=True)
class Update:
    """Change a file at some places, and give it another path perhaps."""

    path: str
    sections: tuple[Section, ...]
    move_to: str = ""
    ordered: bool = True
    """Whether the sections come in the order of their places."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write a whole file."""

    path: str
    lines: tuple[str, ...]
    new: bool = False
    """There must not be such a file yet."""
    ends: bool = True
    """Whether it ends with a line break."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a file away."""

    path: str
    emptied: bool = False
    """Only if nothing is left in it by then: the patch shows all lines that go."""


Step: TypeAlias = Update | Write | Delete


@dataclass(frozen=True, slots=True)
class Patch:
    """What the model wants, in its order."""

    steps: tuple[Step, ...]


class EditError(Exception):
    """The edit cannot be made, and nothing was changed; the text tells the model what to do about it."""
