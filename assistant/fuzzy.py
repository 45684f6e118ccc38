"""Finds paths by some of their letters, in order, while somebody types; among 50,000 within a few milliseconds.

    paths ─► one array of all their characters, and where each character occurs in it (once)
    letters ─► letter by letter: the next place of it in every path at once ─► the best ─► aligned, scored, ranked

Written without regard to case. The rough cut is made for all paths together; only its best are looked at closely.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Numbers: TypeAlias = NDArray[np.int32]

_CLOSELY = 60
"""How many of the rough cut are aligned and scored exactly."""
_BOUNDARY = "/_-. "
_REMEMBERED = 16
"""Of so many of the latest letters it is known which paths have them; the next key looks at these alone."""
_START, _WORD, _RUN, _NAME, _GAP = 12, 8, 9, 4, 0.5
"""What a letter is worth at the start of the file's name, at that of a word, behind the letter before it, and in the
file's name at all; and what every letter skipped between two of them costs."""


@dataclass(frozen=True, slots=True)
class Match:
    """A path that has the letters."""

    path: str
    positions: tuple[int, ...]
    """Where its matched characters are, from 0, ascending."""
    score: float


class PathFinder:
    """Ranks a fixed list of paths by what is typed; building it takes some 0.1 s for 50,000, so do it in a thread."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` have "/" between their parts; the order given decides between equals."""
        self._paths = tuple(paths)
        self._lower = [_lowered(path) for path in self._paths]
        self._names = [path.rstrip("/").rfind("/") + 1 for path in self._paths]
        self._arrays = _laid_out(self._lower, self._names)
        self._occurs: dict[str, _Numbers] = {}
        self._found: dict[str, _Numbers] = {}

    def find(self, letters: str, limit: int = 20, favoured: Sequence[str] = ()) -> list[Match]:
        """The best matches, the best first; for no letters the favoured paths, then the first of all.

        `favoured` are put before others that fit as well: what is open, or was changed.
        """
        wanted = "".join(_lowered(letters).split())
        first = {path: number for number, path in enumerate(favoured)}
        if not wanted:
            known = set(self._paths)
            plain = [*(p for p in favoured if p in known), *(p for p in self._paths[: limit * 2] if p not in first)]
            return [Match(path, (), 0.0) for path in plain[:limit]]
        close = [self._align(number, wanted) for number in self._rough(wanted)]
        bonus = dict.fromkeys(first, 6.0)
        close.sort(key=lambda match: (-match.score - bonus.get(match.path, 0.0), len(match.path)))
        return close[:limit]

    def _places(self, letter: str) -> "_Numbers":
        """Where the letter occurs in the array of all characters; remembered, since it is asked for with every key."""
        import numpy as np

        if letter not in self._occurs:
            self._occurs[letter] = np.flatnonzero(self._arrays[3] == ord(letter)).astype(np.int32)
        return self._occurs[letter]

    def _rough(self, wanted: str) -> list[int]:
        """The numbers of the most promising paths: names that begin with the letters, then names, then tight ones."""
        import numpy as np

        if not self._paths:
            return []
        starts, ends, names, _ = self._arrays
        known = next((self._found[wanted[:n]] for n in range(len(wanted), 0, -1) if wanted[:n] in self._found), None)
        found, first, last = self._follow(
            wanted, np.arange(len(starts), dtype=np.int32) if known is None else known, starts
        )
        self._found = {**dict(list(self._found.items())[-_REMEMBERED:]), wanted: found}
        rank = (last - first) * 4 + (ends - starts)[found] * 0.2
        named, first, last = self._follow(wanted, found, names)
        where = np.searchsorted(found, named)
        rank[where] = (last - first) * 4 + (ends - starts)[named] * 0.2 - 40.0 * (1 + (first == names[named]))
        if len(found) > _CLOSELY:
            best = np.argpartition(rank, _CLOSELY)[:_CLOSELY]
            found, rank = found[best], rank[best]
        return [int(number) for number in found[np.argsort(rank, kind="stable")]]

    def _follow(self, wanted: str, among: "_Numbers", starts: "_Numbers") -> "tuple[_Numbers, _Numbers, _Numbers]":
        """Those paths that have the letters in order behind their start; where the first of them is, and past the last.

        The leftmost places are taken.
        """
        import numpy as np

        ends = self._arrays[1]
        at = first = starts[among]
        for number, letter in enumerate(wanted):
            places = self._places(letter)
            index = np.searchsorted(places, at)
            at = places[np.minimum(index, len(places) - 1)] if len(places) else at
            fits = (index < len(places)) & (at < ends[among])
            among, at = among[fits], at[fits] + 1
            first = at - 1 if number == 0 else first[fits]
        return among, first, at

    def _align(self, number: int, wanted: str) -> Match:
        """The path with the best of all ways to place the letters in it."""
        path, lower, name = self._paths[number], self._lower[number], self._names[number]
        # Of every letter: by the position it is put at, the best score so far and where the letter before it is.
        rows: list[dict[int, tuple[float, int]]] = []
        for letter in wanted:
            row: dict[int, tuple[float, int]] = {}
            position = lower.find(letter)
            while position >= 0:
                if not rows:
                    row[position] = (_worth(path, position, name), -1)
                else:
                    ways = [
                        (score + (_RUN if at == position - 1 else _GAP * (at - position + 1)), at)
                        for at, (score, _) in rows[-1].items()
                        if at < position
                    ]
                    if ways:
                        best, origin = max(ways)
                        row[position] = (best + _worth(path, position, name), origin)
                position = lower.find(letter, position + 1)
            rows.append(row)
        return _traced(path, rows)


def _laid_out(lower: Sequence[str], names: Sequence[int]) -> "tuple[_Numbers, _Numbers, _Numbers, NDArray[np.uint32]]":
    """Of every path the start, the end and the start of its name in the array of all characters; and that array."""
    import numpy as np

    characters = np.frombuffer("\n".join([*lower, ""]).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends = np.cumsum([len(path) + 1 for path in lower], dtype=np.int32) - 1
    starts = np.concatenate([np.zeros(1, np.int32), ends[:-1] + 1])[: len(ends)]
    return starts, ends, starts + np.array(names, dtype=np.int32), characters


def _traced(path: str, rows: "Sequence[dict[int, tuple[float, int]]]") -> Match:
    """The match that ends best, followed back from its last letter."""
    last = max(rows[-1], key=lambda position: rows[-1][position][0])
    score, positions = rows[-1][last][0], [last]
    for row in reversed(rows):
        origin = row[positions[-1]][1]
        if origin >= 0:
            positions.append(origin)
    return Match(path, tuple(reversed(positions)), score - len(path) * 0.05)


def _worth(path: str, position: int, name: int) -> float:
    """What a letter matched there counts."""
    value = float(_NAME) if position >= name else 0.0
    if position == name:
        return value + _START
    before, here = path[position - 1 : position], path[position]
    if not before or before in _BOUNDARY or (here.isupper() and before.islower()):
        return value + _WORD
    return value


def _lowered(text: str) -> str:
    """In small letters, each still one character."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower()[0] for c in text)
