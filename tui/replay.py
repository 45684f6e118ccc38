"""A resumed session in the window: its last turns at once, earlier ones on request, and the change still open."""

from collections.abc import Sequence

from ossa.assistant.events import Event
from ossa.tui.history import Turn, merged, turns, undecided
from ossa.tui.origins import origins
from ossa.tui.turn import Renderer, Surroundings
from ossa.tui.widgets.conversation import PAGE, Earlier


async def replay(history: Sequence[Event], window: Surroundings) -> None:
    """Show what a resumed session was about."""
    told = turns(merged(history))
    if told[:-PAGE]:
        await window.conversation.mount(Earlier(told[:-PAGE]))
    with window.conversation.app.batch_update():  # laid out once, not after each widget
        await _render(told[-PAGE:], Renderer(window, live=False))
    if proposed := undecided(history):
        await window.change.present(proposed.change, proposed.verdict, origins(history))
        window.reveal_change(ask=False)


async def replay_earlier(earlier: Earlier, window: Surroundings) -> None:
    """Show another page of turns above those that are shown, which stay where they are on the screen."""
    if not earlier.is_attached:  # asked for twice
        return
    conversation = window.conversation
    below = conversation.virtual_size.height - conversation.scroll_y
    rest, page = earlier.turns[:-PAGE], earlier.turns[-PAGE:]
    following = window.conversation.children[window.conversation.children.index(earlier) + 1]
    with window.conversation.app.batch_update():
        await _render(page, Renderer(window, live=False, before=following))
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
