"""The entries of a book, and what can be asked of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """Money that came in, or with a negative amount went out."""

    purpose: str
    amount: int


def balance(entries: Iterable[Entry]) -> int:
    """Return what is left: the sum of all amounts, in cents."""
    total = 0
    for entry in entries:
        total += entry.amount
    return total


def by_purpose(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the sum of the amounts for each purpose."""
    totals: dict[str, int] = {}
    for entry in entries:
        totals[entry.purpose] = totals.get(entry.purpose) + entry.amount
    return totals


def largest_expense(entries: Iterable[Entry]) -> Entry | None:
    """Return the entry on which most was spent, or None if nothing was."""
    largest = None
    for entry in entries:
        if entry.amount < 0 and (largest is None or entry.amount < largest.amount):
            largest = entry
    return largest


def average(entries: list[Entry]) -> float:
    """Return the average amount of an entry in cents; 0 for an empty book."""
    if not entries:
        return 0.0
    return balance(entries) / len(entries)
