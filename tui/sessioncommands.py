"""What the window's commands do with sessions: go on with an earlier one, name, fork and export the open one.

What they need is imported when they are asked for: that is seldom, and the first frame should not wait for it.
"""

import asyncio
from typing import TYPE_CHECKING

from textual import work

from ossa.tui.refactorcommands import RefactorCommands

if TYPE_CHECKING:
    from ossa.tui.screens.workspace import Workspace


class SessionCommands(RefactorCommands):
    """An app with these commands; its result is the id of the session to go on with."""

    window: "Workspace"

    def action_sessions(self, words: str = "") -> None:
        from ossa.tui.screens.sessions import Sessions

        if bench := self.player.opened():
            self.push_screen(Sessions(bench.root, bench.session.id, self.window.keys, words), self._resume)

    @work
    async def action_title(self, title: str = "") -> None:
        from ossa.tui.kept import titled

        if bench := self.player.opened():
            self.player.tell(await asyncio.to_thread(titled, bench.session, title))

    @work
    async def action_export(self, file: str = "") -> None:
        from ossa.tui.kept import exported

        if bench := self.player.opened():
            self.player.tell(await asyncio.to_thread(exported, bench.session, bench.root, file))

    @work
    async def action_fork(self) -> None:
        from ossa.tui.kept import forked

        if self.player.playing:
            self.player.tell(f"A turn is running: press {self.window.keys.key('cancel')} to end it first.")
        elif bench := self.player.opened():
            name, problem = await asyncio.to_thread(forked, bench.session)
            self._resume(name) if name else self.player.tell(problem)

    def _resume(self, session: str | None) -> None:
        """Leave with the session to go on with as the result; whoever opened the window opens the next one."""
        from ossa.assistant import paths
        from ossa.assistant.session import Session, SessionError

        if not session or self.player.bench is None:
            return
        try:
            Session.find(paths.state_dir() / "sessions", self.player.bench.root, session).close()
        except SessionError as error:
            self.player.tell(str(error))  # rather now than by a next window that has no session at all
        else:
            self.exit(session)
