"""A resumed session in the window: its last turns at once, earlier ones on request, and the change still open."""

from collections.abc import Sequence
from typing import TypeAlias

from ossa.assistant.events import (
    Answering,
    Event,
    Proposed,
    Reading,
    Reviewed,
    StepOutput,
    Thinking,
    TurnStarted,
    Undone,
)
from ossa.tui.turn import Renderer, Surroundings
from ossa.tui.widgets.conversation import Earlier

Turn: TypeAlias = list[Event]
PAGE = 10
"""Turns that are shown at once."""


async def replay(history: Sequence[Event], window: Surroundings) -> None:
    """Show what a resumed session was about."""
    told = turns(merged(history))
    if told[:-PAGE]:
        await window.conversation.mount(Earlier(told[:-PAGE]))
    with window.conversation.app.batch_update():  # laid out once, not after each widget
        await _render(told[-PAGE:], Renderer(window, live=False))
    if proposed := undecided(history):
        await window.change.present(proposed.change, proposed.verdict)
        window.reveal_change(ask=False)


async def replay_earlier(earlier: Earlier, window: Surroundings) -> None:
    """Show another page of turns above those that are shown."""
    if not earlier.is_attached:  # asked for twice
        return
    rest, page = earlier.turns[:-PAGE], earlier.turns[-PAGE:]
    following = window.conversation.children[window.conversation.children.index(earlier) + 1]
    with window.conversation.app.batch_update():
        await _render(page, Renderer(window, live=False, before=following))
        if rest:
            await window.conversation.mount(Earlier(rest), before=earlier)
        await earlier.remove()


def merged(events: Sequence[Event]) -> list[Event]:
    """The same events with neighbouring bits of an answer or of reasoning joined, and without what leaves no trace."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case _, Reading() | StepOutput():
                pass
            case Answering(before), Answering(text):
                joined[-1] = Answering(before + text)
            case Thinking(before), Thinking(text):
                joined[-1] = Thinking(before + text)
            case _:
                joined.append(event)
    return joined


def turns(events: Sequence[Event]) -> list[Turn]:
    """The events of a session, turn by turn."""
    parts: list[Turn] = []
    for event in events:
        if isinstance(event, TurnStarted) or not parts:
            parts.append([])
        parts[-1].append(event)
    return parts


def prompts(events: Sequence[Event]) -> list[str]:
    """What the user asked, in order."""
    return [event.prompt for event in events if isinstance(event, TurnStarted)]


def undecided(events: Sequence[Event]) -> Proposed | None:
    """The last change, unless something was decided about it."""
    last = next((e for e in reversed(events) if isinstance(e, Proposed | Reviewed | Undone)), None)
    return last if isinstance(last, Proposed) else None


async def _render(told: Sequence[Sequence[Event]], renderer: Renderer) -> None:
    for turn in told:
        for event in turn:
            await renderer.show(event)
