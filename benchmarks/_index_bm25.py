"""Plain BM25 over whole files by the library bm25s, with its own splitting into words and its English stop words."""

import importlib
from pathlib import Path
from typing import Any

from _index_work import MOST, tracked, work


class Bm25:
    """It has no way to change one file: everything is read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bm25s: Any = importlib.import_module("bm25s")
        self._paths: list[str] = []
        self._retriever: Any = None

    def index(self) -> None:
        self._paths, texts = [], list[str]()
        for path in tracked(self._root):
            data = (self._root / path).read_bytes()
            if b"\0" not in data:
                self._paths.append(path)
                texts.append(data.decode("utf-8", "replace"))
        self._retriever = self._bm25s.BM25()
        self._retriever.index(self._words(texts), show_progress=False)

    def update(self, path: str) -> None:
        self.index()

    def rank(self, text: str) -> list[str]:
        most = min(MOST, len(self._paths))
        found, _ = self._retriever.retrieve(self._words([text]), k=most, show_progress=False)
        return [self._paths[int(number)] for number in found[0]]

    def _words(self, texts: list[str]) -> Any:
        return self._bm25s.tokenize(texts, stopwords="en", show_progress=False)


if __name__ == "__main__":
    work(Bm25)
