"""Candidates tried by a warm server: they are judged as by a cold run, and nothing of one is left for the next."""

import asyncio
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.testing.remains import Files
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.verdict import TestReport

Open: TypeAlias = Callable[[dict[str, str]], Draft]
Said: TypeAlias = tuple[str, dict[str, tuple[str, str]]]

SHAPES = '''"""Shapes, measured."""
import math

UNIT = 1


def area(width, height):
    return width + height


def circle(radius):
    return math.pi * radius ** 2
'''
TESTS = """
import os, pathlib, subprocess, sys, tempfile
import pytest
from pkg import shapes

@pytest.mark.parametrize("w,h", [(2, 3), (2, 2)])
def test_area(w, h):
    assert shapes.area(w, h) == w * h

class TestCircle:
    def test_circle(self):
        assert round(shapes.circle(1), 2) == 3.14

def test_nothing_is_left_of_others():
    places = [".", "pkg", "tests", "/tmp", "/dev/shm", tempfile.gettempdir()]
    assert not [f for place in places if os.path.isdir(place) for f in os.listdir(place) if f.startswith("left")]
    assert pathlib.Path("data.txt").read_text() == "as it was"
    assert "OSSA_LEFT" not in os.environ

def test_a_fresh_interpreter_sees_the_same():
    program = "import sys; from pkg import shapes; sys.exit(str(shapes.area(3, 3)) != sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", program, str(shapes.area(3, 3))], timeout=300).returncode == 0
"""
FILES = {
    "pkg/__init__.py": "",
    "pkg/shapes.py": SHAPES,
    "tests/test_shapes.py": TESTS,
    "conftest.py": "from pkg.shapes import UNIT\n",
    "data.txt": "as it was",
}
PATH = "pkg/shapes.py"


def mutant(old: str, new: str) -> dict[str, bytes]:
    assert old in SHAPES
    return {PATH: SHAPES.replace(old, new).encode()}


LEAVER = """import math, os, pathlib
for place in (".", "pkg", "/tmp", "/dev/shm", "new/deep", "/tmp/left-folder/deep"):
    os.makedirs(place, exist_ok=True)
    pathlib.Path(place, "left.txt").write_text("left")
os.makedirs("/tmp/left-locked"); os.chmod("/tmp/left-locked", 0)
os.environ["OSSA_LEFT"] = "1"
"""
DAEMON = """import math, os, sys, time
if not os.fork():
    os.setsid()
    if not os.fork():
        while True:
            open("left-by-daemon.txt", "a").write("x")
            time.sleep(0.001)
    os._exit(0)
"""
MUTANTS = {
    "right": mutant("width + height", "width * height"),
    "wrong": mutant("width + height", "width - height"),
    "of the same size": mutant("width + height", "width % height"),
    "raises": mutant("return width + height", "return [][width]"),
    "hangs": mutant("    return width", "    while True: pass\n    return width"),
    "hangs for good": mutant(
        "    return width",
        "    import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    while True: pass\n    return width",
    ),
    "ends the process": mutant("    return width", "    import os; os._exit(3)\n    return width"),
    "ends by a signal": mutant(
        "    return width", "    import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n    return"
    ),
    "kills its group": mutant(
        "    return width", "    import os, signal; os.killpg(0, signal.SIGKILL)\n    return width"
    ),
    "exits": mutant("    return width", "    raise SystemExit(7)\n    return width"),
    "no syntax": mutant("return width + height", "return width +"),
    "fails at import": mutant("UNIT = 1", "UNIT = 1 / 0"),
    "other at import": mutant("UNIT = 1", "import math; math.pi = 3"),
    "lacks a name": mutant("UNIT = 1", "ONE = 1"),
    "exits at import": mutant("UNIT = 1", "raise SystemExit(0)"),
    "leaves files": mutant("import math\n", LEAVER),
    "detaches a daemon": mutant("import math\n", DAEMON),
    "changes a file": mutant("import math\n", "import math\nopen('data.txt', 'w').write('changed')\n"),
    "removes a file": mutant("import math\n", "import math, os\nos.remove('data.txt')\n"),
    "rewrites itself": mutant("import math\n", "import math\nopen(__file__, 'a').write('# left')\n"),
    "caches itself": mutant("import math\n", "import math, py_compile\npy_compile.compile(__file__)\n"),
    "leaves a thread": mutant("import math\n", "import math, threading, time\nthreading.Timer(0.1, print).start()\n"),
}


def said(report: TestReport) -> Said:
    """What counts of a report: all but the times."""
    stable = {r.id: (r.outcome, re.sub(r"0x[0-9a-f]+|\d+(\.\d+)? ?s", "", r.message)) for r in report.results}
    return re.sub(r"\d+ s", " s", report.problem), stable


@pytest.fixture
def draft(project: Callable[[dict[str, str]], Draft], own_python: None) -> Draft:
    draft = project(FILES)
    if draft.isolation.kind != "overlay":
        pytest.skip("needs bubblewrap with overlays")
    return draft


async def known(draft: Draft, command: str | None = None) -> tuple[TestRunner, TestReport]:
    tests = TestRunner(draft.root, command=command)
    return tests, await tests.run(draft)


async def test_every_mutant_gets_the_verdict_of_a_cold_run(draft: Draft) -> None:
    tests, before = await known(draft)
    limits = {name: 2 if name == "hangs for good" else 30 for name in MUTANTS}
    cold = {name: said(await tests.run(draft, trial=MUTANTS[name], timeout=limits[name], each=1)) for name in MUTANTS}
    async with WarmTests(tests, draft, before) as warm:
        together = await asyncio.gather(*(warm.trial(MUTANTS[name], limit=limits[name]) for name in MUTANTS))
        again = [await warm.trial(MUTANTS[name], limit=limits[name]) for name in reversed(MUTANTS)]
        assert (warm.why, warm.cold) == ("", 0)
    assert dict(zip(MUTANTS, map(said, together), strict=True)) == cold
    assert dict(zip(reversed(MUTANTS), map(said, again), strict=True)) == cold
    assert cold["right"][0] == "" and "Hung: did not end" in cold["hangs"][1]["tests/test_shapes.py::test_area[2-3]"][1]
    assert cold["hangs for good"][0].startswith("The tests did not end within  s; the last one")
    assert not draft.change()


async def test_only_the_tests_asked_for_are_run(draft: Draft) -> None:
    tests, before = await known(draft)
    wanted = ("tests/test_shapes.py::test_area", "tests/test_shapes.py::TestCircle")
    async with WarmTests(tests, draft, before, width=1) as warm:
        report = await warm.trial(MUTANTS["right"], wanted)
        gone = await warm.trial(MUTANTS["right"], ["tests/test_gone.py::test_x"])
        assert warm.warm == 2
    assert [(r.id.split("::", 1)[1], r.outcome) for r in report.results] == [
        ("test_area[2-3]", "passed"),
        ("test_area[2-2]", "passed"),
        ("TestCircle::test_circle", "passed"),
    ]
    assert gone.problem == "None of the tests asked for exist any more."


def test_a_cached_compilation_of_the_same_size_and_second_is_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "shapes.py"
    for seconds in range(-1, 4):
        source.write_text("one")
        first = int(time.time()) + seconds
        os.utime(source, (first, first))
        files = Files(tmp_path, tmp_path, [])
        files.put({"shapes.py": b"two"})
        assert int(source.stat().st_mtime) != first
        files.restore()
        assert (source.read_text(), source.stat().st_mtime) == ("one", first)


async def test_what_the_draft_changed_is_what_candidates_stand_in(draft: Draft) -> None:
    draft.write("data.txt", b"otherwise")
    tests, before = await known(draft)
    async with WarmTests(tests, draft, before, width=1) as warm:
        report = await warm.trial(MUTANTS["right"])
        assert warm.warm == 1
    assert [r.id.split("::")[-1] for r in report.failures] == ["test_nothing_is_left_of_others"]
    draft.write("data.txt", b"as it was")


async def test_a_trial_that_is_given_up_leaves_the_next_alone(draft: Draft) -> None:
    tests, before = await known(draft)
    async with WarmTests(tests, draft, before, width=1) as warm:
        assert (await warm.trial(MUTANTS["right"])).green
        hanging = asyncio.create_task(warm.trial(MUTANTS["hangs"]))
        await asyncio.wait([hanging], timeout=0.3)
        assert hanging.cancel()
        await asyncio.wait([hanging])
        assert (await warm.trial(MUTANTS["right"])).green
        assert (warm.warm, warm.cold) == (2, 0)
    draft.write(PATH, MUTANTS["right"][PATH])
    assert draft.change()


UNITTEST = """
import unittest
from pkg import shapes

class TestArea(unittest.TestCase):
    def test_area(self): self.assertEqual(shapes.area(2, 3), 6)
    def test_sum(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(shapes.area(i, 2), 2 * i)
"""


async def test_unittest_runs_warm_too(bare_project: Open) -> None:
    draft = bare_project({"pkg/__init__.py": "", PATH: SHAPES, "tests/test_shapes.py": UNITTEST})
    tests, before = await known(draft)
    names = ("right", "wrong", "ends the process", "fails at import")
    cold = [said(await tests.run(draft, trial=MUTANTS[name])) for name in names]
    async with WarmTests(tests, draft, before, width=1) as warm:
        assert [said(await warm.trial(MUTANTS[name])) for name in names] == cold
        assert (warm.why, warm.warm) == ("", len(names))


COMMANDS: Sequence[tuple[str, str]] = [
    ("{python} -m pytest -q tests", ""),
    ("pytest -q -o pythonpath=. tests", ""),
    ("cd tests && {python} -m pytest", "is not a plain run of pytest"),
    ("PYTHONHASHSEED=1 {python} -m pytest", "is not a plain run of pytest"),
]


@pytest.mark.parametrize("command,why", COMMANDS)
async def test_a_command_is_run_warm_where_it_is_plain(draft: Draft, command: str, why: str) -> None:
    python = os.environ["VIRTUAL_ENV"] + "/bin/python"
    tests, before = await known(draft, command=command.format(python=python))
    async with WarmTests(tests, draft, before, width=1) as warm:
        report = await warm.trial(MUTANTS["right"], ["tests/test_shapes.py::test_area"])
        assert report.green == (not why or not command.startswith("cd")), report.problem or report.output
        assert (why in warm.why, bool(warm.warm)) == (True, not why), warm.why


WARY = "def test_server(): import sys; assert 'ossa_warmth' not in sys.modules\n"
MODE = "def test_mode(): import os; os.chmod('tests', 0o700)\n"
COUNT = """
def test_count():
    import pathlib
    count = pathlib.Path("count.txt")
    count.write_text(count.read_text() + "x")
    assert count.read_text() == "xx"
"""


@pytest.mark.parametrize(
    "files,why",
    [
        ({"json.py": "from nowhere import *\n"}, ""),
        ({"queue.py": "", "tests/test_more.py": "def test_queue(): import queue; queue.Queue\n"}, ""),
        ({"tests/test_more.py": WARY}, "do not say the same"),
        ({"tests/test_more.py": MODE}, "cannot be put right: tests"),
    ],
)
async def test_where_warm_would_differ_all_is_run_cold(
    project: Open, own_python: None, files: dict[str, str], why: str
) -> None:
    draft = project({**FILES, **files})
    tests, before = await known(draft)
    async with WarmTests(tests, draft, before, width=1) as warm:
        report = await warm.trial(MUTANTS["wrong"])
        assert why in warm.why
        assert (bool(warm.why), warm.warm, warm.cold) == (True, 0, 1)
    assert said(report) == said(await tests.run(draft, trial=MUTANTS["wrong"]))


async def test_a_folder_in_which_something_came_and_went_is_as_it_was(project: Open, own_python: None) -> None:
    lock = "def test_lock():\n    import os\n    open('.git/own.lock', 'w').close()\n    os.remove('.git/own.lock')\n"
    draft = project({**FILES, "tests/test_lock.py": lock})
    tests, before = await known(draft)
    async with WarmTests(tests, draft, before, width=1) as warm:
        reports = [await warm.trial(MUTANTS["right"]) for _ in range(2)]
        assert (warm.why, warm.warm) == ("", 2)
    assert all(report.green for report in reports)


async def test_files_that_the_tests_change_are_put_right(project: Open, own_python: None) -> None:
    draft = project({**FILES, "count.txt": "x", "tests/test_shapes.py": TESTS + COUNT})
    tests, before = await known(draft)
    async with WarmTests(tests, draft, before, width=1) as warm:
        reports = [await warm.trial(MUTANTS["right"]) for _ in range(3)]
        assert (warm.why, warm.warm) == ("", 3)
    assert all(report.green for report in reports)
    assert (draft.root / "count.txt").read_text() == "x"
