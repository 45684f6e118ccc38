"""A refactoring that a person asks for, as a turn: worked out in the draft, proved by the tests, offered for review.

"/rename OLD NEW" ─► read() ─► Wish ─► refactor(agent, wish) ─► steps ─► verdict ─► review
"""

from collections.abc import AsyncIterator

from ossa.assistant.agent import Agent
from ossa.assistant.context.asking import Ask
from ossa.assistant.events import End, Event, Failure, Notice, StepFinished, StepStarted
from ossa.assistant.refactor.plan import told
from ossa.assistant.refactor.wish import What, Wish
from ossa.assistant.turn import Emit

USAGE: dict[What, str] = {
    "rename": "OLD NEW",
    "move": "SYMBOL MODULE [--keep]",
    "signature": "FUNC (new, parameters=…)",
}


def read(what: What, argument: str) -> Wish:
    """What was typed behind the command.

    Raises:
        ValueError: something is missing; the text is a sentence for the user.
    """
    plain = argument.strip().removesuffix(" --keep") if what == "move" else argument.strip()
    symbol, _, to = plain.partition(" ")
    if what == "signature" and "(" in symbol:
        symbol, bracket, rest = argument.strip().partition("(")
        symbol, to = symbol.strip(), bracket + rest
    if not symbol or not to.strip() or (what != "signature" and " " in to.strip()):
        raise ValueError(f"/{what} takes {USAGE[what]}.")
    to = to.strip()
    quoted = len(to) > 1 and to[0] in "'\"" and to[0] == to[-1]
    return Wish(what, symbol, to[1:-1] if quoted else to, keep=plain != argument.strip())


def refactor(agent: Agent, wish: Wish) -> AsyncIterator[Event]:
    """Carry it out as a turn of the agent's."""
    return agent.turns.play(f"/{wish.title}", lambda emit: _refactor(agent, wish, emit), command=True)


async def _refactor(agent: Agent, wish: Wish, emit: Emit) -> End:
    step = f"refactor-{wish.what}"
    emit(StepStarted(step, wish.title, "all uses in the repository"))
    outcome = await agent.toolbox.refactoring.carry_out(wish)
    text = told(outcome)
    if outcome.problem:
        emit(StepFinished(step, False, "not done", text))
        if not outcome.left or not agent.model.info.calls_tools:
            emit(Failure(text))
            return "failed"
        return await agent.converse(Ask("", f"Please {wish.title} in the whole repository.\n{text}"), emit)
    count = len(outcome.files)
    emit(StepFinished(step, True, f"{outcome.places} places, {count} file{'s' * (count != 1)}", text))
    emit(Notice("\n".join(line for line in [*outcome.notes, *text.splitlines()[1 + len(outcome.notes) :]]), told=True))
    return await agent.offer(emit)
