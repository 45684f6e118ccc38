"""Every command of the window, once: slash commands, palette, key bindings, footer and help all come from here.

A command named `x` runs the action `action_x`: on the app where its scope is "window", else on the widget in focus.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:  # what goes without a window asks for commands, too, and must not wait for textual
    from textual.binding import Binding
    from textual.content import Content

Scope: TypeAlias = Literal[
    "window",
    "prompt",
    "asked",
    "change",
    "failing",
    "more",
    "editor",
    "files",
    "preview",
    "ledger",
    "sessions",
    "list",
    "page",
    "field",
    "permit",
]

SCOPES: dict[Scope, str] = {
    "window": "Everywhere",
    "prompt": "In the prompt",
    "asked": "On an earlier prompt, where shift+tab leads",
    "change": "In a change",
    "failing": "On a test, where tab or a click leads",
    "more": "On “and … more” tests",
    "editor": "While editing a hunk",
    "files": "In the files (± in the change, @ seen by the model)",
    "preview": "In a file",
    "ledger": "In the context",
    "sessions": "In the list of sessions",
    "list": "In a list over the window",
    "page": "On a page such as this one",
    "field": "In a line where you type what to look for, or why",
    "permit": "Where a command waits for your permission",
}


What: TypeAlias = Literal["files", "conversation", "both"]
WHAT: tuple[What, ...] = get_args(What)
"""What a rewind may bring back."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that the user can have done."""

    name: str
    """As typed after the "/", and the name of the action."""
    label: str
    """A word or two for the footer."""
    help: str
    """One line for help and palette."""
    keys: str = ""
    """Comma-separated, as Textual names keys; the first one is shown."""
    scope: Scope = "window"
    slash: bool = True
    """Whether it can be typed and picked from the palette; else it has keys only."""
    argument: str = ""
    """What may be typed after it."""
    footer: bool = False
    shown_key: str = ""
    counts: bool = False
    """Whether its keys are numbers, and the action is told which one it was."""

    @property
    def id(self) -> str:
        """By which a keymap names it where another part of the window has a command of this name."""
        return f"{self.scope}.{self.name}"

    @property
    def is_sign(self) -> bool:
        """Whether it is typed as part of a text, and so has no keys."""
        return not self.keys and not self.slash

    @property
    def usage(self) -> str:
        """As typed, for example "/fix [hint]"."""
        return f"/{self.name} [{self.argument}]" if self.argument else f"/{self.name}"


def _keys(name: str, label: str, text: str, keys: str, scope: Scope, shown: str = "", footer: bool = False) -> Command:
    return Command(name, label, text, keys, scope, slash=False, footer=footer, shown_key=shown)


COMMANDS: tuple[Command, ...] = (
    Command("help", "help", "Show the commands and keys", "f1", footer=True),
    Command("fix", "fix", "Repair the failing tests step by step", argument="hint"),
    Command("test", "test", "Run the project's tests in the draft"),
    Command("undo", "undo", "Take back the last accepted change"),
    Command("redo", "redo", "Make the undone change again"),
    Command("rewind", "rewind", "Undo N: both, files or conversation", argument="N"),
    Command("rename", "rename", "Rename a symbol and all its uses", argument="OLD NEW"),
    Command("move", "move", "Move a function or class to a module", argument="NAME MODULE"),
    Command("signature", "signature", "Change parameters, and the callers", argument="FUNC (…)"),
    Command("commit", "commit", "Commit the accepted files, only those", argument="text"),
    Command("discard", "discard", "Forget the change in the draft"),
    Command("review", "change", "Go to the change and decide, or back", "ctrl+r", footer=True),
    Command("files", "files", "Show, enter or hide the files", "ctrl+t", footer=True),
    Command("open", "open", "Go to a file by some of its letters", "ctrl+f", argument="letters"),
    Command("widen", "widen", "File or change alone, or beside the talk", "f3"),
    Command("context", "context", "What the model is shown, and its tokens", "ctrl+l"),
    Command("unfold", "unfold", "Open or close reasoning and steps", "ctrl+o", footer=True),
    Command("copy", "copy", "Copy a block of code of the last answer", "f2", argument="N"),
    Command("edit", "edit", "Put an earlier prompt otherwise", argument="N"),
    Command("amend", "amend", "Edit the last answer; the model goes on"),
    Command("answer", "answer now", "Have the reasoning ended, and the answer", "ctrl+g", footer=True),
    Command("status", "status", "The model, its speed, tokens and memory"),
    Command("sessions", "sessions", "Earlier sessions: go on, search, fork", argument="…"),
    Command("title", "title", "Give this session a title", argument="text"),
    Command("fork", "fork", "Go on in a copy; this session stays"),
    Command("export", "export", "Write this session as Markdown", argument="file"),
    Command("watch", "watch", "Answer comments with AI! in saved files", argument="on|off"),
    Command("theme", "theme", "Other colours: light, dark or a name", argument="name"),
    Command("cancel", "stop", "Stop the turn; else back to the prompt", "escape", footer=True),
    Command("quit", "quit", "Leave ossa", "ctrl+q", footer=True),
    _keys("begin", "command", "Begin a command in the prompt", "slash", "window", "/"),
    _keys("send", "send", "Send the prompt", "enter", "prompt"),
    _keys("newline", "new line", "Begin a new line", "ctrl+j,shift+enter", "prompt"),
    _keys("editor", "editor", "Write it in $VISUAL or $EDITOR", "ctrl+x", "prompt"),
    _keys("whole", "open", "See all of a text that was pasted", "ctrl+o", "prompt"),
    _keys("complete", "complete", "Complete a command after /, or after @", "tab", "prompt"),
    _keys("attach", "attach", "Show the model a file, or @path:10-40", "", "prompt", "@path"),
    _keys("attach_news", "attach", "What your !command printed; @!failures", "", "prompt", "@!output"),
    _keys("shell", "command", "Run it in your own files, unconfined", "", "prompt", "!command"),
    _keys("earlier", "history", "The prompt before; ↑ from the first line", "up", "prompt", "↑"),
    _keys("later", "history", "The one after it; ↓ from the last line", "down", "prompt", "↓"),
    _keys("withdraw", "leave", "Leave a list, or what you put otherwise", "escape", "prompt"),
    _keys("edit_prompt", "ask otherwise", "Put this prompt otherwise", "e,enter", "asked", "e", footer=True),
    _keys("accept", "accept", "Accept this hunk", "a", "change", footer=True),
    _keys("reject", "reject", "Reject this hunk; you may say why", "r", "change", footer=True),
    _keys("edit", "edit", "Edit this hunk here", "e", "change", footer=True),
    _keys("edit_outside", "editor", "Edit this hunk in $VISUAL or $EDITOR", "E", "change", "E"),
    _keys("ask_again", "again", "Ask the model for another version", "R", "change", "R", footer=True),
    _keys("accept_all", "all", "Accept all that is undecided, and apply", "A", "change", "A", footer=True),
    _keys("submit", "apply", "Apply, once every hunk is decided", "enter,s", "change", "⏎", footer=True),
    _keys("revert", "undo", "Undo the decision or the applied change", "u", "change", footer=True),
    Command(
        "choose",
        "repair",
        "Of the repairs that passed take this one",
        "1,2,3",
        "change",
        slash=False,
        shown_key="1 2 3",
        counts=True,
    ),
    _keys(
        "next_repair", "repair", "Take the next of the repairs that passed", "right_square_bracket", "change", "]", True
    ),
    _keys("previous_repair", "repair", "Take the one before it", "left_square_bracket", "change", "["),
    _keys("fix_failing", "fix", "Repair the first test that still fails", "f", "change", footer=True),
    _keys("open_output", "output", "What it said; so does a click", "enter,space", "failing", "⏎", True),
    _keys("fix_test", "fix", "Repair this test; so does a click", "f", "failing", footer=True),
    _keys("show_more", "more", "Show the others; so does a click", "enter,space", "more", "⏎", True),
    _keys("outputs", "outputs", "What the tests said, or hide it", "o", "change", "o"),
    _keys("next", "next", "Next hunk", "n,j", "change", "n"),
    _keys("previous", "previous", "Previous hunk", "p,k", "change", "p"),
    _keys("next_file", "next file", "First hunk of the next file", "N,J", "change", "N"),
    _keys("previous_file", "file before", "First hunk of this or the file before", "P,K", "change", "P"),
    _keys("fold", "fold", "Fold or unfold it; or click on its head", "space", "change", "space"),
    _keys("fold_all", "fold all", "Fold all hunks, or unfold all", "Z", "change", "Z"),
    _keys("split", "side by side", "Old beside new, or below each other", "v", "change", "v"),
    _keys(
        "save",
        "save, test",
        "Save the edit and have it tested",
        "ctrl+s,ctrl+enter",
        "editor",
        footer=True,
    ),
    _keys("leave", "leave", "Leave; e goes on with what you typed", "escape", "editor", footer=True),
    _keys("filter", "filter", "Only files that have these letters", "slash", "files", "/", True),
    _keys("show_ignored", "ignored", "Show or hide ignored files", "i", "files", footer=True),
    _keys("search", "search", "Search; Aa counts only if you type an A", "slash,ctrl+f", "preview", "/", True),
    _keys("next_place", "next", "Next place of what was found", "n", "preview", footer=True),
    _keys("previous_place", "before", "The place before it", "N", "preview", "N"),
    _keys("leave_search", "leave", "Forget what was searched for", "escape", "preview"),
    _keys("line", "line", "Go to a line", "colon", "preview", ":", True),
    _keys("show_draft", "draft/yours", "As in the draft, or as in your files", "d", "preview", footer=True),
    _keys("follow", "follow", "Follow what the assistant reads, or stay", "f", "preview", footer=True),
    _keys("top", "top", "Go to the first line", "g,home", "preview", "g"),
    _keys("bottom", "bottom", "Go to the last line", "G,end", "preview", "G"),
    _keys("read", "read", "Read it, as the model does and as it was", "enter", "ledger", "⏎", True),
    _keys("search_sessions", "search", "Search by words in titles and prompts", "slash", "sessions", "/", True),
    _keys("fork_it", "fork", "Go on in a copy of it", "f", "sessions", footer=True),
    _keys("rename_it", "rename", "Give it a title", "r", "sessions", footer=True),
    _keys("export_it", "export", "Write it as Markdown", "x", "sessions", footer=True),
    _keys("pin", "pin", "Keep it, whatever has to make room", "p", "ledger", footer=True),
    _keys("drop", "drop", "Leave it out from the next prompt on", "d", "ledger", footer=True),
    _keys("shorten", "shorten", "Show the model about half of it", "s", "ledger", footer=True),
    _keys("bring_back", "as it was", "Bring it back whole; unpin it", "b", "ledger", footer=True),
    _keys("close_list", "close", "Close it", "escape,q", "list", footer=True),
    _keys("next_row", "next", "The next one; so does the arrow", "j", "list"),
    _keys("previous_row", "before", "The one before it", "k", "list"),
    _keys("close_page", "close", "Close it", "escape,q,enter", "page"),
    _keys("lower", "down", "Scroll down; so does the arrow", "j", "page"),
    _keys("higher", "up", "Scroll up", "k", "page"),
    _keys("leave_field", "leave", "Leave it without an answer", "escape", "field"),
    _keys("permit_once", "run it once", "Run this command, this time", "y", "permit", footer=True),
    _keys("permit_always", "always", "Run it, and others such as it, unasked", "a", "permit", footer=True),
    _keys("refuse", "don't run it", "Do not run it", "n,escape", "permit", footer=True),
)


def slash_commands() -> Iterable[Command]:
    """Those that can be typed."""
    return (command for command in COMMANDS if command.slash)


def find(name: str) -> Command | None:
    """The slash command of this name; any unambiguous beginning of it does."""
    matches = [command for command in slash_commands() if command.name.startswith(name)]
    exact = [command for command in matches if command.name == name]
    return exact[0] if exact else matches[0] if len(matches) == 1 and name else None


def suggestions(text: str) -> str:
    """What fits the start of a command that is being typed, as one line; empty for anything else."""
    if text.startswith("!"):
        return "! runs in your own files, unconfined"
    if not text.startswith("/") or "\n" in text:
        return ""
    name, space, _ = text[1:].partition(" ")
    fitting = [c for c in slash_commands() if c.name == name or (not space and c.name.startswith(name))]
    if len(fitting) == 1:
        return f"{fitting[0].usage}  {fitting[0].help}"
    return "  ".join(f"/{c.name}" for c in fitting) or "no such command; /help lists them"


def completion(text: str) -> str:
    """The text with its command completed as far as that is certain; empty where nothing can be added."""
    if not text.startswith("/") or " " in text or "\n" in text:
        return ""
    fitting = [c.name for c in slash_commands() if c.name.startswith(text[1:])]
    if not fitting:
        return ""
    common = fitting[0]
    while not all(name.startswith(common) for name in fitting):
        common = common[:-1]
    completed = f"/{common} " if len(fitting) == 1 else f"/{common}"
    return completed if completed != text else ""


def rewind_arguments(text: str) -> tuple[int, What]:
    """How far to go back and with what, from what was typed after /rewind: a number, a word, in any order.

    Raises:
        ValueError: it is something else; the text is a sentence for the user.
    """
    turns = 1
    what: What = "both"
    for word in text.split():
        fitting: list[What] = [kind for kind in WHAT if kind.startswith(word)]
        if word.isdecimal() and int(word) > 0:
            turns = int(word)
        elif len(fitting) == 1:
            what = fitting[0]
        else:
            raise ValueError(f"/rewind takes a number of prompts and one of {', '.join(WHAT)}, not {word}.")
    return turns, what


def bindings(scope: Scope) -> "list[Binding]":
    """The key bindings of the app or of a widget, with ids by which a keymap can change them."""
    from textual.binding import Binding

    return [
        Binding(
            keys,
            f"{command.name}({keys})" if command.counts else command.name,
            command.label,
            show=command.footer,
            key_display=command.shown_key or None,
            tooltip=command.help,
            id=command.id + (f".{keys}" if command.counts else ""),
            priority=command.name == "quit",
        )
        for command in COMMANDS
        if command.scope == scope and command.keys and scope != "prompt"
        for keys in (command.keys.split(",") if command.counts else [command.keys])
    ]


def help_content(commands: Sequence[Command] = COMMANDS) -> "Content":
    """The help text: what can be typed, then the keys of each part of the window."""
    from textual.content import Content

    rows = [Content.styled("Commands", "bold $text-primary")]
    rows += [_row(command.usage, key_name(command), command.help) for command in commands if command.slash]
    for scope, title in SCOPES.items():
        keyed = [command for command in commands if command.scope == scope and not command.slash]
        if keyed:
            rows += [Content(""), Content.styled(title, "bold $text-primary")]
            rows += [_row(command.label, key_name(command), command.help) for command in keyed]
    return Content("\n").join(rows)


def key_name(command: Command) -> str:
    """Its first key as written in texts, for example "ctrl+q"; empty without one."""
    from textual.keys import key_to_character

    if command.shown_key:
        return command.shown_key
    *modifiers, last = command.keys.split(",")[0].replace("escape", "esc").split("+")
    character = key_to_character(last) or ""
    return "+".join([*modifiers, character if character.isprintable() and character.strip() else last])


def _row(name: str, key: str, text: str) -> "Content":
    from textual.content import Content

    width = 15 if key else 23  # a long one has the room of the key, where it has none
    return Content.assemble(
        (f"  {name:<{width}} ", "$text-secondary"), (f"{key:<7} " * bool(key), "$text-primary"), text
    )
