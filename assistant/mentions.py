"""What a prompt names by "@": files, parts of them, folders, definitions, and what was printed or failed last.

look at @calc.py:10-40, @"my file.py", @docs/, @Parser.feed, @!output and @!failures
mentions(prompt) ─► Mention…          unfinished(text, cursor) ─► the letters to complete ─► spelled(path)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OUTPUT, FAILURES = "!output", "!failures"
"""The targets that name what the person's last `!command` printed, and the failures of the last run of the tests."""

_MENTION = re.compile(
    r"""(?<!\S)@(?:"(?P<double>[^"\n]+)"|'(?P<single>[^'\n]+)'|(?P<plain>[^\s:"']+))"""
    r"""(?::(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?)?"""
)
_UNFINISHED = re.compile(r"""(?<!\S)@(?:"(?P<double>[^"\n]*)|'(?P<single>[^'\n]*)|(?P<plain>[^\s:"']*))$""")
PUNCTUATION = ".,;:!?)]}"
"""What ends a sentence or a bracket behind a mention and is no part of it."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One mention, and where it stands in the prompt."""

    start: int
    end: int
    target: str
    """A path, the name of a definition, or one of `OUTPUT` and `FAILURES`."""
    first: int = 0
    """The first line that is meant, from 1; 0 for all."""
    last: int = 0
    """The last one, inclusive; never before the first."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A mention that is being typed."""

    start: int
    """Where its "@" stands."""
    letters: str
    """What was typed of it."""


def mentions(prompt: str) -> list[Mention]:
    """All mentions, in the order of the prompt; an address such as `a@b` is none."""
    found: list[Mention] = []
    for match in _MENTION.finditer(prompt):
        quoted = match["double"] or match["single"]
        target = quoted or match["plain"].rstrip("" if match["first"] else PUNCTUATION)
        if not target:
            continue
        first = int(match["first"] or 0)
        last = max(first, int(match["last"] or first))
        cut = 0 if quoted or match["first"] else len(match["plain"]) - len(target)
        found.append(Mention(match.start(), match.end() - cut, target, first, last))
    return found


def unfinished(text: str, cursor: int) -> Unfinished | None:
    """The mention that the cursor stands behind, if it can still be completed."""
    match = _UNFINISHED.search(text[:cursor])
    if match is None:
        return None
    return Unfinished(match.start(), match["double"] or match["single"] or match["plain"] or "")


def spelled(target: str) -> str:
    """How a path or a name is mentioned: in quotes where it has blanks, colons or quotes, or ends a sentence."""
    if not re.search(r"""[\s:"']""", target) and target[-1:] not in PUNCTUATION:
        return f"@{target}"
    quote = "'" if '"' in target else '"'
    return f"@{quote}{target}{quote}"


def with_folders(paths: Iterable[str]) -> list[str]:
    """The paths and all folders that they lie in, these with "/" at their end, for completion."""
    files = list(paths)
    folders: dict[str, None] = {}
    for path in files:
        at = path.rfind("/")
        while at > 0 and path[: at + 1] not in folders:
            folders[path[: at + 1]] = None
            at = path.rfind("/", 0, at)
    return [*files, *sorted(folders)]


def named_lines(lines: Sequence[str], mention: Mention) -> Sequence[str]:
    """Those of a file's lines that the mention names."""
    return lines[mention.first - 1 : mention.last] if mention.first else lines
