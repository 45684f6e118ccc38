"""Amounts of money, kept in cents so that no sum is ever off by a fraction."""

import re

AMOUNT = re.compile(r"(-?)(\d+)(?:\.(\d\d))?")


def parse(text: str) -> int:
    """Read an amount such as "3.50", "12" or "-0.80" as cents.

    Raises:
        ValueError: the text is no amount.
    """
    match = AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    sign, whole, cents = match.groups()
    total = int(whole) * 100 + int(cents or 0)
    return -total if sign else total


def show(cents: int) -> str:
    """Write cents as an amount: 350 becomes "3.50"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02}"
