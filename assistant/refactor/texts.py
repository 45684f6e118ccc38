"""The name in texts: `__all__`, annotations in quotes, `getattr(x, "name")`, dotted paths; and in prose, counted.

file ─► Texts.python() / Texts.prose() ─► Use for what surely means the definition, Doubt for a bare word
"""

import ast
import re
import tokenize
from collections.abc import Iterator

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Scope, Scopes
from ossa.assistant.refactor.uses import Use, Uses

_BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr", "object", "attrgetter", "methodcaller", "delitem"})
"""Functions that take an attribute's name as a text: `patch.object` and monkeypatch's `setattr`, too."""
_DOTTED = r"(?<![\w.])(?:[A-Za-z_]\w*[.:])+{name}(?!\w)"


class Texts:
    """Looks through texts for the name of a definition."""

    def __init__(self, uses: Uses) -> None:
        self._uses, self._modules = uses, uses.modules
        self._name = uses.name
        self._word = re.compile(rf"(?<!\w){re.escape(self._name)}(?!\w)")
        self._dotted = re.compile(_DOTTED.format(name=re.escape(self._name)))
        self.mentioned = 0
        """How often the bare word stands in prose."""

    def python(self, path: str) -> Iterator[Use]:
        """Texts and comments of a file of Python."""
        scopes = self._modules.scopes(path)
        if scopes is None:
            return
        taken: set[int] = set()
        for node, scope, annotation in scopes.texts:
            if self._name in str(node.value):
                for use in self._text(path, scopes, node, scope, annotation):
                    taken.add(use.start)
                    yield use
        source = self._modules.source(path)
        for start, end in quiet(source.text):
            for match in self._dotted.finditer(source.text, start, end):
                at = match.end() - len(self._name)
                if at not in taken and self._means(match[0]):
                    yield Use(path, at, match.end(), "text")
                    taken.add(at)
            self._mention(path, source.text, start, end, taken)

    def prose(self, path: str, text: str) -> Iterator[tuple[int, int]]:
        """Dotted paths in any other file, as places in its text; bare words are counted."""
        taken: set[int] = set()
        for match in self._dotted.finditer(text):
            if self._means(match[0]):
                taken.add(match.end() - len(self._name))
                yield match.end() - len(self._name), match.end()
        self.mentioned += sum(match.start() not in taken for match in self._word.finditer(text))

    def _text(self, path: str, scopes: Scopes, node: ast.Constant, scope: Scope, annotation: bool) -> Iterator[Use]:
        source = self._modules.source(path)
        start, end = source.span(node)
        places = [match.start() for match in self._word.finditer(source.text, start, end)]
        if not places:
            return
        if node.value == self._name and (annotation or self._is_listed(path, scopes, node)):
            exact = not self._uses.owner and self._modules.named(self._name, path, scope) == self._uses.target
            if exact and len(places) == 1:
                yield Use(path, places[0], places[0] + len(self._name), "text", node, scope)
                return
        elif annotation:
            yield from self._annotated(path, node, scope, places)
            return
        if node.value == self._name and len(places) == 1:
            by_name = self._by_name(path, scopes, node)
            if by_name:
                yield Use(path, places[0], places[0] + len(self._name), "text", node, scope)
            elif by_name is None:
                self._uses.doubt(path, places[0], "a text that is the name")

    def _is_listed(self, path: str, scopes: Scopes, node: ast.Constant) -> bool:
        """Whether the text stands in the module's `__all__`."""
        for statement in ast.walk(scopes.module.node):
            if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
                continue
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            listed = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
            if listed and any(part is node for part in ast.walk(statement)):
                return True
        return False

    def _annotated(self, path: str, node: ast.Constant, scope: Scope, places: list[int]) -> Iterator[Use]:
        """An annotation in quotes that says more than the name."""
        try:
            tree = ast.parse(str(node.value).strip(), mode="eval")
        except (SyntaxError, ValueError):
            return
        means = [
            self._modules.meaning(part, path, scope) == self._uses.target
            for part in ast.walk(tree)
            if (isinstance(part, ast.Name) and part.id == self._name)
            or (isinstance(part, ast.Attribute) and part.attr == self._name)
        ]
        if means and all(means) and len(means) == len(places):
            for place in places:
                yield Use(path, place, place + len(self._name), "text", node, scope)
        elif any(means):
            self._uses.doubt(path, places[0], "an annotation in quotes")

    def _by_name(self, path: str, scopes: Scopes, node: ast.Constant) -> bool | None:
        """Whether `getattr(x, "name")` or the like means the definition; False where it surely does not."""
        for call, scope in scopes.calls:
            if node not in call.args:
                continue
            at = call.args.index(node)
            function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if at != 1 or function not in _BY_NAME:
                return None if function in _BY_NAME or (at == 0 and function == "") else False
            whole = call.args[0]
            meaning = self._modules.inside(self._modules.meaning(whole, path, scope), self._name)
            if isinstance(meaning, Entity):
                return self._uses.is_target(meaning)
            owner = self._uses.classes.instance(whole, path, scope)
            member = self._uses.classes.member(owner, self._name) if isinstance(owner, Entity) else None
            return self._uses.is_target(member) if member else None
        if self._uses.owner or len(self._name) < 4:
            return None if any(_is_open(call) for call, _ in scopes.calls) else False
        return None

    def _means(self, dotted: str) -> bool:
        return self._uses.is_target(self._modules.dotted_meaning(dotted))

    def _mention(self, path: str, text: str, start: int, end: int, taken: set[int]) -> None:
        self.mentioned += sum(match.start() not in taken for match in self._word.finditer(text, start, end))


def _is_open(call: ast.Call) -> bool:
    """Whether it looks for an attribute of which only the running program knows the name."""
    named = isinstance(call.func, ast.Name) and call.func.id in ("getattr", "setattr", "hasattr")
    return named and len(call.args) > 1 and not isinstance(call.args[1], ast.Constant)


def quiet(text: str) -> Iterator[tuple[int, int]]:
    """Where comments and texts begin and end."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = iter(text.splitlines(keepends=True))
    try:
        for token in tokenize.generate_tokens(lambda: next(lines, "")):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
    except (tokenize.TokenError, IndentationError, IndexError):
        return
