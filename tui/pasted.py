"""Long texts that were pasted into the prompt: folded to a token there, whole again when it is sent.

fold("…") ─► [pasted 40 lines #1] ─► expand(prompt) ─► the prompt with the text in its place
"""

import re

LINES = 8
"""A pasted text of so many lines is folded, …"""
CHARACTERS = 1_000
"""… or one of so many characters."""
_TOKEN = re.compile(r"\[pasted [\d,]+ \w+ #\d+\]")


class Pasted:
    """The texts behind the tokens; they are kept as long as the window, since the history may bring a token back."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """What stands in the prompt for a pasted text: a token where it is long, else itself."""
        lines = text.count("\n") + 1
        if lines < LINES and len(text) < CHARACTERS:
            return text
        size = f"{lines:,} lines" if lines >= LINES else f"{len(text):,} characters"
        token = f"[pasted {size} #{len(self._texts) + 1}]"
        self._texts[token] = text
        return token

    def expand(self, prompt: str) -> str:
        """The prompt with every token replaced by its text; one that was typed by hand stays what it is."""
        return _TOKEN.sub(lambda match: self._texts.get(match[0], match[0]), prompt)

    def token_at(self, prompt: str, place: int) -> tuple[int, int] | None:
        """Where the token begins and ends that a place in the prompt is in, at its end included."""
        for match in _TOKEN.finditer(prompt):
            if match.start() < place <= match.end() and match[0] in self._texts:
                return match.span()
        return None

    def whole(self, token: str) -> str:
        """The text behind a token."""
        return self._texts[token]
