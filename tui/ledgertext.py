"""The ledger in words, figures and colours: plain functions of what it says.

Ledger ─► headline(), bar(), remainder() · of each part row(), cost() and told() · which keys do something with it
"""

import re
from typing import TYPE_CHECKING

from textual.content import Content

from ossa.assistant.context.parts import GONE, Action, Part, PartKind
from ossa.assistant.transcript import is_new, number_of
from ossa.tui.safe import cut, plain_text, shown

if TYPE_CHECKING:
    from ossa.assistant.context.ledger import Ledger, Text

COLOURS: dict[PartKind, str] = {
    "system": "$secondary",
    "agents": "$accent",
    "map": "$primary",
    "file": "$success",
    "attached": "$warning",
    "conversation": "$foreground 55%",
    "prompt": "$foreground 80%",
    "answer": "$foreground 55%",
    "result": "$foreground 40%",
}
_EXCERPT = re.compile(r":\d+(-\d+)?$")
"""How the name of some lines of a file ends; only whole files can be pinned in front of the conversation."""
_MUTED = "$text-muted"
_FIGURES, _NAME = 10, 8
"""Cells before a part's name, and those that the name has at least."""
_READ = 2_000
"""Lines of a part that can be read."""
_LEAST = 400
"""Characters to which the shortest part is shortened."""


def headline(ledger: "Ledger") -> Content:
    """How full the window is."""
    used = f"{ledger.total:,} of {ledger.window:,} tokens ({100 * ledger.total / ledger.window:.0f}%)"
    if ledger.over:
        return Content.styled(f"{used}: {ledger.over:,} too many beside its answer", "bold $text-error")
    return Content.styled(used, "bold")


def remainder(ledger: "Ledger") -> Content:
    """What the model has to read now, and what else the window has room for."""
    free = max(0, ledger.window - ledger.total - ledger.reserve)
    words = f"{ledger.unread:,} to read now, {free:,} free, {ledger.reserve:,} to answer"
    return Content.styled(words, _MUTED)


def bar(ledger: "Ledger", cells: int) -> Content:
    """The window, that many cells wide: every part in its colour, what is free, what is kept for the answer."""
    whole = max(ledger.window, ledger.total + ledger.reserve)
    sizes = [(part.tokens, "█", COLOURS.get(part.kind, _MUTED)) for part in ledger.parts]
    sizes += [(max(0, whole - ledger.total - ledger.reserve), "░", "$foreground 25%")]
    sizes += [(ledger.reserve, "▒", "$foreground 25%")]
    told, done, pieces = 0, 0, list[tuple[str, str]]()
    for tokens, sign, colour in sizes:
        told += tokens
        end = round(cells * told / whole)
        pieces.append((sign * (end - done), colour))
        done = end
    return Content.assemble(*(piece for piece in pieces if piece[0]))


def row(part: Part, cells: int) -> Content:
    """One part in so many cells: its tokens, what it is, and how it is shown otherwise than it was."""
    gone = part.state in GONE
    state = f"  {part.state}" if part.state else ""
    if part.saved and part.state not in ("", "pinned"):
        state += f" −{part.saved:,}"
    name = Content.styled(cut(plain_text(part.name).replace("\n", " "), 200), f"{_MUTED} strike" if gone else "")
    return Content.assemble(
        (f"{part.tokens:>7,} ", _MUTED if gone else "bold"),
        ("  " if gone else "▌ ", COLOURS.get(part.kind, _MUTED)),
        name.truncate(max(_NAME, cells - _FIGURES - len(state)), ellipsis=True),
        (state, "$text-success" if part.state == "pinned" else "$text-warning"),
    )


def cost(part: Part) -> str:
    """What dropping the part would cost, with what goes along, or bringing it back."""
    if part.state in GONE:
        with_what = " with what went along" if part.along else ""
        return f"Bringing it back{with_what} adds {part.moved:,} tokens."
    if "drop" not in actions(part):
        return "It always stays."
    whose = (" its turn" if part.kind == "prompt" else " it with its results") if part.along else ""
    return f"Dropping{whose} frees {part.moved:,} tokens; {f'{part.reread:,}' if part.reread else 'none'} read again."


def told(part: Part, text: "Text") -> Content:
    """What the part says to the model, and what it said before it was made to fit."""
    title = Content.styled(cut(plain_text(part.name).replace("\n", " "), 200), "bold")
    figures = Content.styled(f"{part.tokens:,} tokens" + (f", {part.state}" if part.state else ""), _MUTED)
    seen = Content("\n".join(shown(text.shown, _READ)) or "(The model is shown nothing of it.)")
    if text.whole == text.shown:
        return Content("\n").join([title, figures, Content(""), seen])
    heading = Content.styled("Before", "bold $text-warning")
    before = Content("\n".join(shown(text.whole, _READ)))
    return Content("\n").join([title, figures, Content(""), seen, Content(""), heading, before])


def actions(part: Part) -> tuple[Action, ...]:
    """What the person may do with it."""
    if not part.id or part.id in ("system", "new"):
        return ()
    if part.state in GONE:
        return ("restore",)
    spoken = number_of(part.id) >= 0 or is_new(part.id)
    whole = part.state in ("", "pinned", "cut to fit")
    offered: dict[Action, bool] = {
        # The front stays in any case.
        "pin": spoken and part.state != "pinned" and not (is_new(part.id) and _EXCERPT.search(part.name)),
        "drop": True,
        "shorten": spoken and whole,
        "restore": part.state not in ("", "cut to fit"),
    }
    return tuple(action for action, possible in offered.items() if possible)


def half(part: Part) -> int:
    """Characters to which it is shortened: about a half of it."""
    return max(_LEAST, 2 * part.tokens)
