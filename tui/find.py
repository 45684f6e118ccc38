"""`ossa find` and `ossa map`: which files a text is about and why, and the repository on a page.

repository ─► Index, brought up to date ─► Ranker.rank(text) ─┬─► find: files, reasons, symbols; as text or JSON lines
                                                              └─► map: repo_map(), as many tokens as are asked for
"""

import argparse
import json
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ossa.assistant.config import Config, load_config
from ossa.assistant.context.counting import Counter
from ossa.assistant.index.features import Around
from ossa.assistant.index.index import Index
from ossa.assistant.index.ranking import Ranked, Ranker
from ossa.assistant.index.recency import commits
from ossa.assistant.index.repomap import approximate_tokens, repo_map
from ossa.assistant.repository import NotARepository, Repository
from ossa.model.base import LanguageModel, Message, ModelError
from ossa.tui.console import is_terminal
from ossa.tui.safe import cut, plain_text

_TOKENS_OF_A_FILE = 8
"""A file has about so many in a map, so no more than fit by this are ranked for one …"""
_FEWEST = 20
"""… but these at least."""
_MANY = 200
"""Files that are read without a word."""
_WIDTH = 110
"""Characters of a signature."""


def find(arguments: argparse.Namespace) -> int:
    """Print the files that a text is about; 0 when there are any, 1 when none, 2 on an error."""
    text = _text(arguments.text)
    if not text.strip():
        print('ossa: there is nothing to look for: say what, as in `ossa find "dates are misread"`.', file=sys.stderr)
        return 2
    try:
        repository = _repository(arguments)
        with _index(repository) as index:
            found = _ranker(index, repository).rank(text, _around(repository), arguments.limit)
    except NotARepository as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    for number, ranked in enumerate(found, 1):
        print(json.dumps(asdict(ranked)) if arguments.json else _shown(number, ranked))
    if not found:
        print("ossa: no file fits; try other words, or names as they stand in the code.", file=sys.stderr)
    return 0 if found else 1


def show_map(arguments: argparse.Namespace, load: Callable[[Config], LanguageModel]) -> int:
    """Print the repository's map; 0 when there is one, 1 when nothing fits, 2 on an error. `load` gives the model."""
    text, budget = _text(arguments.text), arguments.tokens
    try:
        repository = _repository(arguments)
        with _counting(load, wanted=bool(arguments.model)) as counting, _index(repository) as index:
            ranker = _ranker(index, repository)
            ranking = ranker.rank(text, _around(repository), max(_FEWEST, budget // _TOKENS_OF_A_FILE))
            count = counting.result()
            shown = repo_map(index, ranking, budget, count.tokens)
            told = {"map": shown, "tokens": count.tokens(shown) if shown else 0, "budget": budget, "counted": count.how}
    except (NotARepository, ModelError) as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    print(json.dumps(told) if arguments.json else plain_text(shown), end="\n" if arguments.json else "")
    if not shown:
        print(f"ossa: not one file fits into {budget:,} tokens; ask for more by --tokens.", file=sys.stderr)
    elif not arguments.json:
        print(f"{told['tokens']:,} of {budget:,} tokens, counted {count.how}", file=sys.stderr)
    return 0 if shown else 1


@dataclass(frozen=True, slots=True)
class _Count:
    """A way to count tokens."""

    tokens: Callable[[str], int]
    how: str
    """Behind "counted"."""


@contextmanager
def _counting(load: Callable[[Config], LanguageModel], *, wanted: bool) -> Generator["Future[_Count]"]:
    """Counting by the model's vocabulary, read beside the index; without a model roughly, unless one is `wanted`."""

    def start() -> _Count:
        try:
            model = stack.enter_context(closing(load(load_config())))
            counter = Counter(model)
            counter.tokens(Message("user"))
            return _Count(lambda text: counter.tokens(Message("user", text)), f"exactly by {model.info.name}")
        except ModelError as error:
            if wanted:
                raise
            return _Count(approximate_tokens, f"roughly, one for three bytes: {error}")

    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        yield pool.submit(start)


@contextmanager
def _index(repository: Repository) -> Generator[Index]:
    """The repository's index as its files are now; that this takes a while is told at a terminal."""
    with closing(Index.of(repository)) as index:
        index.refresh(progress=_told if is_terminal(sys.stderr) else lambda _done, _of: None)
        if index.problem:
            print(f"ossa: {index.problem}", file=sys.stderr)
        yield index


def _told(done: int, of: int) -> None:
    if of > _MANY:
        print(f"\rReading {done:,} of {of:,} files", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _ranker(index: Index, repository: Repository) -> Ranker:
    return Ranker(index, partial(commits, repository))


def _around(repository: Repository) -> Around:
    return Around(changed=tuple(repository.status()))


def _repository(arguments: argparse.Namespace) -> Repository:
    """What is to be searched.

    Raises:
        NotARepository: there is none.
    """
    folder = Path(arguments.root)
    found = Repository.plain(folder) if arguments.copy else Repository.open(folder)
    return found.ignoring(load_config(found.root).ignore)


def _text(given: str) -> str:
    """The text as given, or from standard input, which may hold anything or be closed."""
    if given != "-":
        return given
    return sys.stdin.buffer.read().decode("utf-8", "replace") if sys.stdin else ""


def _shown(number: int, ranked: Ranked) -> str:
    symbols = [f"{'':7}{symbol.line:>5}  {cut(symbol.signature, _WIDTH)}" for symbol in ranked.symbols]
    lines = (f"{number:>3}  {ranked.path}", f"{'':5}{' · '.join(ranked.reasons)}", *symbols)
    return plain_text("\n".join(lines))
