"""What a command does that is typed where there is no window: the turn that it is, or the words that answer it.

"/rewind 2 files" ─► turn_of() ─► events           "/status" ─► words_of() ─► text
"""

from collections.abc import AsyncIterator, Callable

from ossa.assistant.agent import Agent
from ossa.assistant.events import Event
from ossa.assistant.workbench import Workbench
from ossa.tui.commands import rewind_arguments


def turn_of(agent: Agent, name: str, argument: str) -> AsyncIterator[Event] | None:
    """The turn that a command is; None where it is none.

    Raises:
        ValueError: the argument makes no sense; the text is a sentence for the user.
    """
    match name:
        case "fix":
            return agent.fix(argument)
        case "commit":
            return agent.commit(argument)
        case "test" | "undo" | "redo" | "discard" | "review":
            turn: Callable[[], AsyncIterator[Event]] = getattr(agent, name)
            return turn()
        case "rename" | "move" | "signature":
            from ossa.assistant.refactor.asked import read, refactor

            return refactor(agent, read(name, argument))
        case "rewind":
            return agent.rewind(*rewind_arguments(argument))
        case _:
            return None


def words_of(bench: Workbench, name: str, argument: str) -> str:
    """What answers a command that only asks, a fact a line; empty for any other. Blocks.

    Raises:
        ModelError: the model that counts the context's tokens cannot be had.
    """
    match name:
        case "status":
            return f"Model: {bench.model.info.about}.\nDraft: {bench.draft.isolation.summary}."
        case "context":
            ledger = bench.agent.preview(argument)
            parts = [f"{part.name}: {part.tokens:,} tokens" for part in ledger.parts]
            return "\n".join([*parts, f"Together {ledger.total:,} of {ledger.window:,} tokens."])
        case _:
            return ""
