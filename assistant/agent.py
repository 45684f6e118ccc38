"""The assistant: a prompt goes in, events come out, and what it changed is in the draft until a person accepts it.

    run(prompt)   compose ─► generate ⇄ tools in the draft ─► tests ─► review ─► accept
    fix(hint)     the same for a failing test: ossa leads and the model fills in; where that does not help, and the
                  model has tools, it goes on with them
    undo() redo() rewind(n)    takes accepts back, makes them again, goes back by prompts
    commit()      commits what was accepted
    shell(line)   runs a command of the person's own in the working tree

Each returns an async iterator of events that ends with `TurnFinished`; `cancel()` ends it early.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from dataclasses import dataclass, field, replace

from ossa.assistant.answering import Answers
from ossa.assistant.change import Change
from ossa.assistant.choosing import Choices
from ossa.assistant.commit import Committer
from ossa.assistant.context.asking import Ask
from ossa.assistant.context.context import Context
from ossa.assistant.context.ledger import Ledger
from ossa.assistant.context.parts import Action, Attached
from ossa.assistant.delivery import Delivery
from ossa.assistant.events import (
    Adjusted,
    Attempt,
    End,
    Event,
    Failure,
    Notice,
)
from ossa.assistant.marks.request import Tidying
from ossa.assistant.proof import Proof
from ossa.assistant.repair.apart import normals
from ossa.assistant.repair.search import Repair, wanted
from ossa.assistant.revision import Author, Wish
from ossa.assistant.shell import run_line
from ossa.assistant.text import decode
from ossa.assistant.threads import in_thread
from ossa.assistant.tools import Toolbox
from ossa.assistant.transcript import Transcript
from ossa.assistant.trim import shorten
from ossa.assistant.turn import Emit, Turns
from ossa.assistant.verdict import TestReport, Verdict, compare, named
from ossa.assistant.wayback import WayBack, What
from ossa.assistant.wording import failing, prompt_text
from ossa.model.base import LanguageModel, Sampling

_REFUSED = 6_000
"""Characters of a hunk that the model is reminded of when it is asked for another version."""
MAX_CORRECTIONS = 3
"""How often the model is told that its change breaks tests."""


@dataclass(slots=True)
class Agent:
    """Leads the turns of one session."""

    model: LanguageModel
    context: Context
    toolbox: Toolbox
    proof: Proof
    delivery: Delivery
    back: WayBack
    committer: Committer
    turns: Turns
    repair: Repair
    transcript: Transcript
    """Sees every event before anyone else does, and so knows the conversation."""
    sampling: Sampling
    viewing: str = ""
    """What the person has open, as "calc.py:12"; the model is told with the next prompt."""
    _choices: Choices = field(init=False)
    _tidy: Tidying | None = field(default=None, init=False)
    """Takes the comments that asked for it out of the running turn's change."""
    _answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self._choices = Choices(self.repair)
        self._answers = Answers(self.model, self.context, self.toolbox, self.transcript, lambda: self.sampling)

    @property
    def busy(self) -> bool:
        """Whether a turn is running."""
        return self.turns.busy

    def cancel(self) -> None:
        """End the running turn at the model's next token, or kill its command; what is in the draft stays there."""
        self.context.stop()
        self.turns.cancel()

    def answer_now(self) -> None:
        """Let the model end its reasoning and answer with what it has; nothing where it does not reason."""
        self.repair.answer_now()
        self._answers.answer_now()

    def run(
        self, prompt: str, attached: Sequence[Attached] = (), begin: str = "", tidy: Tidying | None = None
    ) -> AsyncIterator[Event]:
        """Answer a prompt. A small model asked to fix tests is led there; else it just answers.

        With `begin` the answer begins so, in the person's words. `tidy` clears up in a changed draft before the tests.
        """
        if not self.model.info.calls_tools and wanted(prompt) and not begin:
            return self.fix(prompt, tidy)
        ask = replace(self._ask(prompt, attached), begin=begin)
        return self.turns.play(prompt, lambda emit: self._tidily(tidy, self.converse(ask, emit)))

    def amend(self, prompt: str, said: Sequence[Event], begin: str) -> AsyncIterator[Event]:
        """Answer a prompt again, from what was `said` to it before on: the last words of the answer begin otherwise.

        A change that comes of what was said, and waits in the draft, is proved and reviewed at the end.
        """
        ask = replace(self._ask(prompt), begin=begin)
        return self.turns.play(prompt, lambda emit: self.converse(ask, emit, said=said))

    def preview(self, prompt: str, attached: Sequence[Attached] = ()) -> Ledger:
        """What the model would be shown with this prompt, part by part; blocks, so call it in a thread.

        Raises:
            ModelError: the model that counts cannot be had.
        """
        return self.context.preview(self.transcript, self._ask(prompt, attached), self._answers.reserve)

    def adjust(self, action: Action, part: str, limit: int = 0) -> AsyncIterator[Event]:
        """Pin, drop, shorten to so many characters, or bring back a part of the context, by its id in the ledger."""
        choice = Adjusted(part, action, limit)
        return self.turns.play(f"/{action} {part}", lambda emit: self._adjust(choice, emit), command=True)

    def fix(self, hint: str = "", tidy: Tidying | None = None) -> AsyncIterator[Event]:
        """Repair what makes the tests fail; `hint` may name a test, a file or a function."""
        return self.turns.play(f"/fix {hint}".strip(), lambda emit: self._tidily(tidy, self._fix(hint, emit)))

    def test(self) -> AsyncIterator[Event]:
        """Run the project's tests on the draft."""
        return self.turns.play("/test", self._test, command=True)

    def review(self) -> AsyncIterator[Event]:
        """Offer the change that is in the draft once more, after its review was put off."""
        return self.turns.play("/review", self._review, command=True)

    def undo(self) -> AsyncIterator[Event]:
        """Take back the latest accept."""
        return self.turns.play("/undo", self.back.undo, command=True)

    def redo(self) -> AsyncIterator[Event]:
        """Make the accept again that was taken back last."""
        return self.turns.play("/redo", self.back.redo, command=True)

    def rewind(self, turns: int = 1, what: What = "both") -> AsyncIterator[Event]:
        """Go back to before the last `turns` prompts: their files, the model's memory of them, or both."""
        title = f"/rewind {turns} {what}"
        return self.turns.play(title, lambda emit: self.back.rewind(turns, what, emit), command=True)

    def discard(self) -> AsyncIterator[Event]:
        """Forget the change in the draft."""
        return self.turns.play("/discard", self.back.discard, command=True)

    def commit(self, message: str = "") -> AsyncIterator[Event]:
        """Commit the files accepted in this session; without a message the model writes one."""
        title = f"/commit {message}".strip()
        return self.turns.play(title, lambda emit: self.committer.commit(message, emit), command=True)

    def shell(self, line: str) -> AsyncIterator[Event]:
        """Run a command of the person's own in the working tree, confined by nothing."""
        root = self.committer.repository.root
        return self.turns.play(f"!{line}", lambda emit: run_line(line, root, emit), command=True)

    async def _adjust(self, choice: Adjusted, emit: Emit) -> End:
        try:
            events = self.context.adjust(self.transcript, choice)
        except KeyError:
            emit(Failure(f"There is no part {choice.part} in the context; it may have gone by a rewind."))
            return "failed"
        for event in events:
            emit(event)
        return "answered"

    async def _test(self, emit: Emit) -> End:
        await self.proof.after(emit)
        return "answered"

    async def _review(self, emit: Emit) -> End:
        if not await self.delivery.change():
            emit(Notice("The draft holds no change."))
        return await self.offer(emit)

    async def _fix(self, hint: str, emit: Emit) -> End:
        report = await self.proof.after(emit)
        if report.problem:  # the step has told it
            return "no change"
        if report.green:
            emit(Notice(f"Nothing fails ({report.passed} passed), so there is nothing to fix."))
            return await self.offer(emit)
        fresh = not await self.delivery.change()
        if self.model.info.calls_tools:
            return await self._fix_with_tools(report, hint, fresh, emit)
        found = await self._searched(report, hint, (), emit)
        return await self.offer(emit, compare(report, found) if fresh else None) if found else "no change"

    async def _fix_with_tools(self, report: TestReport, hint: str, fresh: bool, emit: Emit) -> End:
        """A search first, for which the model writes patches; what these do not mend, it mends with its tools."""
        ends, tried = time.monotonic() + self.repair.seconds, list[Attempt]()

        def noting(event: Event) -> None:
            tried.extend([event] if isinstance(event, Attempt) and not event.ok else [])
            emit(event)

        wanted = {failure.id for failure in named(report.failures, hint)}
        found = await self._searched(report, hint, {f.id for f in report.failures} - wanted, noting)
        if found:
            files = ", ".join(file.path for file in (await self.delivery.change()).files)
            emit(Notice(f"A search for a repair has changed {files} in the draft.", told=True))
        now = found or report
        if left := wanted.intersection(failure.id for failure in now.failures):
            if tried or found:
                emit(Notice("The model goes on with its tools."))
            ask = replace(self._ask(hint), told=failing(now.command, self.proof.digest(now, hint), tried))
            end = await self.converse(ask, emit, left, ends)
            if not found or end != "answered":
                return end
        return await self.offer(emit, compare(report, now) if fresh else None)

    async def _searched(self, report: TestReport, hint: str, leave: Collection[str], emit: Emit) -> TestReport | None:
        """Search for repairs; the tests with what is in the draft now, or None where nothing helped."""
        self.repair.avoid.clear()
        found = None
        if self._tidy is not None:  # rather now: what is found is as it will be
            await in_thread(self._tidy.clear)
        try:
            found = await self.repair.search(report, hint, emit, leave)
        except asyncio.CancelledError:
            if await self.delivery.change():
                await in_thread(self._choices.gather)
                emit(Notice("What the tests have confirmed so far waits in the draft: /review shows it."))
            raise
        finally:
            if self._tidy is not None and not found:
                await in_thread(self._tidy.restore)
        if found:
            await in_thread(self._choices.gather)
        return found

    async def converse(
        self,
        ask: Ask,
        emit: Emit,
        wanted: Collection[str] = (),
        ends: float | None = None,
        said: Sequence[Event] = (),
    ) -> End:
        """One turn of a conversation: the model answers, and its change is proved, corrected, reviewed.

        It is asked to correct what breaks tests, or leaves some of those failing that are `wanted`. When the clock's
        time `ends` comes, what it has written by then is taken as it is. With `said` it goes on from these events.
        """
        waiting = Change() if said else await self.delivery.change()
        verdict = None
        for correction in range(MAX_CORRECTIONS + 1):
            finished = False
            try:
                async with asyncio.timeout(None if ends is None else max(ends - time.monotonic(), 0.0)):
                    finished = await self._answers.answer(ask, emit, said)
            except TimeoutError:
                emit(Notice("The time for the repair is over, so the model is stopped where it is."))
            change = await self.delivery.change()
            if not change:
                return "answered" if not correction else "no change"
            if change == waiting:
                emit(Notice("A change still waits in the draft: /review shows it."))
                return "answered"
            await self._tidied()
            verdict = await self.proof.verdict(emit)
            short = [*verdict.broken, *(test for test in verdict.still_failing if test in wanted)]
            if not short or not finished or correction == MAX_CORRECTIONS:
                break
            emit(Notice(f"{verdict.summary}: asking the model to correct its change."))
            ask = Ask("", prompt_text("broken").format(summary=verdict.summary, failures=self.proof.digest_of(short)))
            said = ()
        return await self.offer(emit, verdict)

    async def _tidily(self, tidy: Tidying | None, turn: Awaitable[End]) -> End:
        """This turn alone with `tidy`: a later one was asked for by other comments, or by none."""
        self._tidy = tidy
        try:
            return await turn
        finally:
            self._tidy = None

    async def _tidied(self) -> bool:
        return self._tidy is not None and bool(await self.delivery.change()) and await in_thread(self._tidy.clear)

    async def offer(self, emit: Emit, verdict: Verdict | None = None) -> End:
        """Have the change in the draft proved, unless that is done, and reviewed."""
        if await self._tidied():
            verdict = None  # it was of the draft as it was
        led = not self.model.info.calls_tools
        author = Author(self._search_again if led else self._ask_again, self._choices, anywhere=led)
        return await self.delivery.offer(emit, author, verdict)

    async def _ask_again(self, wish: Wish, emit: Emit) -> None:
        """The model writes another version of a hunk; what else it does is put back."""
        lines = [*("-" + line for line in wish.hunk.before), *("+" + line for line in wish.hunk.after)]
        diff = shorten("".join(line if line.endswith("\n") else line + "\n" for line in lines), _REFUSED)
        reason = wish.reason.strip() or "They gave no reason: find a better way."
        place = {"path": wish.file.path, "line": wish.hunk.start + 1}
        await self._answers.answer(Ask("", prompt_text("again").format(**place, diff=diff, reason=reason)), emit)

    async def _search_again(self, wish: Wish, emit: Emit) -> None:
        """The guided way goes on without the candidate that was refused."""
        if wish.reason.strip():
            emit(Notice("This model is too small to take a reason: another version that passes is searched for."))
        path, old = wish.file.path, decode(wish.refused)
        new = decode(await in_thread(self.repair.draft.read, path) or b"")
        self.repair.avoid |= await in_thread(lambda: normals(path, old) - normals(path, new))
        if await self.repair.search(await self.proof.after(emit), "", emit, leave=wish.failing):
            await in_thread(self._choices.gather)

    def _ask(self, prompt: str, attached: Sequence[Attached] = ()) -> Ask:
        return Ask(prompt, attached=tuple(attached), failures=self.proof.failures, viewing=self.viewing)
