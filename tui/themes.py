"""The colours. Any of Textual's own themes works as well; these are held to what their names say by a test.

- `dark`, `light`: charcoal and paper, with bone for what is in focus; all text at least 4.5 : 1 on what is behind it
- `contrast-dark`, `contrast-light`: on black and on white; all text at least 7 : 1
- `blue-orange-dark`, `blue-orange-light`: what is right is blue, what is wrong is orange, after the palette of Okabe
  and Ito (2008); those two and the warning stay apart for people who lack the cones for red, green or blue
"""

from dataclasses import replace

from textual.color import Color
from textual.theme import Theme


def _complete(theme: Theme, muted: int, faint: int, lit: str, scrollbar: str) -> Theme:
    """A theme from its colours; `lit` is behind what the cursor is on.

    `muted` and `faint` are how much of the foreground less important text has, in per cent.
    """
    surface, foreground = str(theme.surface), str(theme.foreground)
    variables = {
        "text-muted": f"auto {muted}%",
        "text-disabled": f"auto {faint}%",
        "footer-background": surface,
        "footer-key-foreground": theme.primary,
        "footer-description-foreground": foreground,
        "block-cursor-background": lit,
        "block-cursor-foreground": foreground,
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": str(theme.panel),
        "block-cursor-blurred-foreground": foreground,
        "input-selection-background": f"{theme.primary} 30%",
        "scrollbar": scrollbar,
        "scrollbar-hover": theme.primary,
        "scrollbar-active": theme.primary,
        "scrollbar-background": surface,
        "scrollbar-background-hover": surface,
        "scrollbar-background-active": surface,
        "scrollbar-corner-color": surface,
    }
    return replace(theme, variables=variables)


DARK = _complete(
    Theme(
        "ossa-dark",
        dark=True,
        primary="#d9b97c",
        secondary="#8db4cf",
        accent="#d98e73",
        success="#93bf85",
        warning="#e3b35f",
        error="#e0786c",
        foreground="#d9d7d1",
        background="#16171a",
        surface="#1c1e22",
        panel="#26292f",
    ),
    muted=80,
    faint=74,
    lit="#3a3529",
    scrollbar="#454a53",
)
LIGHT = _complete(
    Theme(
        "ossa-light",
        dark=False,
        primary="#8a5f12",
        secondary="#1f5f8b",
        accent="#a3401f",
        success="#2f6f2a",
        warning="#8f5b00",
        error="#b02a22",
        foreground="#2a2925",
        background="#fbf9f4",
        surface="#f3f0e8",
        panel="#e7e2d6",
    ),
    muted=90,
    faint=85,
    lit="#ead9b3",
    scrollbar="#b9b19d",
)
CONTRAST_DARK = _complete(
    Theme(
        "ossa-contrast-dark",
        dark=True,
        primary="#ffe066",
        secondary="#9fdcff",
        accent="#ffb080",
        success="#4fd65f",
        warning="#ffc44d",
        error="#ff9c94",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
    ),
    muted=88,
    faint=82,
    lit="#3d3d00",
    scrollbar="#8a8a8a",
)
CONTRAST_LIGHT = _complete(
    Theme(
        "ossa-contrast-light",
        dark=False,
        primary="#5c3b00",
        secondary="#003f6b",
        accent="#6b1d00",
        success="#0a4a0a",
        warning="#5a3700",
        error="#7d0000",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#ececec",
    ),
    muted=88,
    faint=82,
    lit="#ffe9a0",
    scrollbar="#707070",
)
BLUE_ORANGE_DARK = _complete(
    Theme(
        "ossa-blue-orange-dark",
        dark=True,
        primary="#d6d2c4",
        secondary="#dfa3c4",
        accent="#dfa3c4",
        success="#56b4e9",
        warning="#f0e442",
        error="#e07b28",
        foreground="#dcdcdc",
        background="#15171a",
        surface="#1b1e22",
        panel="#262a30",
    ),
    muted=80,
    faint=74,
    lit="#34343f",
    scrollbar="#454a53",
)
BLUE_ORANGE_LIGHT = _complete(
    Theme(
        "ossa-blue-orange-light",
        dark=False,
        primary="#3d4654",
        secondary="#8a3f6d",
        accent="#8a3f6d",
        success="#0072b2",
        warning="#a59205",
        error="#862700",
        foreground="#24272b",
        background="#fbfbfa",
        surface="#f2f2f0",
        panel="#e5e5e2",
    ),
    muted=90,
    faint=85,
    lit="#dfe3ea",
    scrollbar="#b4b4b4",
)
THEMES = (DARK, LIGHT, CONTRAST_DARK, CONTRAST_LIGHT, BLUE_ORANGE_DARK, BLUE_ORANGE_LIGHT)


def solid(variables: dict[str, str]) -> dict[str, str]:
    """The variables of a theme with less important text as colours: outside of style sheets, `auto` would be none."""
    front, back = Color.parse(variables["foreground"]), Color.parse(variables["background"])
    percents = {
        name: variables[name].removeprefix("auto ").removesuffix("%") for name in ("text-muted", "text-disabled")
    }
    mixed = {name: back.blend(front, float(text) / 100).hex for name, text in percents.items() if text.isdecimal()}
    return variables | mixed


def full_name(name: str) -> str:
    """The theme that a person means: ours may go without "ossa-"; "contrast" and "blue-orange" are the dark ones."""
    short = {theme.name.removeprefix("ossa-"): theme.name for theme in THEMES}
    return short.get(name) or short.get(f"{name}-dark") or name
