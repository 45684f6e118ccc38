"""What a prompt says about where to look: its words, and the names, files and modules that it mentions.

"TypeError in `Card.parse`, see io/card.py" ─► read() ─► Clues(terms, told, title, names, files, modules)

The prompt may be a few words or a whole issue with code and a traceback. Nothing here knows the repository.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ossa.assistant.index.passages import split
from ossa.assistant.index.terms import words

_LONGEST = 40_000
"""Characters of a prompt that are read; what comes behind is mostly a log."""
_STOP = frozenset(
    words("""
    a about add added adding adds after all already also an and any are as at be because been before being both bug but
    by can could did do does don done each eg etc even few fix fixed fixes fixing for from get gets had has have he here
    how however i ie if in instead into is issue issues it its just like made make makes may me might more most must my
    new no not now of old on one only or other our out over please same see seems she should since so some still such
    than that the their them then there these they this to too under up us use used uses using via was way we were what
    when where which while who why will with within without would you your
    """)
)
"""English that says nothing about a place, and what every issue and commit says."""
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"(?<!`)`+([^`\n]+)`+")
_FILE = re.compile(r"(?<![\w.@+\\/-])(?:[A-Za-z]:)?[\w.@+\\/-]*\w\.[A-Za-z]\w{0,4}(?!\w|\.\w)")
_DOTTED = re.compile(r"(?:\b|(?<=\d))[^\W\d]\w{0,99}(?:(?:\.|::)[^\W\d]\w{0,99})+")
_WANTS_TESTS = re.compile(r"(?i)\b(write|add|extend|improve|cover|missing|more|flaky|slow)\b[^.\n]{0,40}\btests?\b")
_TRACE = re.compile(
    r'(?m)^\s*File "([^"\n]+)", line \d+'
    r"|^\s*(?:File )?((?:[A-Za-z]:)?[^\s:(]+\.\w{1,5}?)(?::\d+(?::\d+)?(?::? |,|$)|c? in [\w<])"
    r"|^\s*(at) .{0,300}?([^\s:(]+\.\w{1,5}):\d+"
)
"""A frame as Python, IPython, pytest, compilers and JavaScript write it; the last one has the innermost on top."""


@dataclass(frozen=True, slots=True)
class Clues:
    """What can be looked up."""

    terms: Mapping[str, float]
    """Its words, each with the root of how often it comes: ten mentions are more than one, but not ten times more.

    Those of a form, of versions and of web addresses are left out.
    """
    told: Mapping[str, float]
    """Those of its prose alone, without code and output."""
    title: Mapping[str, float]
    """Those of its first line, where a person says what it is about."""
    names: tuple[str, ...]
    """What is written as code is: quoted, called, dotted, with capitals or underscores inside; in the order of it."""
    files: tuple[str, ...]
    """What looks like a file's name or path, as it is written."""
    trace: tuple[str, ...]
    """The files that a traceback went through, outermost first, as they are written."""
    modules: tuple[tuple[str, ...], ...]
    """Dotted names, in lower case, by their parts."""
    wants_tests: bool
    """Whether tests are what it asks for."""


def read(prompt: str) -> Clues:
    """Everything that a prompt mentions; cheap, and never fails."""
    text = prompt[:_LONGEST].strip()
    passages = split(text)
    telling = f"{passages.told}\n{passages.shown}"
    quoted = {name for match in _QUOTED.finditer(telling) for name in _NAME.findall(match[1])}
    names = dict.fromkeys(match[0] for match in _NAME.finditer(telling) if _is_code(match, telling, quoted))
    return Clues(
        weighed(telling),
        weighed(passages.told),
        weighed(passages.title),
        tuple(names),
        tuple(dict.fromkeys(match[0] for match in _FILE.finditer(text))),
        _trace(text),
        tuple(dict.fromkeys(tuple(re.split(r"\.|::", match[0].lower())) for match in _DOTTED.finditer(telling))),
        bool(_WANTS_TESTS.search(text)),
    )


def _trace(text: str) -> tuple[str, ...]:
    """The files of all frames, outermost first."""
    frames = [next(filter(None, (match[1], match[2], match[4]))) for match in _TRACE.finditer(text)]
    upside_down = any(match[3] for match in _TRACE.finditer(text))
    return tuple(dict.fromkeys(reversed(frames) if upside_down else frames))


def weighed(text: str) -> dict[str, float]:
    """The words of a text that say something, each with the root of its count."""
    count = Counter(word for word in words(text) if len(word) > 1 and word not in _STOP)
    return {word: math.sqrt(number) for word, number in count.items()}


def _is_code(match: re.Match[str], text: str, quoted: set[str]) -> bool:
    """Whether a word is an identifier, by its form or by what stands around it."""
    name, end = match[0], match.end()
    if len(name) < 3:
        return False
    if name in quoted or "_" in name or re.search(r"[a-z\d][A-Z]", name) or text[end : end + 1] == "(":
        return True
    before = text[max(0, match.start() - 2) : match.start()]
    dotted = before[-1:] == "." and before[:1].isalnum()
    return dotted or (text[end : end + 1] == "." and text[end + 1 : end + 2].isidentifier())
