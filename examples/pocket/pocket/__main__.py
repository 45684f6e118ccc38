"""Print the summary of the entries on the command line, each as `purpose=amount`."""

import sys

from pocket.book import Entry
from pocket.money import parse
from pocket.summary import summary


def main(arguments: list[str]) -> None:
    """Read the entries and print their summary."""
    entries = []
    for argument in arguments:
        purpose, _, amount = argument.partition("=")
        entries.append(Entry(purpose, parse(amount)))
    print(summary(entries))


if __name__ == "__main__":
    main(sys.argv[1:])
