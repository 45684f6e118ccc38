"""Which tests a change reaches, which are run first, and which are run twice before anything is said of them."""

import json
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.events import Event, Proposed, StepFinished, StepStarted
from ossa.assistant.paths import cache_dir, repository_key
from ossa.assistant.proof import Proof
from ossa.assistant.repository import Repository
from ossa.assistant.testing.affected import Reach, doubtful, early, reach, wavered
from ossa.assistant.testing.graph import ImportGraph
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.verdict import Outcome, TestReport, TestResult, Verdict, compare
from ossa.tests.waiting import LIMIT

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

Open: TypeAlias = Callable[[dict[str, str]], Draft]

PYTHON = {
    "src/shop/__init__.py": "from .cart import Cart\n",
    "src/shop/cart.py": "from shop import prices as p, money\nimport json\n",
    "src/shop/prices.py": "from . import money\n",
    "src/shop/money.py": "",
    "src/shop/deep/__init__.py": "",
    "src/shop/deep/stock.py": "from ..money import (\n    Coin,  # a comment\n    Note,\n)\n",
    "src/json.py": "",
    "tests/helpers.py": "import shop.deep.stock\n",
    "tests/test_cart.py": "def test():\n    from shop import Cart\n",
    "tests/test_stock.py": "import os, helpers\n",
    "tests/test_other.py": "import sys\n",
    "conftest.py": "",
}
JAVASCRIPT = {
    "src/a.js": "import { b } from './b';\nexport * from './lib';\n",
    "src/b.ts": "",
    "src/lib/index.js": "const c = require('../c.js')",
    "src/c.ts": "",
    "test/a.test.js": "const a = await import(\n  '../src/a.js');\nimport x from 'react';\n",
}
GO = {
    "go.mod": "module example.org/shop\n",
    "cart/cart.go": 'package cart\n\nimport (\n\t"fmt"\n\tm "example.org/shop/money"\n)\n',
    "cart/cart_test.go": "package cart\n",
    "money/money.go": "package money\n",
    "other/other_test.go": 'package other\nimport "testing"\n',
}


def reached(files: dict[str, str], *changed: str) -> Reach:
    """All files as if the draft had them otherwise than the working tree, which is not there."""
    return reach(changed, ImportGraph(Path("nowhere")).importers(files, files), frozenset(files))


def test_python_is_followed_through_packages_and_names() -> None:
    assert reached(PYTHON, "src/shop/money.py").files == {
        "src/shop/money.py": 0,
        "src/shop/cart.py": 1,
        "src/shop/prices.py": 1,
        "src/shop/deep/stock.py": 1,
        "src/shop/__init__.py": 2,
        "tests/helpers.py": 2,
        "tests/test_cart.py": 3,
        "tests/test_stock.py": 3,
    }
    assert "tests/test_other.py" not in reached(PYTHON, "src/shop/__init__.py").files


def test_javascript_is_followed_by_relative_paths() -> None:
    assert reached(JAVASCRIPT, "src/c.ts").files == {
        "src/c.ts": 0,
        "src/lib/index.js": 1,
        "src/a.js": 2,
        "test/a.test.js": 3,
    }
    assert "test/a.test.js" in reached(JAVASCRIPT, "src/b.ts").files


def test_go_is_followed_by_packages() -> None:
    found = reached(GO, "money/money.go")
    assert found.files == {"money/money.go": 0, "cart/cart.go": 1, "cart/cart_test.go": 1} | {"cart/cart_test.go": 2}
    assert found.reaches("cart::TestAdd") and not found.reaches("other::TestX")
    assert found.distance("cart::TestAdd") == 1


def test_what_is_not_known_is_taken_as_reached() -> None:
    far = "tests/test_other.py::test"
    assert not reached(PYTHON, "src/shop/money.py").reaches(far)
    for other in ("data.csv", "conftest.py", "pyproject.toml", "src/lib.rs"):
        assert reached({**PYTHON, other: ""}, "src/shop/money.py", other).reaches(far)
    assert reached(PYTHON, "src/shop/money.py").reaches("make test")


@given(st.dictionaries(st.sampled_from(["a.py", "b/__init__.py", "b/c.js", "d.go", "go.mod"]), st.text(), min_size=1))
def test_anything_may_stand_in_a_file(files: dict[str, str]) -> None:
    assert reached(files, *files).files.keys() >= files.keys()


def test_long_lines_are_no_trouble() -> None:
    text = "import " + "a, " * 100_000 + "\nfrom x import (" + "b, " * 100_000 + "\nrequire(" + "'./" * 100_000
    assert reached({"a.py": text, "b.js": text, "c.go": text}, "a.py").files


def test_imports_are_read_again_where_a_file_has_changed_and_no_others(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "cache" / "imports.json"
    for name, text in PYTHON.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        os.utime(root / name, (1, 1))

    def importers(graph: ImportGraph, path: str, files: Iterable[str] = PYTHON, **draft: str) -> set[str]:
        changed = {f"src/shop/{name}.py": text for name, text in draft.items()}
        found = graph.importers([*files], changed)
        assert found
        return set(found(path))

    graph = ImportGraph(root, kept)
    assert importers(graph, "src/shop/prices.py") == {"src/shop/cart.py"}
    assert importers(graph, "src/shop/prices.py", money="import shop.prices") == {
        "src/shop/cart.py",
        "src/shop/money.py",
    }
    assert importers(graph, "src/shop/prices.py", cart="") == set()
    assert importers(graph, "src/shop/prices.py") == {"src/shop/cart.py"}
    # Of the same size and time as before, so what was kept is believed.
    (root / "src/shop/cart.py").write_text(" " * len(PYTHON["src/shop/cart.py"]))
    os.utime(root / "src/shop/cart.py", (1, 1))
    assert importers(ImportGraph(root, kept), "src/shop/prices.py") == {"src/shop/cart.py"}
    (root / "src/shop/cart.py").write_text("import shop.stock\n")
    (root / "src/shop/stock.py").write_text("import shop.prices\n")
    assert importers(graph, "src/shop/prices.py") == set()
    assert importers(graph, "src/shop/stock.py", [*PYTHON, "src/shop/stock.py"]) == {"src/shop/cart.py"}
    kept.write_text('{"format": 1, "files": {"a.py": 3}}')
    assert importers(ImportGraph(root, kept), "src/shop/cart.py") == {"src/shop/__init__.py"}


def test_what_is_not_read_in_time_is_not_known(tmp_path: Path) -> None:
    listing, go_on = threading.Event(), threading.Event()

    def files() -> list[str]:
        listing.set()
        go_on.wait(LIMIT)
        return []

    graph = ImportGraph(tmp_path)
    graph.prepare(files)
    listing.wait(LIMIT)
    try:
        found = reach(["a.py"], graph.importers(["a.py"], {"a.py": ""}, wait=0.01), {"a.py"})
        assert found.reaches("b.py::test") and found.files == {"a.py": 0}
    finally:
        go_on.set()


def results(**outcomes: str) -> tuple[TestResult, ...]:
    """Each as "outcome" or "outcome seconds"; in the names, "__" stands for ".py::"."""
    parts = {name.replace("__", ".py::"): told.partition(" ") for name, told in outcomes.items()}
    return tuple(TestResult(name, cast("Outcome", p[0]), seconds=float(p[2] or 1)) for name, p in parts.items())


def test_what_failed_and_what_is_near_is_run_first_as_far_as_it_takes_little() -> None:
    near = Reach({"m.py": 0, "b.py": 1, "c.py": 2}, True, frozenset({"a.py", "b.py", "c.py", "d.py", "m.py"}))
    told = results(a__x="passed 40", c__x="passed 4", c__y="passed 40", b__x="passed", d__x="failed", b__y="skipped")
    before = TestReport("pytest", told, seconds=90)
    assert early(before, near) == ("d.py::x", "b.py::x", "c.py::x")
    assert early(replace(before, results=told[4:5]), near) == ()


def test_what_the_change_cannot_have_done_is_doubted() -> None:
    near = Reach({"m.py": 0, "b.py": 1}, True, frozenset({"a.py", "b.py", "m.py"}))
    verdict = Verdict("pytest", fixed=("a.py::f", "b.py::f"), broken=("a.py::b", "b.py::b", "b.py::w"))
    assert set(doubtful(verdict, near, None, {"b.py::w"})) == {"a.py::f", "a.py::b", "b.py::w"}
    last = Verdict("pytest", fixed=("b.py::b",), broken=("b.py::f",))
    assert set(doubtful(verdict, near, last, ())) == {"a.py::f", "a.py::b", "b.py::b", "b.py::f"}
    many = Verdict("pytest", broken=tuple(f"a.py::{n}" for n in range(500)))
    assert doubtful(many, near, None, ()) == ()


def test_a_flaky_test_is_neither_fixed_nor_broken() -> None:
    before = TestReport("pytest", results(a="passed", b="failed", c="failed"))
    after = TestReport("pytest", results(a="failed", b="passed", c="passed"))
    assert wavered(before, after) == {"a", "b", "c"}
    assert wavered(before, replace(after, problem="cut off")) == set()
    verdict = compare(before, after, {"a", "b"})
    assert (verdict.fixed, verdict.broken, verdict.flaky) == (("c",), (), ("a", "b"))
    assert verdict.summary == "2/3 passed · 1 fixed · 0 broken · 2 flaky"


FILES = {
    ".gitignore": "run\n",
    "calc.py": "A = 1\n",
    "test_calc.py": "from calc import A\ndef test_a(): assert A == 1\ndef test_b(): pass\n",
    "test_shaky.py": "import pathlib\ndef test(): assert pathlib.Path('run').read_text() not in ('{fails}')\n",
}
SHAKY = "test_shaky.py::test"
FIXED = """\
*** Update File: calc.py
@@
 def add(a, b):
-    return a - b
+    return a + b"""


class Bench:
    """A proof over a repository with a test that fails in some of the runs, and what it tells on its way."""

    def __init__(self, project: Open, folder: Path, fails: str, long: float = 1e9) -> None:
        shaky = FILES["test_shaky.py"].replace("('{fails}')", repr(tuple(fails)))
        self.draft = project({**FILES, "test_shaky.py": shaky})
        self.baseline = open_draft(Repository.open(self.draft.root), folder / "baseline")
        tests = TestRunner(self.draft.root)
        self.proof = Proof(self.draft.root, tests, self.draft, self.baseline, long=long)
        self.runs: list[str] = []
        self.failing: list[tuple[str, ...]] = []

    def emit(self, event: Event) -> None:
        """Number the runs, in a file that git ignores."""
        if isinstance(event, StepStarted):
            self.runs.append(event.title)
            (self.draft.root / "run").write_text(str(len(self.runs)))
        elif isinstance(event, StepFinished):
            self.failing.append(event.failing or ())

    async def verdict(self, text: str) -> Verdict:
        self.draft.write("calc.py", text.encode())
        try:
            return await self.proof.verdict(self.emit)
        finally:
            self.baseline.discard()
            self.baseline.close()


async def test_a_test_that_wavers_by_itself_is_no_fault_of_the_change(
    project: Open, own_python: None, tmp_path: Path
) -> None:
    bench = Bench(project, tmp_path, fails="2")
    verdict = await bench.verdict("A = 2 - 1\n")
    assert (verdict.broken, verdict.flaky) == ((), (SHAKY,))
    assert verdict.proved
    assert len(bench.runs) == 5  # before, after; alone and all with the change; alone without it


async def test_a_test_that_fails_again_among_the_others_is_broken(
    project: Open, own_python: None, tmp_path: Path
) -> None:
    bench = Bench(project, tmp_path, fails="24")
    verdict = await bench.verdict("A = 2 - 1\n")
    assert (verdict.broken, verdict.flaky) == ((SHAKY,), ())


async def test_what_seems_fixed_but_cannot_be_is_looked_at_again(
    project: Open, own_python: None, tmp_path: Path
) -> None:
    bench = Bench(project, tmp_path, fails="1")
    verdict = await bench.verdict("A = 2 - 1\n")
    assert (verdict.fixed, verdict.flaky) == ((), (SHAKY,))


async def test_what_the_change_reaches_is_believed_at_once(project: Open, own_python: None, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path, fails="")
    verdict = await bench.verdict("A = 2\n")
    assert verdict.broken == ("test_calc.py::test_a",)
    assert bench.runs == ["tests before the change", "tests with the change"]


async def test_where_all_tests_take_long_those_that_it_matters_to_come_first(
    project: Open, own_python: None, tmp_path: Path
) -> None:
    bench = Bench(project, tmp_path, fails="1", long=0)
    slow = "import time\ndef test(): time.sleep(0.5)\n"
    (bench.draft.root / "test_slow.py").write_text(slow)
    verdict = await bench.verdict("A = 2\n")
    assert bench.runs[1:3] == ["the tests that it matters to, before all", "tests with the change"]
    assert bench.failing[:2] == [(SHAKY,), ("test_calc.py::test_a",)]
    assert verdict.total == 4


async def test_a_session_reads_the_imports_while_its_tests_run_and_keeps_them(desk: "Desk", own_python: None) -> None:
    work = desk.open([desk.patch(FIXED), "Done."], test="")
    events = await desk.play(work.agent.run("mend add"))
    assert desk.of(events, Proposed)[0].verdict.fixed == ("tests/test_calc.py::test_add",)
    kept = cache_dir() / repository_key(desk.repo) / "imports.json"
    assert json.loads(kept.read_text())["files"]["tests/test_calc.py"][2] == ["calc add"]
