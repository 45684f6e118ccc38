"""What the model says to the user: Markdown that grows while it is written."""

from markdown_it import MarkdownIt
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownStream

from ossa.tui.safe import LineGate, plain_text


def _parser() -> MarkdownIt:
    """As Textual's own, but what looks like HTML is text: `list<int>` loses nothing."""
    return MarkdownIt("gfm-like", {"html": False})


class Answer(Markdown):
    """An answer; its links are shown, never opened."""

    def __init__(self) -> None:
        super().__init__(open_links=False, parser_factory=_parser)
        self._gate = LineGate()
        self._stream: MarkdownStream | None = None

    async def append_text(self, text: str) -> None:
        """Add the next bit."""
        if self._stream is None:
            self._stream = Markdown.get_stream(self)
        await self._stream.write(self._gate.let(plain_text(text)))

    async def finish(self) -> None:
        """Show what is still waiting; nothing more will come."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.stop()
