"""What a file defines and uses.

path, text ─► a tree-sitter grammar, else pygments' lexer ─► Outline(symbols, references)
"""

from ossa.assistant.index.languages import language_of
from ossa.assistant.index.lexed import lexed
from ossa.assistant.index.parsed import parsed
from ossa.assistant.index.symbols import Outline


def outline(path: str, text: str) -> Outline:
    """What the file defines and uses, as far as its syntax can be understood; empty for what is no code."""
    language = language_of(path, text)
    return (language and parsed(path, text, language)) or lexed(path, text)
