"""Markdown that grows: what is complete is parsed once, and only its end again when more of it comes.

    add ─► the last element and what came are parsed ─► all but the last are complete

Long code and long lists are cut while they grow, as if they ended there and began anew; `finish` parses them whole.
"""

from collections.abc import Sequence

from textual.content import Content

from ossa.tui.markdown import Block, Row, parsed

_LINES = 24
"""Lines of code, or of a list, that are parsed again each time; what is before them is taken as complete."""
_LONGEST = 6_000
"""Characters of anything else that are."""


class Growth:
    """A text and its blocks."""

    def __init__(self) -> None:
        self.source = ""
        """All of it, as it came."""
        self.blocks: list[Block] = []
        """Those that are complete, and after them those that are not."""
        self.complete = 0
        """How many are."""
        self._end = ""
        """The source of those that are not."""
        self._joined = False
        """Whether the end goes on with the block before it."""
        self.finished = False

    def add(self, text: str) -> None:
        """More of the text came."""
        self.source += text
        self._end += text
        del self.blocks[self.complete :]
        blocks = parsed(self._end)
        if blocks and blocks[-1].start:
            self._keep(blocks[:-1])
            self._end = "".join(_lines(self._end)[blocks[-1].start :])
            blocks = parsed(self._end)
        if blocks and self._cut(blocks[0].kind, blocks[0].items):
            blocks = parsed(self._end)
        self.blocks += self._placed(blocks)

    def finish(self, text: str = "") -> None:
        """Nothing comes after this text; what was cut is put together again, and links get what they refer to."""
        self.source += text
        self.blocks, self.complete, self._joined = [], 0, False
        self.blocks = self._placed(parsed(self.source))
        self.complete, self._end, self.finished = len(self.blocks), "", True

    def _keep(self, blocks: Sequence[Block]) -> None:
        """Take blocks as complete."""
        if not blocks:  # there were only blank lines
            return
        self.blocks += self._placed(blocks)
        self.complete = len(self.blocks)
        self._joined = False

    def _placed(self, blocks: Sequence[Block]) -> list[Block]:
        """The blocks with a blank line above each, and the blocks of code with their numbers."""
        number = sum(len(block.fences) for block in self.blocks[: self.complete])
        for index, block in enumerate(blocks):
            if self._joined and not index:
                block.rows = [row for row in block.rows if row.kind != "head"]
                block.fences.clear()
            elif index or self.complete:
                block.rows.insert(0, Row(Content("")))
            for fence in block.fences:
                number += 1
                fence.number = number
        return list(blocks)

    def _cut(self, kind: str, items: Sequence[int]) -> bool:
        """Take the first part of the last block as complete where that is long, and leave the rest to grow."""
        lines = _lines(self._end)
        again = ""
        if kind == "fence":
            again, at = lines[0], len(lines) - 1
            mark = again.lstrip()[0]
            if at <= _LINES or (lines[-1].strip() and not lines[-1].strip().strip(mark)):
                return False
        elif len(lines) > _LINES and len(items) > 1:
            at = items[-1]
        elif len(self._end) > _LONGEST and len(lines) > 2:
            at = len(lines) - 1
        else:
            return False
        self._keep(parsed("".join(lines[:at])))
        self._end = again + "".join(lines[at:])
        self._joined = True
        return True


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
