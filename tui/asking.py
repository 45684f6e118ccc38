"""Questions to a person who answers by typing a line: the change hunk by hunk, and whether a command may run.

review() ─► for each hunk: its words, then [a]ccept [r]eject [e]dit … ─► decisions, an edit, asking again, None
"""

import asyncio
import os
import sys
import threading
from typing import Literal, TextIO, TypeAlias

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.review import Alternatives, Answer, Choose, Decision, HunkEdit, Permission, Reroll
from ossa.assistant.verdict import Verdict
from ossa.tui.hunktext import as_text, edited, refusal
from ossa.tui.outside import EditorError, edit_outside
from ossa.tui.spoken import Speaker, hunk_words, repair_words

_Said: TypeAlias = Decision | HunkEdit | Reroll | Choose | Literal["all"] | None
QUESTION = "[a]ccept, [r]eject, [e]dit, ask again by [R], [A]ccept all, put off by [q]?"
_READ = 1 << 16


class Lines:
    """What is typed, line by line; it is read only when it is asked for, so that an editor has the terminal alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream  # held, so that it stays open
        self._file = stream.fileno()
        self._terminal = stream.isatty()
        self._buffer = b""
        self._ended = False
        self._reading: asyncio.Future[bytes] | None = None

    async def next(self, *, fresh: bool = False) -> str | None:
        """The next line without its end, or None at the end of input.

        A `fresh` one was typed after the question: what a person typed ahead at a terminal must not decide anything.
        """
        if fresh and self._terminal:
            self._forget()
        while b"\n" not in self._buffer and not self._ended:
            data = await self._more()
            self._buffer += data
            self._ended = not data
        line, end, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        return line.decode("utf-8", "replace").replace("\0", "�").rstrip("\r") if line or end else None

    def _forget(self) -> None:
        if sys.platform != "win32":
            import termios

            termios.tcflush(self._file, termios.TCIFLUSH)
        self._buffer = b""

    async def _more(self) -> bytes:
        """What comes next. An interrupted wait goes on with the same read: nobody can end that."""
        loop = asyncio.get_running_loop()
        if self._reading is None:
            reading = self._reading = loop.create_future()

            def read() -> None:
                try:
                    data = os.read(self._file, _READ)
                except OSError:
                    data = b""
                if not loop.is_closed():
                    loop.call_soon_threadsafe(reading.set_result, data)

            # A thread that does not keep ossa from ending, which one of asyncio's own would.
            threading.Thread(target=read, daemon=True).start()
        data = await asyncio.shield(self._reading)
        self._reading = None
        return data


class LineReviewer:
    """The reviewer at a line-based terminal."""

    def __init__(self, speaker: Speaker, lines: Lines) -> None:
        self._speaker, self._lines = speaker, lines
        self._decided: dict[str, Decision] = {}
        """By the id of the hunk; a hunk that comes back as it was is not asked for again."""

    async def review(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> Answer:
        await self._speaker.has_told(change)
        hunks = list(change.hunks)
        self._decided = {hunk.id: self._decided[hunk.id] for _, hunk in hunks if hunk.id in self._decided}
        for line in repair_words(alternatives):
            self._speaker.say(line)
        for number, (file, hunk) in enumerate(hunks, 1):
            if hunk.id in self._decided:
                continue
            self._speaker.say(hunk_words(file, hunk, number, len(hunks)))
            answer = await self._ask(file, hunk, alternatives)
            if isinstance(answer, Decision):
                self._decided[hunk.id] = answer
            elif answer == "all":
                self._decided |= {h.id: Decision(h.id, True) for _, h in hunks if h.id not in self._decided}
                break
            else:
                return answer
        decisions, self._decided = list(self._decided.values()), {}
        return decisions

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        self._speaker.say(f"May this command run?\n{command}\n{warning}")
        always = f", [a]lways for {pattern}" if pattern else ""
        while True:
            match await self._answer(f"[y]es, once{always}, or [n]o?"):
                case "y" | "yes":
                    return "once"
                case "a" if pattern:
                    return "always"
                case "n" | "no" | None:
                    return "no"
                case _:
                    self._speaker.say("Please type one of these letters.")

    async def _ask(self, file: FileChange, hunk: Hunk, alternatives: Alternatives) -> _Said:
        """What to do with one hunk; "all" for it and all that follow."""
        others = len(alternatives.repairs)
        while True:
            typed = await self._answer(QUESTION)
            match typed:
                case "a":
                    return Decision(hunk.id, True)
                case "r":
                    reason = await self._answer("Why not? Enter alone says nothing to the model.")
                    return Decision(hunk.id, False, (reason or "").strip())
                case "R":
                    reason = await self._answer("What is wrong with it? Enter alone leaves it to the model.")
                    return Reroll(hunk.id, (reason or "").strip())
                case "e":
                    if after := await self._edit(file, hunk):
                        return HunkEdit(hunk.id, after)
                case "A":
                    return "all"
                case "q" | None:
                    return None
                case _ if typed.isdecimal() and 1 <= int(typed) <= others > 1:
                    return Choose(int(typed))
                case _:
                    self._speaker.say("Please type one of these letters, and Enter.")

    async def _edit(self, file: FileChange, hunk: Hunk) -> tuple[str, ...]:
        """The hunk's new lines as the person wants them; empty where it stays as it is."""
        if why := refusal(file, hunk):
            self._speaker.say(why)
            return ()
        if os.environ.get("VISUAL") or os.environ.get("EDITOR"):
            try:
                text = edit_outside(as_text(hunk), file.path)
            except EditorError as error:
                self._speaker.say(str(error))
                return ()
        else:
            self._speaker.say("Type the lines to put in. A line with . alone ends them, one with ! alone leaves all.")
            typed: list[str] = []
            while (line := await self._lines.next()) not in (".", None):
                if line == "!":
                    return ()
                typed.append(line)
            text = "".join(f"{line}\n" for line in typed)
        after = edited(hunk, text)
        return after if after != hunk.after else ()

    async def _answer(self, question: str) -> str | None:
        self._speaker.ask(question)
        line = await self._lines.next(fresh=True)
        return line.strip() if line is not None else None
