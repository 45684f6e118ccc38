"""Source text to coloured lines, by pygments. Slow for a large file: call it in a thread."""

from collections.abc import Sequence

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import Token
from pygments.util import ClassNotFound
from textual.content import Content, Span
from textual.highlight import TokenType

from ossa.tui.safe import cut, visible

TAB = 4
"""Cells of a tab stop."""
COLOURED = 150_000
"""Characters above which a text stays without colours."""

STYLES: dict[TokenType, str] = {
    Token.Comment: "$text-muted italic",
    Token.Keyword: "$text-accent",
    Token.Keyword.Constant: "$text-secondary",
    Token.Operator.Word: "$text-accent",
    Token.Literal.Number: "$text-secondary",
    Token.Literal.String: "$text-success",
    Token.Literal.String.Doc: "$text-success italic",
    Token.Literal.String.Escape: "$text-secondary",
    Token.Name.Builtin: "$text-secondary",
    Token.Name.Builtin.Pseudo: "italic",
    Token.Name.Class: "$text-warning bold",
    Token.Name.Decorator: "$text-warning",
    Token.Name.Exception: "$text-warning",
    Token.Name.Function: "$text-primary bold",
    Token.Name.Tag: "$text-accent",
    Token.Name.Attribute: "$text-warning",
    Token.Generic.Heading: "$text-primary bold",
    Token.Generic.Subheading: "$text-primary",
    Token.Generic.Strong: "bold",
    Token.Generic.Emph: "italic",
}


def display_lines(text: str, tab: int = TAB) -> list[str]:
    """The lines of a text as they are shown: harmless, tabs expanded to stops of `tab` cells, overlong ones cut."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    return [cut(visible(line).expandtabs(tab)) for line in lines]


def coloured_lines(text: str, path: str, tab: int = TAB) -> list[Content]:
    """The lines of a text, coloured by the language its file name tells; as many as `display_lines` gives."""
    lines = display_lines(text, tab)
    if sum(map(len, lines)) > COLOURED:
        return [Content(line) for line in lines]
    return coloured(lines, path)


def coloured(lines: Sequence[str], path: str) -> list[Content]:
    """Lines as `display_lines` gives them, or some of a file's, coloured by the language its name tells."""
    spans: list[list[Span]] = [[] for _ in lines]
    row = column = 0
    for token, value in _lexer(path).get_tokens("\n".join(lines)):
        style = _style(token)
        for index, part in enumerate(value.split("\n")):
            if index:
                row, column = row + 1, 0
            if part and style and row < len(lines):
                spans[row].append(Span(column, column + len(part), style))
            column += len(part)
    return [Content(line, spans=marks) for line, marks in zip(lines, spans, strict=True)]


def _lexer(path: str) -> Lexer:
    name = "a.scss" if path.endswith(".tcss") else path
    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)


def _style(token: TokenType | None) -> str:
    while token:
        if style := STYLES.get(token):
            return style
        token = token[:-1]
    return ""
