"""How the tests of a project are found: what it says of itself, which environment is its own."""

import os
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.draft import Draft
from ossa.assistant.testing import environments
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.statements import Statement, stated
from ossa.assistant.verdict import TestReport

Open: TypeAlias = Callable[[dict[str, str]], Draft]


def say(files: dict[str, str]) -> Statement | None:
    return stated(files, lambda path: files.get(path, ""))


SAID: dict[str, tuple[dict[str, str], Statement | None]] = {
    "tox": (
        {"tox.ini": "[testenv]\ncommands =\n    pip list\n    python -m unittest discover {posargs:-s spec}\n"},
        Statement("unittest", ("discover", "-s", "spec"), "tox.ini"),
    ),
    "tox in pyproject": (
        {"pyproject.toml": '[tool.tox.env_run_base]\ncommands = [["python", "-m", "unittest", "-v"]]\n'},
        Statement("unittest", ("-v",), "pyproject.toml"),
    ),
    "hatch": (
        {"pyproject.toml": '[tool.hatch.envs.test.scripts]\ntest = ["ruff check", "coverage run -m pytest tests"]\n'},
        Statement("pytest", ("tests",), "pyproject.toml"),
    ),
    "pdm": (
        {"pyproject.toml": '[tool.pdm.scripts]\ntest = {cmd = "python run_tests.py --fast"}\n', "run_tests.py": ""},
        Statement("script", ("run_tests.py", "--fast"), "pyproject.toml"),
    ),
    "nox": (
        {"noxfile.py": 'def tests(session):\n    session.run("python", "-m", "unittest", *session.posargs)\n'},
        Statement("unittest", (), "noxfile.py"),
    ),
    "make": (
        {
            "Makefile": "PYTHON ?= python3\nall: test\n\ncheck test:\n\t@$(PYTHON) ./runtests.py -v 2\n",
            "runtests.py": "",
        },
        Statement("script", ("./runtests.py", "-v", "2"), "Makefile"),
    ),
    "make plainly": (
        {"Makefile": "lint:\n\truff\ntest: build\n\t@$(PYTHON) runtests.py -v\n", "runtests.py": ""},
        Statement("script", ("runtests.py", "-v"), "Makefile"),
    ),
    "readme": (
        {"README.md": "```sh\n$ python -m unittest tests.test_one\n$ python -m unittest discover -p '*_spec.py'\n```"},
        Statement("unittest", ("discover", "-p", "*_spec.py"), "README.md"),
    ),
    "prose": ({"README.md": "Run python -m unittest to be sure.\n"}, None),
    "uv": (
        {"README.rst": "Testing::\n\n    uv run --extra dev pytest -q\n"},
        Statement("pytest", ("-q",), "README.rst"),
    ),
    "a script that is not there": ({"Makefile": "test:\n\tpython other_tests.py\n"}, None),
    "a shell": ({"Makefile": "test:\n\tpython -m unittest && rm -rf build\n"}, None),
    "variables": ({"Makefile": "test:\n\tpython -m unittest $(ARGS)\n"}, None),
    "docker": ({"Makefile": "test:\n\tdocker compose run web pytest\n"}, None),
    "the first counts": (
        {"Makefile": "test:\n\tpytest\n", "tox.ini": "[testenv]\ncommands = python -m unittest"},
        Statement("unittest", (), "tox.ini"),
    ),
    "broken files": ({"tox.ini": "[[", "pyproject.toml": "x = [", "Makefile": "test:\n\t'"}, None),
    "odd values": ({"pyproject.toml": "[tool]\nhatch = 3\npoe = {tasks = [1]}\n[tool.tox]\nenv_run_base = []\n"}, None),
}


@pytest.mark.parametrize("project", SAID)
def test_what_a_project_says_of_its_tests(project: str) -> None:
    files, statement = SAID[project]
    assert say(files) == statement


@given(st.sampled_from(["tox.ini", "pyproject.toml", "noxfile.py", "Makefile", "README"]), st.text())
def test_anything_may_be_said(name: str, text: str) -> None:
    statement = say({name: text})
    assert statement is None or statement.where == name


def test_long_lines_are_no_trouble() -> None:
    nox = "session.run(" + '"a", ' * 50_000 + "\n" + "x.run('" + "a' '" * 50_000
    make = "a " * 100_000 + ":\ntest:\n\t" + "python " * 100_000
    assert say({"noxfile.py": nox, "Makefile": make, "README": "    " + "{posargs:" * 50_000}) is None


def outcomes(report: TestReport) -> dict[str, str]:
    return {result.id: result.outcome for result in report.results}


SPEC = "import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass\n"


async def test_what_is_said_is_run_with_the_projects_interpreter(bare_project: Open) -> None:
    makefile = "test:\n\tpython -m unittest discover -s spec -p '*_spec.py'\n"
    draft = bare_project({"Makefile": makefile, "spec/it_spec.py": SPEC, "test_other.py": SPEC})
    report = await TestRunner(draft.root).run(draft)
    assert (report.problem, report.note) == ("", "")
    assert report.command == "unittest discover -s spec -p *_spec.py with .venv/bin/python, as Makefile says"
    assert outcomes(report) == {"spec/it_spec.py::TestIt::test_it": "passed"}


async def test_a_script_that_runs_the_tests_is_taken_at_its_word(bare_project: Open) -> None:
    script = "import unittest\nunittest.main('spec.it', argv=['x'])\n"
    draft = bare_project(
        {"run_tests.py": script, "spec/it.py": SPEC, "CONTRIBUTING.md": "```\n./setup\npython run_tests.py\n```\n"}
    )
    report = await TestRunner(draft.root).run(draft)
    assert outcomes(report) == {"spec/it.py::TestIt::test_it": "passed"}


async def test_what_is_configured_wins_over_what_is_said(bare_project: Open) -> None:
    draft = bare_project({"Makefile": "test:\n\tpython -m unittest\n", "pytest.ini": "[pytest]\n", "test_a.py": ""})
    report = await TestRunner(draft.root).run(draft)
    assert report.problem.startswith("pytest is not installed in .venv/bin/python.")


def link_python(folder: Path) -> str:
    """An environment with nothing in it but an interpreter."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")
    python = folder / "bin" / "python"
    python.symlink_to(sys.executable)
    return str(python)


def test_environments_of_the_project_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    made = {name: link_python(root / name) for name in ("venv", ".tox/py311", ".tox/lint", ".nox/tests-3-12", "own")}
    assert environments.own(root) == (made["venv"], made[".tox/py311"], made[".nox/tests-3-12"])
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "own")
    assert environments.own(root)[0] == made["own"]
    assert environments.of_interpreter(made["own"]) == root / "own"
    assert environments.of_interpreter(sys.executable + "-none") is None or sys.prefix != sys.base_prefix


def test_a_conda_environment_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    python = link_python(tmp_path / "conda" / "envs" / "shop")
    (tmp_path / ".conda").mkdir()
    lines = [tmp_path / "conda", tmp_path / "conda" / "envs" / "other", tmp_path / "conda" / "envs" / "shop"]
    (tmp_path / ".conda" / "environments.txt").write_text("\n".join(map(str, lines)))
    root = tmp_path / "project"
    root.mkdir()
    assert environments.own(root) == ()
    (root / "environment.yml").write_text("channels: [x]\nname: shop\n")
    assert environments.own(root) == (python,)


ASKED = {
    "poetry": ({"poetry.lock": ""}, ("poetry", "env", "info", "--executable")),
    "pipenv": ({"Pipfile": ""}, ("pipenv", "--py")),
    "pdm": ({"pyproject.toml": "[tool.pdm]\n"}, ("pdm", "info", "--python")),
    "hatch": ({"pyproject.toml": "[tool.hatch.envs.default]\n"}, ("hatch", "env", "find", "hatch-test")),
}


@pytest.mark.parametrize("tool", ASKED)
def test_the_tool_that_keeps_the_environment_is_asked(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, question = ASKED[tool]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(environments.asked(files, files.__getitem__)) == []
    (tmp_path / tool).write_text("#!/bin/sh\n")
    (tmp_path / tool).chmod(0o755)
    assert next(environments.asked(files, files.__getitem__)) == question
    assert list(environments.asked({"a.py"}, files.__getitem__)) == []


def test_an_answer_is_a_path_to_something_that_runs(tmp_path: Path) -> None:
    python = link_python(tmp_path / "environment")
    assert environments.answered(f"Some warning\n{python}\n") == (python,)
    assert environments.answered(f"{tmp_path / 'environment'}\n") == (python,)
    assert environments.answered("No virtualenv has been created\n/nonexistent/bin/python\nbin/python\n\0\n") == ()
    assert environments.answered(f"{tmp_path}\n/etc/passwd\n" + "/" * 9999) == ()


async def test_the_environment_that_a_tool_keeps_elsewhere_is_used(
    project: Open, environment_with_pytest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = project({"Pipfile": "", "test_a.py": "import os\ndef test_a(): assert os.environ['VIRTUAL_ENV']\n"})
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pipenv").write_text(f"#!/bin/sh\necho {environment_with_pytest}/bin/python\n")
    (tools / "pipenv").chmod(0o755)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{environment_with_pytest / 'bin'}{os.pathsep}{os.environ['PATH']}")
    report = await TestRunner(draft.root).run(draft)
    assert (report.problem, outcomes(report)) == ("", {"test_a.py::test_a": "passed"})
    assert report.command == f"pytest with {environment_with_pytest}/bin/python"


async def test_every_environment_without_pytest_is_named(bare_project: Open) -> None:
    draft = bare_project({"pytest.ini": "[pytest]\n", "test_a.py": "def test_a(): pass\n"})
    venv.create(draft.root / ".tox" / "py311", with_pip=False, symlinks=True)
    report = await TestRunner(draft.root).run(draft)
    tried = "pytest is not installed in .venv/bin/python or .tox/py311/bin/python. Install it there."
    assert report.problem.startswith(tried)


async def test_pytest_that_is_stated_only_may_be_done_without(bare_project: Open) -> None:
    draft = bare_project({"README.md": "```\npytest\n```\n", "test_it.py": SPEC})
    assert outcomes(await TestRunner(draft.root).run(draft)) == {"test_it.py::TestIt::test_it": "passed"}


async def test_a_page_beside_what_pytest_tests_does_not_outweigh_it(bare_project: Open) -> None:
    page = {f"web/{n}.ts": "" for n in range(9)} | {"package.json": '{"scripts": {"test": "jest"}}'}
    draft = bare_project({**page, "pytest.ini": "[pytest]\n", "app.py": "", "test_app.py": ""})
    assert (await TestRunner(draft.root).run(draft)).problem.startswith("pytest is not installed in .venv/bin/python.")
