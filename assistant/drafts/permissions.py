"""What a person has permitted for good, where nothing confines commands: patterns, for this session and repository.

    Command ─► line() ─► pattern(): "pytest *", the line itself, or "" where only one run may be permitted
                 └─────► Permissions.covers() ─► run without a question

A pattern reaches further than the line it came from only for programs that are known to stay with what their arguments
name; shells, interpreters with a program text, chains and whatever can destroy or send something never get one.
"""

import re
import shlex
from typing import Final

from ossa.assistant.draft import Command

_ANY = " *"
_TOOLS: Final = {
    *("pytest", "py.test", "mypy", "pyright", "flake8", "pylint", "tox -e", "ruff check", "ruff format", "black"),
    *("python -m pytest", "python3 -m pytest", "python -m unittest", "python3 -m unittest", "coverage report"),
    *("git status", "git ls-files", "git blame", "git rev-parse", "ls", "wc", "npm test", "npm run lint"),
    *("npm run test", "tsc", "eslint", "cargo test", "cargo check", "cargo clippy", "cargo fmt", "go test", "go vet"),
}
"""Programs, with the words that decide what they do, whose further arguments may differ."""
_ONCE = re.compile(
    r"(?<![\w.-])(sudo|su|doas|pkexec|rm|rmdir|shred|dd|mkfs\S*|mv|chmod|chown|kill|pkill|killall|reboot|shutdown|"
    r"ssh|scp|sftp|rsync|curl|wget|nc|ncat|socat|telnet|eval)(?![\w.-])"
)
"""What may be permitted one run at a time, even by its whole line."""
_SHELL = re.compile(r"[;&|<>$`(){}\[\]*?!\\\n\r#]")
"""What makes a line more than one program with its arguments."""
_OUTSIDE = re.compile(r"(^|[=:,])[/~]|(^|[/=:,])\.\.(/|$)")
"""An argument that leads out of the repository."""


class Permissions:
    """What a person permitted for good."""

    def __init__(self) -> None:
        self._patterns: set[tuple[str, bool]] = set()
        """Each with whether it is a line for itself, for a line may look like a pattern."""

    def add(self, command: Command) -> None:
        """Permit what the pattern of a command covers from now on."""
        if scope := pattern(command):
            self._patterns.add((scope, scope == line(command)))

    def covers(self, command: Command) -> bool:
        """Whether the command needs no question any more."""
        scope = pattern(command)
        return (scope, scope == line(command)) in self._patterns


def line(command: Command) -> str:
    """The command as a person reads it."""
    if command.name:
        return command.name
    return command.argv[2] if _is_line(command) else shlex.join(command.argv)


def pattern(command: Command) -> str:
    """What "always" would cover: `pytest *` for any arguments within the repository, a line for itself, "" nothing."""
    text = line(command)
    if command.name:
        return text
    if _ONCE.search(text):
        return ""
    words = _words(command)
    for count in (1, 2, 3):
        front = " ".join(words[:count])
        if front in _TOOLS and not any(_OUTSIDE.search(word) for word in words[count:]):
            return front + _ANY
    return text


def _is_line(command: Command) -> bool:
    return len(command.argv) == 3 and tuple(command.argv[:2]) == ("sh", "-c")


def _words(command: Command) -> list[str]:
    """A program and its arguments; nothing where a shell would make more of the line."""
    if not _is_line(command):
        return list(command.argv)
    text = command.argv[2]
    try:
        return [] if _SHELL.search(text) else shlex.split(text)
    except ValueError:
        return []
