"""What a run of the tests is started with: the arguments, the environment, and the reporter that travels along.

Plan + wanted ids ─► argv()        root ─► variables()        folder ─► equip(): reporter, selection
"""

import json
import os
import re
import shlex
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from ossa.assistant.testing.alarm import LIMIT
from ossa.assistant.testing.discovery import Plan, environment

OPTIONS = "-p ossa_report -p no:randomly --continue-on-collection-errors --tb=short --color=no"
"""For pytest, whoever starts it."""
_PYTHON = re.compile(r"(.*/)?python[\d.]*")
_PLAIN = re.compile(r"[\w ./:=,@%+'\"\[\]-]+")
"""A command line in which the shell has nothing to do but to split it."""


def equip(folder: Path, only: Sequence[str], *, covering: bool = False) -> None:
    """Put the reporter and what it is to select into the folder that the tests may write to.

    Args:
        folder: new, so that nothing stands in it yet.
        only: ids of the tests that are wanted; none for all.
        covering: whether the lines that each test runs are to be told, too.
    """
    here = Path(__file__)
    shutil.copyfile(here.with_name("reporter.py"), folder / "ossa_report.py")
    shutil.copyfile(here.with_name("alarm.py"), folder / "ossa_alarm.py")
    if covering:
        shutil.copyfile(here.with_name("tracer.py"), folder / "ossa_trace.py")
    (folder / "only.json").write_text(json.dumps(list(only)), "utf-8")


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


def variables(root: Path, inside: Path, folder: Path, options: str, each: float) -> dict[str, str]:
    """The environment that makes a run repeatable and brings the reporter along, unless there are no `options`.

    `each` test may take so many seconds; 0 for no limit.
    """
    values = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    if own := environment(root):
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


def module_run(words: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """Interpreter, module and arguments of a command line that does nothing but `python -m module`; None for others."""
    if len(words) == 3 and list(words[:2]) == ["sh", "-c"] and _PLAIN.fullmatch(words[2]):
        try:
            words = shlex.split(words[2])
        except ValueError:
            return None
    if len(words) < 3 or words[1] != "-m" or not _PYTHON.fullmatch(words[0]):
        return None
    return (words[0], words[2], list(words[3:])) if words[2] in ("pytest", "ossa_report") else None
