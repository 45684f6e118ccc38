"""`ossa doctor`: prints what confines commands here, tries to get out, and whether ossa itself opens a socket.

machine.facts() · machine.isolation() · trial.outcomes() · silence.prove() ─► lines of text, or of JSON ─► exit code
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.doctor import machine, silence
from ossa.assistant.doctor.attempt import Outcome
from ossa.assistant.doctor.trial import outcomes
from ossa.assistant.draft import DraftError
from ossa.assistant.drafts.copied import MISSING
from ossa.assistant.drafts.opening import find_sandbox
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox
from ossa.model.discover import installed
from ossa.tui.safe import plain_text

_MARKS = {"held": "✓ held", "escaped": "✗ ESCAPED", "not tried": "– not tried"}
_SOCKETS = "sockets of ossa's own"


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything; 0 when all held, 1 when something got out or nothing confines here, 2 on an error."""
    report = _Report(as_json=arguments.json)
    try:
        return asyncio.run(_examine(report, Path(arguments.root).absolute()))
    except (DraftError, OSError) as error:
        print(f"ossa: the doctor could not work: {getattr(error, 'strerror', '') or error}.", file=sys.stderr)
        return 2


class _Report:
    """Prints what is found as it is found, and counts."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._group = ""
        self._began = time.monotonic()
        self.count: Counter[str] = Counter()

    def fact(self, group: str, name: str, text: str) -> None:
        """Something that is so."""
        if self._as_json:
            print(json.dumps({"group": group, "name": name, "is": text}), flush=True)
            return
        self._head(group)
        print(f"  {name:<13} {plain_text(text)}", flush=True)

    def outcome(self, group: str, outcome: Outcome) -> None:
        """What came of an attempt."""
        self.count[outcome.state] += 1
        if self._as_json:
            print(json.dumps({"group": group, **asdict(outcome)}), flush=True)
            return
        self._head(group)
        detail = f" ({plain_text(outcome.detail)})" if outcome.detail else ""
        print(f"  {_MARKS[outcome.state]}: {outcome.name}{detail}", flush=True)

    def end(self) -> int:
        """The sum, and the exit code."""
        held, out, left = (self.count[state] for state in ("held", "escaped", "not tried"))
        seconds = time.monotonic() - self._began
        if self._as_json:
            print(json.dumps({"held": held, "escaped": out, "not tried": left, "seconds": round(seconds, 1)}))
        else:
            rest = f", {left} not tried" if left else ""
            print(f"\n{held} held, {out} escaped{rest}, in {seconds:.1f} s")
        return 1 if out or not held else 0

    def _head(self, group: str) -> None:
        if group != self._group:
            print(f"{'' if not self._group else chr(10)}{group}")
            self._group = group


async def _examine(report: _Report, root: Path) -> int:
    for name, text in machine.facts():
        report.fact("this machine", name, text)
    sandbox = await asyncio.to_thread(_find)
    for name, text in machine.isolation(sandbox, root):
        report.fact("isolation", name, text)
    if isinstance(sandbox, NoSandbox):
        for sentence in MISSING:
            report.fact("isolation", "missing", sentence)
        report.fact("isolation", "escapes", "not tried, since nothing would hold them")
    else:
        for sentence in sandbox.missing:
            report.fact("isolation", "missing", sentence)
        async with contextlib.aclosing(outcomes(paths.cache_dir(), sandbox)) as all_of_them:
            async for group, outcome in all_of_them:
                report.outcome(group, outcome)
    report.outcome(_SOCKETS, await asyncio.to_thread(_silence))
    code = report.end()
    return 1 if isinstance(sandbox, NoSandbox) else code


def _find() -> Sandbox | NoSandbox:
    """What drafts would run in, tried where they would be."""
    return find_sandbox(paths.state_dir() / "repositories")


def _silence() -> Outcome:
    """The proof, with the smallest model on disk."""
    models = sorted(installed(paths.cache_dir() / "models"), key=lambda model: model.memory)
    if not models:
        return Outcome(
            silence.NAME, "not tried", "no model is on disk; `ossa models pull smollm2-135m` fetches a small one"
        )
    return silence.prove(models[0].path)
