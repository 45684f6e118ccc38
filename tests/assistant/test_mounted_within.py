"""A folder that is mounted into the repository: an overlay would hide its files, so the draft is a copy."""

from pathlib import Path

import pytest

from ossa.assistant.drafts.opening import mounted


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ("project/data", "data is mounted there from elsewhere"),
        ("project/a b/c", "a b/c is mounted there from elsewhere"),
        ("project", ""),
        ("project-2/data", ""),
        ("", ""),
    ],
)
def test_what_is_mounted_within_is_found(tmp_path: Path, point: str, told: str) -> None:
    table, place = tmp_path / "mountinfo", str(tmp_path / point).replace(" ", "\\040")
    rest = "rw,nosuid - tmpfs tmpfs rw"
    table.write_text(f"22 27 0:21 / /proc {rest}\n29 22 0:26 / {place} {rest}\n")
    assert mounted(tmp_path / "project", table) == told


def test_a_table_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert mounted(tmp_path, tmp_path / "none") == ""
    (tmp_path / "odd").write_text("nothing of the kind\n")
    assert mounted(tmp_path, tmp_path / "odd") == ""
