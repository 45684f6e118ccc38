"""A section for a new version needs no quoted lines to go above the others."""

import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

MARKDOWN = "# Changes\n\n## 2.1.0 (May)\n\n- two one\n\n## 2.0.0\n\n- two\n\n## 1.9.12\n\n- one\n"
RST = (
    "News\n====\n\nVersion 1.10\n------------\n\n- ten\n\n\n"
    "Version 1.9\n-----------\n\n- nine\n\n\nVersion 1.8\n-----------\n"
)
PLAIN = (
    "\n3.2.2 / 2013-05-03\n==================\n\n  * two\n\n"
    "3.2.1 / 2013-05-01\n==================\n\n  * one\n\n3.2.0\n=====\n"
)


def updated(text: str, *new: str, path: str = "CHANGES.md", rest: str = "") -> str:
    lines = "".join(f"+{line}\n" for line in new)
    result = plan(
        parse(f"*** Begin Patch\n*** Update File: {path}\n@@\n{lines}{rest}*** End Patch"), {path: text.encode()}.get
    )
    data = result[path].data
    assert data is not None
    return data.decode()


@pytest.mark.parametrize(
    ("text", "new", "above"),
    [
        (MARKDOWN, ["## 2.2.0", "", "- new", ""], "## 2.1.0"),
        (MARKDOWN, ["## Unreleased", "", "- new", ""], "## 2.1.0"),
        (MARKDOWN, ["## [v2.1.1] - June", "", "- new", "", "## 2.0.9", "", "- old", ""], ""),
        (RST, ["Version 1.11", "------------", "", "- new", "", ""], ""),
        (PLAIN, ["", "3.2.3 / 2013-05-07", "==================", "", "  * new"], "\n3.2.2"),
        (PLAIN.lstrip("\n"), ["unreleased", "==========", "", "  * new", ""], "3.2.2"),
    ],
    ids=["newer", "unreleased", "not newer than all", "another distance", "distance above", "at the start"],
)
def test_the_newest_version_goes_above_the_others(text: str, new: list[str], above: str) -> None:
    if not above:
        with pytest.raises(EditError, match="no line that tells where"):
            updated(text, *new)
    else:
        assert updated(text, *new) == text.replace(above, "\n".join(new) + "\n" + above, 1)


@pytest.mark.parametrize(
    "text",
    [
        MARKDOWN.replace("2.1.0", "1.1.0"),
        MARKDOWN.replace("## 1.9.12", "## Older"),
        MARKDOWN.replace("2.1.0", "2.3.0"),
        MARKDOWN.replace("# Changes\n\n", "# Changes\n"),
        "",
    ],
    ids=["versions in no order", "too few versions", "older than one", "as far from nothing", "an empty file"],
)
def test_where_the_versions_do_not_tell_the_patch_is_refused(text: str) -> None:
    new = ["## 2.2.0", "", "- new", ""]
    if text:
        with pytest.raises(EditError, match="no line that tells where"):
            updated(text, *new)
    else:
        assert updated(text, *new) == "\n".join(new) + "\n"


def test_other_changes_of_the_patch_go_along() -> None:
    result = updated(MARKDOWN, "## 2.2.0", "", "- new", "", rest="@@\n-- two\n+- too\n")
    assert result == MARKDOWN.replace("## 2.1.0", "## 2.2.0\n\n- new\n\n## 2.1.0").replace("- two\n", "- too\n")
