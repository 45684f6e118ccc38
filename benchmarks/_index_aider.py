"""aider's repository map, driven as its `Coder.get_repo_map` does: files and identifiers that the text mentions.

Runs in an environment that has aider-chat; the files of its ranked tags are its answer.
"""

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from _index_work import tracked, work


class Aider:
    """Its RepoMap without a model, which only counts tokens there."""

    def __init__(self, root: Path) -> None:
        quiet = SimpleNamespace(tool_output=_nothing, tool_warning=_nothing, tool_error=_nothing, read_text=_read)
        self._root = root
        self._paths: list[str] = []
        self._map: Any = importlib.import_module("aider.repomap").RepoMap(root=str(root), io=quiet)
        coder = importlib.import_module("aider.coders.base_coder").Coder
        self._coder: Any = SimpleNamespace(
            get_addable_relative_files=lambda: self._paths,
            get_all_relative_files=lambda: self._paths,
            get_inchat_relative_files=list,
            abs_read_only_fnames=(),
        )
        self._mentions: Any = coder

    def index(self) -> None:
        self._paths = tracked(self._root)
        for path in self._paths:
            self.update(path)

    def update(self, path: str) -> None:
        self._map.get_tags(str(self._root / path), path)

    def rank(self, text: str) -> list[str]:
        names = self._mentions.get_ident_mentions(self._coder, text)
        files = self._mentions.get_file_mentions(self._coder, text)
        files.update(self._mentions.get_ident_filename_matches(self._coder, names))
        every = [str(self._root / path) for path in self._paths]
        tags = self._map.get_ranked_tags([], every, files, names)
        return list(dict.fromkeys(tag[0] for tag in tags))


def _nothing(*_said: object) -> None: ...


def _read(path: str, silent: bool = False) -> str | None:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeError):
        return None


if __name__ == "__main__":
    work(Aider)
