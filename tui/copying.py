"""Code from an answer into the clipboard, which terminals take by OSC 52, also through ssh.

/copy [N] or the key ─► the last answer with code ─► the only block, the N-th, or the one that is chosen from a list
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ossa.tui.widgets.conversation import Conversation

if TYPE_CHECKING:
    from textual.app import App

    from ossa.tui.fences import Fence


def copy(app: "App[str]", conversation: Conversation, which: str = "") -> None:
    """Copy a block of code; `which` is its number, where it was given."""
    fences = last_code(conversation)
    if not fences:
        _say(app, "No answer on this page of the conversation has a block of code.")
    elif which:
        number = int(which) if which.isdecimal() and which.isascii() else 0
        if 0 < number <= len(fences):
            _take(app, fences, number)
        else:
            _say(app, f"The last answer with code has {_blocks(fences)}: /copy takes a number up to {len(fences)}.")
    elif len(fences) == 1:
        _take(app, fences, 1)
    else:
        # Imported here since it is seldom asked for, and the first frame should not wait for it.
        from ossa.tui.screens.blocks import Blocks

        app.push_screen(Blocks(fences), partial(_take, app, fences))


def last_code(conversation: Conversation) -> "Sequence[Fence]":
    """The blocks of code in the last answer that has any."""
    # Imported here since Markdown's parser would delay the first frame.
    from ossa.tui.widgets.answer import Answer

    answers = reversed(list(conversation.query(Answer)))
    return next((fences for answer in answers if (fences := answer.fences)), [])


def _take(app: "App[str]", fences: "Sequence[Fence]", number: int | None) -> None:
    if number:
        fence = fences[number - 1]
        app.copy_to_clipboard(fence.code)
        length = "1 line" if len(fence.lines) == 1 else f"{len(fence.lines):,} lines"
        _say(app, f"Copied {length} of {fence.language or 'code'}, block {number} of {len(fences)}.")


def _say(app: "App[str]", text: str) -> None:
    app.notify(text, markup=False)


def _blocks(fences: "Sequence[Fence]") -> str:
    return "1 block" if len(fences) == 1 else f"{len(fences)} blocks"
