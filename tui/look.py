"""Keys and colours of the window as the user's config has them; a theme that is chosen is kept there.

config.toml ─► Look ─► put_on(app) · keep(theme) ─► config.toml
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant.config import Config, ConfigError, keep, load_config
from ossa.tui.keymap import keymap
from ossa.tui.themes import DARK, THEMES, full_name

if TYPE_CHECKING:
    from textual.app import App


class Look:
    """What the config says of keys and colours."""

    def __init__(self, folder: Path | None) -> None:
        """From the user's config in this folder; None: as usual, and nothing is kept."""
        self._folder = folder
        self.config = load_config(folder=folder) if folder else Config()
        self.keys = keymap(self.config.keys)
        self.problems = list(self.keys.problems)
        """A sentence for each thing that cannot be had."""
        self._kept = DARK.name

    def put_on(self, app: "App[str]") -> None:
        """Give the window these keys and colours, before its first frame."""
        for theme in THEMES:
            app.register_theme(theme)
        wanted = full_name(self.config.theme)
        if wanted in app.available_themes:
            self._kept = wanted
        elif wanted:
            self.problems.append(f"There is no theme “{repr(wanted)[1:-1][:60]}”, which config.toml names: see /theme.")
        app.theme = self._kept
        app.set_keymap(self.keys.ids)
        for command in self.keys.added:
            app.bind(command.keys, command.name, description=command.label, show=False)

    def keep(self, theme: str) -> str:
        """Write the theme into the config, for the next start; a sentence where that cannot be done. Blocks."""
        if theme == self._kept or self._folder is None:
            return ""
        self._kept = theme
        try:
            keep("theme", theme.removeprefix("ossa-"), self._folder)
        except ConfigError as error:
            return f"The theme is for this time only: {error}"
        return ""
