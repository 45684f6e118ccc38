"""Finds out how a project's tests are run: which runner its files ask for, and with which interpreter.

    the draft's files ─► look() ─► Found: Python's style, what the project states, runners of other languages
    Found ─► find() ─► of each language its interpreter or program ─► Plan, others beside it, or why there is none

What is configured counts before what the project states of itself, and that before what its files look like.
"""

import configparser
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from ossa.assistant.draft import Command, Draft, DraftError
from ossa.assistant.testing import environments, foreign
from ossa.assistant.testing.plan import CONFIGURE, Kind, Plan
from ossa.assistant.testing.statements import Statement, stated
from ossa.assistant.threads import in_thread

Style: TypeAlias = Literal["pytest", "either", "none"]

PROBE = (
    "import sys, importlib.util as u; "
    "print(sys.executable); print('pytest' if u.find_spec('pytest') else 'plain'); "
    "sys.exit(sys.version_info < (3, 8))"
)
"""Program that tells where an interpreter really is, whether it has pytest, without importing it, and if it will do."""

_TEST_FILE = re.compile(r"(test_.*|.*_test)\.py")
_PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py"})
_PACKAGING = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile"})
_SOURCES: dict[Kind, re.Pattern[str]] = {
    "pytest": re.compile(r"\.pyi?$"),
    "cargo": re.compile(r"\.rs$"),
    "go": re.compile(r"\.go$"),
    **dict.fromkeys(("node", "jest", "vitest", "mocha", "npm"), re.compile(r"\.([cm]?[jt]sx?|vue|svelte)$")),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a project's files say of its tests."""

    style: Style
    statement: Statement | None
    """Where Python's tests are not configured otherwise."""
    others: tuple[Plan, ...]
    """Of other languages, those first in which more of the files are."""
    python: int
    """How many files are Python's; 0 where nothing says that they have tests of their own."""
    counts: tuple[int, ...]
    """The same of each of the others."""


def look(draft: Draft) -> Found:
    """Read what the files of a draft say."""
    files = draft.files()
    known = frozenset(files)
    kind = _style(draft, files)
    statement = stated(known, lambda path: _text(draft, path)) if kind != "pytest" else None
    plans = foreign.plans(known, {path: _text(draft, path) for path in foreign.manifests(known)})
    counted = sorted(((_weight(files, plan.kind, kind), plan) for plan in plans), key=lambda pair: -pair[0])
    is_other = any(not plan.folder for plan in plans) and not known & _PACKAGING
    is_project = kind == "pytest" or statement is not None or (kind == "either" and not is_other)
    python = max(_count(files, "pytest"), 1) if is_project else 0
    return Found(kind, statement, tuple(p for _, p in counted), python, tuple(n for n, _ in counted))


async def find(draft: Draft, root: Path) -> Plan | str:
    """What to run, or a sentence why nothing can be.

    Raises:
        DraftError: no command can be run in the draft.
    """
    found = await in_thread(look, draft)
    plans: list[Plan] = []
    missing: list[str] = []
    if found.python:
        plan = await _python(draft, root, found)
        if isinstance(plan, Plan):
            plans.append(plan)
        elif found.python >= max(found.counts, default=0):
            return plan
        else:
            missing.append(plan)
    for other in found.others:
        if shutil.which(other.argv[0]):
            plans.append(other)
        else:
            missing.append(f"The tests need {other.argv[0]}, which is not on PATH. {CONFIGURE}")
    if not plans:
        looked = (
            "looked for a configuration of pytest, files named test_*.py or *_test.py, a Cargo.toml, a go.mod and a"
            " package.json with a script named test"
        )
        return missing[0] if missing else f"No tests were found ({looked}). {CONFIGURE}"
    left_out = "; ".join(sentence.removesuffix(f" {CONFIGURE}").rstrip(".") for sentence in missing)
    return replace(plans[0], beside=tuple(plans[1:]), left_out=f"not run: {left_out}" if missing else "")


async def _python(draft: Draft, root: Path, found: Found) -> Plan | str:
    """The plan for Python's tests, by the first interpreter that will do."""
    candidates = await _interpreters(draft, root)
    stated = found.statement.runner if found.statement else None
    wants_pytest = found.style == "pytest" or (stated == "pytest" and found.style == "none")
    wants_plain = stated in ("unittest", "script")
    plain: list[tuple[str, str]] = []
    for name in candidates:
        real, good = await _probe(draft, root, name)
        if good == "pytest" and not wants_plain:
            return Plan("pytest", (real, "-m", "pytest", "-q", "--rootdir=."), f"pytest with {_name(name, root)}")
        if good:
            plain.append((real, _name(name, root)))
            if wants_plain:
                break
    if not plain:
        return f"No Python from 3.8 on was found (tried {', '.join(_name(c, root) for c in candidates)}). {CONFIGURE}"
    if wants_pytest:
        names = " or ".join(name for _, name in plain)
        return f"pytest is not installed in {names}. Install it there. {CONFIGURE}"
    interpreter, name = plain[0]
    if found.statement and wants_plain:
        return _as_stated(found.statement, interpreter, name)
    return Plan("unittest", (interpreter, "-m", "ossa_unittest"), f"unittest with {_name(interpreter, root)}")


def _as_stated(statement: Statement, interpreter: str, name: str) -> Plan:
    module = ("-m", "unittest") if statement.runner == "unittest" else ()
    what = " ".join([*module[1:], *statement.words])
    return Plan("command", (interpreter, *module, *statement.words), f"{what} with {name}, as {statement.where} says")


async def _interpreters(draft: Draft, root: Path) -> tuple[str, ...]:
    """The interpreters that may be the project's, likeliest first; one of its own leaves no other."""
    if found := environments.own(root):
        return found
    questions = await in_thread(lambda: [*environments.asked(draft.files(), lambda path: _text(draft, path))])
    for question in questions:
        # The tools' own records lie in the real cache, not in the sandbox's.
        cache = {"XDG_CACHE_HOME": str(Path.home() / ".cache")}
        words = ["env", "-u", "VIRTUAL_ENV", "-u", "CONDA_PREFIX", *question]  # else some name the active one
        completed = await draft.run(Command(words, timeout=30, env=cache, name=" ".join(question)), scratch=True)
        if completed.exit_code == 0 and (named := environments.answered(completed.output)):
            return named
    return environments.common()


async def _probe(draft: Draft, root: Path, python: str) -> tuple[str, str]:
    """Where the interpreter really is, for shims are slow; and what it is good for: "pytest", "plain", or ""."""
    name = f"{_name(python, root)} (does it have pytest?)"
    completed = await draft.run(Command([python, "-c", PROBE], timeout=30, name=name), scratch=True)
    lines = completed.output.splitlines()
    return (lines[-2] or python, lines[-1]) if completed.exit_code == 0 and len(lines) > 1 else (python, "")


def _name(python: str, root: Path) -> str:
    path = Path(python)
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _style(draft: Draft, files: list[str]) -> Style:
    """What the files ask for: pytest where it is configured, either runner where test files are all."""
    names = {PurePosixPath(path).name for path in files}
    if names & _PYTEST_FILES or _configured(draft):
        return "pytest"
    return "either" if any(_TEST_FILE.fullmatch(name) for name in names) else "none"


def _weight(files: list[str], kind: Kind, style: Style) -> int:
    """How many files a language has; a page that comes with what is tested by pytest does not outweigh it."""
    return 0 if style == "pytest" and kind in foreign.JAVASCRIPT else _count(files, kind)


def _count(files: list[str], kind: Kind) -> int:
    return sum(bool(_SOURCES[kind].search(path)) for path in files)


def _configured(draft: Draft) -> bool:
    """Whether a file that others share has a section for pytest; one that does not parse has none."""
    return any(_sections(draft))


def _sections(draft: Draft) -> Iterator[bool]:
    try:
        tools = tomllib.loads(_text(draft, "pyproject.toml")).get("tool", {})
        yield isinstance(tools, dict) and "pytest" in tools
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    yield _has_section(_text(draft, "tox.ini"), "pytest")
    yield _has_section(_text(draft, "setup.cfg"), "tool:pytest")


def _has_section(text: str, section: str) -> bool:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return False
    return parser.has_section(section)


def _text(draft: Draft, path: str) -> str:
    try:
        return (draft.read(path) or b"").decode("utf-8", "replace")
    except DraftError:
        return ""
