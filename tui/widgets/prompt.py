"""Where the user types: several lines, a history, commands after "/", shell commands after "!", files after "@".

An earlier prompt or an answer may be put here to be written otherwise; what is sent then goes into its place. While
the list of what an "@" may name is open, the keys that move and take are its own.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from textual import events
from textual.app import SuspendNotSupported
from textual.message import Message
from textual.reactive import reactive

from ossa.tui.commands import completion
from ossa.tui.keymap import Keymap
from ossa.tui.outside import EditorError, edit_outside
from ossa.tui.pasted import Pasted
from ossa.tui.safe import plain_text
from ossa.tui.sketch import PLACEHOLDER
from ossa.tui.widgets.lines import Lines
from ossa.tui.widgets.offers import Offers


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is being written otherwise: an earlier prompt, or what was answered to it."""

    turns: int
    """Which prompt, counted from the last one, which is 1."""
    prompt: str = ""
    """Of an answer, what it answers; empty where it is the prompt itself that is written otherwise."""


class Prompt(Lines):
    """The prompt: Enter sends, Ctrl+J begins a new line, unless the user has other keys for it."""

    rewriting: reactive[Rewriting | None] = reactive(None, toggle_class="-rewriting")
    """What goes away when this is sent."""

    class Sent(Message):
        """The user sent what is in the prompt."""

        def __init__(self, text: str, rewriting: Rewriting | None = None) -> None:
            super().__init__()
            self.text, self.rewriting = text, rewriting

    def __init__(self, offers: Offers, keys: Keymap) -> None:
        """`offers` shows what an "@" or a "/" may name; `keys` are those in force."""
        super().__init__(
            id="prompt",
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder=PLACEHOLDER,
        )
        self._history: list[str] = []
        self._place = 0
        """Index into the history; its length stands for the text being written."""
        self._unsent = self._aside = ""
        self._offers = offers
        self._names = keys.names("prompt")
        """What keys mean here, by the names of commands."""
        self._pasted = Pasted()
        self.aside: Callable[[], AbstractContextManager[None]] = lambda: self.app.suspend()
        """Leaves the terminal to an editor meanwhile."""
        self._untyped = ""
        """The text as it was put here and not typed: nothing is offered for it."""

    def remember(self, text: str) -> None:
        """Add to the history, unless it is what was sent last."""
        if not self._history or self._history[-1] != text:
            self._history.append(text)
        self._place = len(self._history)

    def propose(self, text: str) -> None:
        """Offer a text to be sent again or put otherwise, unless something is being written."""
        if not self.text:
            self._put(text)

    def begin(self) -> None:
        """Offer the commands, unless something is being written."""
        if not self.text:
            self._put("/")
            self._untyped = ""
            self._follow()

    def rewrite(self, text: str, rewriting: Rewriting) -> None:
        """Have something written otherwise; what was being written comes back after it."""
        if self.rewriting is None:
            self._aside = self.whole
        self._put(text)
        self.rewriting = rewriting
        self.focus()

    @property
    def amends(self) -> bool:
        """Whether it is an answer that is being written otherwise, which no sign makes a command."""
        return self.rewriting is not None and bool(self.rewriting.prompt)

    @property
    def whole(self) -> str:
        """The text, with what was pasted into it."""
        return self._pasted.expand(self.text)

    def take(self, *, enter: bool = False) -> bool:
        """Put what the list offers where the "@" or "/" is; False where it stands there already.

        A folder stays open for what is in it, unless it is `enter` that takes it.
        """
        target, offers = self._offers.current, self._offers
        if target is None:
            return False
        if offers.is_late:
            return True  # what is in front is for other letters
        inside = target.kind == "folder" and not enter
        spelled = target.spelled.rstrip("\"'") if inside else target.spelled
        is_there = self.text[offers.start : self._cursor] == spelled
        if not is_there:
            before = self.text[: offers.start]
            self.replace(spelled, _location(before, len(before)), self.cursor_location, maintain_selection_offset=False)
        if inside and not is_there:
            self._follow()
        else:
            self._untyped = self.text
            offers.leave()
        return not is_there

    def on_text_area_changed(self) -> None:
        self.set_class(self.text.startswith("!") and not self.amends, "-shell")
        self._follow()

    def on_text_area_selection_changed(self) -> None:
        if self._offers.opened:
            self._follow()

    def on_blur(self) -> None:
        self._offers.leave()

    def _send(self) -> None:
        text = self.text.strip()
        if text:
            rewriting, self.rewriting = self.rewriting, None
            if rewriting is None or not rewriting.prompt:
                self.remember(text)
            self._put(self._take_up() if rewriting else "")
            self._follow()  # now, so that a list that was left is forgotten before the next letter comes
            self.post_message(self.Sent(self._pasted.expand(text), rewriting))

    def edit_outside(self) -> None:
        """Have the text edited in the person's own editor."""
        try:
            with self.aside():
                text = edit_outside(self.whole, "prompt.md")
        except SuspendNotSupported:
            self.notify("This terminal cannot be left to an editor.", markup=False)
        except EditorError as error:
            self.notify(str(error), markup=False)
        else:
            self._put(text.rstrip("\n"))

    def _take_up(self) -> str:
        """What was being written before something else was to be written otherwise."""
        text, self._aside = self._aside, ""
        return text

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.replace(
            self._pasted.fold(plain_text(event.text)),
            min(self.selection),
            max(self.selection),
            maintain_selection_offset=False,
        )

    async def _on_key(self, event: events.Key) -> None:
        # Here and not as a binding: a binding with priority would overtake letters that are still on their way.
        key, name = event.key, self._names.get(event.key, "")
        if name in ("complete", "send"):
            await self._offers.settled()
        if self._is_for_offers(key, name) or self._is_for_token(key, name) or self._does(key, name):
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)
            self._follow()

    def _does(self, key: str, name: str) -> bool:
        """Do what a key has been given for; False where it means something else just now."""
        match name:
            case "send":
                self._send()
            case "newline":
                self.insert("\n")
            case "complete" if completed := completion(self.text):
                self._put(completed)
            case "editor" if key != "ctrl+x" or not self.selected_text:  # which it cuts otherwise
                self.edit_outside()
            case "earlier" if key != "up" or self._row == 0:
                self._recall(self._place - 1)
            case "later" if key != "down" or self._row >= self.wrapped_document.height - 1:
                self._recall(self._place + 1)
            case "withdraw" if self.rewriting:
                self.rewriting = None
                self._put(self._take_up())
            case _:
                return False
        return True

    def _is_for_token(self, key: str, name: str) -> bool:
        """Open or delete as a whole what stands for a pasted text; False where the key means something else."""
        meant = name == "whole" or key == "backspace"
        span = self._pasted.token_at(self.text, self._cursor) if meant else None
        if span is None or self.selected_text:
            return False
        start, end = (_location(self.text, place) for place in span)
        text = self._pasted.whole(self.text[slice(*span)]) if name == "whole" else ""
        self.replace(text, start, end, maintain_selection_offset=False)
        return True

    def _is_for_offers(self, key: str, name: str) -> bool:
        """Let the open list have the key; False where it has no use for it."""
        if not self._offers.opened:
            return False
        match name or key:
            case "earlier" | "up":
                self._offers.move(-1)
            case "later" | "down":
                self._offers.move(1)
            case "withdraw":
                self._offers.leave()
            case "complete":
                self.take()
            case "send":
                target = self._offers.current
                # A command that nothing can follow is sent by the key that takes it, where the person has chosen it.
                ready = target is not None and target.kind == "command" and not target.name.endswith("]")
                ready = ready and self._offers.is_chosen and not self._offers.is_late
                return self._offers.is_needed and self.take(enter=True) and not ready
            case _:
                return False
        return True

    def _follow(self) -> None:
        """Tell the list of offers what is being typed; a command of the person's own is no prompt."""
        if self.text == self._untyped or self.text.startswith("!") or (self.amends and self.text.startswith("/")):
            self._offers.follow("", 0)
        else:
            self._untyped = ""
            self._offers.follow(self.text, self._cursor)

    def _put(self, text: str) -> None:
        """Have this as the text, as if it had not been typed."""
        self.text = self._untyped = text
        self.move_cursor(self.document.end)

    @property
    def _cursor(self) -> int:
        """Where the cursor is, in characters from the start."""
        return len(self.get_text_range((0, 0), self.cursor_location))

    @property
    def _row(self) -> int:
        """The row of the cursor, counting rows that a long line is wrapped to."""
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def _recall(self, place: int) -> None:
        if not 0 <= place <= len(self._history) or place == self._place:
            return
        if self._place == len(self._history):
            self._unsent = self.text
        self._place = place
        self._put(self._unsent if place == len(self._history) else self._history[place])


def _location(text: str, place: int) -> tuple[int, int]:
    """Row and column of a place in a text."""
    return text.count("\n", 0, place), place - text.rfind("\n", 0, place) - 1
