"""Which language a file is in, and the tree-sitter grammar and query for it. The grammars come with their packages.

"src/a.tsx" ─► language_of ─► Language ─► grammar() ─► compiled grammar and queries/typescript.scm
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tree_sitter


@dataclass(frozen=True, slots=True)
class Language:
    """One language that has a grammar."""

    query: str
    """The name of its file in `queries/`."""
    module: str
    """The Python module that has the grammar in it."""
    suffixes: frozenset[str]
    function: str = "language"
    """The module's function that gives the grammar."""


def _language(query: str, suffixes: str, function: str = "language", module: str = "") -> Language:
    return Language(query, f"tree_sitter_{module or query}", frozenset(suffixes.split()), function)


LANGUAGES = (
    _language("python", ".py .pyi .pyw .bzl"),
    _language("javascript", ".js .mjs .cjs .jsx"),
    _language("typescript", ".ts .mts .cts", "language_typescript"),
    _language("typescript", ".tsx", "language_tsx"),
    _language("go", ".go"),
    _language("rust", ".rs"),
    _language("java", ".java"),
    _language("c", ".c"),
    _language("cpp", ".h .cc .cpp .cxx .hh .hpp .hxx .inl .ipp .cu .cuh"),
    _language("csharp", ".cs", module="c_sharp"),
    _language("ruby", ".rb .rake .gemspec"),
    _language("php", ".php", "language_php"),
    _language("bash", ".sh .bash"),
    _language("scala", ".scala .sc .sbt"),
    _language("kotlin", ".kt .kts"),
    _language("swift", ".swift"),
    _language("lua", ".lua"),
)
"""Headers are read as C++, which has nearly all of C."""


_PROGRAMS = {
    "python": ".py",
    "bash": ".sh",
    "sh": ".sh",
    "dash": ".sh",
    "node": ".js",
    "ruby": ".rb",
    "php": ".php",
    "lua": ".lua",
}
"""By the interpreter in a script's first line, what its name could end with."""
_PROGRAM = re.compile(r"#!.*?\b([a-z]+)[\d.]*\s*(-\S+)?\s*$")


def language_of(path: str, text: str = "") -> Language | None:
    """The language by the file's name, or a script's first line; None where there is no grammar for it."""
    suffix = PurePosixPath(path).suffix.lower()
    if not suffix and text.startswith("#!"):
        program = _PROGRAM.match(text.partition("\n")[0][:200])
        suffix = _PROGRAMS.get(program[1], "") if program else ""
    return _by_suffix().get(suffix)


@cache
def grammar(language: Language) -> "tuple[tree_sitter.Language, tree_sitter.Query] | None":
    """The grammar and what is asked of its trees; None where the installed package does not fit.

    Both may be shared between threads.
    """
    import tree_sitter

    query = files("ossa.assistant.index").joinpath("queries", f"{language.query}.scm").read_text("utf-8")
    try:
        pointer: object = getattr(import_module(language.module), language.function)()
        found = tree_sitter.Language(pointer)
        return found, tree_sitter.Query(found, query)
    except (ImportError, AttributeError, ValueError):
        return None


def versions() -> Iterator[str]:
    """What an outline depends on besides the file: each grammar's version and its query."""
    for language in LANGUAGES:
        package = language.module.replace("_", "-")
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} missing"
        yield files("ossa.assistant.index").joinpath("queries", f"{language.query}.scm").read_text("utf-8")


@cache
def _by_suffix() -> dict[str, Language]:
    return {suffix: language for language in LANGUAGES for suffix in language.suffixes}
