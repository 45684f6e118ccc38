"""A book as text."""

from pocket.book import Entry, balance, by_purpose
from pocket.money import show

WIDTH = 20


def row(label: str, cents: int) -> str:
    """Return one line: the label on the left, the amount on the right."""
    amount = show(cents)
    return label + amount.rjust(WIDTH - len(label))


def summary(entries: list[Entry]) -> str:
    """Return a line for each purpose in alphabetical order, and what is left."""
    lines = [row(purpose, cents) for purpose, cents in sorted(by_purpose(entries).items())]
    lines.append("-" * WIDTH)
    lines.append(row("left", balance(entries)))
    return "\n".join(lines)
