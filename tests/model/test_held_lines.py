"""Lines of Python functions that a model is held to: real ones fit, and what it writes can stand where it stands."""

import ast
import builtins
import csv
import difflib
import heapq
import inspect
import math
import statistics
import textwrap
from itertools import takewhile
from pathlib import Path
from types import ModuleType

import pytest

from ossa.assistant.repair.excerpt import Excerpt
from ossa.assistant.repair.functions import functions
from ossa.assistant.repair.lines import Lines
from ossa.model import vocabulary
from ossa.model.base import Finished, Message, Sampling
from ossa.model.constraints_matcher import Constrainer
from ossa.model.constraints_vocabulary import of_tokenizer
from ossa.model.engine import Engine
from ossa.model.gguf import GgufFile
from ossa.model.loading import Loaded

TEXT = textwrap.dedent(
    '''
    def longest(words, least=1):
        """The longest of some words."""
        best = ""
        for word in words:
            if len(word) > len(best) and len(word) >= least:
                best = word
        pairs = [
            best,
        ]
        return best
    '''
).lstrip()
LINE = Sampling(max_tokens=40, stop=("\n",))


@pytest.fixture(scope="module")
def constrainer(small_model_file: Path) -> Constrainer:
    file = GgufFile(small_model_file)
    return Constrainer(of_tokenizer(vocabulary.tokenizer(file), vocabulary.stop_ids(file)))


def lines_of(module: ModuleType) -> list[tuple[Lines, int, str]]:
    source = inspect.getsource(module)
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)} | set(dir(builtins))
    found: list[tuple[Lines, int, str]] = []
    for function in functions("module.py", source):
        text = Excerpt(source, function.start, function.end).text
        held, rows = Lines(text, names), text.splitlines(keepends=True)
        starts = [sum(map(len, rows[:number])) for number in range(len(rows))]
        body = function.body - function.start
        found += [(held, start, row) for start, row in zip(starts[body:], rows[body:], strict=True)]
    return found


@pytest.mark.parametrize("module", [csv, difflib, heapq, statistics])
def test_lines_that_people_wrote_fit(constrainer: Constrainer, module: ModuleType) -> None:
    rows = [(limit, row) for held, start, row in lines_of(module) if (limit := held.within(start))]
    fitting = [row for limit, row in rows if constrainer.matcher(limit).begin(row)]
    assert len(rows) > 50
    assert len(fitting) > 0.9 * len(rows)  # comments at the end and other layouts do not


@pytest.mark.parametrize("line", ["best = max(words, key=len)", "best += word[1:-1]", "return [w for w in words if w]",
    "if not best: return None", "least, best = best, least", "print(f'{best}', end='')", "words[0] = -least",
    "raise ValueError('least') from None", "return best if least else word"])  # fmt: skip
def test_what_may_stand_before_a_line(constrainer: Constrainer, line: str) -> None:
    limit = Lines(TEXT, dir(builtins)).before(TEXT.index("return best"))
    assert limit and constrainer.matcher(limit).begin(f"    {line}\n")


@pytest.mark.parametrize("line", ["if best:", "return bset", "best = (word", "return best)", "worst = best", "def f():",
    "best == word", "# nothing", "returnbest", "best = wordand best", '"""Told."""'])  # fmt: skip
def test_what_may_not_stand_before_a_line(constrainer: Constrainer, line: str) -> None:
    limit = Lines(TEXT, dir(builtins)).before(TEXT.index("return best"))
    assert limit and not constrainer.matcher(limit).begin(f"    {line}\n")


def test_a_line_with_a_block_below_stays_its_head(constrainer: Constrainer) -> None:
    limit = Lines(TEXT, dir(builtins)).within(TEXT.index("len(word)"))
    assert limit and constrainer.matcher(limit).begin("        while word in words:\n")
    assert not constrainer.matcher(limit).begin("        best = word\n")


def test_what_is_part_of_something_longer_is_left_free() -> None:
    held = Lines(TEXT, dir(builtins))
    assert held.within(TEXT.index("pairs")) is None and held.before(TEXT.index("best,")) is None
    assert Lines(TEXT, {"*"}).within(TEXT.index("return")) is None


BLOCKS = {
    "a loop": "best = ''\n    for word in words:\n        if word:\n            best = word\n    return best\n",
    "branches": "if words:\n        return 1\n    elif least: return 2\n    else:\n\n        return 3\n",
    "a function": "def inner(a, *b, c: int = 3) -> str:\n        return a\n    return inner(*words)\n",
    "the end": "return words\n```",
    "something behind": "return words\n\nprint(longest([]))",
}
BROKEN = {
    "too far": "best = ''\n        return best\n",
    "not far enough": "for word in words:\n    return word\n",
    "two levels at once": "for word in words:\n            return word\n",
    "an open bracket": "return max(words\n",
    "odd": "if words:\n      return 1\n",
}


@pytest.mark.parametrize("name", [*BLOCKS, *BROKEN])
def test_a_body_stands_where_its_lines_belong(constrainer: Constrainer, name: str) -> None:
    limit = Lines(TEXT, dir(builtins)).block("    ")
    assert limit and constrainer.matcher(limit).begin("    " + {**BLOCKS, **BROKEN}[name]) is (name in BLOCKS)


@pytest.mark.parametrize("seed", range(3))
def test_a_body_that_a_model_writes_parses(quick: Loaded, seed: int) -> None:
    head = TEXT[: TEXT.index("best")]
    limit = Lines(TEXT, dir(builtins)).block("    ")
    sampling = Sampling(1.0, 0.95, seed, 300, ("```",), begin=head, constraint=limit)
    *_, done = Engine(quick).generate([Message("user", "Write the function `longest`.")], sampling=sampling)
    assert isinstance(done, Finished) and done.message.text.startswith(head)
    every = f"    {done.message.text[len(head) :]}".split("\n")
    rows = [*takewhile(lambda row: not row or row.startswith("    "), every)]
    if rows == every:  # it was cut off within its last line
        rows = [*rows[:-1], f"{_margin(rows[-2] if rows[1:] else rows[-1])}pass"]
    ast.parse(head[:-4] + "\n".join(rows))


def _margin(line: str) -> str:
    """Where a statement may follow a line."""
    return " " * (len(line) - len(line.lstrip()) + 4 * line.endswith(":"))


def test_only_known_attributes_follow_a_dot(constrainer: Constrainer) -> None:
    limit = Lines(TEXT, {"math", *dir(builtins)}, {"upper"}, {"math"}).within(TEXT.index("return"))
    assert limit and constrainer.matcher(limit).begin("    return best.upper()\n")
    assert constrainer.matcher(limit).begin("    return math.floor(least)\n")
    assert not constrainer.matcher(limit).begin("    return best.size()\n")


def test_what_a_model_writes_for_a_line_can_stand_there(quick: Loaded) -> None:
    held = Lines(TEXT, dir(builtins))
    ask = [Message("user", "The function `longest` has a bug. Write the corrected function.")]
    place = TEXT.index("return best")
    heads = [TEXT[:place] + begin for begin in ("if", "return ", "best", "for", "def", "least", "bset")]
    written = Engine(quick).continue_all(ask, heads, LINE, held=[held.before(place)] * len(heads))
    good = [one.text for one in written if one.logprob > -math.inf and one.reason == "stop"]
    assert len(good) >= 2
    for text in good:
        tree = ast.parse(text)
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert text.startswith(TEXT[:place]) and names <= {*dir(builtins), *"abcdefghijklmnopqrstuvwxyz_"} | {
            "words", "word", "best", "least", "pairs",
        }  # fmt: skip
    impossible = [one for one in written if one.logprob == -math.inf]
    assert {one.text[place:] for one in impossible} >= {"def", "bset"}


def test_a_row_that_is_held_does_not_bind_the_others(small: Loaded) -> None:
    ask = [Message("user", "Write a function.")]
    limit = Lines(TEXT, dir(builtins)).before(TEXT.index("return best"))
    head = TEXT[: TEXT.index("return best")] + "return"
    mixed = Engine(small).continue_all(ask, [head, head], LINE, held=[limit, None])
    assert mixed[1].text == Engine(small).continue_all(ask, [head], LINE)[0].text


def test_gpt_oss_is_held_within_its_answer(gpt_oss: Loaded) -> None:
    limit = Lines(TEXT, dir(builtins)).before(TEXT.index("return best"))
    head = TEXT[: TEXT.index("return best")]
    written = Engine(gpt_oss).continue_all(
        [Message("user", "hi")], [head + "return", head + "def"], LINE, held=[limit] * 2
    )
    assert [one.logprob for one in written[1:]] == [-math.inf]
    assert written[0].text.startswith(head + "return")
