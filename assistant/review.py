"""The person's part: what to do with each hunk, and whether a command may run where nothing confines it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from ossa.assistant.change import Change
from ossa.assistant.testing.judges import is_judge
from ossa.assistant.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What the person decided about one hunk."""

    hunk: str
    """Its id."""
    accepted: bool
    reason: str = ""
    """Told to the model when it was rejected."""


@dataclass(frozen=True, slots=True)
class HunkEdit:
    """The person has written a hunk otherwise; it is proved and shown anew before anything is decided."""

    hunk: str
    """Its id."""
    after: tuple[str, ...]
    """What is to stand in place of the hunk's `after`, lines with their endings."""


@dataclass(frozen=True, slots=True)
class Reroll:
    """The person wants another version of one hunk, from the model."""

    hunk: str
    """Its id."""
    reason: str = ""
    """What is wrong with this one, for the model."""


@dataclass(frozen=True, slots=True)
class Choose:
    """The person wants another of the repairs that passed; it is proved and shown before anything is decided."""

    number: int
    """Which of the alternatives, from 1."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A repair that passed its tests."""

    place: str
    """Where: "calc.py:12 add"."""
    text: str
    """What stands there with it: the changed lines."""
    lost: str = ""
    """Statements that it does away with, where nothing of their kind takes their place."""
    proof: str = ""
    """What the tests said once it was in the draft, "3/3 passed"; empty as long as it was not."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The repairs that passed, best first, one of which is the change; none where there is no choice."""

    repairs: tuple[Alternative, ...] = ()
    shown: int = 0
    """The number of the one that is the change, from 1."""


Answer: TypeAlias = Sequence[Decision] | HunkEdit | Reroll | Choose | None
Permission: TypeAlias = Literal["once", "always", "no"]


class Reviewer(Protocol):
    """Whoever decides: the window, the command line, a test."""

    async def review(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> Answer:
        """Decide on the hunks of a change; those without a decision stay in the draft.

        After a `HunkEdit`, a `Reroll` or a `Choose` the review is asked for again, with what has become of the change:
        hunks that are still the same have the same ids. None puts the whole review off: the change stays in the draft
        and the next turn goes on from it.
        """
        ...

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        """Whether to run a command that nothing keeps from touching files outside the draft.

        "always" permits all that `pattern` covers, in this repository until the session ends; where the pattern is
        empty, it counts as "once".
        """
        ...


class Unattended:
    """The reviewer where nobody is there to ask."""

    def __init__(self, *, accept: bool = False, allow_unconfined: bool = False) -> None:
        """`accept` takes a change that the tests have proved; another one is only shown."""
        self._accept = accept
        self._allow = allow_unconfined
        self.why = ""
        """Why the latest change was not accepted, where it was to be."""

    async def review(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> Answer:
        if not self._accept:
            return None
        judges = [file.path for file in change.files if is_judge(file.path)]
        if judges:
            self.why = f"it changes what judges it ({', '.join(judges)})"
        elif not verdict.proved:
            self.why = "the tests do not prove it"
        if judges or not verdict.proved:
            return None
        return [Decision(hunk.id, True) for _, hunk in change.hunks]

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        return "once" if self._allow else "no"
