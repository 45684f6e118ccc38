"""`ossa fix` as the command line does it, with some of its parts left out.

python benchmarks/_repair_one.py [PART,…] fix --accept --json …
"""

import sys
from typing import get_args

from ossa.assistant.repair.supply import Part
from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Workbench
from ossa.tui.__main__ import open_bench
from ossa.tui.console import prepare
from ossa.tui.headless import run_headless
from ossa.tui.options import parse

PARTS: tuple[Part, ...] = get_args(Part)


def main(parts: str, *argv: str) -> int:
    """Run it and return its exit code."""
    prepare()
    arguments = parse([*argv])

    def opened(reviewer: Reviewer) -> Workbench:
        bench = open_bench(arguments, reviewer)
        bench.agent.repair.without = [part for part in PARTS if part in parts.split(",")]
        return bench

    return run_headless(arguments, opened)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
