"""What a model writes is shown and never obeyed: markup, escape sequences, characters of any width, endless lines."""

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from ossa.assistant.events import Answering, Event, StepFinished, StepStarted, Thinking, TurnFinished, TurnStarted
from ossa.tests.waiting import counting
from ossa.tui.safe import LineGate, cut, plain_text, whole
from ossa.tui.widgets.answer import Answer

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage

MARKUP = "[bold]not bold[/bold] [@click=app.quit]here[/] [/]"
ESCAPES = "a\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07 b\x9b31m c\x07\x08\x00d"


def said(*told: Event) -> list[Event]:
    return [TurnStarted("say"), *told, TurnFinished("answered")]


def rows(stage: "Stage") -> list[str]:
    return [strip.text for strip in stage.app.screen._compositor.render_strips()]


async def test_markup_is_text_wherever_it_stands(open_window: "Open") -> None:
    step = (StepStarted("s", MARKUP, MARKUP), StepFinished("s", True, MARKUP, MARKUP))
    table = f"|a|\n|-|\n|{MARKUP}|\n"
    told = said(Thinking(MARKUP), Answering(f"{MARKUP}\n\n```[red]\n{MARKUP}\n```\n\n{table}\n# {MARKUP}"), *step)
    async with open_window(history=told, size=(140, 60)) as stage:
        await stage.shows("[@click=app.quit]here")
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: stage.text.count("[bold]not bold[/bold]") >= 7)
        await stage.shows("[red]")


async def test_escape_sequences_do_nothing(open_window: "Open") -> None:
    told = said(Thinking(ESCAPES), Answering(f"{ESCAPES}\n\n```\n{ESCAPES}\n```\n"))
    async with open_window(history=told) as stage:
        await stage.shows("ared b")
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: stage.text.count("ared b") == 3)
        assert not {"\x1b", "\x9b", "\x07", "\x08", "\x00"} & set(stage.text)


async def test_an_escape_sequence_that_comes_in_bits_does_nothing_either(open_window: "Open") -> None:
    bits = [*map(Thinking, ESCAPES), *map(Answering, ESCAPES)]
    async with open_window(history=said(*bits)) as stage:
        await stage.shows("ared b")
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: stage.text.count("ared b") == 2)
        assert "␛" not in stage.text


def test_what_may_begin_an_escape_sequence_waits_for_its_end() -> None:
    assert [whole(text) for text in ("a\x1b", "a\x1b[3", "a\x1b]0;t", "a\x1b]0;t\x1b", "a\r", "\x1b[31mb", "a[3")] == [
        *(("a", rest) for rest in ("\x1b", "\x1b[3", "\x1b]0;t", "\x1b]0;t\x1b", "\r")),
        ("\x1b[31mb", ""),
        ("a[3", ""),
    ]
    assert whole("\x1b]" + "x" * 201)[1] == "" and whole("\x1b]8;;x\ny")[1] == ""


@pytest.mark.parametrize("begun", ["\x1b]8;;http://x", "\x1bPq", "\x1b_", "\x9d8;;"])
async def test_an_escape_sequence_without_an_end_hides_nothing(open_window: "Open", begun: str) -> None:
    text = f"before {begun} still here\n\nand here \x1b]0;title\x07too\n\nat the end\n"
    told = said(Thinking(text), Answering(text), StepStarted("s", "run"), StepFinished("s", True, "ran", text))
    async with open_window(history=told, size=(120, 50)) as stage:
        await stage.shows("at the end")
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: stage.text.count("still here") == stage.text.count("and here too") == 3)
    assert "title" not in plain_text(text)


@pytest.mark.parametrize(
    "text", ["漢字かな" * 40, "e\u0301" * 300, "👨‍👩‍👧 🇩🇪 " * 40, "\u202egnp\u202c \ufeff\ud800" * 20]
)
async def test_characters_of_any_width_keep_their_columns(open_window: "Open", text: str) -> None:
    told = said(Answering(f"{text}\n\n```\n{text}\n```\n\n|a|b|\n|-|-|\n|{text}|x|\n\n> - {text}\n"))
    async with open_window(history=told, size=(80, 30)) as stage:
        await stage.until(lambda: stage.app.query(Answer))
        await stage.pilot.pause()
        assert {cell_len(row) for row in rows(stage)} == {80}


def test_what_was_left_out_before_is_not_counted_as_what_is_left_out_now() -> None:
    assert cut("x" * 2_500).endswith("x … 500 more characters")
    assert cut(LineGate().let("x" * 100_000)).endswith("x … (the rest of this line is not shown)")


async def test_a_line_of_a_hundred_thousand_characters_is_cut(open_window: "Open") -> None:
    async with open_window([Answering("x" * 1000) for _ in range(100)]) as stage:
        await stage.send("go")
        await stage.shows("the rest of this line is not")
        await stage.until(lambda: stage.app.window.status.state == "ready")
        assert stage.app.query_one(Answer).size.height < 200


async def test_scrolling_through_code_of_ten_thousand_lines_draws_no_more_than_is_seen(open_window: "Open") -> None:
    async def work(size: int) -> int:
        code = "".join(f"value_{n} = '{n}'\n" for n in range(size))
        async with open_window(history=said(Answering(f"```python\n{code}```\n\nThat was it."))) as stage:
            await stage.shows("That was it.")
            await stage.shows(f"value_{size - 1} = '{size - 1}'")
            answer, conversation = stage.app.query_one(Answer), stage.app.window.conversation
            assert answer.size.height > size and answer.fences[0].code == code
            conversation.scroll_to(y=size // 2, animate=False)
            await stage.until(lambda: f"value_{size - 1}" not in stage.text and "value_" in stage.text)
            with counting() as count:
                for step in range(10):
                    conversation.scroll_to(y=100 + 37 * step, animate=False)
                    await stage.pilot.pause()
            return sum(count)

    large, small = await work(10_000), await work(1_000)
    assert large < 2 * small


async def test_it_looks_the_same_when_it_came_in_bits_as_when_it_came_at_once(open_window: "Open") -> None:
    lines = "".join(f"x = [{n}]\n" for n in range(60))
    items = "".join(f"{n}. item *{n}*\n" for n in range(1, 60))
    text = (
        f"# Head\n\nSome **bold\ntext**.\n\n{items}\n```python\n{lines}```\n\n> quoted\n\n|a|b|\n|-|-:|\n|1|2|\n\nEnd."
    )
    async with open_window([Answering(text[at : at + 7]) for at in range(0, len(text), 7)], [Answering(text)]) as stage:
        for _ in range(2):
            await stage.send("go")
            await stage.until(lambda: stage.app.window.status.state == "ready")
        await stage.until(lambda: len(stage.app.query(Answer)) == 2)
        grown, whole = stage.app.query(Answer)
        assert grown.source == whole.source == text
        shown = [[answer.render_line(y).text for y in range(answer.size.height)] for answer in (grown, whole)]
        assert shown[0] == shown[1] and len(shown[0]) > 130
