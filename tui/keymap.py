"""The keys in force: the usual ones, with those that the user has in the config's `[keys]` instead.

[keys] of config.toml ─► keymap() ─► Keymap ─► Textual, by ids · help, footer and hints, by names
                                       └ a sentence for each line that was not taken
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from textual.binding import Binding
from textual.keys import (
    KEY_NAME_REPLACEMENTS,
    _character_to_key,  # it has no public name
    key_to_character,
)
from textual.keys import Keys as KeyNames
from textual.widgets import Input, TextArea

from ossa.tui.commands import COMMANDS, Command, Scope, key_name

_MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}
"""What most terminals send as another key."""
_TAKEN = {
    "tab": "leads from one part of the window to the next",
    "shift+tab": "leads from one part of the window to the one before",
    "ctrl+c": "copies what is selected",
    "ctrl+p": "searches the commands",
}
"""Keys that are the same everywhere, and beside `complete` no command's."""


@dataclass(frozen=True, slots=True)
class Keymap:
    """Every command with its keys."""

    commands: tuple[Command, ...] = COMMANDS
    changed: tuple[str, ...] = ()
    """Ids of commands with other keys than the usual ones."""
    problems: tuple[str, ...] = ()
    """A sentence for each line of the config that was not taken."""

    def key(self, name: str) -> str:
        """The first key of a command, as written in texts; of several with this name, the window's own."""
        return next(key_name(command) for command in self.commands if command.name == name)

    def names(self, scope: Scope) -> dict[str, str]:
        """The names of a part's commands, by each of their keys."""
        commands = [command for command in self.commands if command.scope == scope and command.keys]
        return {key: command.name for command in commands for key in command.keys.split(",")}

    @property
    def ids(self) -> dict[str, str]:
        """What Textual needs to know: keys by the ids of bindings."""
        return {command.id: command.keys for command in self.commands if command.id in self.changed}

    @property
    def added(self) -> list[Command]:
        """Commands that have no key but by the user's wish, and so no binding that could be changed."""
        keyless = {command.id for command in COMMANDS if not command.keys}
        return [command for command in self.commands if command.id in keyless and command.id in self.changed]


def keymap(wanted: Mapping[str, str]) -> Keymap:
    """The keys in force, from names of commands and comma-separated keys, as Textual or a keyboard names them."""
    commands, problems = {command.id: command for command in COMMANDS}, list[str]()
    changed = list[str]()
    for name, text in wanted.items():
        keys = ",".join(_long(key) for key in text.split(",") if key.strip())
        meant = [command for command in COMMANDS if name in (command.name, command.id)]
        if problem := _problem(meant, name, keys):
            problems.append(problem)
        else:
            commands[meant[0].id] = replace(meant[0], keys=keys, shown_key="")
            changed.append(meant[0].id)
    # The latest goes first: its usual keys may then be in the way of another that was changed.
    while clash := next(_clashes(commands, changed), None):
        which, problem = clash
        problems.append(problem)
        changed.remove(which)
        commands[which] = next(command for command in COMMANDS if command.id == which)
    return Keymap(tuple(commands.values()), tuple(changed), tuple(problems))


def _problem(meant: Sequence[Command], name: str, keys: str) -> str:
    """Why what is meant by a name cannot have these keys, whatever the others have; empty where it can."""
    if not meant:
        return f"[keys] in config.toml: there is no command “{repr(name)[1:-1][:60]}”; /help lists them."
    where = f"[keys] in config.toml: “{name}”"
    if len(meant) > 1:
        return f"{where} may be {' or '.join(f'“{command.id}”' for command in meant)}; in quotes, say which."
    if meant[0].is_sign or meant[0].counts:
        return f"{where} always has its usual keys."
    if not keys:
        return f"{where} needs a key, such as “f9” or “alt+e”."
    usual = meant[0].keys.split(",")
    why = next((why for key in keys.split(",") if key not in usual and (why := _unfit(key, meant[0].scope))), "")
    return f"{where}: {why}." if why else ""


def _unfit(key: str, scope: Scope) -> str:
    """Why no command of this part can have a key that is not its usual one; empty where it can."""
    if not _is_key(key):
        return f"no key is called “{repr(key)[1:-1][:40]}”; names are such as “x”, “f9” or “alt+e”"
    if key in _SAME:
        return f"most terminals send {_SAME[key]} for {key}, so it was left out"
    if key in _TAKEN:
        return f"{key} {_TAKEN[key]}, so it was left out"
    if scope in ("window", "prompt") and key in _typing_keys(TextArea):
        return f"{key} is for typing in the prompt, so it was left out"
    if scope == "field" and key in _typing_keys(Input):
        return f"{key} is for typing in a line, so it was left out"
    if scope in ("prompt", "field") and _types(key):
        return f"{key} is typed as it is here, so it was left out; “f9” or “alt+e” could be had"
    return ""


def _clashes(commands: Mapping[str, Command], changed: list[str]) -> Iterator[tuple[str, str]]:
    """Ids of changed commands with a key that does something else in the same place, each with a sentence."""
    usual = {command.id: set(command.keys.split(",")) for command in COMMANDS}
    for which in reversed(changed):
        command = commands[which]
        for other in commands.values():
            scopes = {other.scope, command.scope}
            together = len(scopes) == 1 or "window" in scopes or scopes == {"list", "sessions"}
            if other.id == which or not together:
                continue
            shared = set(command.keys.split(",")) & set(other.keys.split(","))
            for key in shared - (usual[which] & usual[other.id]):
                shown = key_name(replace(command, keys=key))
                sentence = f"{shown} is for “{other.name}”, so “{command.name}” has its usual keys."
                yield which, f"[keys] in config.toml: {sentence}"


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    named = {name.value.rpartition("+")[2] for name in KeyNames if "<" not in name.value}
    known = last in named or last in KEY_NAME_REPLACEMENTS.values() or key_to_character(last) is not None
    return known and _MODIFIERS.issuperset(modifiers)


def _types(key: str) -> bool:
    """Whether a key puts a character where one types."""
    *modifiers, last = key.split("+")
    character = "." if last in KEY_NAME_REPLACEMENTS.values() else key_to_character(last)
    return {"shift"}.issuperset(modifiers) and bool(character) and character.isprintable()


def _long(key: str) -> str:
    """A key as Textual names it: "question_mark" for "?"; "esc" is what texts call "escape"."""
    *modifiers, last = key.strip().split("+") if key.strip() != "+" else ["+"]
    last = {"esc": "escape", "": "plus"}.get(last, last)
    return "+".join([*(m.lower() for m in modifiers if m), _character_to_key(last) if len(last) == 1 else last.lower()])


def _typing_keys(place: type[TextArea] | type[Input]) -> frozenset[str]:
    """Keys by which one moves and deletes where one types."""
    every = (binding.key for binding in place.BINDINGS if isinstance(binding, Binding))
    return frozenset(key for keys in every for key in keys.split(","))
