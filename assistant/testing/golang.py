"""Reads what `go test -json` prints, one event a line; nothing in it is taken on trust.

    {"Action": "run" | "output" | "pass" | "fail" | "skip", "Package": …, "Test": …} ─► parse_go() ─► Outcomes

Ids are `folder::TestName/subtest`, the folder from the root of the repository. A test that only holds others is told
of by those. A package that cannot be built, or dies outside of its tests, is one error under its own folder.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ossa.assistant.testing.outcomes import Outcomes, told
from ossa.assistant.verdict import Outcome

_ENDS: dict[str, Outcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_PLACE = re.compile(r"^\s*(\w[^\s:/]*\.go):(\d+): ?")
"""How a test's own complaint begins: the file is named without its folder."""
_EVENT = re.compile(r'^\{.*"Action": ?"(?:start|run|pass|fail)"', re.MULTILINE)
_FRAMED = re.compile(r"^\s*(=== |--- |FAIL\b|PASS\b|ok\s)")
_OUTPUT_LIMIT = 200_000
_Key = tuple[str, str]


@dataclass(slots=True)
class _Told:
    """What has been printed for a test, a package or a build."""

    lines: list[str] = field(default_factory=list[str])
    size: int = 0

    def add(self, text: str) -> None:
        if self.size < _OUTPUT_LIMIT:
            self.lines.append(text)
            self.size += len(text)


def is_go(output: str) -> bool:
    """Whether an output holds such events."""
    return bool(_EVENT.search(output))


def parse_go(output: str, module: str) -> Outcomes:
    """What the output tells of the packages of a module, which is named as go.mod names it."""
    reader = _Reader(module)
    for line in output.splitlines():
        reader.take(line)
    return reader.outcomes()


class _Reader:
    def __init__(self, module: str) -> None:
        self._module = module
        self._ended: dict[_Key, tuple[Outcome, float]] = {}
        """By package and test; the package itself has no test."""
        self._running: dict[_Key, None] = {}
        self._said: dict[_Key, _Told] = {}
        self._loose = _Told()
        """What the build said, and what is no event."""

    def take(self, line: str) -> None:
        """One line of the output."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        match event:
            case {"Action": "build-output", "Output": str(text)}:
                self._loose.add(text)
            case {"Action": "build-fail"}:
                pass
            case {"Action": str(action), "Package": str(package)}:
                self._event(event, action, package)
            case _:
                self._loose.add(f"{line}\n")

    def _event(self, event: dict[str, Any], action: str, package: str) -> None:
        test = event.get("Test")
        key = (package, test if isinstance(test, str) else "")
        if action in ("run", "start"):
            self._running[key] = None
        elif action == "output" and isinstance(text := event.get("Output"), str):
            self._said.setdefault(key, _Told()).add(text)
        elif action in _ENDS:
            self._running.pop(key, None)
            seconds = event.get("Elapsed")
            self._ended[key] = (_ENDS[action], seconds if isinstance(seconds, int | float) else 0.0)

    def outcomes(self) -> Outcomes:
        """All that was told."""
        found = Outcomes()
        broken = {key for key, (outcome, _) in self._ended.items() if outcome == "failed"}
        parents = {(package, parent) for package, test in self._ended for parent in _above(test)}
        explained = {(package, parent) for package, test in broken for parent in _above(test)}
        for key, (outcome, seconds) in self._ended.items():
            package, test = key
            if not test or (key in parents and (outcome != "failed" or key in explained)):
                continue
            found.add(self._result(key, outcome, seconds))
        dead = {package for package, test in self._running if test and (package, "") in broken}
        for key in [key for key in self._running if key[1] and key[0] in dead]:
            del self._running[key]
            if key not in parents:
                found.add(self._result(key, "error", 0.0))
        for package, test in broken:
            if not test and not any(p == package for p, t in broken if t) and package not in dead:
                found.add(self._whole(package))
        found.running = {self._id(key): None for key in self._running if key[1]}
        packages = any(not test for _, test in self._ended)
        if packages and not any(not test for _, test in self._running):
            found.status = 5 if not found.tests else int(bool(broken))
        return found

    def _result(self, key: _Key, outcome: Outcome, seconds: float) -> Any:
        if outcome in ("passed", "skipped"):
            return told(self._id(key), outcome, seconds)
        folder = _folder(key[0], self._module)
        said = self._said.get(key, _Told())
        lines = [_placed(line, folder) for line in "".join(said.lines).splitlines() if not _FRAMED.match(line)]
        message = next((line for line in lines if line.strip()), "It ended before it was over.")
        return told(self._id(key), outcome, seconds, re.sub(r"^\S+\.go:\d+: ", "", message), "\n".join(lines))

    def _whole(self, package: str) -> Any:
        """A package that failed outside of its tests, most often because it cannot be built."""
        folder = _folder(package, self._module)
        own = [line for line in self._said.get((package, ""), _Told()).lines if not _FRAMED.match(line)]
        built = "".join(self._loose.lines).splitlines()
        heads = [i for i, line in enumerate(built) if line.startswith("# ")]
        mine = next((i for i in heads if built[i][2:].split(" ")[0] == package), None)
        after = next((i for i in heads if mine is not None and i > mine), len(built))
        lines = [*(built[mine + 1 : after] if mine is not None else ()), *"".join(own).splitlines()]
        message = next(
            (line for line in lines if line.strip()), "It could not be built, or ended outside of its tests."
        )
        return told(folder, "error", 0.0, message, "\n".join(lines))

    def _id(self, key: _Key) -> str:
        return f"{_folder(key[0], self._module)}::{key[1]}"


def _above(test: str) -> Iterator[str]:
    """The tests that hold this one."""
    parts = test.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _folder(package: str, module: str) -> str:
    """A package's folder from the root of the repository."""
    return "." if package == module else package.removeprefix(f"{module}/")


def _placed(line: str, folder: str) -> str:
    """A line of a test's output, with the folder before the file that it begins with."""
    inside = "" if folder == "." else f"{folder}/"
    return _PLACE.sub(lambda match: f"{inside}{match[1]}:{match[2]}: ", line)
