"""A resumed session in the window: its last turns at once, earlier ones on request, and the change still open."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossa.assistant.events import Answering, Event
from ossa.tui.history import Turn, merged, turns, undecided
from ossa.tui.origins import origins
from ossa.tui.safe import LineGate, plain_text
from ossa.tui.turn import Renderer, Surroundings
from ossa.tui.widgets.conversation import PAGE, Earlier

if TYPE_CHECKING:
    from ossa.tui.laid import Read


async def replay(history: Sequence[Event], window: Surroundings) -> None:
    """Show what a resumed session was about."""
    told = turns(await asyncio.to_thread(merged, history))
    known = await _read(told[-PAGE:], window)
    if told[:-PAGE]:
        earlier = await asyncio.to_thread(window.conversation.shelf.put, told[:-PAGE])
        await window.conversation.mount(Earlier(earlier))
    with window.conversation.app.batch_update():  # laid out once, not after each widget
        await _render(told[-PAGE:], Renderer(window, live=False, known=known))
    if proposed := undecided(history):
        await window.change.present(proposed.change, proposed.verdict, origins(history))
        window.reveal_change(ask=False)


async def replay_earlier(earlier: Earlier, window: Surroundings) -> None:
    """Show another page of turns above those that are shown, which stay where they are on the screen."""
    if not earlier.is_attached:  # asked for twice
        return
    conversation = window.conversation
    rest, page = earlier.turns[:-PAGE], [Turn(turn.events, turn.back) for turn in earlier.turns[-PAGE:]]
    known = await _read(page, window)
    below = conversation.virtual_size.height - conversation.scroll_y
    following = window.conversation.children[window.conversation.children.index(earlier) + 1]
    with window.conversation.app.batch_update():
        await _render(page, Renderer(window, live=False, before=following, known=known))
        if rest:
            await window.conversation.mount(Earlier(rest), before=earlier)
        await earlier.remove()
    conversation.call_after_refresh(
        lambda: conversation.scroll_to(y=conversation.virtual_size.height - below, animate=False, force=True)
    )


async def _render(told: Sequence[Turn], renderer: Renderer) -> None:
    for turn in told:
        for event in turn.events:
            await renderer.show(event)
        if turn.back:
            await renderer.take_back()


async def _read(told: Sequence[Turn], window: Surroundings) -> "dict[str, Read]":
    """The long answers among these turns, read where neither keys nor the screen wait for it."""
    # Imported here since Markdown's parser would delay the first frame.
    from ossa.tui.laid import read
    from ossa.tui.widgets.answer import AT_ONCE

    width = window.conversation.scrollable_content_region.width
    long = [
        event.text
        for turn in told
        for event in turn.events
        if isinstance(event, Answering) and len(event.text) > AT_ONCE
    ]
    if not long:
        return {}
    return await asyncio.to_thread(lambda: {text: read(LineGate().let(plain_text(text)), width) for text in long})
