"""The draft: a copy-on-write view of the repository in which everything the assistant does happens.

Two kinds: `overlay` (Linux, bubblewrap: at the repository's own path, confined) and `copy` (elsewhere; confined where
bubblewrap works at all). Nothing in a draft reaches the working tree until hunks of its change are accepted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ossa.assistant.change import Change


@dataclass(frozen=True, slots=True)
class Isolation:
    """What keeps a command in the draft from doing harm."""

    kind: Literal["overlay", "copy"]
    confined: bool
    """Whether it can neither write outside the draft nor reach the network nor read the home's secrets."""
    summary: str
    """For the status line, for example "confined by bubblewrap" or "NOT confined: user namespaces are off"."""
    missing: tuple[str, ...] = ()
    """Guarantees that do not hold here, each as a sentence without a full stop; none where all do."""

    @property
    def warning(self) -> str:
        """The summary, and below it what is missing, a line each."""
        return "\n".join([self.summary, *(f"– {sentence}" for sentence in self.missing)])


@dataclass(frozen=True, slots=True)
class Limits:
    """What all processes of a command may use together; over one of these, all of them are killed."""

    memory: int = 0
    """Bytes, those of files in memory included; 0 for half of what the machine has."""
    processes: int = 512
    """At the same time; there may be eight times as many threads."""
    cpu: float = 3600.0
    """Seconds of processor time."""
    disk: int = 8 << 30
    """Bytes written to the draft that are still there."""
    output: int = 1 << 30
    """Bytes printed, of which far fewer are kept."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run in the draft."""

    argv: Sequence[str]
    """A shell line is `["sh", "-c", line]`."""
    workdir: str = "."
    """From the root of the repository."""
    timeout: float = 120.0
    """Seconds of wall time, after which the whole process tree is killed."""
    memory: int = 8 << 30
    """Bytes of address space for each process."""
    limits: Limits = Limits()
    """For all its processes together; these hold where commands are confined."""
    output_limit: int = 1 << 20
    """Bytes of output kept, half from the start and half from the end."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """On top of the allowed part of the environment."""
    writable: Path | None = None
    """One folder outside the repository that it may write to, for reports."""
    trial: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Files, by their paths, that it finds so in place of the draft's own; for a scratch run alone."""
    written_at: str = ""
    """Where inside it can read what it has written to the repository so far, as the upper folder of an overlay: for a
    scratch run in one alone."""
    name: str = ""
    """What a person is asked to permit, where that says it better than `argv`: "the project's tests (pytest)"."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended."""

    exit_code: int
    """Negative: killed by that signal."""
    output: str
    """Standard output and error as they came, with what was cut out of the middle said."""
    seconds: float
    timed_out: bool = False
    truncated: bool = False
    stopped: str = ""
    """Which limit ended it, as what "it" did: "used more than 4.0 GiB of memory"; empty where none did."""
    notes: tuple[str, ...] = ()
    """What becomes of what it wrote, where that is not plain; a sentence each."""


class Draft(Protocol):
    """The copy-on-write view. Paths are relative to the repository's root, with "/"."""

    @property
    def root(self) -> Path:
        """Where commands see the repository."""
        ...

    @property
    def isolation(self) -> Isolation: ...

    def read(self, path: str) -> bytes | None:
        """The file as the draft has it, or None where it has none.

        Raises:
            DraftError: the path leads out of the repository or into `.git`.
        """
        ...

    def permissions(self, path: str) -> int | None:
        """The file's permission bits as the draft has them, or None where it has none.

        Raises:
            DraftError: the path leads out of the repository or into `.git`.
        """
        ...

    def write(self, path: str, data: bytes | None, mode: int | None = None) -> None:
        """Put a file into the draft, or with None take it out; folders come and go as needed.

        Raises:
            DraftError: the path leads out of the repository or into `.git`, or the disk refuses.
        """
        ...

    def restore(self, path: str) -> None:
        """Have again what the working tree has at a path, whatever it is; links are not followed.

        Raises:
            DraftError: the path leads out of the repository or through a link, or the disk refuses.
        """
        ...

    def files(self) -> list[str]:
        """Tracked and untracked-not-ignored files as the draft has them, sorted."""
        ...

    def change(self) -> Change:
        """What the draft would do to the files as it found them."""
        ...

    async def run(
        self, command: Command, *, scratch: bool = False, on_output: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a command in the draft; with `scratch`, what it writes is thrown away afterwards.

        Cancelling kills the whole process tree.

        Raises:
            DraftError: it cannot be started at all.
        """
        ...

    def settle(self, paths: Sequence[str]) -> None:
        """Take the working tree's present state of these files as what the draft found, after an accept."""
        ...

    def discard(self) -> None:
        """Forget every change and start from the working tree as it is."""
        ...

    def close(self) -> None:
        """Remove what is left on disk of a draft without a change; one with a change stays for the next start."""
        ...


class DraftError(Exception):
    """The draft cannot do this; the text is a sentence for the user or the model."""
