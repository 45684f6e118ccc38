"""The palette: commands and files by some of their letters. What Enter takes is what the letters before it found."""

from collections.abc import Sequence

from textual import on, work
from textual.app import App
from textual.command import CommandPalette
from textual.widgets import Input
from textual.worker import Worker, WorkerError


class Palette(CommandPalette):
    """Textual's, where an Enter close behind the letters would take what had been found before them."""

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        group = self._GATHER_COMMANDS_GROUP
        searches = [worker for worker in self.workers if worker.group == group and not worker.is_finished]
        if searches:
            event.stop()
            event.prevent_default()
            self._take(searches)

    @work(exclusive=True, group="take")
    async def _take(self, searches: "Sequence[Worker[object]]") -> None:
        """Take what is found, once the search is over."""
        for search in searches:
            try:
                await search.wait()
            except WorkerError:  # other letters were typed meanwhile
                return
        self._select_or_command()


class Palettes(App[str]):
    """An app with this palette."""

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(Palette(id="--command-palette"))
