"""Languages other than Python: a name that one definition alone has is renamed wherever it stands in code.

file ─► grammar: what is comment or text ─► the name in all the rest ─► places
"""

import re
from collections.abc import Mapping

from ossa.assistant.index.languages import grammar, language_of
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
    else:
        edits = {path: [Edit(at, at + len(name), wish.to) for at in places] for path, places in references.items()}
        after = {path: Source(path, files[path]).after(each) for path, each in edits.items()}
        return Outcome(
            after, sum(map(len, edits.values())), (), [f"Of comments and texts with {name} none was changed."]
        )
    return Outcome(left=left, problem=f"{why}; these are the {len(left)} places where {name} stands.")


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


def _left(files: Mapping[str, bytes], path: str, at: int) -> Left:
    source = Source(path, files[path])
    line = source.line_of(at)
    return Left(path, line, source.line(line)[:160], "a reference")
