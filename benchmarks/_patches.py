"""Real patches from consecutive releases of packages or from git histories, and what models do to them.

two releases (sdists, fetched once by pip) or a commit ─► changed files ─► hunks ─► spoilt as models do ─► V4A · blocks
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import TypeAlias

Lines: TypeAlias = list[tuple[str, str]]
"""Lines of a hunk with their signs."""

TUNED = """
attrs 23.1.0 23.2.0 | cachetools 5.3.2 5.3.3 | click 8.1.6 8.1.7 | httpx 0.26.0 0.27.0 | humanize 4.9.0 4.10.0
jinja2 3.1.3 3.1.4 | more-itertools 10.2.0 10.3.0 | packaging 23.2 24.0 | pluggy 1.4.0 1.5.0 | rich 13.7.0 13.7.1
tenacity 8.2.3 8.3.0 | tomlkit 0.12.4 0.12.5 | oletools 0.60 0.60.1 | xlsxwriter 3.1.8 3.1.9 | werkzeug 3.0.1 3.0.2
peewee 3.17.0 3.17.1 | docutils 0.20 0.20.1 | irc 16.2.1 16.3 | pygments 2.17.1 2.17.2
"""
"""Pairs of releases that the engine was tuned on."""
HELD_OUT = """
networkx 3.2 3.2.1 | mako 1.3.0 1.3.2 | bottle 0.12.24 0.12.25 | pyparsing 3.1.1 3.1.2 | simplejson 3.19.1 3.19.2
openpyxl 3.1.1 3.1.2 | paramiko 3.3.1 3.4.0 | boltons 23.0.0 23.1.1 | marshmallow 3.20.1 3.20.2 | waitress 2.1.1 2.1.2
coverage 7.3.3 7.3.4 | tornado 6.3.2 6.3.3 | scrapy 2.11.0 2.11.1 | pycodestyle 2.11.0 2.11.1 | jsonschema 4.20.0 4.21.0
arrow 1.2.3 1.3.0 | prettytable 3.9.0 3.10.0 | psutil 5.9.6 5.9.7 | pefile 2023.2.7 2024.8.26
"""
"""Pairs that nobody looked at while tuning."""
_PYTHON, _OTHER = 10, 2
"""Files taken from a pair, at most."""
_COMMIT = 3
"""Files taken from a commit, at most."""
_LARGEST = 600_000


@dataclass(frozen=True)
class Hunk:
    """One place of a patch."""

    lines: Lines
    start: int
    """Index of the first line in the old file."""
    heads: tuple[str, ...] = ()
    """The classes and functions that it is in, outermost first."""


@dataclass(frozen=True)
class Case:
    """A file as one release has it, and as the next one does."""

    name: str
    path: str
    old: bytes
    new: bytes

    def hunks(self, context: int) -> Sequence[Hunk]:
        """The change with so many unchanged lines around each place."""
        return _hunks(self, context)


@cache  # for every engine is given the same
def _hunks(case: Case, context: int) -> Sequence[Hunk]:
    old, new = bodies(case.old), bodies(case.new)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    found: list[Hunk] = []
    for group in matcher.get_grouped_opcodes(context):
        lines: Lines = []
        for kind, a, b, c, d in group:
            if kind == "equal":
                lines += [(" ", line) for line in old[a:b]]
                continue
            lines += [("-", line) for line in old[a:b]] + [("+", line) for line in new[c:d]]
        if lines:
            found.append(Hunk(lines, group[0][1], _heads(old, group[0][1])))
    return found


def text_of(data: bytes) -> str:
    """A file's text without its byte order mark, Latin-1 where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def bodies(data: bytes) -> list[str]:
    """The lines without their endings."""
    return [line.removesuffix("\r") for line in text_of(data).removesuffix("\n").split("\n")]


def v4a(path: str, hunks: Sequence[Hunk], *, heads: bool = False, numbers: bool = False) -> str:
    """The patch as gpt-oss was trained to write it."""
    out = ["*** Begin Patch", f"*** Update File: {path}"]
    shift = 0
    for hunk in hunks:
        if numbers:
            old, new = (sum(sign in signs for sign, _ in hunk.lines) for signs in (" -", " +"))
            out.append(f"@@ -{hunk.start + bool(old)},{old} +{hunk.start + shift + bool(new)},{new} @@")
            shift += new - old
        else:
            out += [f"@@ {head}" for head in hunk.heads] if heads and hunk.heads else ["@@"]
        out += [sign + text for sign, text in hunk.lines]
    return "\n".join([*out, "*** End Patch"])


def pairs_of(hunk: Hunk) -> tuple[str, str]:
    """What a search/replace block would hold."""
    old, new = ([text for sign, text in hunk.lines if sign in signs] for signs in (" -", " +"))
    return "".join(line + "\n" for line in old), "".join(line + "\n" for line in new)


def cases(pairs: str, cache: Path) -> Iterator[Case]:
    """The patches of these pairs of releases, always the same ones."""
    for pair in pairs.replace("\n", "|").split("|"):
        if not pair.strip():
            continue
        name, before, after = pair.split()
        old, new = _release(name, before, cache), _release(name, after, cache)
        if old is None or new is None:
            print(f"{name} could not be fetched", file=sys.stderr)
            continue
        changed = [p for p in sorted(old.keys() & new.keys()) if _usable(p, old[p], new[p])]
        chance = random.Random(name)
        chance.shuffle(changed)
        python = [path for path in changed if path.endswith(".py")][:_PYTHON]
        for path in [*python, *[path for path in changed if not path.endswith(".py")][:_OTHER]]:
            yield Case(f"{name} {after}: {path}", path, old[path], new[path])


def of_history(repository: Path, count: int, seed: str) -> list[Case]:
    """So many patches of commits of a git repository, drawn at random; the same ones for the same seed and history."""
    chance = random.Random(f"{seed} {repository.name}")
    commits = _git(repository, "rev-list", "--no-merges", "--min-parents=1", "HEAD").decode().split()
    chance.shuffle(commits)
    found: list[Case] = []
    for commit in commits:
        listed = _git(repository, "diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--diff-filter=M", commit)
        changed = [os.fsdecode(path) for path in listed.split(b"\0") if path]
        chance.shuffle(changed)
        for path in changed[:_COMMIT]:
            old, new = (_git(repository, "cat-file", "-p", f"{rev}:{path}") for rev in (f"{commit}^", commit))
            if len(old) <= _LARGEST and _usable(path, old, new):
                found.append(Case(f"{_title(repository)} {commit[:10]}: {path}", path, old, new))
            if len(found) == count:
                return found
    return found


def _title(repository: Path) -> str:
    """A name for a repository: of its folder, or of the folder around one that only says that it is a repository."""
    return repository.parent.name if repository.name in ("repo", ".git") else repository.name


def _git(repository: Path, *arguments: str) -> bytes:
    """What git prints; nothing where it fails, as for a file that a shallow history lacks."""
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True).stdout


def _release(name: str, version: str, cache: Path) -> dict[str, bytes] | None:
    """The files of an sdist, by their paths in it."""
    folder = cache / "sdists" / f"{name}-{version}"
    if not folder.is_dir() or not any(folder.iterdir()):
        command = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(folder), f"{name}=={version}"]
        done = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True)
        if done.returncode:
            return None
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as unpacked:
        shutil.unpack_archive(next(folder.iterdir()), unpacked)
        root = next(Path(unpacked).iterdir())
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST:
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def _usable(path: str, old: bytes, new: bytes) -> bool:
    """Whether a patch of lines can say what happened: text with one kind of ending, which stayed as it was."""
    if old == new or not old or not new or b"\0" in old + new or "PKG-INFO" in path or "egg-info" in path:
        return False
    ends = [(data.count(b"\r\n") == data.count(b"\n"), data.endswith(b"\n"), data[:3]) for data in (old, new)]
    crlf = [(data.count(b"\r\n") in (0, data.count(b"\n"))) for data in (old, new)]
    bom = [data.startswith(b"\xef\xbb\xbf") for data in (old, new)]
    return all(crlf) and ends[0][:2] == ends[1][:2] and bom[0] == bom[1] and bodies(old) != bodies(new)


def _heads(lines: Sequence[str], at: int) -> tuple[str, ...]:
    heads: list[str] = []
    width = next((_width(line) for line in lines[at:] if line.strip()), 0)
    for line in reversed(lines[:at]):
        if line.strip() and _width(line) < width:
            width = _width(line)
            if re.match(r"\s*(class|def|async def) ", line):
                heads.insert(0, line.strip())
    return tuple(heads)


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())


# What models do to a hunk

Spoil: TypeAlias = Callable[[Lines, random.Random], Lines]


def each(change: Callable[[str], str]) -> Spoil:
    """The same to every line that is not blank."""
    return lambda lines, _: [(sign, change(text) if text.strip() else text) for sign, text in lines]


def untouched(lines: Lines, _: random.Random) -> Lines:
    """As it is."""
    return lines


def common_dedent(lines: Lines, _: random.Random) -> Lines:
    """The blanks that all lines have are lost."""
    width = min((_width(text) for _, text in lines if text.strip()), default=0)
    return [(sign, text[width:] if text.strip() else text) for sign, text in lines]


def dropped(lines: Lines, chance: random.Random) -> Lines:
    """One unchanged line is left out."""
    at = _some_context(lines, chance)
    return lines if at is None else lines[:at] + lines[at + 1 :]


def repeated(lines: Lines, chance: random.Random) -> Lines:
    """One unchanged line is written twice."""
    at = _some_context(lines, chance)
    return lines if at is None else lines[: at + 1] + lines[at:]


def _some_context(lines: Lines, chance: random.Random) -> int | None:
    context = [n for n, (sign, _) in enumerate(lines) if sign == " "]
    return chance.choice(context) if context else None


def tabs(text: str) -> str:
    """Tabs for each four spaces of indentation."""
    width = len(text) - len(text.lstrip(" "))
    return "\t" * (width // 4) + " " * (width % 4) + text[width:]


def typographic(text: str) -> str:
    """Quotes as a word processor writes them."""
    text = re.sub(r"(^|[\s(\[{=,])'", "\\1\u2018", text).replace("'", "\u2019")
    return re.sub(r'(^|[\s(\[{=,])"', "\\1\u201c", text).replace('"', "\u201d")
