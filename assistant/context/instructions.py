"""AGENTS.md, of the repository and of folders in it: what its people want those to know who change it.

files in view ─► applying() ─► the AGENTS.md of their folders, outermost first ─► text()
"""

from collections.abc import Iterable

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.trim import shorten

NAME = "AGENTS.md"
_DEEPEST = 40
"""Folders within each other that are looked into: a model may write any path."""
LIMIT = 16_000
"""Characters of one."""


class Instructions:
    """Finds and reads them, as the draft has them."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def applying(self, paths: Iterable[str]) -> list[str]:
        """The AGENTS.md files of the folders that these files are in, without the repository's own."""
        folders: dict[str, None] = {}
        for path in paths:
            parts = path.split("/")[:-1][:_DEEPEST]
            for depth in range(1, len(parts) + 1):
                folders["/".join(parts[:depth])] = None
        found = (f"{folder}/{NAME}" for folder in sorted(folders))
        return [path for path in found if self._read(path)]

    def text(self, path: str = NAME) -> str:
        """What the model is shown of one; empty where there is none."""
        data = self._read(path)
        if not data:
            return ""
        folder = path.removesuffix(NAME).rstrip("/")
        where = f"the folder {folder}" if folder else "this repository"
        return f"# {NAME} of {where}\n\n{shorten(data.decode(errors='replace'), LIMIT)}"

    def is_cut(self, path: str = NAME) -> bool:
        """Whether it is so long that its middle is left out."""
        return len((self._read(path) or b"").decode(errors="replace")) > LIMIT

    def _read(self, path: str) -> bytes | None:
        """The file; None where there is none, or a link that leads out of the repository."""
        try:
            return self._draft.read(path)
        except DraftError:
            return None
