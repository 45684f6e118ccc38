"""Cutting long text for whoever has little room."""


def shorten(text: str, limit: int) -> str:
    """Keep the start and the end of a text of more than `limit` characters, and say what was cut out between."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[len(text) - limit // 3 :]
    cut = len(text) - len(head) - len(tail)
    return f"{head}\n[… {cut:,} characters left out …]\n{tail}"
