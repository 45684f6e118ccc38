"""Names of tests, made to fit into a line: what tells them apart stands at their end."""

from rich.cells import cell_len, set_cell_size


def fitted(name: str, room: int) -> str:
    """A name in so many cells at most: its file and classes go first, then the middle of what is left."""
    while cell_len(name) > room and "::" in name:
        name = name.partition("::")[2]
    if cell_len(name) <= room:
        return name
    half = max(0, room - 1) // 2
    tail = set_cell_size(name[::-1], half)[::-1].lstrip()
    return f"{set_cell_size(name, room - 1 - cell_len(tail)).rstrip()}…{tail}"
