"""An earlier prompt put otherwise, or an answer gone on from as the person has edited it: what is sent then.

/edit [N]  ─► the prompt line ─► what was said stays as a session of its own ─► rewind to before it ─► run
/amend     ─► the prompt line ─► rewind of the conversation alone ─► what was said before these words, tool calls
               included, is said again ─► the answer goes on from them as they were edited
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant.events import Event, Notice, Rewound, TurnFinished
from ossa.tui.keymap import Keymap
from ossa.tui.widgets.conversation import Conversation
from ossa.tui.widgets.prompt import Prompt, Rewriting

if TYPE_CHECKING:
    from ossa.assistant.agent import Agent

QUEUED = "What you have sent is still waiting for its turn; put earlier prompts otherwise when it is done."


def hint_of(rewriting: Rewriting, keys: Keymap) -> str:
    """What to press while something is written otherwise."""
    send, leave = keys.key("send"), keys.key("withdraw")
    if rewriting.prompt:
        return f"the answer: {send} goes on from it · {leave} leaves"
    return f"earlier prompt: {send} asks it anew · {leave} leaves"


def open_prompt(prompt: Prompt, conversation: Conversation, which: str) -> str:
    """Put a former prompt into the prompt line; a sentence where there is no such prompt."""
    turns = int(which) if which.isdecimal() and which.isascii() else 0 if which else 1
    if not (text := conversation.former(turns)):
        return "/edit takes the number of a prompt, counted back from the last one, which is 1."
    prompt.rewrite(text, Rewriting(turns))
    return ""


def open_answer(prompt: Prompt, conversation: Conversation) -> str:
    """Put what was answered last into the prompt line; a sentence where nothing was."""
    # Imported here since Markdown's parser would delay the first frame.
    from ossa.tui.widgets.answer import Answer

    asked, answered = conversation.former(1), [a for a in conversation.query(Answer) if a.source.strip()]
    if not asked or not answered or conversation.from_last(answered[-1].parent) != 1:
        return "There is no answer yet to go on from."
    prompt.rewrite(answered[-1].source.strip("\n"), Rewriting(1, asked))
    return ""


async def instead(
    agent: "Agent", log: Path, rewriting: Rewriting, text: str, refused: Callable[[str], None]
) -> AsyncIterator[Event]:
    """Go back to before a prompt and say what was written otherwise.

    Args:
        agent: plays both turns.
        log: of the session, a copy of which keeps what was said.
        rewriting: what goes away.
        text: what comes instead.
        refused: takes the text back where there is no way back.
    """
    kept = "" if rewriting.prompt else await asyncio.to_thread(_copy, log)
    said = await asyncio.to_thread(_said, log) if rewriting.prompt else []
    async for event in agent.rewind(rewriting.turns, "conversation" if rewriting.prompt else "both"):
        if isinstance(event, TurnFinished) and event.end != "answered":
            yield event
            refused(text)
            return
        # The old prompt is not offered again: it has just been written otherwise.
        yield replace(event, prompt="") if isinstance(event, Rewound) else event
    if kept:
        yield Notice(kept)
    if said:
        turn = agent.amend(rewriting.prompt, said, text)
    elif rewriting.prompt:
        turn = agent.run(rewriting.prompt, begin=text)
    else:
        turn = agent.fix(text.removeprefix("/fix").strip()) if text.startswith("/fix") else agent.run(text)
    async for event in turn:
        yield event


def _said(log: Path) -> list[Event]:
    """What was said to the last prompt before the last words of its answer; nothing where no tool was called."""
    from ossa.assistant.answering import said_before
    from ossa.assistant.session import SessionError, events_of

    try:
        return said_before(events_of(log))
    except SessionError:
        return []


def _copy(log: Path) -> str:
    """Keep the session as it is; a sentence on where."""
    # Imported here since the first frame should not wait for it.
    from ossa.assistant.archive import fork
    from ossa.assistant.session import SessionError

    try:
        return f"What was said before is kept as the session {fork(log)}: /sessions lists it."
    except SessionError as error:
        return f"What was said before is not kept as a session of its own: {error}"
