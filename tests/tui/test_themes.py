"""What the themes promise: text that stands out, and what is right apart from what is wrong for any eye."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.style import Style
from textual.color import Color, rgb_to_lab
from textual.theme import Theme

from ossa.assistant.events import (
    Answering,
    Failure,
    Notice,
    Proposed,
    Spoken,
    StepFinished,
    StepStarted,
    Thinking,
)
from ossa.model.base import Message, Usage
from ossa.tui.themes import THEMES, full_name

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage

ANSWER = """Some *words* and `code`, then

```python
def f(a):  # why
    return a + 1, 'text', None
```
- a list

> said
"""


def luminance(color: Color) -> float:
    """Relative luminance as WCAG 2.2 has it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def shown(stage: "Stage") -> Iterator[tuple[str, Style]]:
    """Every piece of the screen with letters or digits in it, with its style."""
    dialogs = stage.app.screen.query("#dialog")
    part = dialogs.first().content_region if dialogs else stage.app.screen.region
    for strip in stage.app.screen._compositor.render_strips()[part.y : part.bottom]:
        for segment in strip.crop(part.x, part.right):
            if segment.style is not None and any(character.isalnum() for character in segment.text):
                yield segment.text.strip(), segment.style


def weak(stage: "Stage", least: float) -> set[str]:
    """What on the screen is harder to read than it may be."""
    found: set[str] = set()
    for text, style in shown(stage):
        assert style.color is not None and style.bgcolor is not None, text
        front, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
        if style.reverse:
            front, back = back, front
        if style.dim:
            front = front.blend(back, 0.5)
        if (ratio := contrast(front, back)) < least:
            found.add(f"{ratio:.2f} {front.hex} on {back.hex}: {text[:40]}")
    return found


@pytest.fixture
def marks(repository: Path) -> None:
    """A file of every kind that git has a letter for."""
    (repository / ".gitignore").unlink()
    (repository / "staged.py").write_text("x = 1\n")
    subprocess.run(["git", "-C", str(repository), "add", "staged.py"], check=True)


async def test_all_text_stands_out_in_every_theme(open_window: "Open", proposed: Proposed, marks: None) -> None:
    spoken = Spoken(Message("assistant", ANSWER), Usage(10, 20, 5))
    script = [
        Thinking("Let me see."),
        Answering(ANSWER),
        spoken,
        StepStarted("s1", "calc.py", "looked at"),
        StepFinished("s1", True, "12 lines", "one\ntwo"),
        StepStarted("s2", "tests"),
        StepFinished("s2", False, "1/2 passed", "out", failing=()),
        Notice("Something to know."),
        Failure("Something went wrong.", "--- a\n+b\n"),
        proposed,
    ]
    problems: dict[str, set[str]] = {}
    async with open_window(script, size=(140, 60)) as stage:
        await stage.shows("new.txt ?")
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("a", "r")
        await stage.shows("Enter tells")
        await stage.pilot.press(*"no", "enter")
        await stage.until(lambda: stage.app.window.change.has_focus)
        await stage.pilot.press("Z", "Z")
        await stage.shows("return a / 2")
        await stage.pilot.press("escape")
        stage.app.window.files.context = frozenset({"calc.py"})
        for mark in (".gitignore D", "staged.py A", "new.txt ?", "lib •", "calc.py ± @", "notes.md ±"):
            await stage.shows(mark)
        await stage.shows("rejected")
        for state in ("review", "help", "context"):
            if state == "help":
                await stage.pilot.press("f1")
                await stage.shows("Esc closes")
            elif state == "context":
                await stage.pilot.press("escape", "ctrl+l")
                await stage.shows("if the prompt were sent now")
            for theme in THEMES:
                stage.app.theme = theme.name
                await stage.pilot.pause()
                await stage.pilot.pause()
                if found := weak(stage, 7.0 if "contrast" in theme.name else 4.5):
                    problems[f"{theme.name} {state}"] = found
    assert not problems, "\n".join(f"{name}: {line}" for name, lines in problems.items() for line in sorted(lines))


async def test_no_color_is_respected_from_the_first_frame(
    open_window: "Open", proposed: Proposed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_window([proposed], size=(120, 40)) as stage:
        await stage.send("mend it")
        await stage.review()
        coloured = {text for text, style in shown(stage) if not is_grey(style)}
        assert not coloured
        assert not weak(stage, 4.5)
        assert "▌Change" in stage.text, "which column has the focus is not said by colour alone"
        await stage.pilot.press("a", "r", "enter")
        for sign in ("✓", "✗", "accepted", "rejected", "calc.py ±", "new.txt ?", "lib •"):
            await stage.shows(sign)
        await stage.pilot.press("escape", *"/open calc", "enter")
        await stage.shows("5  def half(a):")  # and empty lines above it


def is_grey(style: Style) -> bool:
    colours = [Color.from_rich_color(color) for color in (style.color, style.bgcolor) if color is not None]
    return all(color.r == color.g == color.b for color in colours)


DEFICIENCIES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""What linear RGB becomes for people who lack one kind of cones: Machado, Oliveira and Fernandes (2009), severity 1."""
APART = 20.0
"""Distance in CIELAB; about 2.3 is just noticed side by side."""


def seen(color: Color, matrix: tuple[tuple[float, float, float], ...]) -> Color:
    """The colour as someone with the deficiency sees it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    mixed = [min(1.0, max(0.0, sum(k * c for k, c in zip(row, linear, strict=True)))) for row in matrix]
    red, green, blue = (round(255 * (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)) for c in mixed)
    return Color(red, green, blue)


def distance(one: Color, other: Color) -> float:
    first, second = rgb_to_lab(one), rgb_to_lab(other)
    return ((first.L - second.L) ** 2 + (first.a - second.a) ** 2 + (first.b - second.b) ** 2) ** 0.5


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", [theme for theme in THEMES if "blue-orange" in theme.name], ids=lambda t: t.name)
def test_right_and_wrong_stay_apart_for_any_eye(theme: Theme, deficiency: str) -> None:
    variables = theme.to_color_system().generate()
    for kind in ("text-{}", "{}"):
        colours = [Color.parse(variables[kind.format(name)]) for name in ("success", "warning", "error")]
        for one, other in itertools.combinations([seen(colour, DEFICIENCIES[deficiency]) for colour in colours], 2):
            assert distance(one, other) >= APART, kind


def test_a_theme_is_named_as_a_person_would() -> None:
    assert full_name("light") == "ossa-light" and full_name("ossa-dark") == "ossa-dark"
    assert full_name("contrast") == "ossa-contrast-dark" and full_name("blue-orange-light") == "ossa-blue-orange-light"
    assert full_name("nord") == "nord" and full_name("") == ""


async def test_a_chosen_theme_is_kept_for_the_next_start(open_window: "Open", tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('effort = "high"\ntheme = "nonsense"\n')
    async with open_window(config_folder=tmp_path) as stage:
        await stage.shows("There is no theme “nonsense”")
        assert stage.app.theme == "ossa-dark"
        await stage.send("/theme contrast-light")
        await stage.until(lambda: 'theme = "contrast-light"' in file.read_text())
        assert file.read_text().startswith('effort = "high"\n')
    async with open_window(config_folder=tmp_path) as stage:
        assert stage.app.theme == "ossa-contrast-light"
        assert "There is no theme" not in stage.text
        file.unlink()
        file.mkdir()
        await stage.send("/theme light")
        await stage.shows("The theme is for this time only")
        assert stage.app.theme == "ossa-light"
