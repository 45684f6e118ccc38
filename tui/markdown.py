"""Markdown as rows of text: what the model writes, ready to be wrapped to a width.

    source ─► parsed ─► a Block for each top-level element ─► its Rows ─► laid into a width by `laid.py`

Nothing in it is interpreted but Markdown itself; the text must be harmless already (`safe.plain_text`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token
from textual.content import Content, Span

from ossa.tui.fences import Fence

Kind: TypeAlias = Literal["text", "code", "head", "rule", "cells"]

HEADINGS = ("bold underline $text-primary", "bold $text-primary", "bold $text-secondary")
"""Styles of the first levels; deeper ones are as the last."""
EMPTY = Content("")
_FAINT = "$text-muted"
_INLINE = {"strong": "bold", "em": "italic", "s": "strike"}
_CODE = "$text-accent"


@dataclass(slots=True)
class Grid:
    """A table: its cells, and how wide each column wants to be."""

    rows: list[list[Content]] = field(default_factory=list[list[Content]])
    aligns: list[str] = field(default_factory=list[str])
    _known: tuple[int, list[int]] = field(default=(0, []))

    def widths(self, width: int) -> list[int]:
        """The cells of each column where all of them have `width`; the widest give way."""
        if self._known[0] != width:
            self._known = (width, self._widths(width))
        return self._known[1]

    def _widths(self, width: int) -> list[int]:
        count = max(map(len, self.rows), default=0)
        widths = [max((row[n].cell_length for row in self.rows if n < len(row)), default=1) for n in range(count)]
        room = max(width - 3 * (count - 1), 3 * count)
        while (excess := sum(widths) - room) > 0 and (widest := max(widths)) > 3:
            second = max((w for w in widths if w < widest), default=3)
            all_widest = [n for n, w in enumerate(widths) if w == widest]
            less = max(1, min(widest - max(second, 3), -(-excess // len(all_widest))))
            for n in all_widest:
                widths[n] -= less
        return [max(1, w) for w in widths]


@dataclass(slots=True)
class Row:
    """A line of the text, however many rows of the screen it takes."""

    text: Content
    head: Content = EMPTY
    """Stands before it: bullets, quotes, indentation."""
    rest: Content = EMPTY
    """Stands before what is wrapped."""
    kind: Kind = "text"
    fence: Fence | None = None
    """The code that it is a line of, or the head of."""
    index: int = 0
    """Which line of the code, or row of the table."""
    grid: Grid | None = None

    @property
    def plain(self) -> str:
        """As it is copied."""
        return self.head.plain + self.text.plain


@dataclass(slots=True)
class Block:
    """A top-level element."""

    kind: str
    """As markdown-it names it, without "_open"."""
    start: int
    """Its first line in the source, from 0."""
    end: int
    """The line behind its last."""
    rows: list[Row] = field(default_factory=list[Row])
    fences: list[Fence] = field(default_factory=list[Fence])
    items: list[int] = field(default_factory=list[int])
    """Of a list, the first source line of each item."""


def parsed(source: str) -> list[Block]:
    """The elements of a text."""
    blocks: list[Block] = []
    writer = _Writer()
    for token in _parser().parse(source):
        if token.level == 0 and token.nesting >= 0:
            start, end = token.map or (0, 0)
            block = Block(token.type.removesuffix("_open"), start, end)
            blocks.append(block)
            writer = _Writer(block)
        if token.type == "list_item_open" and token.level == 1 and token.map:
            blocks[-1].items.append(token.map[0])
        writer.take(token)
    for block in blocks:
        if not block.rows:  # nested deeper than is parsed
            block.rows = [Row(Content(line)) for line in source.split("\n")[block.start : block.end]]
    return blocks


class _Writer:
    """Puts tokens down as the rows of one block."""

    def __init__(self, block: Block | None = None) -> None:
        self._block = block or Block("", 0, 0)
        self._prefixes: list[list[Content]] = []
        """Of each list item and quote around: before its next row, and before all after that."""
        self._numbers: list[int | None] = []
        self._gap = False
        self._style = ""
        self._grid: Grid | None = None

    def take(self, token: Token) -> None:
        """Put down the next token."""
        match token.type:
            case "heading_open":
                self._style = HEADINGS[min(int(token.tag[1:]), len(HEADINGS)) - 1]
            case "heading_close":
                self._style, self._gap = "", True
            case "paragraph_close":
                self._gap = not token.hidden
            case "inline" if self._grid is not None:
                self._grid.rows[-1].append(Content(" ").join(inline(token.children or ())))
            case "inline":
                for line in inline(token.children or ()):
                    self._add(Row(line.stylize_before(self._style) if self._style else line))
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._add(Row(EMPTY, kind="rule"))
                self._gap = True
            case _:
                self._container(token)

    def _container(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                ordered = token.type == "ordered_list_open"
                self._numbers.append(int(token.attrs.get("start", 1)) if ordered else None)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._prefixes.append(self._bullet(token))
            case "blockquote_open":
                bar = Content.styled("▌ ", _FAINT)
                self._prefixes.append([bar, bar])
            case "list_item_close":
                if len(self._prefixes[-1]) > 1:  # an empty item has a bullet all the same
                    self._add(Row(EMPTY))
                self._prefixes.pop()
            case "blockquote_close":
                self._prefixes.pop()
                self._gap = True
            case "table_open":
                self._grid = Grid()
            case "tr_open" if self._grid is not None:
                self._grid.rows.append([])
            case "th_open" if self._grid is not None:
                self._grid.aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
            case "table_close":
                self._table()
            case _:
                pass

    def _bullet(self, token: Token) -> list[Content]:
        number = self._numbers[-1] if self._numbers else None
        text = f"{token.info or number}. " if number is not None else "• "
        return [Content.styled(text, "$text-primary"), Content(" " * len(text))]

    def _code(self, token: Token) -> None:
        words = token.info.split()
        fence = Fence(token.content, words[0] if words else "")
        self._block.fences.append(fence)
        self._add(Row(EMPTY, kind="head", fence=fence))
        for index, line in enumerate(fence.lines):
            self._add(Row(Content(line), kind="code", fence=fence, index=index))
        self._gap = True

    def _table(self) -> None:
        grid, self._grid = self._grid, None
        for index, cells in enumerate(grid.rows if grid else ()):
            self._add(Row(Content(" │ ").join(cells), kind="cells", index=index, grid=grid))
        self._gap = True

    def _add(self, row: Row) -> None:
        if self._gap and self._block.rows:
            rest = self._rest()
            self._block.rows.append(Row(EMPTY, rest, rest))
        self._gap = False
        if self._prefixes:
            row.head = Content("").join(prefix[0] for prefix in self._prefixes)
            row.rest = self._rest()
            for prefix in self._prefixes:
                del prefix[:-1]
        self._block.rows.append(row)

    def _rest(self) -> Content:
        return Content("").join(prefix[-1] for prefix in self._prefixes)


def inline(tokens: Sequence[Token]) -> list[Content]:
    """The text of a paragraph with its emphasis; several lines where the source breaks it hard."""
    lines: list[tuple[list[str], list[Span]]] = [([], [])]
    styles: list[str] = []
    links: list[str] = []
    for token in tokens:
        name, _, end = token.type.rpartition("_")
        text, style = "", " ".join(styles)
        match token.type:
            case "text":
                text = token.content
            case "softbreak":
                text = " "
            case "code_inline":
                text, style = token.content, _CODE
            case "image":
                text = f"[image: {token.content}]"
            case "hardbreak":
                lines.append(([], []))
            case "link_open":
                links.append(str(token.attrs.get("href", "")))
                styles.append("underline")
            case "link_close":
                styles.pop()
                text, style = _target(links.pop(), "".join(lines[-1][0])), _FAINT
            case _ if end == "open" and name in _INLINE:
                styles.append(_INLINE[name])
            case _ if end == "close" and name in _INLINE:
                styles.pop()
            case _:
                text = token.content
        _put(lines[-1], text, style)
    return [Content("".join(texts), spans=spans) for texts, spans in lines]


def _put(line: tuple[list[str], list[Span]], text: str, style: str) -> None:
    texts, spans = line
    if style and text:
        start = sum(map(len, texts))
        spans.append(Span(start, start + len(text), style))
    texts.append(text)


def _target(address: str, before: str) -> str:
    """Where a link leads, unless its text says so."""
    return "" if not address or before.endswith(address.removeprefix("mailto:")) else f" ({address})"


@cache
def _parser() -> MarkdownIt:
    """What looks like HTML is text: `list<int>` loses nothing."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
