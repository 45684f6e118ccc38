"""What the window's commands do that refactor: /rename, /move and /signature, each a turn of the agent's.

What they need is imported when they are asked for, as the first frame should not wait for it.
"""

from typing import TYPE_CHECKING

from ossa.tui.notices import Notices
from ossa.tui.palette import Palettes
from ossa.tui.player import Player

if TYPE_CHECKING:
    from ossa.assistant.refactor.wish import What


class RefactorCommands(Palettes, Notices):
    """An app with these commands."""

    player: Player

    def action_rename(self, argument: str = "") -> None:
        self._refactor("rename", argument)

    def action_move(self, argument: str = "") -> None:
        self._refactor("move", argument)

    def action_signature(self, argument: str = "") -> None:
        self._refactor("signature", argument)

    def _refactor(self, what: "What", argument: str) -> None:
        from ossa.assistant.refactor.asked import read, refactor

        try:
            wish = read(what, argument)
        except ValueError as error:
            self.player.tell(str(error))
        else:
            self.player.do(lambda agent: refactor(agent, wish))
