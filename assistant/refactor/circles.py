"""Circles of modules that a move would make: imports that can wait are put where they are needed, or it is refused.

new imports ─► Loads.circle() ─► one of them that can wait ─► again ─► Untangled, or Refused with what cannot wait
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ossa.assistant.refactor.late import When
from ossa.assistant.refactor.loads import Loads
from ossa.assistant.refactor.modules import Modules
from ossa.assistant.refactor.needs import Need
from ossa.assistant.refactor.wish import Refused


@dataclass(frozen=True, slots=True)
class Load:
    """An import that comes new."""

    who: str
    whom: str
    name: str = ""
    """What is imported, where that can perhaps wait."""
    own: bool = False
    """Whether it is the old module that imports what moved."""


@dataclass(frozen=True, slots=True)
class Untangled:
    """The imports that wait."""

    needs: Mapping[str, When] = field(default_factory=dict[str, When])
    """By the names that the definition needs."""
    own: When | None = None
    """That of the definition in its old module."""

    def at_top(self, needed: Sequence[Need]) -> Iterator[Need]:
        """The needs as far as the file's top has to have them."""
        for need in needed:
            when = self.needs.get(need.name)
            if when is None:
                yield need
            elif when.typed:
                yield Need(need.name, need.statements, True, need.source)


def untangled(
    modules: Modules, new: Sequence[Load], when: Callable[[Load], When | int], told: str, old: str
) -> Untangled:
    """Which imports have to wait so that no modules begin to import each other as they are loaded.

    Args:
        modules: as they are.
        new: the imports that come new.
        when: when the name of one is needed; the line that needs it at once.
        told: what is done, in a few words.
        old: the file that the line is in.

    Raises:
        Refused: a circle stays.
    """
    loads = Loads(modules)
    waiting: dict[Load, When] = {}
    while circle := loads.circle([(one.who, one.whom) for one in new if one not in waiting and one.who != one.whom]):
        steps = set(pairwise(circle))
        why: list[str] = []
        for one in new:
            if (
                not one.name
                or one in waiting
                or not any((one.who, to) in steps for to in loads.loaded(one.who, one.whom))
            ):
                continue
            found = when(one)
            if isinstance(found, When):
                waiting[one] = found
                break
            why.append(f"{one.name} is needed as {one.who} is loaded ({old}:{found})")
        else:
            cause = f"; {', '.join(why)}" if why else ""
            raise Refused(
                f"{told}, modules would import each other as they are loaded ({' → '.join(circle)}){cause}; "
                "move it elsewhere, or first what they share."
            )
    own = next((found for one, found in waiting.items() if one.own), None)
    return Untangled({one.name: found for one, found in waiting.items() if not one.own}, own)
