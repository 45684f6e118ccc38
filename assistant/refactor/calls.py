"""One call after another: its arguments bound as Python binds them, and given as the new parameters want them.

Place(call) ─► values by name ─► order of the new head ─► Edit, or a doubt where a person has to look
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ossa.assistant.refactor.callers import Place
from ossa.assistant.refactor.heads import Change
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.uses import Uses
from ossa.assistant.refactor.wish import Refused

_COMMA = re.compile(r"\s*,\s*")


class _Unclear(Exception):
    """The call stays as it is; the text says why."""


@dataclass
class _Given:
    """The arguments of one call."""

    before: list[str] = field(default_factory=list[str])
    """`self`, where it is given by hand."""
    values: dict[str, str] = field(default_factory=dict[str, str])
    """By the parameters' new names, in the order of the call."""
    named: set[str] = field(default_factory=set[str])
    more: list[str] = field(default_factory=list[str])
    """For `*args`."""
    extra: list[str] = field(default_factory=list[str])
    """For `**kwargs`."""


class Calls:
    """Writes calls anew."""

    def __init__(self, uses: Uses, change: Change, edits: Mapping[str, list[Edit]]) -> None:
        """`edits` are those of each file; what a call takes in of them goes into its own."""
        self._uses, self._change, self._edits = uses, change, edits

    def rewrite(self, place: Place) -> None:
        """Change one call.

        Raises:
            Refused: no call could say what this one says.
        """
        source = self._uses.modules.source(place.path)
        try:
            self._rewrite(place, source)
        except _Unclear as why:
            self._uses.doubt(place.path, place.start, str(why))

    def _rewrite(self, place: Place, source: Source) -> None:
        call = place.call
        if call is None and self._change.is_behind:
            return
        if call is None:
            raise _Unclear("it is passed on here, so who calls it is not seen")
        if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
            if not self._change.is_behind:
                raise _Unclear("it is called with * or **, so which arguments are given is not seen")
            return
        parts = [*call.args, *call.keywords]
        texts = [self._text(source, part) for part in parts]
        given = self._bound(call, texts, int(place.unbound))
        arguments = [*given.before, *self._ordered(given, f"{place.path}:{call.lineno}"), *given.extra]
        if arguments != texts:
            self._write(source, call, parts, arguments)
            lost = [value for name, value in given.values.items() if name in self._change.gone]
            if any(re.search(r"\(|\bawait\b", value) for value in lost):
                self._uses.doubt(place.path, place.start, "an argument that is a call of its own was taken out")

    def _text(self, source: Source, node: ast.AST) -> str:
        """What stands there, with the changes within."""
        start, end = source.span(node)
        text = source.text[start:end]
        for edit in sorted(set(self._edits[source.path]), reverse=True):
            if start <= edit.start and edit.end <= end:
                text = text[: edit.start - start] + edit.new + text[edit.end - start :]
        return text

    def _bound(self, call: ast.Call, texts: Sequence[str], unbound: int) -> _Given:
        """The arguments by the parameters that they are for."""
        old, renamed = self._change.old, self._change.renamed
        places = texts[unbound : len(call.args)]
        given = _Given(list(texts[:unbound]), more=list(places[len(old.positional) :]))
        for name, text in zip(old.positional, places, strict=False):
            given.values[renamed.get(name, name)] = text
        for word, text in zip(call.keywords, texts[len(call.args) :], strict=True):
            name = word.arg or ""
            if name in old.by_name:
                name = renamed.get(name, name)
                if name in given.values:
                    raise _Unclear("the call gives an argument twice")
                given.named.add(name)
                given.values[name] = text.partition("=")[2].strip()
            elif name in self._change.new.by_name:
                raise _Unclear(f"it gives {name}, which went into **{getattr(old.arguments.kwarg, 'arg', 'kwargs')}")
            else:
                given.extra.append(text)
        if (given.more and not old.arguments.vararg) or (given.extra and not old.arguments.kwarg):
            raise _Unclear("the call does not fit the old signature")
        return given

    def _ordered(self, given: _Given, where: str) -> list[str]:
        by_place: list[str] = []
        by_name: list[str] = []
        new, values = self._change.new, given.values
        gap = False
        for name in new.positional:
            if name not in values:
                gap = True
            elif name in new.only_places:
                if gap:
                    raise Refused(f"The call at {where} gives {name}, but nothing for what now stands before it.")
                by_place.append(values[name])
            elif gap or name in given.named:
                gap = True
                by_name.append(f"{name}={values[name]}")
            else:
                by_place.append(values[name])
        if given.more and gap:
            raise Refused(f"The call at {where} gives more arguments by place than the new signature has room for.")
        order = {name: number for number, name in enumerate(values)}
        by_name += [f"{name}={values[name]}" for name in new.only_keywords if name in values]
        by_name.sort(key=lambda text: order.get(text.partition("=")[0], len(order)))
        return [*by_place, *given.more, *by_name]

    def _write(self, source: Source, call: ast.Call, parts: Sequence[ast.AST], arguments: Sequence[str]) -> None:
        """Put other arguments into a call; one a line where they stood so."""
        spans = [source.span(part) for part in parts]
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        closing = source.span(call)[1]
        alone = end == closing  # a generator, whose brackets are those of the call
        between = [source.text[a:b] for (_, a), (b, _) in pairwise(spans)]
        opening = source.text[source.span(call.func)[1] : start].strip()
        rest = source.text[end:closing]
        if any("#" in text for text in [*between, opening, rest]):
            raise _Unclear("there are comments between the arguments of this call")
        fits = all(_COMMA.fullmatch(text) for text in between) and rest.replace(",", "", 1).strip() == ")"
        if not alone and not (fits and opening == "("):
            raise _Unclear("arguments of this call stand in brackets of their own")
        if not _is_there(source, call):
            raise _Unclear("its place in an f-string is not certain")
        text = next((text for text in between if "\n" in text), ", ").join(arguments)
        if not arguments and not alone:
            start, end = source.text.index("(", source.span(call.func)[1]) + 1, closing - 1
        own = self._edits[source.path]
        own[:] = [edit for edit in own if not (start <= edit.start and edit.end <= end)]
        own.append(Edit(start, end, f"({text})" if alone else text))


def _is_there(source: Source, call: ast.Call) -> bool:
    """Whether the text has the call where the tree tells it."""
    try:
        found = ast.parse(f"({source.text[slice(*source.span(call))]}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return ast.dump(found) == ast.dump(call)
