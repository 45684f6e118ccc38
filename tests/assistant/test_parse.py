import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

FILES = {"f.txt": b"a\nb\n", "g.txt": b"x\n"}
DIFF = "--- a/f.txt\n+++ b/f.txt\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n"
BLOCK = "g.txt\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n"


def result(text: str) -> dict[str, bytes | None]:
    return {path: edit.data for path, edit in plan(parse(text), FILES.get).items()}


@pytest.mark.parametrize("fence", ["diff", "patch"])
def test_a_diff_in_a_fence_below_its_path_is_no_whole_file(fence: str) -> None:
    assert result(f"f.txt\n```{fence}\n{DIFF}```\n") == {"f.txt": b"a\nB\n"}


@pytest.mark.parametrize(
    "text",
    [
        f"{DIFF}\n{BLOCK}",
        f"{DIFF}\ng.txt\n```\ny\n```\n",
        f"*** Begin Patch\n*** Delete File: f.txt\n*** End Patch\n{BLOCK}",
        f"*** Begin Patch\n*** Delete File: g.txt\n*** End Patch\ndiff --git a/f.txt b/f.txt\n{DIFF}",
    ],
)
def test_of_several_forms_none_is_left_out(text: str) -> None:
    with pytest.raises(EditError):
        result(text)


@pytest.mark.parametrize(
    "line",
    [
        "# ... rest of the code unchanged ...",
        "// ... existing code ...",
        "<!-- \u2026 remaining -->",
        "# rest of file unchanged",
    ],
)
def test_a_whole_file_with_lines_that_stand_for_others_is_refused(line: str) -> None:
    with pytest.raises(EditError, match="would lose"):
        result(f"f.txt\n```\na\n{line}\n```\n")
    assert result(f"n.txt\n```\na\n{line}\n```\n")
