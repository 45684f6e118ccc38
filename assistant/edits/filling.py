"""The indentation of new lines that are no statements: as the removed line they resemble, or as their neighbours."""

from collections.abc import Collection, Iterator, Sequence

from ossa.assistant.edits.layout import lay_out
from ossa.assistant.edits.rows import Row
from ossa.assistant.edits.statements import Outline

_OPENING, _CLOSING = "([{", ")]}"


def fill(rows: Sequence[Row], python: Outline | None, unit: int, suffix: str = "") -> None:
    """Give the lines their widths where they can be told.

    Args:
        rows: the lines of the file; of Python the statements have their widths already.
        python: what the lines are, None for another language.
        unit: how much deeper a block stands than what opens it.
        suffix: of the file's name.
    """
    for number, row in enumerate(rows):
        if row.width is None and python and number in python.within:
            row.width = _within(rows, number, python, unit)
    comments = set(python.comments if python else ())
    for number in range(len(rows) - 1, -1, -1):
        if rows[number].width is None and number in comments:
            rows[number].width = _comment(rows, number, comments)
    if not python and any(row.width is None for row in rows):
        lay_out(rows, unit, suffix)
        for number, row in enumerate(rows):
            if row.width is None:
                row.width = _between(rows, number, unit)


def _within(rows: Sequence[Row], number: int, python: Outline, unit: int) -> int | None:
    """As the removed line it resembles, the lines beside it in the same bracket or string, or as is usual there."""
    row, part = rows[number], python.within[number]
    base = rows[part.row].width
    usual: int | None = None
    if base is not None and part.kind == "bracket":
        usual = base + part.column if part.column >= 0 else base if part.closes else base + unit
    elif base is not None and part.kind == "other":
        usual = base + unit
    elif part.docstring:
        usual = base
    beside = [] if part.closes else [w for n in _beside(rows, number, python) if (w := rows[n].width) is not None]
    if part.kind == "string" and len(set(beside)) > 1:
        opened = number > 0 and rows[number - 1].text.rstrip()[-1:] in (*_OPENING, ":") and beside[0] < beside[-1]
        if opened:
            beside.reverse()
        elif not (row.loss and row.loss.bound is not None):
            beside, usual = [], None
    like = row.like if row.like_part else None
    shown = row.given + row.loss.least if row.given and row.loss else None
    # A bracket that is new itself says more than the lines that it replaces.
    options = [usual, like, *beside] if part.kind == "bracket" and rows[part.row].loss else [like, *beside, usual]
    options = [shown, *options] if part.kind == "string" else [*options, shown]
    return next((width for width in options if width is not None and row.allows(width)), None)


def _beside(rows: Sequence[Row], number: int, python: Outline) -> Iterator[int]:
    """The nearest lines above and below that are in the same bracket or string."""
    row, part = rows[number], python.within[number]
    for step in (-1, 1):
        at = number + step
        while at in python.within and not rows[at].text:
            at += step
        other = python.within.get(at)
        while step < 0 and other and rows[at].given > row.given:  # deeper by what the patch itself shows
            at += step
            other = python.within.get(at)
        if other and (other.kind, other.row, other.closes) == (part.kind, part.row, False):
            yield at


def _comment(rows: Sequence[Row], number: int, comments: Collection[int]) -> int | None:
    """As the line below or that above the comments that it is the last of, by which is nearer."""
    row = rows[number]
    below, above = _neighbours(rows, number)
    first = number
    if below != number + 1:
        while first - 1 in comments and rows[first - 1].width is None:
            first -= 1
        above = _neighbours(rows, first)[1]
    if below is not None and above is not None and above == first - 1 and _opens_block(rows, above, below, comments):
        above = below
    far = [(n - number if n > number else first - n, n) for n in (below, above) if n is not None]
    near = [n for _, n in sorted(far, key=lambda pair: pair[0])]
    options = [row.like, *(rows[n].width for n in near)]
    return next((width for width in options if width is not None and row.allows(width)), None)


def _opens_block(rows: Sequence[Row], above: int, below: int, comments: Collection[int]) -> bool:
    """Whether the line below is in the block that the one above opens."""
    outer, inner = rows[above].width, rows[below].width
    opens = above not in comments and rows[above].text.split("#")[0].rstrip().endswith(":")
    return opens and outer is not None and inner is not None and inner > outer


def _between(rows: Sequence[Row], number: int, unit: int) -> int | None:
    """As the lines above and below where they agree, counting brackets that open or close between them."""
    row = rows[number]
    below, above = _neighbours(rows, number)
    if row.like is not None and row.allows(row.like):
        return row.like
    if below is None or above is None:
        return None
    over, under = rows[above], rows[below]
    before, after = over.width, under.width
    if before is not None and over.text.rstrip()[-1:] in _OPENING and row.text[0] not in _CLOSING:
        before += unit
    if after is not None and under.text[0] in _CLOSING and row.text[0] not in _CLOSING:
        after += unit
    certain = row.loss is not None and row.loss.bound is not None
    if after is None and certain:
        after = before
    alone = certain or not (over.loss or under.loss)
    return before if alone and before is not None and before == after and row.allows(before) else None


def _neighbours(rows: Sequence[Row], number: int) -> tuple[int | None, int | None]:
    """The nearest lines with text below and above."""
    below = next((n for n in range(number + 1, len(rows)) if rows[n].text), None)
    above = next((n for n in range(number - 1, -1, -1) if rows[n].text), None)
    return below, above
