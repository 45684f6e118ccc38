"""What the model says to the user: Markdown that grows while it is written, in one widget however long it is.

    append_text ─► what is being written is parsed anew, some times a second ─► what is complete stays as it is
    render_line ─► only rows that are looked at are drawn, and code is coloured there
    finish ─► all is parsed once more, by itself where that lasts

A widget for each paragraph, as Textual's own Markdown has them, makes every key wait for the layout of all of them.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import ClassVar

from textual.content import Content
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer
from textual.visual import Visual

from ossa.tui.fences import Fence
from ossa.tui.growth import Growth
from ossa.tui.laid import Laid, Page, Read, lay, read
from ossa.tui.painting import LaidOnce
from ossa.tui.safe import LineGate, plain_text, whole

BEAT = 0.08
"""Seconds between two looks at what is being written."""
REST = 2
"""After a look that took long, so many times as long is left to the keys."""
AT_ONCE = 4_000
"""Characters of an answer that is parsed as a whole while the keys wait; a longer one is in a thread."""


class Answer(LaidOnce):
    """An answer; its links are shown, never opened."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"answer--code", "answer--head"}

    def __init__(self, known: Mapping[str, Read] | None = None) -> None:
        """`known` are answers that were read before, by what the model wrote."""
        super().__init__()
        self.auto_links = False  # there are none to look for
        self._known = known or {}
        self._gate = LineGate()
        self._text = Growth()
        self._waiting: list[str] = []
        self._timer: Timer | None = None
        self._due = 0.0
        self._looking = False
        """Whether the screen does not show yet what was looked at last."""
        self._pages: list[Page] = []
        """Of what is complete, in pieces, and at the end of what is not."""
        self._kept = 0
        """Blocks that the pages show and that no longer change."""
        self._tops: list[int] = [0]
        self._firsts: list[int] = [0]
        self._looks: dict[str, Style] = {}
        """What rows of each kind look like in this paint."""

    async def append_text(self, text: str) -> None:
        """Add the next bit."""
        self._waiting.append(text)
        if self._timer is None and not self._looking:
            self._look_soon()

    async def finish(self) -> None:
        """Show what is still waiting; nothing more will come."""
        if self._timer is not None:
            self._timer.stop()
        text = "".join(self._waiting)
        self._waiting.clear()
        known = self._known.get(text) if not self._text.source else None
        text = self._gate.let(plain_text(text))
        if known is None and len(self._text.source) + len(text) > AT_ONCE:
            width = self._pages[-1].width if self._pages else self.app.size.width
            known = await asyncio.to_thread(read, self._text.source + text, width)
        self._pages, self._kept = [], 0
        if known is None:
            self._text.finish(text)
        else:
            self._text, self._kept = known.text, known.text.complete
            self._pages = [known.page, Page(known.page.width)]
            self._measure()
        self.refresh(layout=True)

    @property
    def source(self) -> str:
        """All that the model wrote, as Markdown."""
        return self._text.source

    @property
    def fences(self) -> list[Fence]:
        """The blocks of code in it."""
        return [fence for block in self._text.blocks for fence in block.fences]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._lay(width)
        return self._tops[-1]

    def notify_style_update(self) -> None:
        super().notify_style_update()
        for page in self._pages:
            for line in page.lines:
                line.strip = None

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        rows = [row.plain for block in self._text.blocks for row in block.rows]
        return selection.extract("\n".join(rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._looks.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        self._lay(width)
        if y >= self._tops[-1]:
            return Strip.blank(width, self._look("text").rich_style)
        page = bisect_right(self._tops, y) - 1
        line = self._pages[page].lines[y - self._tops[page]]
        number = self._firsts[page] + line.number
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(number)) is not None:
            return _placed(self._drawn(line, width, span), line, number)
        if self._text.finished:  # Textual keeps what it has drawn of a text that stays as it is
            return _placed(self._drawn(line, width), line, number)
        if line.strip is None or line.strip.cell_length != width:
            line.strip = _placed(self._drawn(line, width), line, number)
        return line.strip

    def _drawn(self, line: Laid, width: int, selected: tuple[int, int] | None = None) -> Strip:
        style = self._look(line.kind)
        content = self._content(line, width - line.before.cell_length)
        if selected:
            mark = Style.from_styles(self.screen.get_component_styles("screen--selection"))
            start, end = (place - line.at if place >= 0 else len(content.plain) for place in selected)
            content = content.stylize(mark, max(0, start), max(0, end))
        before = Content.assemble(line.before, " ") if line.kind in ("code", "head") else line.before
        strips = Visual.to_strips(self, before + content, width, 1, style, pad=True, apply_selection=False)
        return strips[0].crop(0, width) if strips else Strip.blank(width, style.rich_style)

    def _look(self, kind: str) -> Style:
        if kind not in self._looks:
            own = kind in ("code", "head")
            self._looks[kind] = self.get_visual_style(f"answer--{kind}") if own else self.visual_style
        return self._looks[kind]

    def _content(self, line: Laid, room: int) -> Content:
        match line.kind:
            case "head" if line.row.fence is not None:
                return self._head(line.row.fence, room)
            case "rule":
                return Content.styled("─" * room, "$foreground 30%")
            case _:
                return line.content()

    def _head(self, fence: Fence, room: int) -> Content:
        """The line above code: what it is in, and by which number /copy knows it."""
        number = f"/copy {fence.number}"
        language = Content(fence.language or "text").truncate(max(1, room - len(number) - 3), ellipsis=True)
        return language + " " * max(1, room - language.cell_length - len(number) - 2) + number

    def _take(self) -> None:
        """Look at what has come."""
        self._timer = None
        started, (text, rest) = time.monotonic(), whole("".join(self._waiting))
        self._waiting[:] = [rest] if rest else []
        if text:
            self._text.add(self._gate.let(plain_text(text)))
            self._renew()
            self._draw_ahead()
            self._looking = self.call_after_refresh(self._rest, started)

    def _draw_ahead(self) -> None:
        """Draw what comes into view: it would make the paint, which follows, still longer, and keys come in between."""
        self._looks.clear()
        if self._pages:
            for y in range(max(0, self._tops[-1] - self.app.size.height), self._tops[-1]):
                self.render_line(y)

    def _rest(self, started: float) -> None:
        """The screen shows what was looked at."""
        now = time.monotonic()
        self._due, self._looking = now + max(BEAT, REST * (now - started)), False
        if self._waiting and not self._text.finished:
            self._look_soon()

    def _look_soon(self) -> None:
        self._timer = self.set_timer(max(0.01, self._due - time.monotonic()), self._take)

    def _renew(self) -> None:
        if self._pages and self._pages[-1].width:
            before = self._tops[-1]
            self._lay(self._pages[-1].width, anew=True)
            if self._tops[-1] == before:
                self.refresh()
                return
        self.refresh(layout=True)

    def _lay(self, width: int, *, anew: bool = False) -> None:
        """Have the pages show the text in this width."""
        if self._pages and self._pages[-1].width == width and not anew:
            return
        before: Sequence[Laid] = ()
        if not self._pages or self._pages[-1].width != width:
            self._pages, self._kept = [], 0
        else:
            before = self._pages.pop().lines
        first = len(self._pages)
        complete, blocks = self._text.complete, self._text.blocks
        if complete > self._kept:
            self._pages.append(lay(blocks[self._kept : complete], width))
            self._kept = complete
        self._pages.append(lay(blocks[complete:], width))
        self._measure()
        self._keep_drawn(before, first)

    def _measure(self) -> None:
        """Find out where on the screen and in the text each page begins."""
        self._tops = [0, *accumulate(len(page.lines) for page in self._pages)]
        self._firsts = [0, *accumulate(page.rows for page in self._pages)]

    def _keep_drawn(self, before: Sequence[Laid], first: int) -> None:
        """What was drawn of the end of the text serves again where it looks the same, in the pages from this one on."""
        pages = enumerate(self._pages[first:], first)
        lines = ((index, line) for index, page in pages for line in page.lines)
        for old, (index, line) in zip(before, lines, strict=False):
            is_complete = index < len(self._pages) - 1
            number = self._firsts[index] - self._firsts[first] + line.number
            if old.strip is None or old.number != number or (is_complete and line.kind == "code"):
                continue
            if line.is_like(old):
                line.strip = old.strip


def _placed(strip: Strip, line: Laid, row: int) -> Strip:
    """What was drawn, with the place in the text of each character, for the mouse."""
    if line.kind not in ("code", "head"):
        return strip.apply_offsets(line.at - len(line.before.plain), row)
    margin = line.before.cell_length + 1
    return Strip.join([strip.crop(0, margin), strip.crop(margin).apply_offsets(line.at, row)])
