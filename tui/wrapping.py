"""Lines cut into rows of so many cells, whatever is in them: wide, combining and other characters."""

from collections.abc import Sequence

from rich.cells import cell_len, get_character_cell_size


def rows(text: str, room: int) -> int:
    """How many rows a line takes; at least one."""
    if text.isascii():
        return max(1, -(-len(text) // room))
    return 1 if cell_len(text) <= room else len(breaks(text, room))


def breaks(text: str, room: int) -> Sequence[int]:
    """Where the rows of a line begin; a character that combines with another stays with it."""
    if text.isascii():
        return range(0, len(text) or 1, room)
    starts, used = [0], 0
    for index, character in enumerate(text):
        cells = get_character_cell_size(character)
        if used + cells > room:
            starts.append(index)
            used = 0
        used += cells
    return starts
