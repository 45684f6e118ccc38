"""Languages other than Python: a name that one definition alone has is renamed wherever it stands in code.

file ─► grammar: what is comment or text ─► the name in all the rest ─► places
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ossa.assistant.index.languages import grammar, language_of
from ossa.assistant.refactor.places import KEYWORDS, Places
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.wish import Left, Outcome, Target, Wish, unread

_ALIKE = {"typescript": "javascript", "cpp": "c"}
"""Languages whose files use each other's names."""


def reworked(wish: Wish, target: Target, files: Mapping[str, bytes], definitions: int) -> Outcome:
    """What the files become; a problem with the list of references where a name alone does not say what is meant."""
    if target.path not in files:
        return Outcome(problem=unread(target.path))
    name = target.name.rpartition(".")[2]
    references = _references(target, name, files)
    left = [_left(files, path, start) for path, places in references.items() for start in places]
    if wish.what != "rename":
        why = f"A {wish.what} is worked out by ossa itself for Python alone"
    elif definitions > 1:
        why = f"{name} is defined {definitions} times, and only for Python it is known which of them is meant"
    elif not re.fullmatch(r"[^\W\d]\w*", wish.to):
        return Outcome(problem=f"{wish.to[:80]!r} is no name; a name has letters, digits and underscores.")
    elif _references(target, wish.to, files):
        return Outcome(problem=f"{wish.to} is a name in these files already; choose another one.")
    elif wish.to in KEYWORDS:
        return Outcome(problem=f"{wish.to} is a word that languages keep for themselves; choose another name.")
    else:
        edits, doubts = _sorted_out(target, name, wish.to, files, references)
        if "." not in target.name or not doubts:
            return _written(target, files, edits, doubts)
        why = f"{name} is a member, and nothing tells what stands before it at {len(doubts)} of its places"
    return Outcome(left=left, problem=f"{why}; these are the {len(left)} places where {name} stands.")


def _sorted_out(
    target: Target, name: str, new: str, files: Mapping[str, bytes], references: Mapping[str, list[int]]
) -> tuple[dict[str, list[Edit]], list[Left]]:
    """The edits, and the places that may mean something else."""
    edits: dict[str, list[Edit]] = {}
    doubts: list[Left] = []
    origin = Source(target.path, files[target.path]).text
    for path, starts in references.items():
        source = Source(path, files[path])
        places = Places(path, source.text)
        first = next((at for at in starts if path == target.path and source.line_of(at) == target.line), -1)
        hidden = [span for at in starts if at != first and (span := places.span(at, name))]
        for at in starts:
            why = "" if at == first else _doubt(target, source, places, hidden, at, origin)
            if why == "short":
                edits.setdefault(path, []).append(Edit(at, at + len(name), f"{name}: {new}"))
            elif why:
                doubts.append(_left(files, path, at, why))
            else:
                edits.setdefault(path, []).append(Edit(at, at + len(name), new))
    return edits, doubts


def _doubt(
    target: Target, source: Source, places: Places, hidden: Sequence[tuple[int, int]], at: int, origin: str
) -> str:
    """Why a place may mean something else; "" where it does not, "short" where `{name}` is a key, too."""
    owner, _, name = target.name.rpartition(".")
    cls = owner.rpartition(".")[2]
    within = not owner or places.is_within(at, cls)
    before = places.qualifier(at)
    if before is not None:
        sure = (
            before == cls or (within and places.is_own(at)) if owner else _is_module(target, origin, source, before, at)
        )
        return "" if before and sure else "what stands before it may be anything"
    meaning = places.meaning(at, name)
    if any(start <= at < end for start, end in hidden):
        meaning = "a parameter or local name"
    if meaning == "short" or not meaning:
        return meaning if within else f"it stands outside of {cls}"
    return f"{meaning} may be meant"


def _is_module(target: Target, origin: str, source: Source, word: str, at: int) -> bool:
    """Whether a word before a dot is the module, package or namespace that the definition is in."""
    place = PurePosixPath(target.path)
    quoted = re.escape(word)
    if brought := re.search(rf"import\s+\*\s+as\s+{quoted}\s+from\s+['\"](\.[^'\"]*)", source.text):
        return PurePosixPath(brought[1]).stem == place.stem
    if place.suffix == ".go":
        return word == place.parent.name and f'{word}"' in source.text
    if re.search(
        rf"^\s*(?:inline\s+)?(?:namespace|module|mod|package)\s+(?:[\w.:\\]*[.:\\])?{quoted}\b", origin, re.MULTILINE
    ):
        return True
    line = source.line(source.line_of(at))
    known = place.suffix == ".rs" or re.match(r"(import|using|use)\b", line)
    return bool(known) and word in (place.stem, place.parent.name, "crate", "self", "super")


def _written(
    target: Target, files: Mapping[str, bytes], edits: Mapping[str, list[Edit]], doubts: Sequence[Left]
) -> Outcome:
    """What the files become, as long as their languages can still read them."""
    sources = {path: Source(path, files[path]) for path in edits}
    after = {path: sources[path].after(each) for path, each in edits.items()}
    for path, data in after.items():
        if Places(path, Source(path, data).text).errors() > Places(path, sources[path].text).errors():
            return Outcome(problem=f"{path} would no longer parse, so nothing was changed; choose another name.")
    count = sum(map(len, edits.values()))
    name = target.name.rpartition(".")[2]
    notes = [f"Of comments and texts with {name} none was changed."]
    if PurePosixPath(target.path).stem == name:
        notes.append(f"The file is still named {target.path}.")
    return Outcome(after, places=count, left=doubts, notes=notes)


def _references(target: Target, name: str, files: Mapping[str, bytes]) -> dict[str, list[int]]:
    """Where the name stands in the code of files of the same language."""
    language = _language(target.path)
    found: dict[str, list[int]] = {}
    for path, data in files.items():
        if _language(path) == language and (places := _places(path, data, name)):
            found[path] = places
    return found


def _language(path: str) -> str:
    language = language_of(path)
    return _ALIKE.get(language.query, language.query) if language else ""


def _places(path: str, data: bytes, name: str) -> list[int]:
    source = Source(path, data)
    text = source.text
    places = [match.start() for match in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text)]
    if not places:
        return []
    quiet = _quiet(path, text)
    return [at for at in places if not any(start <= at < end for start, end in quiet)]


def _quiet(path: str, text: str) -> list[tuple[int, int]]:
    """Where comments and texts are, in characters."""
    language = language_of(path, text)
    known = grammar(language) if language else None
    if known is None:
        return [(0, len(text))]
    from tree_sitter import Parser, QueryCursor

    data = text.encode("utf-8", "replace")
    tree = Parser(known[0]).parse(data)
    nodes = [
        node for _, captured in QueryCursor(known[1]).matches(tree.root_node) for node in captured.get("quiet", ())
    ]
    if len(data) == len(text):
        return [(node.start_byte, node.end_byte) for node in nodes]
    return [
        (len(data[: n.start_byte].decode(errors="ignore")), len(data[: n.end_byte].decode(errors="ignore")))
        for n in nodes
    ]


def _left(files: Mapping[str, bytes], path: str, at: int, why: str = "a reference") -> Left:
    source = Source(path, files[path])
    line = source.line_of(at)
    return Left(path, line, source.line(line)[:160], why)
