"""A module in texts: its dotted name and its file's path, in strings, comments, docs, settings and commands.

file ─► PathTexts.edits() ─► edits for what surely means the module; `left` for words that only may
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.relocation import Relocation
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.texts import quiet
from ossa.assistant.refactor.wish import Left

_SETTINGS = (".toml", ".cfg", ".ini")
_NUL = "\0"


class PathTexts:
    """Looks through texts for a module that goes elsewhere."""

    def __init__(self, way: Relocation) -> None:
        self._way, self._modules = way, way.modules
        name, path = re.escape(way.name), re.escape(way.old)
        self._dotted = re.compile(rf"(?<![\w./-]){name}(?:\.\w+)*(?![\w/-])")
        self._path = re.compile(rf"(?<![\w./-])(?:\./)?(?P<path>{path})(?![\w-])")
        self._started = re.compile(rf"(?:-m\s+|--cov[= ]){name}(?![\w-])")
        self._entry = re.compile(rf"(?<![\w.]){name}(?=:[A-Za-z_])")
        self._called = re.compile(rf"['\"](?P<word>\.?{re.escape(way.name.rpartition('.')[2])})['\"]")
        word = self._called.pattern
        self._asked = re.compile(rf"(?:get|set|del|has)attr\([^()\n]*,\s*{word}")
        self._set = re.compile(rf"{word}|^{name}\s*=" if "." not in way.name else r"(?!)", re.MULTILINE)
        self.left: list[Left] = []

    def edits(self, source: Source) -> Iterator[Edit]:
        """The places in a file, each once."""
        python = source.path in self._modules.files
        if _NUL in source.text or (python and self._modules.scopes(source.path) is None):
            return
        seen: dict[int, Edit] = {}
        for start, end in quiet(source.text) if python else [(0, len(source.text))]:
            for edit in self._within(source, start, end):
                seen.setdefault(edit.start, edit)
        yield from seen.values()
        if source.path.endswith((*_SETTINGS, "setup.py")):
            self._tell(source, self._set, "a setting that may name it")
        elif python:
            self._look(source)

    def _within(self, source: Source, start: int, end: int) -> Iterator[Edit]:
        for found in self._path.finditer(source.text, start, end):
            yield Edit(found.start("path"), found.end("path"), self._way.new)
        name = self._way.name
        for found in self._dotted.finditer(source.text, start, end):
            if self._is_meant(found[0]):
                yield Edit(found.start(), found.start() + len(name), self._way.to)
        for pattern in (self._started, *([self._entry] if source.path.endswith(_SETTINGS) else [])):
            for found in pattern.finditer(source.text, start, end):
                yield Edit(found.end() - len(name), found.end(), self._way.to)

    def _is_meant(self, dotted: str) -> bool:
        """Whether a dotted name is the module, or what is in it; a bare word may be anything."""
        name = self._way.name
        meaning = self._modules.dotted_meaning(dotted)
        if dotted == name:
            above, _, stem = name.rpartition(".")
            package = self._modules.module(above) if above else None
            exported = self._modules.exported(package, stem) if package else None
            return "." in name and not (isinstance(exported, Entity) and exported.name)
        if "." not in name and not isinstance(meaning, Entity):
            return False
        inner = PurePosixPath(dotted.replace(".", "/")).suffix
        return not inner and not dotted.endswith(".py")

    def _look(self, source: Source) -> None:
        """Texts by which the module may be imported as the program runs."""
        is_loader = "import_module" in source.text or "__import__" in source.text
        self._tell(source, self._called if is_loader else self._asked, "a text that may name the module")

    def _tell(self, source: Source, pattern: re.Pattern[str], why: str) -> None:
        for found in pattern.finditer(source.text):
            line = source.line_of(found.start())
            self.left.append(Left(source.path, line, source.line(line)[:160], why))
