"""Reads JUnit XML, which many runners write: node, vitest, mocha, jest, cargo nextest, gotestsum, pytest.

    report.xml ─► read_junit() ─► Outcomes, with ids as near to pytest's as the file allows: `path::class::name`

The tests may have written anything there: entities are refused, sizes are bounded, and of a file that breaks off what
came before is taken.
"""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from ossa.assistant.testing.outcomes import Outcomes, read_plain, told
from ossa.assistant.verdict import Outcome

_TROUBLES: dict[str, Outcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
_NOT_RUN = frozenset({"notrun", "disabled"})
_TEXT_LIMIT = 200_000
"""Characters of one failure that are looked at."""
_NOTHING = "test"
"""What node writes where other runners name a class."""


class _Refused(Exception):
    """The file declares a document type, and so perhaps entities."""


@dataclass(slots=True)
class _Case:
    """A test that is being read."""

    id: str
    seconds: float
    outcome: Outcome
    message: str = ""
    text: list[str] = field(default_factory=list[str])
    size: int = 0


def read_junit(path: Path, root: Path) -> Outcomes:
    """What a file tells of the tests of the repository at `root`; nothing of one that is not there."""
    return parse_junit(read_plain(path), root)


def parse_junit(data: bytes, root: Path) -> Outcomes:
    """The same for the file's content."""
    reader = _Reader(root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    found = reader.found
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _Refused, LookupError, ValueError):
        return found
    failed = any(result.outcome in ("failed", "error") for result in found.tests.values())
    found.status = 5 if not found.tests else int(failed)
    return found


def _refuse(*_: object) -> None:
    raise _Refused


class _Reader:
    """Takes in the elements as they come."""

    def __init__(self, root: Path) -> None:
        self.found = Outcomes()
        self._root = root
        self._suites: list[tuple[str, str]] = []
        """Name and file of each suite around."""
        self._case: _Case | None = None
        self._is_telling = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testsuite":
            self._suites.append((attributes.get("name", ""), attributes.get("file", "")))
        elif tag == "testcase":
            skipped = attributes.get("status", "") in _NOT_RUN
            seconds = _number(attributes.get("time", ""))
            self._case = _Case(self._id(attributes), seconds, "skipped" if skipped else "passed")
        elif self._case and tag in _TROUBLES:
            self._is_telling = True
            if self._case.outcome == "passed":
                self._case.outcome = _TROUBLES[tag]
            self._case.message = self._case.message or attributes.get("message", "")

    def data(self, text: str) -> None:
        if self._case and self._is_telling and self._case.size < _TEXT_LIMIT:
            self._case.text.append(text)
            self._case.size += len(text)

    def end(self, tag: str) -> None:
        if tag == "testsuite" and self._suites:
            self._suites.pop()
        elif tag in _TROUBLES:
            self._is_telling = False
        elif tag == "testcase" and self._case:
            case, self._case = self._case, None
            trace = "".join(case.text).strip() if case.outcome != "skipped" else ""
            message = case.message if case.outcome != "skipped" else ""
            self.found.add(told(case.id, case.outcome, case.seconds, message or trace, trace))

    def _id(self, attributes: dict[str, str]) -> str:
        """File or else suites, class and name, each said once."""
        written = attributes.get("file", "") or next((file for _, file in reversed(self._suites) if file), "")
        path = self._inside(written) if written else ""
        owner = attributes.get("classname", "")
        owner = "" if owner == _NOTHING else owner
        dotted = path.removesuffix(".py").replace("/", ".")
        if path.endswith(".py") and (owner == dotted or owner.startswith(f"{dotted}.")):
            owner = owner.removeprefix(dotted).lstrip(".").replace(".", "::")
        around = [path] if path else [name for name, _ in self._suites]
        name = attributes.get("name", "")
        parts = [*around, *([owner] if owner not in around else [])]
        inner = self._inside(name)
        return "::".join([*(part for part in parts if part), *([inner] if inner not in parts else [])])

    def _inside(self, written: str) -> str:
        """A path from the root of the repository, where it lies below it."""
        path = PurePosixPath(written.replace("\\", "/"))
        if path.is_absolute() and path.is_relative_to(self._root.as_posix()):
            return path.relative_to(self._root.as_posix()).as_posix()
        return written


def _number(text: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return value if 0 <= value < float("inf") else 0.0
