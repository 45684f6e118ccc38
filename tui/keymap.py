"""The keys in force: the usual ones, with those that the user has in the config's `[keys]` instead.

[keys] of config.toml ─► keymap() ─► Keymap ─► Textual, by ids · help, footer and hints, by names
                                       └ a sentence for each line that was not taken
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from textual.binding import Binding
from textual.keys import (
    KEY_NAME_REPLACEMENTS,
    _character_to_key,  # it has no public name
    key_to_character,
)
from textual.keys import Keys as KeyNames
from textual.widgets import TextArea

from ossa.tui.commands import COMMANDS, Command, key_name

_MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}
"""What most terminals send as another key."""
_TAKEN = {
    "tab": "leads from one part of the window to the next",
    "shift+tab": "leads from one part of the window to the one before",
    "ctrl+c": "copies what is selected",
    "ctrl+p": "searches the commands",
}
"""Keys that are the same everywhere and no command's."""


@dataclass(frozen=True, slots=True)
class Keymap:
    """Every command with its keys."""

    commands: tuple[Command, ...] = COMMANDS
    changed: tuple[str, ...] = ()
    """Names of commands with other keys than the usual ones."""
    problems: tuple[str, ...] = ()
    """A sentence for each line of the config that was not taken."""

    def key(self, name: str) -> str:
        """The first key of a command, as written in texts."""
        return next(key_name(command) for command in self.commands if command.name == name)

    @property
    def ids(self) -> dict[str, str]:
        """What Textual needs to know: keys by the ids of bindings."""
        return {f"{c.scope}.{c.name}": c.keys for c in self.commands if c.name in self.changed}

    @property
    def added(self) -> list[Command]:
        """Commands that have no key but by the user's wish, and so no binding that could be changed."""
        keyless = {command.name for command in COMMANDS if not command.keys}
        return [command for command in self.commands if command.name in keyless and command.name in self.changed]


def keymap(wanted: Mapping[str, str]) -> Keymap:
    """The keys in force, from names of commands and comma-separated keys, as Textual or a keyboard names them."""
    commands, problems = {command.name: command for command in COMMANDS}, list[str]()
    changed = list[str]()
    for name, text in wanted.items():
        keys = ",".join(_long(key) for key in text.split(",") if key.strip())
        if problem := _problem(commands.get(name), name, keys):
            problems.append(problem)
        else:
            commands[name] = replace(commands[name], keys=keys, shown_key="")
            changed.append(name)
    # The latest goes first: its usual keys may then be in the way of another that was changed.
    while clash := next(_clashes(commands, changed), None):
        name, problem = clash
        problems.append(problem)
        changed.remove(name)
        commands[name] = next(command for command in COMMANDS if command.name == name)
    return Keymap(tuple(commands.values()), tuple(changed), tuple(problems))


def _problem(command: Command | None, name: str, keys: str) -> str:
    """Why a command cannot have these keys, whatever the others have; empty where it can."""
    if command is None:
        return f"[keys] in config.toml: there is no command “{repr(name)[1:-1][:60]}”; the README lists them."
    where = f"[keys] in config.toml: “{name}”"
    if command.scope == "prompt" or command.counts:
        return f"{where} always has its usual keys."
    if not keys:
        return f"{where} needs a key, such as “f2” or “alt+e”."
    for key in keys.split(","):
        if not _is_key(key):
            return f"{where}: no key is called “{repr(key)[1:-1][:40]}”; names are such as “x”, “f2” or “alt+e”."
        if key in _SAME:
            return f"{where}: most terminals send {_SAME[key]} for {key}, so it was left out."
        if key in _TAKEN:
            return f"{where}: {key} {_TAKEN[key]}, so it was left out."
        if command.scope == "window" and key in _typing_keys():
            return f"{where}: {key} is for typing in the prompt, so it was left out."
    return ""


def _clashes(commands: Mapping[str, Command], changed: list[str]) -> Iterator[tuple[str, str]]:
    """Changed commands with a key that does something else in the same place, each with a sentence."""
    usual = {command.name: set(command.keys.split(",")) for command in COMMANDS}
    for name in reversed(changed):
        command = commands[name]
        for other in commands.values():
            together = other.scope == command.scope or "window" in (other.scope, command.scope)
            if other.name == name or not together or other.scope == "prompt":
                continue
            shared = set(command.keys.split(",")) & set(other.keys.split(","))
            for key in shared - (usual[name] & usual[other.name]):
                shown = key_name(replace(command, keys=key))
                yield name, f"[keys] in config.toml: {shown} is for “{other.name}”, so “{name}” has its usual keys."


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    named = {name.value.rpartition("+")[2] for name in KeyNames if "<" not in name.value}
    known = last in named or last in KEY_NAME_REPLACEMENTS.values() or key_to_character(last) is not None
    return known and _MODIFIERS.issuperset(modifiers)


def _long(key: str) -> str:
    """A key as Textual names it: "question_mark" for "?"; "esc" is what texts call "escape"."""
    *modifiers, last = key.strip().split("+") if key.strip() != "+" else ["+"]
    last = {"esc": "escape", "": "plus"}.get(last, last)
    return "+".join([*(m.lower() for m in modifiers if m), _character_to_key(last) if len(last) == 1 else last.lower()])


def _typing_keys() -> frozenset[str]:
    """Keys of the prompt itself, which would be had by it before any command of the window."""
    every = (binding.key for binding in TextArea.BINDINGS if isinstance(binding, Binding))
    return frozenset(key for keys in every for key in keys.split(","))
