"""Reads what `cargo test` prints; nothing in it is taken on trust.

    Running tests/it.rs (…) · test works ... ok · ---- breaks stdout ---- … ─► parse_cargo() ─► Outcomes

Ids are `tests/it.rs::works`, for an example in the documentation `src/lib.rs - add`. In a workspace the crate's name
comes first, for the paths are those of its members. Line numbers are no part of an id: they move.
"""

import re
from dataclasses import dataclass, field

from ossa.assistant.testing.outcomes import Outcomes, told
from ossa.assistant.verdict import Outcome

_TARGET = re.compile(r"^\s+Running (?:unittests )?(?P<path>\S+) \((?P<binary>[^)]*)\)$")
_DOCUMENTATION = re.compile(r"^\s+Doc-tests (?P<crate>\S+)$")
_TEST = re.compile(r"^test (?P<name>.+?)(?P<kind> - .*)? \.\.\. (?P<outcome>ok|FAILED|ignored)(?:,.*)?(?: <[\d.]+s>)?$")
_SECTION = re.compile(r"^---- (?P<name>.+?)(?: stdout)? ----$")
_DOCUMENTED = re.compile(r"^(?P<item>.+ - .+?|.+ -) \(line \d+\)(?P<how>.*)$")
_ENDED = re.compile(r"^test result: (?:ok|FAILED)\. ")
_PANIC = re.compile(r"^thread '.*' (?:\(\d+\) )?panicked at (?P<place>.+):$")
_NOISE = re.compile(r"^(note: run |stack backtrace:|\s+\d+: |\s+at /rustc/)")
_OUTCOMES: dict[str, Outcome] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
_SIZE = 32 << 20
_LINE_LIMIT = 2000


@dataclass(slots=True)
class _Target:
    """One binary's tests."""

    prefix: str
    tests: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    told: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    is_over: bool = False


def is_cargo(output: str) -> bool:
    """Whether an output is of `cargo test`."""
    return any(_ENDED.match(line) for line in output.splitlines())


def parse_cargo(output: str, *, workspace: bool) -> Outcomes:
    """What the output tells; `workspace`: of several crates, which may have files of the same name."""
    targets: list[_Target] = []
    section: list[str] | None = None
    for line in output[:_SIZE].splitlines():
        line = line[:_LINE_LIMIT]
        if prefix := _prefix(line, workspace):
            targets.append(_Target(_unlike(prefix, targets)))
            section = None
        elif not targets:
            continue
        elif match := _SECTION.match(line):
            section = targets[-1].told.setdefault(match["name"], [])
        elif line == "failures:" or _ENDED.match(line):
            section = None
            targets[-1].is_over |= line != "failures:"
        elif section is not None:
            section.append(line)
        elif match := _TEST.match(line):
            name = match["name"] + (match["kind"] or "").removesuffix(" - should panic")
            targets[-1].tests[name] = _OUTCOMES[match["outcome"]]
    return _outcomes(targets)


def build_error(output: str) -> str:
    """Why the tests could not be built, in a line; empty where the compiler says nothing."""
    lines = output.splitlines()
    for index, line in enumerate(lines):
        if re.match(r"error(\[E\d+\])?: ", line):
            place = next(
                (m[1] for below in lines[index + 1 : index + 4] if (m := re.match(r"\s*--> (\S+)", below))), ""
            )
            return f"{place}: {line}" if place else line
    return ""


def _prefix(line: str, workspace: bool) -> str:
    """What the ids of a target's tests begin with, where the line says that it is run now."""
    if match := _TARGET.match(line):
        crate = re.sub(r"-[0-9a-f]{8,}(\.exe)?$", "", match["binary"].replace("\\", "/").rpartition("/")[2])
        path = match["path"].replace("\\", "/")
        return f"{crate}:{path}" if workspace else path
    if match := _DOCUMENTATION.match(line):
        return f"{match['crate']}:documentation" if workspace else "documentation"
    return ""


def _unlike(prefix: str, targets: list[_Target]) -> str:
    """The prefix, told apart from those that were the same until then."""
    same = sum(target.prefix.partition("#")[0] == prefix for target in targets)
    return f"{prefix}#{same + 1}" if same else prefix


def _outcomes(targets: list[_Target]) -> Outcomes:
    found = Outcomes()
    for target in targets:
        seen: dict[str, int] = {}
        for name, outcome in target.tests.items():
            test = _id(target.prefix, name)
            seen[test] = seen.get(test, 0) + 1
            test = f"{test} ({seen[test]})" if seen[test] > 1 else test
            lines = target.told.get(name, []) if outcome == "failed" else []
            found.add(told(test, outcome, 0.0, _message(lines), "\n".join(_shrunk(lines))))
    if targets and all(target.is_over for target in targets):
        failed = any(result.outcome == "failed" for result in found.tests.values())
        found.status = 5 if not found.tests else int(failed)
    return found


def _id(prefix: str, name: str) -> str:
    documented = _DOCUMENTED.match(name)
    if not documented:
        return f"{prefix}::{name}"
    crate = prefix.partition(":documentation")[0] if ":" in prefix else ""
    return f"{crate}:{documented['item']}" if crate else documented["item"]


def _message(lines: list[str]) -> str:
    """The panic's message with the values, on one or two lines."""
    for index, line in enumerate(lines):
        if _PANIC.match(line):
            told_then: list[str] = []
            for below in lines[index + 1 :]:
                if _NOISE.match(below) or not below.strip():
                    break
                told_then.append(below.strip())
            head, values = told_then[:1], told_then[1:]
            return "\n".join([*head, ", ".join(values)] if values else head)
    return next((line for line in reversed(lines) if line.strip()), "")


def _shrunk(lines: list[str]) -> list[str]:
    """What a failing test printed, without the frames of the standard library."""
    kept: list[str] = []
    frame = ""
    for line in lines:
        if re.match(r"\s+\d+: ", line):
            frame = line
        elif re.match(r"\s+at ", line):
            if "/rustc/" not in line:
                kept += [frame, line] if frame else [line]
            frame = ""
        elif not line.startswith(("note: run with", "note: Some details")):
            kept.append(line)
    return kept
