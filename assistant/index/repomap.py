"""The repository on a page: ranked files with the heads of what they define, as many as fit a number of tokens.

ranking, symbols ─► lines, the most telling first ─► as many as fit ─► a text by path, each file in its own order

What is in it is chosen by rank, but not where it stands: under another ranking, what stays keeps its place.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ossa.assistant.index.symbols import Symbol

if TYPE_CHECKING:
    from ossa.assistant.index.ranking import Ranked

_WIDTH = 120
"""Characters of a head that are shown."""
_BREADTH = 3
"""How many lines the first file gets before the second gets its first; those behind wait in proportion."""
_PRIVATE = 4
"""How many lines of what others use a file's own affair waits for."""
_ASIDE = frozenset({"constant", "module"})
"""Kinds that are shown only where they fit the prompt."""


class Symbols(Protocol):
    """What a map asks of an index."""

    def symbols(self, path: str) -> Sequence[Symbol]: ...


class _Line(NamedTuple):
    """A line that may come into the map."""

    turn: int
    """The smaller, the sooner."""
    path: str
    at: int
    """Where it stands in the file; 0 for the line of the file itself."""
    text: str


def repo_map(index: Symbols, ranking: "Sequence[Ranked]", budget: int, count: Callable[[str], int]) -> str:
    """The largest map of at most `budget` tokens, as `count` counts them; empty where not even one file fits."""
    files = (line for rank, ranked in enumerate(ranking[: max(budget, 0)]) for line in _lines(index, ranked, rank))
    lines = sorted(files, key=lambda line: line.turn)[: max(budget, 0)]
    fits, too_many = 0, len(lines) + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if count(_text(lines[:middle])) <= budget:
            fits = middle
        else:
            too_many = middle
    return _text(lines[:fits])


def approximate_tokens(text: str) -> int:
    """About how many tokens a text has, where no model is there to count: one for three bytes, rather too many."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


def _lines(index: Symbols, ranked: "Ranked", rank: int) -> Iterator[_Line]:
    """What one file may have in the map, by how soon."""
    yield _Line((rank + 1) * _BREADTH, ranked.path, 0, ranked.path)
    symbols = index.symbols(ranked.path)
    place = {symbol: number for number, symbol in enumerate(symbols, 1)}
    above = {_dotted(symbol): symbol for symbol in reversed(symbols)}
    waits = _BREADTH
    for symbol in _chosen(symbols, ranked.symbols, above):
        waits += _PRIVATE if symbol.name.startswith("_") and symbol not in ranked.symbols else 1
        depth = 1
        parent = symbol.parent
        while parent:
            depth += parent in above
            parent = parent.rpartition(".")[0]
        yield _Line((rank + 1) * waits, ranked.path, place[symbol], f"{'  ' * depth}{_head(symbol)}")


def _chosen(symbols: Sequence[Symbol], fitting: Sequence[Symbol], above: dict[str, Symbol]) -> list[Symbol]:
    """The symbols in the order that they are to be shown in: what fits, then the public, then the rest by line."""
    known = set(symbols)
    first = [symbol for symbol in fitting if symbol in known]
    others = [
        symbol
        for symbol in symbols
        if symbol.kind not in _ASIDE and not symbol.name.startswith("__") and not _is_inner(symbol, above)
    ]
    others.sort(key=lambda symbol: (symbol.name.startswith("_"), symbol.kind == "method"))
    chosen: dict[Symbol, None] = {}
    for symbol in (*first, *others):
        # A method says little without its class.
        for end in range(1, symbol.parent.count(".") + 2 if symbol.parent else 0):
            if parent := above.get(".".join(symbol.parent.split(".")[:end])):
                chosen[parent] = None
        chosen[symbol] = None
    return list(chosen)


def _is_inner(symbol: Symbol, above: dict[str, Symbol]) -> bool:
    """Whether it is a function's own."""
    parent = above.get(symbol.parent)
    return parent is not None and parent.kind in ("function", "method")


def _dotted(symbol: Symbol) -> str:
    return f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name


def _head(symbol: Symbol) -> str:
    head = symbol.signature or symbol.name
    return head if len(head) <= _WIDTH else f"{head[: _WIDTH - 1]}…"


def _text(lines: Sequence[_Line]) -> str:
    """The lines in the order of the repository."""
    return "".join(f"{line.text}\n" for line in sorted(lines, key=lambda line: (line.path, line.at)))
