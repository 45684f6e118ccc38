"""Which files of a repository import which: read from their import statements, nothing is run.

    files + text ─► Imports ─► importers(path): the files that import it

Python's imports are resolved as an interpreter would that has the repository, its `src` and the folders of its tests on
the path; JavaScript's where they are relative; Go's by package. Where two files may be meant, both count.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property

_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]{0,5000}\)|[^\n#;]{0,2000})|import[ \t]+([^\n#;]{1,2000}))",
    re.MULTILINE,
)
_JAVASCRIPT = re.compile(r"\b(?:from|import|require)\b\s{0,5}\(?\s{0,5}[\"'](\.[^\"'\n]{0,500})[\"']")
_GO = re.compile(r"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"([^\"\n]{1,500})\"\s*$", re.MULTILINE)
_GO_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_EXTENSIONS = ("", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", "/index.js", "/index.ts", "/index.tsx")
_TYPED = re.compile(r"\.([cm]?)jsx?$")
"""TypeScript imports a file by the name that it will have."""
_SIZE = 1_000_000
"""Characters of a file that are read."""
READ = re.compile(r"\.(py|[cm]?[jt]sx?|go)$")
"""Files whose importers can be known."""


class Imports:
    """The import statements of a repository; read once, when they are first asked for."""

    def __init__(self, files: Collection[str], read: Callable[[str], str]) -> None:
        """`read` gives a file's text."""
        self._files, self._read = frozenset(files), read

    def importers(self, path: str) -> Collection[str]:
        """The files that import this one."""
        return self._importers.get(path, ())

    @cached_property
    def _importers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._files:
            if READ.search(path):
                for imported in self._imported(path, self._read(path)[:_SIZE]):
                    if imported != path:
                        found[imported].add(path)
        return found

    def _imported(self, path: str, text: str) -> Iterator[str]:
        if path.endswith(".py"):
            return self._python(path, text)
        return self._go(path, text) if path.endswith(".go") else self._javascript(path, text)

    def _python(self, path: str, text: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
        for origin, names, plain in _PYTHON.findall(text):
            if plain:
                for name in _names(plain):
                    yield from self._module(name, folder)
                continue
            dots = len(origin) - len(origin.lstrip("."))
            if dots:
                base = "/".join([*folder.split("/")[: max(len(folder.split("/")) - dots + 1, 0)]]) if folder else ""
                origin = origin.lstrip(".").replace(".", "/")
                base = posixpath.join(base, origin) if origin else base
                yield from self._found([base, *(posixpath.join(base, name) for name in _names(names))])
            else:
                yield from self._module(origin, folder)
                for name in _names(names):
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

    def _javascript(self, path: str, text: str) -> Iterator[str]:
        for written in _JAVASCRIPT.findall(text):
            base = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
            for place in (base, _TYPED.sub(r".\1ts", base), _TYPED.sub(r".\1tsx", base)):
                yield from (found for extension in _EXTENSIONS if (found := place + extension) in self._files)

    def _go(self, path: str, text: str) -> Iterator[str]:
        """A package's files go together; so do those of the packages that it imports."""
        folder = posixpath.dirname(path)
        imported = (name.removeprefix(f"{self._go_module}/") for name in _GO.findall(text) if self._go_module in name)
        for package in (folder, *("" if name == self._go_module else name for name in imported)):
            yield from self._go_packages.get(package, ())

    @cached_property
    def _go_module(self) -> str:
        match = _GO_MODULE.search(self._read("go.mod")) if "go.mod" in self._files else None
        return match[1] if match else "\0"

    @cached_property
    def _go_packages(self) -> dict[str, list[str]]:
        packages: dict[str, list[str]] = defaultdict(list)
        for path in self._files:
            if path.endswith(".go"):
                packages[posixpath.dirname(path)].append(path)
        return packages


def _names(text: str) -> Iterator[str]:
    """The names of an import, without what they are called then."""
    for part in text.strip().strip("()").replace("\\", " ").split(","):
        words = part.split("#")[0].split()
        if words and re.fullmatch(r"[.\w]+", words[0]):
            yield words[0]
