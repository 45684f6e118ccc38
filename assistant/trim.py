"""Cutting long text for whoever has little room."""

import re

_TELLING = re.compile(
    r"error|fail|exception|traceback|assert|warning|panic|undefined|not found|cannot|denied|^E\s|^\s*File \"|:\d+:",
    re.IGNORECASE,
)
"""Lines that say what went wrong, and where."""
_HEAD, _TAIL = 2, 4
"""Lines at the start and at the end that are kept: the command's title, and what it came to."""


def shorten(text: str, limit: int) -> str:
    """Keep the start and the end of a text of more than `limit` characters, and say what was cut out between."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[len(text) - limit // 3 :]
    cut = len(text) - len(head) - len(tail)
    return f"{head}\n[… {cut:,} characters left out …]\n{tail}"


def essence(text: str, limit: int) -> str:
    """Keep of a longer text its first and last lines, and between them those that tell what went wrong, first to last.

    A text without such lines is cut in its middle, as `shorten` does.
    """
    lines = text.splitlines()
    telling = [n for n in range(_HEAD, len(lines) - _TAIL) if _TELLING.search(lines[n])]
    if len(text) <= limit or not telling or len(telling) > len(lines) // 2:
        return shorten(text, limit)
    ends = [*range(_HEAD), *range(len(lines) - _TAIL, len(lines))]
    room = limit - sum(len(lines[n]) + 1 for n in ends)
    kept = set(ends)
    for number in telling:
        room -= len(lines[number]) + 1
        if room < 0:
            break
        kept.add(number)
    if len(kept) == len(ends):
        return shorten(text, limit)
    shown = [line for n, line in enumerate(lines) if n in kept]
    cut = len(text) - sum(len(line) + 1 for line in shown)
    return "\n".join([*shown[:-_TAIL], f"[… {cut:,} characters left out …]", *shown[-_TAIL:]])
