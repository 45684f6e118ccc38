"""Which files of the repository a name means that someone wrote, and what kind of file each is.

"astropy/io/card.py", "/usr/lib/…/io/card.py", "card.py", ("io", "card", "parse") ─► Places ─► {number: strength}
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import PurePosixPath

_SOURCE = frozenset(
    {".py", ".pyi", ".pyx", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue", ".svelte", ".go", ".rs", ".java"}
    | {".kt", ".kts", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".m", ".mm", ".cs", ".fs", ".rb", ".php"}
    | {".swift", ".scala", ".lua", ".ex", ".exs", ".erl", ".hs", ".ml", ".mli", ".clj", ".dart", ".jl", ".r", ".R"}
    | {".pl", ".pm", ".sh", ".bash", ".zig", ".nim", ".sql", ".proto", ".cu", ".f90"}
)
_TEST = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|testdata|test-data|fixtures|e2e)/"
    r"|(^|/)(test_[^/]*|conftest|tests)\.\w+$|[._-](test|tests|spec)\.\w+$|[a-z]Tests?\.\w+$"
)
_ASIDE = re.compile(
    r"(^|/)(docs?|examples?|samples?|demos?|benchmarks?|asv_bench|scripts?|tools|ci|\.github)/"
    r"|(^|/)(setup|versioneer|noxfile|tasks|gulpfile|Gruntfile|webpack\.config)\.\w+$"
)
_STANDS_FOR_FOLDER = frozenset({"__init__", "__main__", "index", "mod", "lib", "main"})
_OFTEN = 4
"""A file name that more files have (`__init__.py`) alone says little."""


class Kind(Enum):
    """What a file is for, as far as its path tells."""

    CODE = "code"
    ASIDE = "code beside the product"
    TEST = "test"
    OTHER = "no code"


def kind(path: str) -> Kind:
    """What a file is for: code of the product, of examples and tools, of tests, or none."""
    if _TEST.search(path):
        return Kind.TEST
    if PurePosixPath(path).suffix not in _SOURCE:
        return Kind.OTHER
    return Kind.ASIDE if _ASIDE.search(path) else Kind.CODE


class Places:
    """The paths of a repository, by their endings and by the modules that they are."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Files are numbered in the order of the paths."""
        self._paths = [path.lower() for path in paths]
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_module: dict[str, list[int]] = defaultdict(list)
        self._above: list[frozenset[str]] = []
        for number, path in enumerate(self._paths):
            *folders, name = path.split("/")
            stem = name.partition(".")[0]
            self._by_name[name].append(number)
            self._by_module[folders[-1] if stem in _STANDS_FOR_FOLDER and folders else stem].append(number)
            self._above.append(frozenset(folders))

    def named(self, written: str) -> dict[int, float]:
        """The files that a path means: 1 where one ends as the other does, less where only the name is the same."""
        wanted = written.replace("\\", "/").lower().removeprefix("./")
        same = self._by_name.get(wanted.rpartition("/")[2], [])
        whole = [file for file in same if "/" in wanted and _ends_alike(self._paths[file], wanted)]
        if whole:
            longest = max(len(self._paths[file]) for file in whole)
            return {file: 1.0 if len(self._paths[file]) == longest else 0.5 for file in whole}
        if len(same) == 1 and "/" not in wanted:
            return {same[0]: 1.0}
        return dict.fromkeys(same, 0.5 if len(same) < _OFTEN else 0.2)

    def module(self, parts: Iterable[str]) -> dict[int, float]:
        """The files that parts of a dotted name mean: 1 where the part before it is a folder above, else less."""
        found: dict[int, float] = {}
        before = ""
        for part in parts:
            files = self._by_module.get(part, [])
            for file in files:
                strength = 1.0 if before and before in self._above[file] else 0.5 / len(files) ** 0.5
                found[file] = max(found.get(file, 0.0), strength)
            before = part
        return found


def _ends_alike(path: str, written: str) -> bool:
    """Whether one is the end of the other, at a folder's border."""
    return f"/{path}".endswith(f"/{written.lstrip('/')}") or written.endswith(f"/{path}")
