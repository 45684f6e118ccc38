"""What a model is allowed to write, as plain data: it crosses the pipe to the model's process as it is.

Constraint ─► constraints_grammar ─► a grammar ─► constraints_matcher ─► a mask for every token
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long the parts of an answer may become that a grammar would else leave open."""

    text: int = 16_000
    """Characters of a string argument whose schema names no limit."""
    items: int = 100
    """Elements of an array argument whose schema names no limit."""
    path: int = 200
    """Characters of the path of a file that a patch adds."""
    line: int = 400
    """Characters of a line that a patch brings in."""
    lines: int = 200
    """Lines that a patch brings in at one place, and lines of a file that it adds."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What an answer may be.

    The default lets the model think, answer, or call one of its tools with arguments of the tool's schema.
    """

    calls: bool = True
    """Whether tools may be called; else only text can follow."""
    must_call: tuple[str, ...] = ()
    """Tools of which one has to be called, so no answer can take its place; empty to leave it to the model."""
    thinks: bool = True
    """Whether the model may think, and say something, before it answers or calls."""
    files: Mapping[str, str] | None = None
    """Text of each file by its path: a patch may update and delete these alone, by lines that they have; None to leave
    patches open. The order of the paths is of no account."""
    taken: tuple[str, ...] = ()
    """Paths of further files there are, where a patch can't add one."""
    patch_tool: str = "repo_browser.apply_patch"
    """The tool whose argument `patch` is held to `files`."""
    grammar: str = ""
    """A Lark grammar for the text of the answer, in the dialect of llguidance; empty for any text."""
    of_line: bool = False
    """Whether the grammar tells nothing of what stands above the line in which the answer's given beginning ends."""
    bounds: Bounds = field(default_factory=Bounds)
