"""What a file keeps through an edit, which files are left alone, and the odder forms that patches come in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox
from ossa.assistant.edits.engine import EditError, apply_to, parse, plan, safe_path
from ossa.assistant.repository import Repository

PATCH = "*** Begin Patch\n*** Update File: f.txt\n@@\n a\n-b\n+B\n*** End Patch"


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    (repo / ".gitignore").write_text("build/\n*.log\n.env*\n")
    (repo / ".env").write_text("TOKEN=a\n")
    (repo / "notes.log").write_text("a\n")
    opened = open_draft(Repository.open(repo), tmp_path / "draft", NoSandbox("it is not needed here"))
    yield opened
    opened.close()


def updated(data: bytes, body: str = "@@\n a\n-b\n+B\n+ä") -> bytes:
    result = plan(parse(f"*** Begin Patch\n*** Update File: f.txt\n{body}\n*** End Patch"), {"f.txt": data}.get)
    found = result["f.txt"].data
    assert found is not None
    return found


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_utf_16_stays_what_it_is(encoding: str, newline: str) -> None:
    before, after = (
        newline.join(lines).encode(encoding) for lines in (["\ufeffa", "b", "→"], ["\ufeffa", "B", "ä", "→"])
    )
    assert updated(before) == after


def test_a_whole_file_in_utf_16_stays_what_it_is() -> None:
    before = "\ufeffa\r\nb\r\n".encode("utf-16-le")
    edits = plan(parse(json.dumps({"path": "f.txt", "content": "x\ny\n"})), {"f.txt": before}.get)
    assert edits["f.txt"].data == "\ufeffx\r\ny\r\n".encode("utf-16-le")


def test_damaged_utf_16_and_binary_files_are_refused() -> None:
    for data in (b"\xff\xfea\0b", b"\xff\xfe\0\xd8a\0", b"a\nb\n\0"):
        with pytest.raises(EditError):
            updated(data)


@pytest.mark.parametrize(
    "text",
    [
        f"cd project && apply_patch <<'EOF'\n{PATCH}\nEOF\n",
        f'apply_patch <<"END"\n{PATCH}\nEND',
        json.dumps({"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF\n"]}),
        json.dumps(json.dumps({"patch": PATCH})),
        f"```patch\n{PATCH.removesuffix(chr(10) + '*** End Patch')}\n```\n",
        f"<patch>\n{PATCH}\n</patch>",
        "f.txt\n```\n<<<<<<< SEARCH\na\nb\n=======\na\nB\n>>>>>>> REPLACE\n```",
        "f.txt\n<<<<<<<< SEARCH\na\nb\n========\na\nB\n>>>>>>>> REPLACE",
    ],
)
def test_odd_wrappings_are_understood(text: str) -> None:
    assert plan(parse(text), {"f.txt": b"a\nb\n"}.get)["f.txt"].data == b"a\nB\n"


def test_a_heading_is_not_taken_for_the_divider() -> None:
    block = "NEWS\n<<<<<<< SEARCH\n1.0\n===\n=====\nold\n=======\n1.1\n=====\nnew\n>>>>>>> REPLACE\n"
    assert plan(parse(block), {"NEWS": b"1.0\n===\n=====\nold\n"}.get)["NEWS"].data == b"1.1\n=====\nnew\n"
    with pytest.raises(EditError, match="several lines that could be"):
        parse("f.rst\n<<<<<<< SEARCH\n1.0\n=======\nold\n=======\nnew\n>>>>>>> REPLACE\n")


@pytest.mark.parametrize(
    "path",
    [
        "sub/.git/config", ".GIT/x", ".git./x", ".git /x", "git~1/x", "GIT~1", ".git::$INDEX_ALLOCATION/x",
        ".git\\config", "a/.g\u200cit/x", "a/../../b", "/a", "~/../../a/..",
    ],
)  # fmt: skip
def test_paths_that_lead_to_git_or_out_are_refused(path: str) -> None:
    with pytest.raises(EditError):
        safe_path(path)


@pytest.mark.parametrize(
    "patch",
    [
        "*** Update File: .env\n@@\n-TOKEN=a\n+TOKEN=b",
        "*** Delete File: .env",
        "*** Add File: .env\n+TOKEN=b",
        "*** Update File: calc.py\n*** Move to: .env",
        "*** Update File: .env\n*** Move to: public.txt",
        "--- a/.env\n+++ b/.env\n@@ -1 +1 @@\n-TOKEN=a\n+TOKEN=b\n",
        json.dumps({"path": ".env", "content": "x"}),
    ],
)
def test_ignored_secrets_are_left_alone(draft: Draft, patch: str) -> None:
    with pytest.raises(EditError, match=r"secrets|exists already|already"):
        apply_to(draft, patch)
    assert draft.read(".env") == b"TOKEN=a\n"
    assert not draft.change()


def test_other_ignored_files_can_be_edited(draft: Draft) -> None:
    assert apply_to(draft, "*** Update File: notes.log\n@@\n-a\n+b") == ["notes.log"]


def test_a_python_file_that_moves_must_go_on_compiling() -> None:
    for change, told in (("x = (", "no longer parse"), ("return 1", "outside function")):
        with pytest.raises(EditError, match=told):
            plan(parse(f"*** Update File: a.py\n*** Move to: b.py\n@@\n-x = 1\n+{change}"), {"a.py": b"x = 1\n"}.get)


LINES = st.lists(st.sampled_from(["a", "b", "  c", "\td", "é", "", "x = 1", "}"]), max_size=12)


@given(
    st.lists(st.integers(0, 10**6), min_size=8, max_size=30, unique=True),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_a_change_among_different_lines_is_exact_and_keeps_every_ending(
    numbers: list[int], data: st.DataObject, newline: str, finished: bool
) -> None:
    old = [f"line {number}" for number in numbers]
    at = data.draw(st.integers(3, len(old) - 4))
    gone = data.draw(st.integers(0, len(old) - 3 - at))
    put = data.draw(LINES.filter(lambda lines: gone or any(lines)))
    if old[at : at + gone] == put:
        return
    body = [" " + line for line in old[at - 3 : at]] + ["-" + line for line in old[at : at + gone]]
    body += ["+" + line for line in put] + [" " + line for line in old[at + gone : at + gone + 3]]
    end = newline if finished else ""
    before, after = (newline.join(lines) + end for lines in (old, [*old[:at], *put, *old[at + gone :]]))
    assert updated(before.encode(), "@@\n" + "\n".join(body)).decode() == after
