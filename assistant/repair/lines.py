"""What a line of a function or its body may become, so that the model writes nothing that cannot stand there.

function's text ─┬► logical lines ─► for the middle of a line, or before it: a grammar of one line
                 └► margin ─► a grammar of its body
"""

import ast
import io
import tokenize
from collections.abc import Collection, Iterator

from ossa.assistant.repair.functions import parse
from ossa.assistant.repair.grammar import Scope, block_grammar, line_grammar
from ossa.model.constraints import Constraint

_LAYOUT = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


class Lines:
    """The lines of a function that begins at the margin."""

    def __init__(
        self,
        text: str,
        known: Collection[str],
        attributes: Collection[str] | None = None,
        imported: Collection[str] = (),
    ) -> None:
        """`known` are names bound outside of it, with a "*" where they are not all known; for the rest see `Scope`."""
        self._text, self._scope = text, Scope(None, None, attributes, imported)
        self._is_free = "*" in known
        self._opens = dict(_logical(text))
        tree = parse(text)
        nodes = list(ast.walk(tree)) if tree else []
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        given = {node.arg for node in nodes if isinstance(node, ast.arg)}
        self._held: dict[bool, Constraint] = {}
        if tree and not self._is_free:
            scope = Scope({*known, *names, *given}, names, attributes, imported)
            self._held = {o: Constraint(grammar=line_grammar(scope, o), of_line=True) for o in (False, True)}

    def within(self, offset: int) -> Constraint | None:
        """What the line around a place may become; None where it is a part of something longer."""
        opens = self._opens.get(self._text.count("\n", 0, offset))
        return None if opens is None else self._held.get(opens)

    def before(self, offset: int) -> Constraint | None:
        """What may come as a line of its own before the one around a place."""
        return self._held.get(False) if self._text.count("\n", 0, offset) in self._opens else None

    def block(self, margin: str) -> Constraint | None:
        """What the lines of the body may be, the first of which stands behind its margin."""
        if self._is_free or not margin or self._text[0].isspace():
            return None  # how far a block stands to the right is not known
        return Constraint(grammar=block_grammar(self._scope, margin), of_line=True)


def _logical(text: str) -> Iterator[tuple[int, bool]]:
    """Rows, from 0, that hold one statement or its head alone, and whether lines that stand further right follow."""
    line: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE and line:
                first, last = line[0].start[0], line[-1].end[0]
                if first == last:
                    yield first - 1, line[-1].string == ":"
                line = []
            elif token.type not in _LAYOUT:
                line.append(token)
    except (tokenize.TokenError, SyntaxError):
        return
