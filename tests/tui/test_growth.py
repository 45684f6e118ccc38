"""Markdown that comes in bits ends as the same text that came at once, wherever it is cut."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.tui.growth import Growth
from ossa.tui.laid import lay
from ossa.tui.safe import plain_text

PIECES = st.sampled_from([
    "# Head\n", "text ", "**bold** ", "\n", "\n\n", "- item\n", "  - inner\n", "1. one\n", "> quote\n", "```py\n",
    "x = 1\n", "```\n", "~~~\n", "|a|b|\n|-|-|\n|1|2|\n", "---\n", "    indented\n", "[l](u) ", "![i](u)", "`code` ",
    "\t", "<b>", "&amp;", "漢字", "e\u0301", "[bold]", "\\", "***", "x" * 50 + " ", "- item\n" * 30, "x = 1\n" * 30,
    "|1|2|\n" * 30, "* * *\n", "[l]: u\n", "[l]",
])  # fmt: skip


def shown(growth: Growth, width: int) -> list[str]:
    return [line.before.plain + line.content().plain for line in lay(growth.blocks, width).lines]


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=25), st.integers(1, 60), st.integers(4, 60))
def test_what_comes_in_bits_ends_as_what_comes_at_once(pieces: list[str], step: int, width: int) -> None:
    text = "".join(pieces)
    grown, whole = Growth(), Growth()
    for at in range(0, len(text), step):
        grown.add(text[at : at + step])
        assert len(shown(grown, width)) <= 4 * len(text)
    whole.add(text)
    grown.finish()
    whole.finish()
    assert grown.source == whole.source == text
    assert shown(grown, width) == shown(whole, width)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=string.printable + "漢é\u0301\u202e\x1b", max_size=300))
def test_any_text_is_laid_into_any_width(text: str) -> None:
    growth = Growth()
    growth.add(plain_text(text))
    growth.finish()
    for width in (1, 7, 80):
        for line in lay(growth.blocks, width).lines:
            assert "\x1b" not in line.content().plain
