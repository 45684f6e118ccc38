"""What a run of the tests is started with: the arguments, the environment, and the reporter that travels along.

Plan + wanted ids ─► argv()        root ─► variables()        folder ─► equip(): reporter, selection
"""

import json
import os
import re
import shlex
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ossa.assistant.testing.alarm import LIMIT
from ossa.assistant.testing.environments import environment, of_interpreter
from ossa.assistant.testing.plan import Plan

OPTIONS = "-p ossa_report -p no:randomly --continue-on-collection-errors --tb=short --color=no"
"""For pytest, whoever starts it."""
QUICK_OPTIONS = OPTIONS.replace("--tb=short", "--tb=native")
"""The same where nobody reads the tracebacks: short ones take pytest seconds where a function calls itself for ever."""
REPORTING = {
    "reporter": "ossa_report", "alarm": "ossa_alarm", "unittests": "ossa_unittest", "watch": "ossa_watch",
    "startup": "sitecustomize",
}  # fmt: skip
"""What travels with every run, and its names there."""
_PYTHON = re.compile(r"(.*/)?python[\d.]*")
_MODULES = ("pytest", "unittest", "ossa_unittest")
_SCRIPTS = ("pytest", "py.test")
_PLAIN = re.compile(r"[\w ./:=,@%+'\"\[\]-]+")
"""A command line in which the shell has nothing to do but to split it."""


def equip(folder: Path, only: Sequence[str], *, covering: bool = False) -> None:
    """Put the reporter and what it is to select into the folder that the tests may write to.

    Args:
        folder: new, so that nothing stands in it yet.
        only: ids of the tests that are wanted; none for all.
        covering: whether the lines that each test runs are to be told, too.
    """
    bring(folder, {**REPORTING, "tracer": "ossa_trace"} if covering else REPORTING)
    (folder / "only.json").write_text(json.dumps(list(only)), "utf-8")


def bring(folder: Path, files: Mapping[str, str]) -> None:
    """Copy files of this package there, by their names here and there, without ".py"."""
    for name, copy in files.items():
        shutil.copyfile(Path(__file__).with_name(f"{name}.py"), folder / f"{copy}.py")


def argv(plan: Plan, only: Sequence[str], files: Collection[str], folder: Path) -> list[str]:
    """The command line; `files` are the draft's, `folder` is the reporter's."""
    if plan.kind == "command":
        # A command that sets the module path itself would lose the reporter.
        return [re.sub(r"\bPYTHONPATH=", f"PYTHONPATH={folder}{os.pathsep}", word) for word in plan.argv]
    if plan.kind == "pytest" and only:
        wanted = {test.split("::")[0] for test in only}
        if wanted.issubset(files):
            return [*plan.argv, *sorted(wanted)]
    return list(plan.argv)


def variables(root: Path, inside: Path, folder: Path, options: str, each: float, program: str = "") -> dict[str, str]:
    """The environment that makes a run repeatable and brings the reporter along, unless there are no `options`.

    `each` test may take so many seconds; 0 for no limit. Where the `program` is the interpreter of a virtual
    environment, that is the active one.
    """
    values = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    if own := of_interpreter(program) or environment(root):
        values |= {"VIRTUAL_ENV": str(own), "PATH": f"{own / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    if options:
        cache = shlex.quote(f"cache_dir={folder / 'cache'}")
        values |= {
            "OSSA_TEST_ROOT": str(inside),
            LIMIT: str(each),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
            "PYTEST_ADDOPTS": f"{options} -o {cache}",
        }
    return values


class ModuleRun(NamedTuple):
    """A command line that does nothing but run a module."""

    python: str
    module: str
    arguments: list[str]
    beside: str = ""
    """The folder of the script that runs it, where modules are looked for first; empty for where it is started."""


def module_run(words: Sequence[str], root: Path) -> ModuleRun | None:
    """A command line in `root` as the run of a module, if it is one: `python -m pytest …`, or `pytest …`."""
    if len(words) == 3 and list(words[:2]) == ["sh", "-c"] and _PLAIN.fullmatch(words[2]):
        try:
            words = shlex.split(words[2])
        except ValueError:
            return None
    if words and words[0] in _SCRIPTS:
        return _script(words, root)
    if len(words) < 3 or words[1] != "-m" or not _PYTHON.fullmatch(words[0]):
        return None
    return ModuleRun(words[0], words[2], list(words[3:])) if words[2] in _MODULES else None


def _script(words: Sequence[str], root: Path) -> ModuleRun | None:
    """The same for pytest's own script, by the interpreter in its first line."""
    path = variables(root, root, root, "", 0).get("PATH") or os.environ.get("PATH", os.defpath)
    found = shutil.which(words[0], path=path)
    try:
        first = Path(found).read_bytes().partition(b"\n")[0].decode() if found else ""
    except (OSError, UnicodeDecodeError):
        return None
    python = first.removeprefix("#!").strip()
    if not found or not first.startswith("#!/") or not _PYTHON.fullmatch(python):
        return None
    return ModuleRun(python, "pytest", list(words[1:]), str(Path(found).parent))
