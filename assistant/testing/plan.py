"""How the tests are run: what finding it out results in."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["command", "pytest", "unittest", "node", "jest", "vitest", "mocha", "npm", "cargo", "go"]
"""Which runner tells of the tests; a "command" may lead to any."""

CONFIGURE = "Say how to run them with --test or in .ossa.toml."


@dataclass(frozen=True, slots=True)
class Plan:
    """How the tests are run."""

    kind: Kind
    argv: tuple[str, ...]
    title: str
    """One line for the person: the command, or which runner with which interpreter."""
    left_out: str = ""
    """Which tests of the repository are none of its."""
    folder: str = ""
    """Where it is run, from the root of the repository; empty for there."""
    beside: tuple["Plan", ...] = ()
    """Those of the repository's other languages and packages, each with none beside itself."""
