"""Why a file ranks where it ranks, in words for a person; and which of its symbols fit the prompt.

what each feature added ─► Told.reasons() ─► "defines Card", "changed by “Parse cards faster”"
symbols of a file       ─► Told.fitting() ─► the few whose names the prompt has
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.index.bm25 import Bag
from ossa.assistant.index.clues import Clues
from ossa.assistant.index.features import Evidence, Scores
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.index.terms import words

_MOST_REASONS, _MOST_SYMBOLS, _MOST_WORDS, _MOST_NAMES = 4, 5, 4, 3
_TELLING = 0.08
"""The part of a file's score below which a feature is no reason."""
_AS_WRITTEN = 10.0
"""What a symbol that the prompt names is worth, beside the words of its name."""
_ABOVE = 0.3
"""What the words of a symbol's class count, beside those of its own name."""
_SUBJECT = 60
"""Characters of a commit's subject that are shown."""
_SAID = {
    "text": "its text fits",
    "title": "its text fits",
    "named": "is named",
    "module": "is a module that is named",
    "recent": "changed lately",
    "mentioned": "is attached",
    "failing": "is in the traceback",
    "changed": "differs from the last commit",
    "open": "is open",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of the files of one ranking."""

    evidence: Evidence
    clues: Clues
    subjects: Mapping[int, str]
    """By file, of the commit that changed it and is most like the prompt."""

    def reasons(self, file: int, added: Mapping[str, Scores]) -> tuple[str, ...]:
        """What speaks for a file, the strongest first; a few at most. `added` is what each feature gave to each."""
        total = sum(float(scores[file]) for scores in added.values())
        telling = [name for name in added if added[name][file] > _TELLING * total]
        said = (self._say(name, file) for name in sorted(telling, key=lambda name: -added[name][file]))
        return tuple(dict.fromkeys(one for one in said if one))[:_MOST_REASONS]

    def fitting(self, symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
        """The symbols of one file that fit the prompt, the best first; of the same worth, in the file's order."""
        named = set(self.clues.names)
        worth: list[float] = []
        for symbol in symbols:
            own, above = self._weight(symbol.name), self._weight(symbol.parent)
            worth.append(_AS_WRITTEN * (symbol.name in named) + own + (_ABOVE * above if own else 0.0))
        best = sorted((number for number in range(len(worth)) if worth[number] > 0), key=lambda number: -worth[number])
        return tuple(symbols[number] for number in best[:_MOST_SYMBOLS])

    def _weight(self, name: str) -> float:
        """How much the words of a name say that the prompt has, too."""
        terms, rarity = self.clues.terms, self.evidence.names.rarity
        return sum(terms[word] * rarity(word) for word in set(words(name)) if word in terms)

    def _say(self, feature: str, file: int) -> str:
        match feature:
            case "names" | "title_names":
                return f"its names have {self._shared(self.evidence.names, file)}"
            case "path" | "title_path":
                return f"its path has {self._shared(self.evidence.layout.words, file)}"
            case "defines":
                return f"defines {self._defined(file)}"
            case "alike":
                return f"changed by “{_short(self.subjects.get(file, ''))}”"
            case "near":
                neighbours = self.evidence.graph.neighbours(file)
                return f"near {self.evidence.paths[neighbours[0]]}" if neighbours else ""
            case _:
                return _SAID[feature]

    def _shared(self, bag: Bag, file: int) -> str:
        return ", ".join(bag.shared(file, self.clues.told, _MOST_WORDS))

    def _defined(self, file: int) -> str:
        holders = {name: self.evidence.holders(name) for name in self.clues.names}
        defined = [name for name in holders if file in holders[name]]
        return ", ".join(sorted(defined, key=lambda name: len(holders[name]))[:_MOST_NAMES])


def _short(subject: str) -> str:
    return subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1].rstrip()}…"
