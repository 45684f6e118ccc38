r"""Text that a model, a file or a command wrote, made harmless: nothing in it moves the cursor or sets colours.

`plain_text` is for prose and output (escape sequences go away), `visible` for code (every byte that hides is shown).
"""

import re
import unicodedata
from functools import cache

LINE_LIMIT = 2_000
"""Characters of one line that are shown."""
LINE_LEAST = 200
"""Characters of one line that are shown however many lines there are."""
_REST = " … (the rest of this line is not shown)"

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b\n]{0,4096}(?:\x1b\\|\x07)"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]{0,65536}\x1b\\"  # DCS and the like: pictures
    r"|\x1b[ -/]*[0-~]"  # others, and of those above that have no end the beginning: what follows is to be seen
)

_CUT = re.compile(r"(?:\x1b(?:\[[0-?]{0,200}[ -/]{0,200}|[\]PX^_][^\x07\x1b\n]{0,200}\x1b?|[ -/]*)|\r)\Z")
"""What may be the beginning of an escape sequence, or of "\\r\\n", at the end of a text."""


def visible(text: str) -> str:
    r"""The text with control characters as their pictures and invisible direction marks as "�"; keeps "\n" and "\t"."""
    return text.translate(_table())


def plain_text(text: str) -> str:
    r"""The text without escape sequences; "\r\n" and "\r" become "\n"."""
    return visible(_ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def whole(text: str) -> tuple[str, str]:
    """Of a text that comes in bits, what can be shown by now, and the end of it that waits for the next bit."""
    begun = _CUT.search(text)
    return (text[: begun.start()], begun[0]) if begun else (text, "")


def cut(line: str, limit: int = LINE_LIMIT) -> str:
    """The start of a line too long to show, with a note of how much is missing."""
    if len(line) <= limit:
        return line
    return line[:limit] + (_REST if line.endswith(_REST) else f" … {len(line) - limit:,} more characters")


def shown(text: str, lines: int, most: int = 0) -> list[str]:
    """The text as lines fit to show: each cut, and of too many the first and last with a note in between.

    Many of them are cut shorter, so that all have about `most` characters where that is not 0.
    """
    every = plain_text(text).rstrip("\n").split("\n")
    limit = min(LINE_LIMIT, max(LINE_LEAST, most // min(len(every), lines))) if most else LINE_LIMIT
    if len(every) <= lines:
        return [cut(line, limit) for line in every]
    head = lines // 3
    tail = lines - head - 1
    first, last = ([cut(line, limit) for line in some] for some in (every[:head], every[-tail:]))
    return [*first, f"… {len(every) - head - tail:,} lines …", *last]


class LineGate:
    """Cuts overlong lines out of a text that comes in bits."""

    def __init__(self, limit: int = 2 * LINE_LIMIT) -> None:
        self._limit = limit
        self._length = 0

    def let(self, text: str) -> str:
        """What of the next bit may be shown."""
        if "\n" not in text and self._length + len(text) <= self._limit:
            self._length += len(text)
            return text
        return "\n".join(self._line(line, index > 0) for index, line in enumerate(text.split("\n")))

    def _line(self, line: str, fresh: bool) -> str:
        before = 0 if fresh else self._length
        self._length = before + len(line)
        if self._length <= self._limit:
            return line
        return "" if before > self._limit else line[: self._limit - before] + _REST


@cache
def _table() -> dict[int, str]:
    pictures = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
    hidden = [*range(0x7F, 0xA0), 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
    surrogates = range(0xD800, 0xE000)
    return pictures | dict.fromkeys((*hidden, *surrogates), "�")


def is_text(data: bytes) -> bool:
    """Whether the start of a file looks like something to read: no NUL, few unprintable characters."""
    start = data[:8192]
    if b"\0" in start:
        return False
    text = start.decode("utf-8", "replace")
    odd = sum(unicodedata.category(c) in ("Cc", "Cn", "Co") and c not in "\n\r\t\f\x1b" for c in text)
    return odd * 10 <= len(text)
