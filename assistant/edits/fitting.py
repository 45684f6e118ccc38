"""New lines made to fit the file they come into: its indentation, its characters, its line endings.

sections ─► located ─► typography and trailing blanks as in the file ─► indentation: by one rule, else inferred ─► bytes
"""

from collections.abc import Callable, Mapping, Sequence

from ossa.assistant.edits.encoded import Encoded
from ossa.assistant.edits.evidence import only
from ossa.assistant.edits.future import with_future
from ossa.assistant.edits.hanging import unhung
from ossa.assistant.edits.indentation import indent, spaces_for_tabs
from ossa.assistant.edits.inference import inferred
from ossa.assistant.edits.lists import unheld
from ossa.assistant.edits.locate import Miss, locate
from ossa.assistant.edits.misses import explain
from ossa.assistant.edits.newest import with_newest
from ossa.assistant.edits.patch import EditError, Section
from ossa.assistant.edits.places import TYPOGRAPHIC, Place, Target, Tier
from ossa.assistant.edits.rows import Fitted
from ossa.assistant.edits.syntax import breakage
from ossa.assistant.text import body, ending

_QUOTES = "\u2018\u2019\u201c\u201d"
_ALIKE = ("'", '"')
"""What who writes one of them otherwise writes otherwise, too: a dash beside typographic quotes is meant."""
_TRIED = 1 << 20
"""Bytes of all results up to which places are told apart by them."""


def updated(path: str, data: bytes, sections: Sequence[Section], *, ordered: bool = True) -> bytes:
    """The file with all sections applied.

    Raises:
        EditError: a section has no place of its own, or its lines cannot be fitted to the file.
    """
    file = Encoded.of(path, data)
    target = Target([body(line) for line in file.lines])

    def result(places: Sequence[Place]) -> bytes:
        plain = _plain(target, places)
        made = _indented(path, data, file, target, places, [_spelt(target, place, plain) for place in places])
        if not any(c in _QUOTES for place in places for line in place.section.new for c in line):
            return made
        if len(plain) == len(TYPOGRAPHIC) or breakage(path, data, made) is None:
            return made
        # Quotes that break what parsed were meant to be plain.
        other = _indented(path, data, file, target, places, [_spelt(target, place, TYPOGRAPHIC) for place in places])
        return made if breakage(path, data, other) else other

    def attempted(places: Sequence[Place]) -> bytes | None:
        try:
            return result(places)
        except EditError:
            return None

    def chosen(choices: Sequence[Sequence[Place]]) -> int | None:
        tried = choices if len(choices) * len(data) <= _TRIED else ()
        return only(path, data, [attempted(places) for places in tried])

    sections = with_newest(target.lines, with_future(path, target.lines, sections))
    places = locate(target, sections, chosen, ordered=ordered)
    if isinstance(places, Miss):
        raise EditError(f"{explain(path, target, places)} Nothing was changed.")
    return result(places)


def _indented(
    path: str, data: bytes, file: Encoded, target: Target, places: Sequence[Place], bare: Sequence[Fitted]
) -> bytes:
    """The file with the new lines indented: as the old ones show, or where they don't, as the file demands."""
    ends = _ends(target, places)
    off = next((place for place in places if place.tier >= Tier.INDENTATION), None)
    result = None
    hung = not unhung(path, target, places)
    if all(place.tier < Tier.LOST for place in places):
        result = _written(
            file, [_reindented(path, target, p, runs) for p, runs in zip(places, bare, strict=True)], ends
        )
        python = path.endswith((".py", ".pyi"))
        open_question = (off and python) or not hung or unheld(path, target, places)
        if not open_question and not _misplaced(path, data, result, places):
            return result
    found = inferred(path, target, places, bare, hung=hung)
    if found is not None:
        return _written(file, found, ends)
    if result is not None and (off is None or breakage(path, data, result) is None):
        return result
    first = next((text for text in off.section.old if text.strip()), "") if off else ""
    raise EditError(
        f"{path}: the lines from {first.strip()[:120]!r} on are indented otherwise in the file, and how deep the "
        "new lines belong cannot be told. Send them all indented as in the file. Nothing was changed."
    )


def _misplaced(path: str, data: bytes, result: bytes, places: Sequence[Place]) -> bool:
    """Whether the file no longer parses, as where new lines have lost their indentation and the others had none."""
    new = [line for place in places for line in place.section.new]
    block = path.endswith((".py", ".pyi")) and any(line.split("#")[0].rstrip().endswith(":") for line in new)
    return (block or path.endswith((".ini", ".cfg"))) and breakage(path, data, result) is not None


def _ends(target: Target, places: Sequence[Place]) -> bool | None:
    """Whether the file is to end with a line break, where one of its last lines says so."""
    last = [place for place in places if place.start + len(place.section.old) == len(target.lines)]
    return next((place.section.ends for place in last if place.section.ends is not None), None)


def _written(file: Encoded, fitted: Sequence[Fitted], ends: bool | None) -> bytes:
    lines = list(file.lines)
    for runs in reversed(fitted):
        for start, stop, new in reversed(runs):
            lines[start:stop] = _ended(lines, start, stop, new)
    return file.with_lines(lines, ends=ends)


def _plain(target: Target, places: Sequence[Place]) -> Mapping[int, str | None]:
    """What to make of typographic characters: those that the quoted lines have where the file has plain ones."""
    foreign, known = set[str](), set[str]()
    for place in places:
        if place.tier < Tier.TYPOGRAPHIC:
            continue
        there = target.lines[place.start : place.start + len(place.section.old)]
        for here, real in zip(place.section.old, there, strict=True):
            for char in here:
                if ord(char) in TYPOGRAPHIC:
                    (known if char in real else foreign).add(char)
    if not foreign:
        return {}
    alike = {TYPOGRAPHIC[ord(char)] for char in foreign} - {TYPOGRAPHIC[ord(char)] for char in known}
    return {
        code: plain
        for code, plain in TYPOGRAPHIC.items()
        if plain in alike
        or chr(code) in foreign - known
        or (chr(code) not in target.characters and plain in _ALIKE and not alike.isdisjoint(_ALIKE))
    }


def _spelt(target: Target, place: Place, plain: Mapping[int, str | None]) -> Fitted:
    """The runs of a place, with characters and trailing blanks as the lines that had to be there have them."""
    there = target.lines[place.start : place.start + len(place.section.old)]
    pairs = list(zip(place.section.old, there, strict=True))
    trim, trim_blank = (_trim([pair for pair in pairs if bool(pair[0].strip()) is words]) for words in (True, False))

    def spelt(text: str) -> str:
        return trim(text.translate(plain) if plain else text) if text.strip() else trim_blank(text)

    return [(start, stop, [spelt(text) for text in new]) for start, stop, new in place.runs]


def _trim(pairs: Sequence[tuple[str, str]]) -> Callable[[str], str]:
    """Takes off the blanks that the patch has at the end of its lines and the file has not."""
    excess = {_excess(here, real) for here, real in pairs}
    if not any(excess):
        return lambda text: text
    if len(excess) > 1:
        return str.rstrip
    suffix = excess.pop()
    return lambda text: text.removesuffix(suffix)


def _excess(here: str, real: str) -> str:
    """The blanks that the patch has at the end of a line and the file has not."""
    blanks, there = here[len(here.rstrip()) :], real[len(real.rstrip()) :]
    return blanks.removesuffix(there) if len(blanks) > len(there) else ""


def _reindented(path: str, target: Target, place: Place, runs: Fitted) -> Fitted:
    """The runs with the indentation by which the lines that had to be there were found."""
    reindent = place.reindent
    if reindent is None and _all_tabs(place.section.new) and not any(map(indent, filter(str.strip, place.section.old))):
        reindent = spaces_for_tabs(target.lines)
    if reindent is None:
        return runs

    def fit(line: str) -> str:
        fitted = reindent(line)
        if fitted is None:
            raise EditError(
                f"{path}: the lines you quoted are indented otherwise in the file, and {line.strip()[:120]!r} "
                "cannot be moved along with them. Send the lines indented as in the file. Nothing was changed."
            )
        return fitted

    return [(start, stop, [fit(line) for line in new]) for start, stop, new in runs]


def _all_tabs(lines: Sequence[str]) -> bool:
    indents = [indent(line) for line in lines if indent(line) and line.strip()]
    return bool(indents) and all(blanks.startswith("\t") for blanks in indents)


def _ended(lines: Sequence[str], start: int, stop: int, new: Sequence[str]) -> list[str]:
    """The new lines with the endings of those they replace, then of their neighbours."""
    known = [ending(line) for line in lines[start:stop]]
    near = [*lines[max(start - 1, 0) : start], *lines[stop : stop + 1]]
    usual = known[-1] if known else next((found for line in near if (found := ending(line))), "\n")
    return [line + (known[n] if n < len(known) else usual) for n, line in enumerate(new)]
