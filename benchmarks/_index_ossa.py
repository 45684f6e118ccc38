"""ossa's own index and ranking, as `index.py` asks for them."""

import tempfile
from pathlib import Path

from _index_work import MOST, work

from ossa.assistant.index.index import Index
from ossa.assistant.index.ranking import Ranker
from ossa.assistant.index.recency import Log
from ossa.assistant.repository import Repository


class Ossa:
    """Index and Ranker as the window has them."""

    def __init__(self, root: Path) -> None:
        self._repository = Repository.open(root)
        self._index = Index(self._repository.root, self._repository.files, Path(tempfile.mkdtemp(dir=root.parent)))
        self._ranker: Ranker | None = None

    def index(self) -> None:
        self._index.refresh()

    def update(self, path: str) -> None:
        self._index.refresh([path])

    def rank(self, text: str) -> list[str]:
        if not self._ranker:
            self._ranker = Ranker(self._index, Log(self._repository))
        return [ranked.path for ranked in self._ranker.rank(text, limit=MOST)]


if __name__ == "__main__":
    work(Ossa)
