"""`ossa apply` through the real command line: what it takes, what it refuses, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

CALC = "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n"
FIXED = CALC.replace("return a - b", "return a + b", 1)
V4A = """\
*** Begin Patch
*** Update File: calc.py
@@ def add(a, b):
-    return a - b
+    return a + b
*** Add File: new/notes.txt
+first
*** End Patch
"""
UNIFIED = """\
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""
BLOCKS = """\
calc.py
<<<<<<< SEARCH
def add(a, b):
    return a - b
=======
def add(a, b):
    return a + b
>>>>>>> REPLACE
"""
HEREDOC = f"apply_patch <<'EOF'\n{V4A}EOF\n"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Ossa: TypeAlias = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "calc.py").write_text(CALC)
    return place


@pytest.fixture
def ossa(tmp_path: Path, folder: Path) -> Ossa:
    """Runs `ossa` in the folder with a home of its own."""

    def run(*arguments: str, text: str | bytes = b"", cwd: Path = folder) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "ossa.tui", *arguments],
            cwd=cwd,
            env={**os.environ, "OSSA_HOME": str(tmp_path / "home"), "PYTHONSAFEPATH": "1"},
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            timeout=300,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

    return run


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "text",
    [V4A, f"Here it is:\n```\n{V4A}```\n", HEREDOC, json.dumps(V4A), json.dumps({"input": V4A}), "\ufeff" + V4A],
    ids=["bare", "fenced", "heredoc", "JSON string", "JSON call", "byte order mark"],
)
def test_a_patch_goes_in_and_an_undo_takes_it_back(ossa: Ossa, folder: Path, text: str) -> None:
    done = ossa("apply", text=text)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "modified calc.py +1 −1",
        "added new/notes.txt +1",
        "2 files, +2 −1, applied; `ossa undo` takes it back.",
    ]
    assert tree(folder) == {"calc.py": FIXED, "new/notes.txt": "first\n"}
    assert ossa("undo").code == 0
    assert tree(folder) == {"calc.py": CALC}
    assert not (folder / "new").exists()


@pytest.mark.parametrize("text", [UNIFIED, BLOCKS, json.dumps({"path": "calc.py", "content": FIXED})])
def test_other_forms_of_patches_go_in_as_well(ossa: Ossa, folder: Path, text: str) -> None:
    (folder.parent / "patch").write_text(text)
    assert ossa("apply", "../patch").code == 0
    assert tree(folder) == {"calc.py": FIXED}


def test_a_check_says_what_would_be_and_writes_nothing(ossa: Ossa, folder: Path) -> None:
    before = tree(folder)
    told = ossa("apply", "--check", text=V4A)
    assert (told.code, told.out.splitlines()[-1]) == (0, "2 files, +2 −1: it would apply. Nothing was written.")
    assert ossa("apply", "--check", text=V4A.replace("a - b", "a * b", 1)).code == 1
    assert tree(folder) == before
    assert not list(folder.parent.glob("home/state/repositories/*"))


def test_json_is_one_object_with_the_same_fields_always(ossa: Ossa) -> None:
    fields: list[list[str]] = []
    seen: list[dict[str, object]] = []
    for arguments, text in ((["--check"], V4A), ([], V4A), ([], V4A), ([], "hello")):
        ran = ossa("apply", "--json", *arguments, text=text)
        (line,) = ran.out.splitlines()
        seen.append({"code": ran.code, **json.loads(line)})
        fields.append(list(seen[-1]))
    assert all(names == fields[0] for names in fields)
    common = {"files": ["calc.py", "new/notes.txt"], "added": 2, "removed": 1, "reason": "", "notes": []}
    assert seen[0] == {"code": 0, "applied": False, "applies": True, "checked": True, "checkpoint": "", **common}
    checkpoint = seen[1]["checkpoint"]
    assert checkpoint
    assert seen[1] == {
        **{"code": 0, "applied": True, "applies": True, "checked": False, "checkpoint": checkpoint},
        **common,
    }
    assert [(one["code"], one["applied"], one["files"]) for one in seen[2:]] == [(1, False, []), (2, False, [])]
    assert "are in the file already" in str(seen[2]["reason"])
    assert "not a patch" in str(seen[3]["reason"])


def test_a_refusal_shows_the_nearest_lines_and_leaves_every_file_as_it_was(ossa: Ossa, folder: Path) -> None:
    text = V4A.replace("*** Update File", "*** Add File: other.txt\n+x\n*** Update File").replace("a - b", "a*b", 1)
    refused = ossa("apply", text=text)
    assert (refused.code, refused.out) == (1, "")
    lines = refused.err.splitlines()
    assert lines[0] == "ossa: calc.py, change 1 of the patch: these lines are not in the file as you wrote them:"
    assert "    2|     return a - b" in lines
    assert tree(folder) == {"calc.py": CALC}


@pytest.mark.parametrize(
    ("arguments", "text", "told"),
    [
        ([], "", "The patch is empty"),
        ([], " \n\n", "The patch is empty"),
        ([], "Just some words.\n", "This is not a patch"),
        ([], b"\xff\xfe*\x00", "Standard input has NUL bytes"),
        ([], b"*** Begin Patch\n\xe9\n", "Standard input is not UTF-8 (line 2)"),
        ([], b"a" * (32 << 20) + b"a", "Standard input is larger than 32 MB"),
        (["nothing"], "", "nothing cannot be read: No such file"),
        (["."], "", ". cannot be read: Is a directory"),
        (["--root", "nowhere"], V4A, "nowhere is no folder"),
        (["--root", "calc.py"], V4A, "calc.py is no folder"),
    ],
)
def test_bad_input_is_said_in_a_sentence(
    ossa: Ossa, folder: Path, arguments: list[str], text: str | bytes, told: str
) -> None:
    done = ossa("apply", *arguments, text=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"ossa: {told}")
    assert tree(folder) == {"calc.py": CALC}


def test_paths_begin_at_the_root_that_is_named_or_at_the_top_of_the_repository(
    ossa: Ossa, folder: Path, tmp_path: Path
) -> None:
    below = folder / "pkg/deep"
    below.mkdir(parents=True)
    (below / "calc.py").write_text(CALC)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    assert ossa("apply", text=UNIFIED, cwd=below).code == 0
    assert [(folder / "calc.py").read_text(), (below / "calc.py").read_text()] == [FIXED, CALC]
    done = ossa("apply", "--root", str(below), text=V4A, cwd=tmp_path)
    assert done.out.splitlines()[-1] == f"2 files, +2 −1, applied; `ossa undo -C {below}` takes it back."
    assert (below / "calc.py").read_text() == FIXED
    assert ossa("undo", "-C", str(below), cwd=tmp_path).code == 0
    assert [(folder / "calc.py").read_text(), (below / "calc.py").read_text()] == [FIXED, CALC]
    assert ossa("undo", cwd=below).code == 0
    assert (folder / "calc.py").read_text() == CALC
    absolute = V4A.replace("Update File: ", f"Update File: {below}/")
    assert ossa("apply", "--root", str(below), text=absolute).code == 0
    assert ossa("apply", "--root", str(below), text=absolute.replace(str(below), str(folder))).code == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals are others there")
def test_what_was_applied_is_applied_whoever_reads_the_output(ossa: Ossa, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "patch").write_text(V4A)
    bare = f"{sys.executable} -m ossa.tui apply"
    command = f"{bare} {tmp_path}/patch"
    environment = {**os.environ, "OSSA_HOME": str(tmp_path / "home"), "PYTHONSAFEPATH": "1"}
    for line, code in (
        (f"{command} >&-", 0),
        (f"{command} >/dev/full", 0),
        (f"set -o pipefail; {command} | true", 0),
        (f"{bare} <&-", 2),
    ):
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, check=False)
        assert done.returncode == code, line
        assert b"rror" not in done.stderr, done.stderr
        if code == 0:
            assert tree(folder) == {"calc.py": FIXED, "new/notes.txt": "first\n"}
            assert ossa("undo").code == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_leaves_all_or_nothing(folder: Path, tmp_path: Path, number: int) -> None:
    (tmp_path / "patch").write_text(V4A)
    # The program sends itself the signal at its first rename, in the middle of the swap.
    program = (
        "import os, sys\nfrom ossa.tui.__main__ import main\n"
        f"sys.addaudithook(lambda event, _: os.kill(os.getpid(), {int(number)}) if event == 'os.rename' else None)\n"
        f"sys.exit(main(['apply', {str(tmp_path / 'patch')!r}]))\n"
    )
    environment = {**os.environ, "OSSA_HOME": str(tmp_path / "home"), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert tree(folder) == {"calc.py": FIXED, "new/notes.txt": "first\n"}
