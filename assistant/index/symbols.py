"""What a file defines and uses.

path, text ─► a tree-sitter grammar, else pygments' lexer ─► Outline(symbols, references)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["class", "function", "method", "constant", "type", "module"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One definition."""

    path: str
    name: str
    kind: Kind
    line: int
    """The line of its head, from 1."""
    end: int
    """The last line that belongs to it, inclusive."""
    signature: str
    """The head of the definition on one line, without its body."""
    parent: str
    """The dotted names of what it is defined in; "" at the top of the file."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What one file defines, by line, and which names it uses."""

    symbols: tuple[Symbol, ...] = ()
    references: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each name is used in the file's code: not in comments, texts or its own definitions."""
