import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

FILES = {"f.txt": b"a\nb\n", "a/f.txt": b"a\nb\n", "empty.txt": b"", "caf\u00e9.txt": b"a\nb\n"}
HUNK = "@@ -1,2 +1,2 @@\n a\n-b\n+B\n"


def result(text: str) -> dict[str, bytes | None]:
    return {path: edit.data for path, edit in plan(parse(text), FILES.get).items()}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (f"--- a/f.txt\n+++ b/f.txt\n{HUNK}", {"f.txt": b"a\nB\n"}),
        (f"--- f.txt\n+++ f.txt\n{HUNK}", {"f.txt": b"a\nB\n"}),
        (f"--- a/f.txt\n+++ a/f.txt\n{HUNK}", {"a/f.txt": b"a\nB\n"}),
        (f"--- i/f.txt\n+++ w/f.txt\n{HUNK}", {"f.txt": b"a\nB\n"}),
        (f'--- "a/caf\\303\\251.txt"\n+++ "b/caf\\303\\251.txt"\n{HUNK}', {"caf\u00e9.txt": b"a\nB\n"}),
        (f"Subject: x\n\n--- a/f.txt\n+++ b/f.txt\n{HUNK}-- \n2.39.5 (Apple Git-154)\n\n", {"f.txt": b"a\nB\n"}),
        ("--- a/f.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n", {"f.txt": None}),
        (
            "diff --git a/f.txt b/g.txt\nsimilarity index 100%\nrename from f.txt\nrename to g.txt\n",
            {"f.txt": None, "g.txt": b"a\nb\n"},
        ),
        (
            "diff --git a/n.txt b/n.txt\nnew file mode 100644\nindex 0000000..e69de29\n"
            "diff --git a/empty.txt b/empty.txt\ndeleted file mode 100644\nindex e69de29..0000000\n",
            {"n.txt": b"", "empty.txt": None},
        ),
    ],
)
def test_diffs_as_git_writes_them(text: str, files: dict[str, bytes | None]) -> None:
    assert result(text) == files


@pytest.mark.parametrize(
    "header",
    [
        "old mode 100644\nnew mode 100755",
        "new file mode 120000",
        "Binary files a/x and b/x differ",
        "GIT binary patch",
        "copy from f.txt\ncopy to x",
    ],
)
def test_what_only_git_can_apply_is_not_left_out(header: str) -> None:
    with pytest.raises(EditError, match="by a command"):
        result(f"--- a/f.txt\n+++ b/f.txt\n{HUNK}diff --git a/x b/x\n{header}\n")


@pytest.mark.parametrize("lines", ["-a\n-x\n", "-a\n"])
def test_a_file_is_deleted_only_as_the_diff_shows_it(lines: str) -> None:
    with pytest.raises(EditError):
        result(f"--- a/f.txt\n+++ /dev/null\n@@ -1,{lines.count('-')} +0,0 @@\n{lines}")


def test_every_patch_of_a_list_counts() -> None:
    text = '["*** Begin Patch\\n*** Delete File: f.txt\\n*** End Patch", "*** Delete File: a/f.txt", "done"]'
    assert result(text) == {"f.txt": None, "a/f.txt": None}


@pytest.mark.parametrize(
    ("before", "hunk", "after"),
    [
        (b"a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n", b"a\nB\n"),
        (b"a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n\\ No newline at end of file\n", b"a\nB"),
        (
            b"a\nb",
            "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n\\ No newline at end of file\n",
            b"a\nB",
        ),
        (b"a\nb", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n", b"A\nb"),
        (b"a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n", b"a\nb\n"),
        (b"a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n\\ No newline at end of file\n", b"a\r\nB"),
        (b"a\nb", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n", b"A\nb"),
    ],
)
def test_the_last_line_has_a_break_as_the_diff_says(before: bytes, hunk: str, after: bytes) -> None:
    patch = parse(f"--- a/f.txt\n+++ b/f.txt\n{hunk}")
    assert plan(patch, {"f.txt": before}.get)["f.txt"].data == after


def test_a_new_file_may_lack_its_last_break() -> None:
    text = "--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"
    assert result(text) == {"n.txt": b"a\nb"}
