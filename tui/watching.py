"""The window's /watch: comments in saved files that ask something are played as turns, one burst after the other.

saved files ─► Watcher ─► Inbox ─► Request ─► Player ─► a change to review; the bell rings where nobody looks
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ossa.assistant.events import Event
from ossa.tui.screens.workspace import Workspace
from ossa.tui.sessioncommands import SessionCommands

if TYPE_CHECKING:
    from ossa.assistant.agent import Agent
    from ossa.assistant.marks.inbox import Inbox
    from ossa.assistant.marks.request import Request, Tidying
    from ossa.assistant.workbench import Workbench


class WatchCommands(SessionCommands):
    """An app with this command."""

    window: Workspace
    _inbox: "Inbox | None" = None

    def action_watch(self, which: str = "") -> None:
        if bench := self.player.bench:
            on = which == "on" or (which != "off" and not self.window.status.watching)
            self.watch_files(bench, on=on)
            # Imported here since the first frame should not wait for it.
            from ossa.assistant.marks.wording import WATCHED, WATCHING

            self.player.tell(WATCHING if on else WATCHED)
        else:
            self.player.tell("ossa is still starting: try that again in a moment.")

    def watch_files(self, bench: "Workbench", *, on: bool) -> None:
        """Have comments in saved files be prompts, or no longer."""
        if on and self._inbox is None:
            from ossa.assistant.marks.inbox import Inbox
            from ossa.assistant.marks.looking import Looker

            self._inbox = Inbox(Looker.of(bench.repository), self.player.idle, self.player.tell)
            bench.watcher.listen(self._inbox.changed)
            self.player.heard = self._inbox.see
            self.run_worker(self._follow(bench, self._inbox))
        if self._inbox is not None:
            self._inbox.on = on
        self.window.status.watching = on

    async def _follow(self, bench: "Workbench", inbox: "Inbox") -> None:
        """Play what is asked for, as soon as no turn is running."""
        from ossa.assistant.marks.request import Tidying

        while True:
            request = await inbox.next()
            tidy = Tidying(request, bench.draft, bench.root)
            self.player.do(lambda agent, request=request, tidy=tidy: self._asked(agent, request, tidy))

    async def _asked(self, agent: "Agent", request: "Request", tidy: "Tidying") -> AsyncIterator[Event]:
        self.player.bell.expect()
        agent.viewing = ""
        async for event in agent.run(request.prompt, tidy=tidy):
            yield event
