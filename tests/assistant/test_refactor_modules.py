"""Modules and packages that get another name or place: who imports them, their own imports, and texts follow."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.index.index import Index
from ossa.assistant.refactor.plan import Refactoring
from ossa.assistant.refactor.wish import Outcome, What, Wish
from ossa.assistant.refactor.worker import work

Do: TypeAlias = Callable[..., Outcome]

FILES = {
    "pkg/__init__.py": "from .low import base as base\nfrom . import old\n\n__all__ = ['base', 'old']\n",
    "pkg/low.py": "def base():\n    return 'base'\n",
    "pkg/old.py": (
        '"""Run by python -m pkg.old, see pkg/old.py."""\n\nfrom . import low\nfrom .low import (\n    base,\n)\n'
        "import pkg.low\n\n\ndef go():\n    return low.base() + base() + pkg.low.base()\n\n\n"
        "if __name__ == '__main__':\n    print(go())\n"
    ),
    "pkg/sub/__init__.py": "",
    "pkg/sub/near.py": "from ..old import go\nfrom .. import old, low\n\nNEAR = go() + old.go() + low.base()\n",
    "app.py": (
        "import pkg.old\nimport pkg.old as o\nfrom pkg import base, old\nfrom pkg.old import go as g\n\n\n"
        "def all_of_it():\n    from pkg import old as inner\n\n"
        "    return {pkg.old.go(), o.go(), old.go(), g(), inner.go(), pkg.base(), base()}\n"
    ),
    "test_old.py": (
        "from unittest import mock\n\nimport app\nimport pkg\n\n\ndef test_it():\n"
        "    with mock.patch('pkg.old.go', return_value=1):\n        assert pkg.old.go() == 1\n"
        "    assert app.all_of_it()\n"
    ),
    "pyproject.toml": '[project.scripts]\nold = "pkg.old:go"\nolder = "pkg.older:go"\n',
    "README.md": "Run `python -m pkg.old` (pkg/old.py); old things stay, pkg.older too.\n",
}
PROBE = "import app, pkg.sub.near, test_old; test_old.test_it(); print(sorted(app.all_of_it()), len(pkg.sub.near.NEAR))"


def placed(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Works out a refactoring of a whole module, and puts the files as they become into the folder."""

    def run(what: What, path: str, to: str, files: dict[str, str] = FILES) -> Outcome:
        placed(tmp_path, files)
        done = work(tmp_path, {"files": list(files), "path": path, "name": "", "what": what, "to": to})
        placed(tmp_path, {**dict.fromkeys(done.came.values()), **done.files})
        return done

    return run


def ran(folder: Path, *arguments: str) -> str:
    """What Python prints there."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("what", "to", "new"),
    [
        ("rename", "fresh", "pkg/fresh.py"),
        ("move", "pkg/sub/", "pkg/sub/old.py"),
        ("move", "pkg.sub.other", "pkg/sub/other.py"),
        ("move", "pkg/new/", "pkg/new/old.py"),
    ],
)
def test_a_module_goes_with_all_that_names_it(do: Do, tmp_path: Path, what: What, to: str, new: str) -> None:
    placed(tmp_path, FILES)
    before = ran(tmp_path, "-c", PROBE)
    done = do(what, "pkg/old.py", to)
    assert not done.problem and not done.left
    assert "pkg/old.py" not in done.files and done.came == {new: "pkg/old.py"}
    assert before.startswith("['base'") and ran(tmp_path, "-c", PROBE) == before
    dotted = new.removesuffix(".py").replace("/", ".")
    assert "basebasebase\n" in ran(tmp_path, "-m", dotted)
    script = (tmp_path / "pyproject.toml").read_text()
    assert f'old = "{dotted}:go"\nolder = "pkg.older:go"' in script
    assert "Error" not in ran(tmp_path, "-c", "from pkg import *")
    told = f"Run `python -m {dotted}` ({new}); old things stay, pkg.older too.\n"
    assert (tmp_path / "README.md").read_text() == told


def test_a_module_leaves_its_package_and_comes_into_one(do: Do, tmp_path: Path) -> None:
    assert "pkg/__init__.py" in do("move", "pkg/old.py", "alone.py").problem  # each would import the other
    files = {name: text for name, text in FILES.items() if name != "pkg/__init__.py"}
    files |= {"pkg/__init__.py": "", "use.py": "from pkg import old\nimport app\n\nprint(old.go(), len(app.ALL))\n"}
    files["app.py"] = "import pkg.old\nimport pkg.low\n\nALL = {pkg.old.go(), pkg.low.base()}\n"
    assert not do("move", "pkg/old.py", "alone.py", files).problem
    assert (tmp_path / "alone.py").read_text().count("from pkg") == 2
    assert ran(tmp_path, "use.py") == "basebasebase 2\n"
    files = {name: (tmp_path / name).read_text() for name in [*files, "alone.py"] if (tmp_path / name).exists()}
    assert not do("move", "alone.py", "pkg/sub/", files).problem
    assert ran(tmp_path, "use.py") == "basebasebase 2\n" and not (tmp_path / "alone.py").exists()


def test_imports_stay_as_they_are_written(do: Do, tmp_path: Path) -> None:
    done = do("rename", "pkg/old.py", "fresh")
    app = (tmp_path / "app.py").read_text()
    assert app.startswith("import pkg.fresh\nimport pkg.fresh as o\nfrom pkg import base, fresh\nfrom pkg.fresh import")
    assert "{pkg.fresh.go(), o.go(), fresh.go(), g(), inner.go()" in app and "import fresh as inner" in app
    assert (tmp_path / "pkg/sub/near.py").read_text().startswith("from ..fresh import go\nfrom .. import fresh, low\n")
    assert "test_old.py is still named so." in done.notes


def test_a_package_goes_with_all_that_is_in_it(do: Do, tmp_path: Path) -> None:
    files = {**FILES, "pkg/sub/data.txt": "old", "use.py": "import pkg.sub.near\n\nprint(pkg.sub.near.NEAR)\n"}
    done = do("move", "pkg/sub", "top", files)
    assert "There is no package" in done.problem
    done = do("rename", "pkg/sub", "below", files)
    assert (
        not done.problem
        and done.came["pkg/below/data.txt"] == "pkg/sub/data.txt"
        and done.files["pkg/below/data.txt"] == b"old"
    )
    assert ran(tmp_path, "use.py") == "basebasebase" * 2 + "base\n"
    whole = do("rename", "pkg", "shop", files)
    assert not whole.problem and "from shop import base, old" in (tmp_path / "app.py").read_text()
    assert ran(tmp_path, "-c", PROBE.replace("pkg.", "shop.")).startswith("['base'")


@pytest.mark.parametrize(
    ("what", "path", "to", "why"),
    [
        ("rename", "pkg/old.py", "low", "pkg/low.py is there already"),
        ("rename", "pkg/old.py", "base", "has a base already"),
        ("rename", "pkg/old.py", "class", "is no name for a module"),
        ("rename", "pkg/__init__.py", "x", "name the folder"),
        ("move", "app.py", "json.py", "a module of Python's own"),
        ("move", "pkg/old.py", "../x.py", "cannot go to"),
        ("move", "pkg/old.py", "no/where/x.py", "There is no folder"),
        ("move", "pkg", "pkg/sub/", "cannot go to"),
    ],
)
def test_what_would_mean_something_else_is_refused(do: Do, what: What, path: str, to: str, why: str) -> None:
    done = do(what, path, to)
    assert why in done.problem and not done.files


def test_a_name_that_is_taken_where_it_is_used_stays_by_as(do: Do, tmp_path: Path) -> None:
    files = {"p/__init__.py": "", "p/a.py": "X = 1\n", "u.py": "from p import a\n\nb = 2\nprint(a.X + b)\n"}
    assert not do("rename", "p/a.py", "b", files).problem
    assert (tmp_path / "u.py").read_text().startswith("from p import b as a\n") and ran(tmp_path, "u.py") == "3\n"


def test_a_name_that_a_program_makes_is_told(do: Do) -> None:
    files = {**FILES, "load.py": "import importlib\n\nM = importlib.import_module('.old', 'pkg')\n"}
    assert [(one.path, one.line) for one in do("rename", "pkg/old.py", "fresh", files).left] == [("load.py", 3)]


def test_a_name_that_may_have_another_meaning_stays_by_as(do: Do, tmp_path: Path) -> None:
    use = "try:\n    from p import a\nexcept ImportError:\n    a = None\nprint(f'{a.X if a else 0}')\n"
    assert not do("rename", "p/a.py", "b", {"p/__init__.py": "", "p/a.py": "X = 1\n", "u.py": use}).problem
    assert ran(tmp_path, "u.py") == "1\n"


def test_a_dotted_name_in_a_text_with_code_is_changed_once(do: Do, tmp_path: Path) -> None:
    files = {"p/__init__.py": "", "p/a.py": "X = 1\n", "u.py": "import p.a\n\nprint(f'p.a {p.a.X}')\n"}
    assert not do("rename", "p/a.py", "b", files).problem
    assert ran(tmp_path, "u.py") == "p.b 1\n"


def test_what_cannot_follow_a_module_is_told(do: Do) -> None:
    files = {
        "p/__init__.py": "__all__ = ['a']\n",
        "p/a.py": "X = 1\n",
        "p/q/__init__.py": "",
        "u.py": "from p import *\n\nprint(a.X)\n",
        "v.py": "import p\n\nX = getattr(p, 'a')\n",
        "pyproject.toml": "[tool.setuptools]\npackages = ['p']\n",
    }
    left = do("move", "p/a.py", "p/q/", files).left
    assert {(one.path, one.line) for one in left} == {("p/__init__.py", 1), ("u.py", 3), ("v.py", 3)}
    assert [(one.path, one.line) for one in do("rename", "p", "shop", files).left] == [("pyproject.toml", 2)]


async def test_a_draft_has_the_files_where_they_go(project: Callable[[dict[str, str]], Draft], tmp_path: Path) -> None:
    draft = project(FILES)
    index = Index(draft.root, draft.files, tmp_path / "index")
    index.refresh()
    refactoring = Refactoring(draft, index.named)
    assert "which has no parameters" in (await refactoring.carry_out(Wish("signature", "pkg/old.py", "()"))).problem
    done = await refactoring.carry_out(Wish("move", "pkg.old", "pkg/new/"))
    assert not done.problem and draft.read("pkg/old.py") is None
    assert {"pkg/new/__init__.py", "pkg/new/old.py"} <= set(draft.files())
    kinds = {file.path: file.kind for file in draft.change().files}
    assert kinds["pkg/new/__init__.py"] == "added" and kinds["pkg/old.py"] == "deleted"
    assert not (await refactoring.carry_out(Wish("rename", "pkg/sub", "under"))).problem
    assert draft.read("pkg/under/near.py") and draft.read("pkg/sub/near.py") is None
