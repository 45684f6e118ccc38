"""What a failing test's traceback says: the places in the repository that it went through, and the failure in short.

pytest's long and short tracebacks ─┬─► frames() ─► Frame…  outermost first, only those inside the repository
plain Python tracebacks            ─┤
stacks of node, Rust and Go         ─┘
TestResult ─► digest() ─► a text of bounded length: test, error, places with their source line, values
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ossa.assistant.trim import shorten
from ossa.assistant.verdict import TestResult

_PYTHON = re.compile(r'^(?:E\s)?\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_PYTEST = re.compile(r"^(?P<path>[^\s:][^:]*\.\w+):(?P<line>\d+): (?:in (?P<function>.+)|[\w.]*)$")
_INNERMOST_FIRST = (
    re.compile(
        r"^\s+(?:at|❯) (?:(?P<function>[^()]{1,200}?) \(?)?(?:file://)?(?P<path>[^()\s:]+):(?P<line>\d+):\d+\)?"
    ),
    re.compile(r"^thread '.*' (?:\(\d+\) )?panicked at (?P<path>[^:]+):(?P<line>\d+):\d+:$"),
    re.compile(r"^\t(?P<path>/[^:]+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$"),
    re.compile(r"^(?P<path>[^\s:]+\.go):(?P<line>\d+)(?::\d+)?: "),
)
"""Lines of node (and what wraps it), of Rust's panics and backtraces, of Go's complaints and stacks."""
_NOISE = re.compile(r"^(stack backtrace:|goroutine \d+ |created by |\s+at |testing\.|panic\()")
_TOLD = 20
"""Lines of what a failure says that are shown."""
_FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", "venv", "node_modules", ".git"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One place of a traceback."""

    path: str
    """From the root of the repository, with "/"."""
    line: int
    """From 1."""
    function: str
    """Empty where the traceback does not say it."""
    text: str = ""
    """The source line, where the traceback shows it."""


def frames(trace: str, root: Path) -> tuple[Frame, ...]:
    """The frames inside the repository, outermost first; of chained exceptions, the first cause's come first."""
    lines = trace.splitlines()
    found: list[Frame] = []
    for index, line in enumerate(lines):
        match = _PYTHON.match(line) or _PYTEST.match(line)
        path = _inside(match["path"], root) if match else None
        if not match or not path:
            continue
        frame = Frame(path, int(match["line"][:9]), match["function"] or "", _source(lines, index, match))
        if not found or (found[-1].path, found[-1].line) != (frame.path, frame.line):
            found.append(frame)
    return tuple(found) or _other_frames(lines, root)


def _other_frames(lines: Sequence[str], root: Path) -> tuple[Frame, ...]:
    """The same of stacks that begin where it went wrong."""
    found: list[Frame] = []
    for line in lines:
        match = next((m for pattern in _INNERMOST_FIRST if (m := pattern.match(line))), None)
        path = _inside(match["path"], root) if match else None
        if match and path:
            frame = Frame(path, int(match["line"][:9]), match.groupdict().get("function") or "")
            if all((known.path, known.line) != (frame.path, frame.line) for known in found):
                found.append(frame)
    return tuple(reversed(found))


def digest(result: TestResult, root: Path, limit: int = 1500) -> str:
    """What a model needs to know of a failure, in at most about `limit` characters."""
    details = "\n".join(_told(result.trace)[:_TOLD]) or result.message.strip()
    if result.message and result.message.splitlines()[0] not in details:
        details = f"{result.message.strip()}\n{details}"
    places = [
        f"  {frame.path}:{frame.line}{f' in {frame.function}' if frame.function else ''}"
        f"{f': {frame.text}' if frame.text else ''}"
        for frame in frames(result.trace, root)
    ]
    if len(places) > 8:
        places = [*places[:2], f"  … {len(places) - 8} more …", *places[-6:]]
    head = f"{shorten(result.id, limit // 4)} {'could not be run' if result.outcome == 'error' else 'failed'}:"
    where = shorten("\n".join(places), limit // 3)
    room = max(limit - len(head) - len(where), limit // 4)
    return "\n".join(part for part in (head, shorten(details, room), where and f"at\n{where}") if part)


def _told(trace: str) -> list[str]:
    """What a trace says beside the places: the error, with the values that the runner shows."""
    lines = trace.splitlines()
    if marked := [line[1:].strip() for line in lines if line.startswith("E ")]:
        return marked
    if any(_PYTHON.match(line) for line in lines):
        last = max(index for index, line in enumerate(lines) if line.startswith("  "))
        return [line for line in lines[last + 1 :] if line.strip()]
    places = [index for index, line in enumerate(lines) if any(p.match(line) for p in _INNERMOST_FIRST[:3])]
    stack = {index - 1 for index in places if re.match(r"\s+\d+: |\S+\(.*\)$", lines[index - 1])}
    noise = {index for index, line in enumerate(lines) if _NOISE.match(line)}
    dropped = {index for index in places if not lines[index].startswith("thread ")} | stack | noise
    return [line.rstrip() for index, line in enumerate(lines) if index not in dropped and line.strip()]


def _inside(written: str, root: Path) -> str | None:
    """The path from the root of the repository, or None for one elsewhere or in an installed package."""
    path = PurePosixPath(written.replace("\\", "/"))
    if path.is_absolute():
        if not path.is_relative_to(root.as_posix()):
            return None
        path = path.relative_to(root.as_posix())
    if not path.name or path.name.startswith("<") or ".." in path.parts or _FOREIGN.intersection(path.parts):
        return None
    return path.as_posix()


def _source(lines: list[str], index: int, match: re.Match[str]) -> str:
    """The source line of a frame: the indented one below it, or in pytest's long style the marked one above it."""
    below = lines[index + 1] if index + 1 < len(lines) else ""
    if match.re is _PYTHON or match["function"]:
        shown = below.startswith("    ") and not _PYTHON.match(below)
        return below.strip() if shown else ""
    for line in reversed(lines[:index]):
        if line.startswith(">"):
            return line[1:].strip()
        if line.startswith(("_ _", "___")):  # the frame above
            break
    return ""
