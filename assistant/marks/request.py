"""What marks ask for, as a prompt; and how the change takes them out.

marks ─► requested() ─► Request(prompt) ─► a turn ─► Tidying.clear(): what the model left of them goes
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from ossa.assistant.draft import Draft
from ossa.assistant.index.outlines import outline
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.marks.marks import Kind, Mark, marks_in, without
from ossa.assistant.mentions import spelled
from ossa.assistant.text import decode, encode, is_binary

_AROUND, _MOST = 15, 200
"""Lines above and below a mark that stands in no definition, and lines of a definition that are shown at most."""
_BELOW = 3
"""Lines below a mark in which a definition begins that it is about."""
_WORDS: dict[Kind, str] = {"do": "AI!", "ask": "AI?", "note": "AI"}
_TOLD = 60
"""Characters of a mark in a line for the person."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for together: the marks of one burst of saved files."""

    prompt: str
    marks: tuple[Mark, ...]
    """Those that ask, then the notes that go with them."""
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By path, the lines of the last commit: of a comment they stay."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """The files of the marks, as they were when they asked."""

    @property
    def wants_change(self) -> bool:
        """Whether it is more than questions."""
        return any(mark.kind == "do" for mark in self.marks)


class Tidying:
    """Takes out of a draft what the model left of a request's marks, or made of them; calls block."""

    def __init__(self, request: Request, draft: Draft, root: Path) -> None:
        """Nothing is done yet; the person's own files are below `root`."""
        self._request, self._draft, self._root = request, draft, root
        self._done: dict[str, tuple[bytes, bytes]] = {}
        """By path, what was there before, and after."""

    def clear(self) -> bool:
        """Do it; False where nothing was left.

        Raises:
            DraftError: the draft cannot be written.
        """
        cleared = False
        for path in dict.fromkeys(mark.path for mark in self._request.marks if self._request.wants_change):
            data = self._draft.read(path)
            clean = data if data is None or is_binary(data) else self._without(path, data)
            if data is not None and clean is not None and clean != data:
                self._draft.write(path, clean)
                self._done[path] = (data, clean)
                cleared = True
        return cleared

    def restore(self) -> None:
        """Put back what was taken out, where nothing else was done to the file since.

        Raises:
            DraftError: the draft cannot be written.
        """
        for path, (before, after) in self._done.items():
            if self._draft.read(path) == after:
                self._draft.write(path, before)
        self._done.clear()

    def _without(self, path: str, data: bytes) -> bytes:
        text = decode(data)
        keys = {mark.key for mark in self._request.marks if mark.path == path}
        lines = self._request.kept.get(path, frozenset())
        now = self._persons(path)
        theirs = marks_in(path, now)
        persons = {mark.key for mark in theirs}
        since = self._since(path, now, [mark for mark in theirs if mark.key in keys], text)

        def goes(mark: Mark) -> bool:
            if mark.line in since:
                return False
            # One that asks and is neither the last commit's nor the person's: the model has put their words otherwise.
            reworded = mark.kind == "do" and mark.source not in lines and mark.key not in persons
            return mark.key in keys or reworded

        return encode(without(text, filter(goes, marks_in(path, text)), lines))

    def _since(self, path: str, now: str, marks: Sequence[Mark], text: str) -> Collection[int]:
        """Where the draft's text has marks in the request's very words that the person has saved only since.

        Args:
            path: of the file.
            now: it as the person has it.
            marks: those of it in such words.
            text: it as the draft has it.
        """
        asked = self._request.texts.get(path, now)
        if asked == now:
            return ()
        stayed = {*_shared(asked, now).values()}
        # Of no more than before, the person has but moved one.
        more = Counter(mark.key for mark in marks) - Counter(mark.key for mark in marks_in(path, asked))
        new = set[int]()
        for mark in marks:
            if mark.line not in stayed and more[mark.key] > 0:
                more[mark.key] -= 1
                new.add(mark.line)
        return {line for line, theirs in _shared(text, now).items() if theirs in new} if new else ()

    def _persons(self, path: str) -> str:
        """The file as the person has it now, who may have saved another mark since they asked; empty without one."""
        file = self._root / path
        try:
            return decode(file.read_bytes()) if file.is_file() else ""
        except OSError:
            return ""


def requested(marks: Sequence[Mark], texts: Mapping[str, str], kept: Mapping[str, frozenset[str]]) -> Request:
    """The request that these marks make; `texts` are their files."""
    parts: list[str] = []
    for kind, title in (
        ("do", "Do what the comments with AI! in my files ask for; they themselves are taken out of your change:"),
        ("ask", "Answer what the comments with AI? in my files ask; that alone is no reason to change anything:"),
        ("note", "For this I noted in comments with AI:"),
    ):
        told = [_told(mark, texts.get(mark.path, "")) for mark in marks if mark.kind == kind]
        if told:
            parts.append("\n".join([title, *told]))
    own = {mark.path: texts.get(mark.path, "") for mark in marks}
    return Request("\n\n".join(parts), tuple(marks), kept, own)


def _shared(one: str, other: str) -> dict[int, int]:
    """Which lines of one text are which of the other, from 1."""
    blocks = SequenceMatcher(None, one.split("\n"), other.split("\n")).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(1, block.size + 1)}


def place(mark: Mark) -> str:
    """The mark in a line for the person."""
    text = " ".join(mark.text.split())
    said = text if len(text) <= _TOLD else f"{text[: _TOLD - 1]}…"
    return f"{mark.path}:{mark.line}: {said or '(no words)'} ({_WORDS[mark.kind]})"


def _told(mark: Mark, text: str) -> str:
    """The mark for the model: where, in which definition, and what it says."""
    first, last, name = around(mark, text)
    where = f"- {spelled(mark.path)}:{first}-{last}, line {mark.line}" + (f", in {name}" if name else "")
    said = mark.text.strip() or "(it says no more: do what stands to reason there)"
    return f"{where}: {said}".replace("\n", "\n  ")


def around(mark: Mark, text: str) -> tuple[int, int, str]:
    """The lines around a mark, from 1, and the definition that they are; its name is empty where there is none."""
    count = max(1, len(text.split("\n")) - text.endswith("\n"))
    symbols = [one for one in outline(mark.path, text).symbols if one.kind in ("function", "method", "class", "type")]
    holding = [one for one in symbols if one.line <= mark.first and mark.last <= one.end]
    below = [one for one in symbols if mark.last < one.line <= mark.last + _BELOW] if mark.own else []
    inner = _least(holding)
    found = _least(below) if inner is None or inner.kind in ("class", "type") else None
    found = found or inner
    if found is None:
        return max(1, mark.first - _AROUND), min(count, mark.last + _AROUND), ""
    first, last = min(found.line, mark.first), max(found.end, mark.last)
    if last - first >= _MOST:
        first, last = max(first, mark.line - _MOST // 2), min(last, mark.line + _MOST // 2)
    return first, min(last, count), ".".join(filter(None, (found.parent, found.name)))


def _least(symbols: Sequence[Symbol]) -> Symbol | None:
    return min(symbols, key=lambda one: (one.end - one.line, one.line), default=None)
