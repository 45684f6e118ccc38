"""New lines made to fit the file they come into: its indentation, its characters, its line endings, its encoding."""

from collections.abc import Callable, Iterator, Sequence

from ossa.assistant.edits.indentation import indent, spaces_for_tabs
from ossa.assistant.edits.locate import TYPOGRAPHIC, Miss, Place, Target, Tier, locate
from ossa.assistant.edits.misses import explain
from ossa.assistant.edits.patch import EditError, Section
from ossa.assistant.text import body, ending, is_binary, split

_BOM = b"\xef\xbb\xbf"


def updated(path: str, data: bytes, sections: Sequence[Section], *, ordered: bool = True) -> bytes:
    """The file with all sections applied.

    Raises:
        EditError: a section has no place of its own, or its lines cannot be fitted to the file.
    """
    if is_binary(data):
        raise EditError(f"{path} is binary or too large to be patched.")
    bom, encoding = _BOM if data.startswith(_BOM) else b"", _encoding(data)
    lines = split(data[len(bom) :].decode(encoding))
    open_end = _usual(lines) if lines and not ending(lines[-1]) else ""
    if open_end:
        lines[-1] += open_end
    target = Target([body(line) for line in lines])
    places = locate(target, sections, ordered=ordered)
    if isinstance(places, Miss):
        raise EditError(f"{explain(path, target, places)} Nothing was changed.")
    plain = _plain(target, places)
    for place in reversed(places):
        for start, stop, new in reversed(list(_runs(place, _fit(path, target, place, plain)))):
            lines[start:stop] = _ended(lines, start, stop, new)
    return bom + _encoded(path, "".join(lines).removesuffix(open_end), encoding)


def content(path: str, lines: Sequence[str], before: bytes | None) -> bytes:
    """A whole file; one that is there already keeps its byte order mark and its line endings.

    Raises:
        EditError: it has characters that no file can have.
    """
    bom = _BOM if before and before.startswith(_BOM) else b""
    newline = "\r\n" if before and before.count(b"\r\n") == before.count(b"\n") > 0 else "\n"
    return bom + _encoded(
        path, "".join(line + newline for line in lines).removeprefix("\ufeff" if bom else ""), "utf-8"
    )


def _encoded(path: str, text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end][:20]
        raise EditError(f"{path} is in {encoding.upper()}, which cannot have {wrong!r}. Write it otherwise.") from error


def _encoding(data: bytes) -> str:
    """UTF-8, or Latin-1 for anything else: the one that gives every byte a character and gets it back."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _runs(place: Place, fit: Callable[[str], str]) -> Iterator[tuple[int, int, list[str]]]:
    """The changed runs of a section as `start:stop` of the file, with the lines that come there."""
    at = start = place.start
    new: list[str] = []
    for line in place.section.lines:
        if line.sign == " ":
            if new or at > start:
                yield start, at, new
            at += 1
            start, new = at, []
        elif line.sign == "-":
            at += 1
        else:
            new.append(fit(line.text))
    if new or at > start:
        yield start, at, new


def _plain(target: Target, places: Sequence[Place]) -> dict[int, str | None]:
    """What to make of typographic characters, where the quoted lines have some that the file nowhere has."""
    foreign = (c for p in places if p.tier >= Tier.TYPOGRAPHIC for text in p.section.old for c in text)
    if not any(ord(c) in TYPOGRAPHIC and c not in target.characters for c in foreign):
        return {}
    return {code: plain for code, plain in TYPOGRAPHIC.items() if chr(code) not in target.characters}


def _fit(path: str, target: Target, place: Place, plain: dict[int, str | None]) -> Callable[[str], str]:
    """Does to the lines that come in what the lines that had to be there needed to be found."""
    old = place.section.old
    there = target.lines[place.start : place.start + len(old)]
    spaced = any(len(a) - len(a.rstrip()) > len(b) - len(b.rstrip()) for a, b in zip(old, there, strict=True))
    reindent = place.reindent
    if reindent is None and _all_tabs(place.section.new) and not any(indent(line) for line in old if line.strip()):
        reindent = spaces_for_tabs(target.lines)

    def fit(line: str) -> str:
        line = line.translate(plain)
        fitted = reindent(line) if reindent else line
        if fitted is None:
            raise EditError(
                f"{path}: the lines you quoted are indented otherwise in the file, and {line.strip()[:120]!r} "
                "cannot be moved along with them. Send the lines indented as in the file. Nothing was changed."
            )
        return fitted.rstrip() if spaced else fitted

    return fit


def _all_tabs(lines: Sequence[str]) -> bool:
    indents = [indent(line) for line in lines if indent(line) and line.strip()]
    return bool(indents) and all(blanks.startswith("\t") for blanks in indents)


def _ended(lines: Sequence[str], start: int, stop: int, new: Sequence[str]) -> list[str]:
    """The new lines with the endings of those they replace, then of their neighbours."""
    known = [ending(line) for line in lines[start:stop]]
    usual = known[-1] if known else _usual([*lines[max(start - 1, 0) : start], *lines[stop : stop + 1]])
    return [line + (known[n] if n < len(known) else usual) for n, line in enumerate(new)]


def _usual(lines: Sequence[str]) -> str:
    return next((found for line in lines if (found := ending(line))), "\n")
