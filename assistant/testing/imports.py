"""Which files of a repository import which, found from the words in which they say so.

    files + written() ─► Imports ─► of(path): the files that it imports

Python's imports are resolved as an interpreter would that has the repository, its `src` and the folders of its tests on
the path; JavaScript's where they are relative; Go's by package. Where two files may be meant, both count.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from ossa.assistant.testing.written import FROM

_EXTENSIONS = ("", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", "/index.js", "/index.ts", "/index.tsx")
_TYPED = re.compile(r"\.([cm]?)jsx?$")
"""TypeScript imports a file by the name that it will have."""


class Imports:
    """Finds what imports mean among these files."""

    def __init__(self, files: Collection[str], go_module: str = "") -> None:
        """`go_module` is what `go.mod` says that the repository is."""
        self._files, self._go_module = frozenset(files), go_module

    def of(self, path: str, written: Sequence[str]) -> frozenset[str]:
        """The other files that this one imports, by what is written in it."""
        if path.endswith(".py"):
            found = self._python(path, written)
        elif path.endswith(".go"):
            found = self._go(path, written)
        else:
            found = self._javascript(path, written)
        return frozenset(found) - {path}

    def _python(self, path: str, written: Sequence[str]) -> Iterator[str]:
        folder = posixpath.dirname(path)
        for one in written:
            origin, is_from, names = one.partition(FROM)
            if not is_from:
                yield from self._module(origin, folder)
            elif origin.startswith("."):
                base = _base(folder, origin)
                yield from self._found([base, *(posixpath.join(base, name) for name in filter(None, names.split(",")))])
            else:
                yield from self._module(origin, folder)
                for name in filter(None, names.split(",")):
                    yield from self._module(f"{origin}.{name}", folder)

    def _module(self, name: str, folder: str) -> Iterator[str]:
        """The files of a module and of the packages above it."""
        parts = name.split(".")
        for root in self._tops.get(parts[0], ()):
            if root in self._roots or root == folder:
                places = ("/".join([*([root] if root else []), *parts[:count]]) for count in range(1, len(parts) + 1))
                yield from self._found(places)

    @cached_property
    def _tops(self) -> dict[str, set[str]]:
        """The folders in which a module or a package of each name lies."""
        tops: dict[str, set[str]] = defaultdict(set)
        for path in self._files:
            folder, name = posixpath.split(path)
            if name.endswith(".py"):
                tops[name.removesuffix(".py")].add(folder)
                while folder:
                    folder, name = posixpath.split(folder)
                    tops[name].add(folder)
        return tops

    def _found(self, places: Iterable[str]) -> Iterator[str]:
        for place in places:
            for path in (f"{place}.py", f"{place}/__init__.py" if place else "__init__.py"):
                if path in self._files:
                    yield path

    @cached_property
    def _roots(self) -> frozenset[str]:
        """The folders that packages are looked for in: those that hold a package and are none themselves."""
        packages = {posixpath.dirname(path) for path in self._files if posixpath.basename(path) == "__init__.py"}
        holding = {posixpath.dirname(package) for package in packages} - packages
        return frozenset({"", "src", "lib"} | holding)

    def _javascript(self, path: str, written: Sequence[str]) -> Iterator[str]:
        for one in written:
            base = posixpath.normpath(posixpath.join(posixpath.dirname(path), one))
            for place in (base, _TYPED.sub(r".\1ts", base), _TYPED.sub(r".\1tsx", base)):
                yield from (found for extension in _EXTENSIONS if (found := place + extension) in self._files)

    def _go(self, path: str, written: Sequence[str]) -> Iterator[str]:
        """A package's files go together; so do those of the packages that it imports."""
        module = self._go_module or "\0"
        imported = (name.removeprefix(f"{module}/") for name in written if module in name)
        for package in (posixpath.dirname(path), *("" if name == module else name for name in imported)):
            yield from self._go_packages.get(package, ())

    @cached_property
    def _go_packages(self) -> dict[str, list[str]]:
        packages: dict[str, list[str]] = defaultdict(list)
        for path in self._files:
            if path.endswith(".go"):
                packages[posixpath.dirname(path)].append(path)
        return packages


def _base(folder: str, origin: str) -> str:
    """The place that a relative import begins from: "..a.b" as seen from a folder."""
    name = origin.lstrip(".")
    parts = folder.split("/")
    above = "/".join(parts[: max(len(parts) - (len(origin) - len(name)) + 1, 0)]) if folder else ""
    return posixpath.join(above, name.replace(".", "/")) if name else above
