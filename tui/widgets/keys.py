"""The footer: the keys that do something now, as many as there is room for."""

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey  # it has no public name

LEAST = ("unfold", "files", "review", "help", "quit")
"""Actions whose keys make room for others, in this order: they are the same everywhere, and in the help."""


class Keys(Footer):
    """A footer that leaves keys out rather than cut through them."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        for action in LEAST:
            if sum(map(_cells, keys)) <= self.content_size.width:
                break
            keys = [key for key in keys if key.action.rpartition(".")[2] != action]
        yield from keys

    def on_resize(self, event: events.Resize) -> None:
        self.refresh(recompose=True)


def _cells(key: FooterKey) -> int:
    """The width of a key, the word behind it and the gaps."""
    return cell_len(key.key_display) + cell_len(key.description) + 2
