"""What kind of text each line of a prompt is: what a person tells, code, output of programs, or what a form asks for.

an issue's text ─► split() ─► Passages(title, told, shown): a word in prose says more of a place than one in an example

What is noise is left out of all three: a form's comments, headings and ticks, tables of versions, web addresses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_COMMENT = re.compile(r"<!--(?:(?!<!--|-->).)*-->", re.DOTALL)
_ADDRESS = re.compile(r"\bhttps?://[^\s)>\]]+")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r"\s*(?:#{1,6}\s+(.+?)|\*\*([^*]+)\*\*:?)\s*")
_ABOUT_VERSIONS = re.compile(
    r"(?i)\b(environment|versions?|show_versions|system info\w*|installed|dependencies|platform)\b"
)
_LINE = 200
"""Characters by which a line's kind is known."""
_MOST_HEADING = 5
"""Words of a heading; what is longer tells something."""
_TICK = re.compile(
    r"\s*[-*]\s+\[[ xX]\]\s|\s*I have (verified|checked|read|included|searched|reproduced|confirmed|looked)\b"
)
_VERSION = re.compile(
    r"(?i)\s*[-*|]?\s*[*`]*[\w./()+-]+( [\w./()+-]+){0,4}[*`]*"
    r"(\s*(:|==|\|)\s*[*`]*v?\d+(\.\w+)+\S*|\s+v?\d+(\.\w+){2,}\S*)\s*\|?\s*"
    r"|\s*[-*]?\s*[*`]*(os|operating system|platform|system|machine)\b[^:]{0,20}:.{0,60}"
)
_FRAME = re.compile(r'\s*File "|\s*\S+\.py in \w|\s*File \S+:\d+, in |\s*at .+:\d+\)?\s*$|\s*\S+\.\w{1,5}:\d+(:\d+)?\b')
_ERROR = re.compile(r"\s*(E\s+|Uncaught )?([A-Za-z_][\w.]*)?(Error|Exception|Warning|panic)\b:?\s|\s*Traceback \(most")
_CONTINUED = re.compile(r"\s{4,}\S|\s*-+> |\s*\d+ ")
_CODE = re.compile(
    r"\s{4,}\S|\s*(>>>|\.\.\.|In \[\d+\]:|\$) |\s*(from [\w.]+ import |import [\w.]+|(async )?def \w+\(|class \w+|@\w)"
    r"|\s*[\w.\[\], ]+ [-+*/|&]?= \S|\s*[\w.]+\(.*\)?;?\s*$|\s*(for .+ in .+|if .+|with .+|else|try):\s*$|\s*return\b"
    r"|\s*(const|let|var|func|fn|package|use|#include) |\s*[)}\]]+[,;]?\s*$"
)


class _Kind(Enum):
    TOLD = "prose"
    SHOWN = "code, output"
    NOISE = "what a form wants"


@dataclass(frozen=True, slots=True)
class Passages:
    """The parts of a prompt, each as text."""

    title: str
    """Its first line."""
    told: str
    """The title and all that is prose."""
    shown: str
    """Code and output."""


def split(text: str) -> Passages:
    """Divide a prompt; where all of it looks like noise, it is prose."""
    title, _, rest = _ADDRESS.sub(" ", _COMMENT.sub("", text)).strip().partition("\n")
    lines: dict[_Kind, list[str]] = {kind: [] for kind in _Kind}
    for line, kind in _kinds(rest.splitlines()):
        lines[kind].append(line)
    if not any(line.strip() for kind in (_Kind.TOLD, _Kind.SHOWN) for line in (title, *lines[kind])):
        return Passages(title, text, "")
    return Passages(title, "\n".join([title, *lines[_Kind.TOLD]]), "\n".join(lines[_Kind.SHOWN]))


def _kinds(lines: list[str]) -> Iterator[tuple[str, _Kind]]:
    """Each line with its kind; fences are of none."""
    fence = ""
    versions = output = False
    for line in lines:
        head = line[:_LINE]
        found = _FENCE.fullmatch(head)
        if found and (head.strip().startswith(fence) if fence else "`" not in found[2]):
            fence = "" if fence else found[1]
            # What stands behind a mark is its language, or text where a web page lost the end of the line.
            if len(found[2].split()) > 1:
                yield found[2], _Kind.SHOWN
            continue
        heading = None if fence else _HEADING.fullmatch(head)
        if heading:
            said = str(heading[1] or heading[2])
            short = len(said.split()) <= _MOST_HEADING
            versions = short and bool(_ABOUT_VERSIONS.search(said))
            yield line, _Kind.NOISE if short else _Kind.TOLD
            continue
        output = bool(_FRAME.match(head) or _ERROR.match(head) or (output and _CONTINUED.match(head)))
        if output:
            yield line, _Kind.SHOWN
        elif versions or _TICK.match(head) or _VERSION.fullmatch(head):
            yield line, _Kind.NOISE
        else:
            yield line, _Kind.SHOWN if fence or _CODE.match(head) else _Kind.TOLD
