"""Patches put straight into a working tree: where they may write, what they refuse, and that a check says the same."""

import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.patching import apply_patch, plan_patch, repository_at
from ossa.assistant.change import Change
from ossa.assistant.edits.engine import EditError, parse

CALC = "def add(a, b):\n    return a - b\n"
FIXED = CALC.replace("-", "+")


class Bench:
    """A folder with a few files, a link and a folder outside."""

    def __init__(self, base: Path) -> None:
        self.root, self.outside, self.kept = base / "tree", base / "outside", base / "kept"
        self.outside.mkdir()
        (self.outside / "calc.py").write_text(CALC)
        for name in ("calc.py", "pkg/calc.py", "pkg/other.py"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(CALC)
        (self.root / "alias.py").symlink_to("calc.py")
        (self.root / "same").symlink_to("pkg")
        (self.root / "out").symlink_to(self.outside)

    def apply(self, text: str, folder: Path | None = None) -> Change:
        """Apply a patch, and see that a check beforehand writes nothing and says the same."""
        place = folder or self.root
        repository = repository_at(place)
        before = self.files
        try:
            planned = plan_patch(parse(text), place, repository)
        except EditError as error:
            assert self.files == before
            with pytest.raises(EditError) as again:
                apply_patch(parse(text), place, repository, self.checkpoints)
            assert (str(again.value), self.files) == (str(error), before)
            raise
        assert self.files == before
        assert not any(c.state == "done" for c in self.checkpoints.list())
        change, checkpoint = apply_patch(parse(text), place, repository, self.checkpoints)
        assert change == planned.change
        assert [c.id for c in self.checkpoints.list()] == [checkpoint.id]
        self.after = self.files
        self.checkpoints.undo()
        assert self.files == before
        return change

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.kept, repository_at(self.root).root)

    @property
    def files(self) -> dict[str, str]:
        found = [
            (base, Path(folder, name))
            for base in (self.root, self.outside)
            for folder, _, names in os.walk(base)
            for name in names
        ]
        return {f"{base.name}/{path.relative_to(base)}": path.read_text() for base, path in found if path.is_file()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def update(path: str) -> str:
    return f"*** Update File: {path}\n def add(a, b):\n-    return a - b\n+    return a + b\n"


def patch(*parts: str) -> str:
    return "\n".join(["*** Begin Patch", *(part.rstrip("\n") for part in parts), "*** End Patch"])


def kinds(change: Change) -> list[tuple[str, str]]:
    return [(file.path, file.kind) for file in change.files]


def test_files_change_come_go_and_move_in_one_step(bench: Bench) -> None:
    (bench.root / "pkg/other.py").chmod(0o750)
    move = (
        "*** Update File: pkg/other.py\n*** Move to: bin/tool.py\n def add(a, b):\n-    return a - b\n+    return 0\n"
    )
    change = bench.apply(patch(update("calc.py"), "*** Delete File: pkg/calc.py", move, "*** Add File: n/e/w\n+x"))
    assert kinds(change) == [
        *(("bin/tool.py", "added"), ("calc.py", "modified"), ("n/e/w", "added")),
        *(("pkg/calc.py", "deleted"), ("pkg/other.py", "deleted")),
    ]
    assert bench.after["tree/calc.py"] == FIXED
    apply_patch(parse(patch(move)), bench.root, repository_at(bench.root), bench.checkpoints)
    assert stat.S_IMODE((bench.root / "bin/tool.py").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../outside/calc.py",
            "/etc/passwd",
            "out/calc.py",
            "pkg/../../outside/calc.py",
            ".git/config",
            "a/.git/hooks/x",
        ),
        *("out/new.py", "..", "", "./", "calc.py/", "a\nb"),
    ],
)
def test_nothing_outside_and_nothing_of_git_is_read_or_written(bench: Bench, path: str) -> None:
    for text in (update(path), f"*** Add File: {path}\n+x", f"*** Delete File: {path}"):
        with pytest.raises(EditError) as refused:
            bench.apply(patch(text))
        assert "return a" not in str(refused.value)


def test_outside_is_also_what_lies_above_the_folder_that_was_named(bench: Bench) -> None:
    (bench.root / "pkg/up").symlink_to("..")
    for path in ("../calc.py", "up/calc.py", str(bench.root / "calc.py")):
        with pytest.raises(EditError):
            bench.apply(patch(update(path)), bench.root / "pkg")


def test_a_link_within_the_folder_leads_to_the_file_that_is_meant(bench: Bench) -> None:
    assert kinds(bench.apply(patch(update("alias.py"), update("same/other.py")))) == [
        ("alias.py", "modified"),
        ("same/other.py", "modified"),
    ]
    changed = {name for name, text in bench.after.items() if text == FIXED}
    assert changed == {"tree/calc.py", "tree/alias.py", "tree/pkg/other.py"}
    assert (bench.root / "alias.py").is_symlink()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ((update("calc.py"), update("alias.py")), "are the same file"),
        ((update("pkg/calc.py"), "*** Delete File: same/calc.py"), "are the same file"),
        (("*** Delete File: alias.py",), "alias.py is a symbolic link"),
        (("*** Add File: calc.py/new\n+x",), "calc.py/new cannot be written: calc.py is a file"),
        (("*** Add File: pkg\n+x",), "pkg cannot be written: it is a folder with files in it"),
        (("*** Add File: n\n+x", "*** Add File: n/m\n+x"), "n/m cannot be written: n is to be a file"),
        ((update("cal.py"),), "There is no file cal.py. Did you mean calc.py"),
        ((update("calc.py"), update("missing.py")), "There is no file missing.py"),
    ],
)
def test_what_cannot_be_is_refused_with_nothing_written(bench: Bench, text: tuple[str, ...], told: str) -> None:
    with pytest.raises(EditError) as refused:
        bench.apply(patch(*text))
    assert told in str(refused.value)


def test_a_file_and_a_folder_change_places(bench: Bench) -> None:
    bench.apply(patch("*** Delete File: calc.py", "*** Add File: calc.py/inner.py\n+x"))
    assert bench.after["tree/calc.py/inner.py"] == "x\n"
    gone = ("*** Delete File: pkg/calc.py", "*** Delete File: pkg/other.py")
    bench.root.joinpath("same").unlink()
    bench.apply(patch(*gone, "*** Add File: pkg\n+x"))
    assert bench.after["tree/pkg"] == "x\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_check_sees_what_may_not_be_written(bench: Bench) -> None:
    (bench.root / "calc.py").chmod(0o444)
    with pytest.raises(EditError, match="write-protected"):
        bench.apply(patch(update("calc.py")))
    (bench.root / "pkg").chmod(0o555)
    with pytest.raises(EditError, match="does not let you write"):
        bench.apply(patch("*** Add File: pkg/new\n+x"))
    (bench.root / "pkg").chmod(0o755)


def test_a_file_changed_after_the_plan_stops_all(bench: Bench) -> None:
    planned = plan_patch(parse(patch(update("calc.py"), update("pkg/calc.py"))), bench.root, repository_at(bench.root))
    (bench.root / "pkg/calc.py").write_text("mine\n")
    before = bench.files
    with pytest.raises(CheckpointError, match=r"pkg/calc.py was changed this very moment"):
        bench.checkpoints.apply(planned.swaps)
    assert bench.files == before


def test_encodings_and_line_endings_stay(bench: Bench) -> None:
    data = "# café\r\ndef add(a, b):\r\n    return a - b".encode("latin-1")
    (bench.root / "old.py").write_bytes(data)
    text = patch(update("old.py"))
    apply_patch(parse(text), bench.root, repository_at(bench.root), bench.checkpoints)
    assert (bench.root / "old.py").read_bytes() == data.replace(b"-", b"+")


def test_ignored_secrets_are_neither_changed_nor_shown(bench: Bench) -> None:
    (bench.root / ".env").write_text("TOKEN=123\n")
    (bench.root / ".gitignore").write_text(".env*\n!.env.example\n*.log\n")
    (bench.root / "link").symlink_to(".env")
    change = "*** Update File: {}\n-TOKEN=12\n+TOKEN=4"
    with pytest.raises(EditError, match="The nearest lines"):  # without git nothing tells that it is ignored
        bench.apply(patch(change.format(".env")))
    subprocess.run(["git", "init", "-q", str(bench.root)], check=True)
    for text in (change.format(".env"), change.format("link"), "*** Add File: .env.local\n+x", "*** Delete File: .env"):
        with pytest.raises(EditError, match="looks like it holds secrets") as refused:
            bench.apply(patch(text))
        assert "123" not in str(refused.value)
    bench.apply(patch("*** Add File: .env.example\n+TOKEN=", "*** Add File: run.log\n+x", "*** Add File: a.key\n+x"))


NAMED = st.sampled_from(
    ["calc.py", "pkg/calc.py", "same/calc.py", "alias.py", "pkg", "new/x", "calc.py/x", "out/calc.py"]
)
HOSTILE = st.sampled_from(
    ["../outside/calc.py", "out", "a/../../x", "/etc/passwd", ".git/config", "", "~/x", "out/../x"]
)
HEADS = st.sampled_from(
    ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: ", "+++ b/", "--- a/"]
)
HEADED = st.tuples(HEADS, st.one_of(NAMED, HOSTILE)).map("".join)
BODY = st.sampled_from(
    [
        "@@",
        "@@ -1,2 +1,2 @@",
        " def add(a, b):",
        "-    return a - b",
        "+    return a + b",
        "+x",
        "*** End of File",
        "<<<<<<< SEARCH",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(HEADED, BODY, BODY), max_size=12))
def test_whatever_a_patch_says_it_is_done_within_the_folder_or_refused(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as base:
        bench = Bench(Path(base))
        try:
            bench.apply("\n".join(["*** Begin Patch", *lines, "*** End Patch"]))
        except EditError:
            return
        inside = {name for name in bench.after if name.startswith("tree/")}
        assert bench.after.keys() - inside == {"outside/calc.py"}
        assert bench.after["outside/calc.py"] == CALC
        assert not [name for name in inside if ".git" in name or "~" in name]


def test_a_repository_within_is_left_to_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for folder in (bench.root, bench.root / "pkg"):
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    patch = "*** Begin Patch\n*** Delete File: pkg/calc.py\n*** End Patch"
    with pytest.raises(EditError, match="belongs to the repository pkg within this one; apply it there"):
        bench.apply(patch)
    assert bench.apply(patch.replace("pkg/", ""), bench.root / "pkg")
