"""The program that reads Python and works out a refactoring, apart from the window: what it reads may be anything.

a folder of copies, one JSON request on stdin ─► modules, uses, texts ─► rename, move, signature ─► an Outcome on stdout
"""

import faulthandler
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from ossa.assistant.refactor.along import along
from ossa.assistant.refactor.classes import Classes
from ossa.assistant.refactor.dangling import dangling
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.move import moved
from ossa.assistant.refactor.outside import Outside, origins
from ossa.assistant.refactor.relocate import relocated
from ossa.assistant.refactor.rename import renamed
from ossa.assistant.refactor.ropes import oracle
from ossa.assistant.refactor.scopes import Function
from ossa.assistant.refactor.signature import changed
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.texts import Texts
from ossa.assistant.refactor.uses import Doubt, Uses
from ossa.assistant.refactor.wish import Left, Outcome, Refused, unread

_STACK = 512 << 20
_DEEPEST = 20_000
PYTHON = (".py", ".pyi")
_HOOKS = "pytest_"


def work(root: Path, request: Mapping[str, Any]) -> Outcome:
    """Do what is asked for with the copies in a folder."""
    files = {path: (root / path).read_bytes() for path in request["files"]}
    modules = Modules({path: data for path, data in files.items() if path.endswith(PYTHON)})
    others = {path: data for path, data in files.items() if not path.endswith(PYTHON)}
    if request["path"] not in modules.files and request["name"]:
        return Outcome(problem=unread(request["path"]))
    target = Entity(modules.own(request["path"]), request["name"])
    try:
        if not target.name and request.get("keep"):
            raise Refused("Of a module that moves nothing is kept in its old place; only of a function or a class.")
        if not target.name:
            return relocated(modules, others, request["path"], request["what"], request["to"])
        done = _done(root, modules, others, target, request)
        return (
            along(modules, others, target, done, partial(_step, root, request, dict(modules.files)))
            if request["what"] == "move"
            else done
        )
    except Refused as error:
        return Outcome(problem=str(error))
    except ValueError as error:
        return Outcome(problem=f"{error}; nothing was changed.")


def _step(root: Path, request: Mapping[str, Any], shown: dict[str, bytes], modules: Modules, helper: Entity) -> Outcome:
    """Move a helper after what it helps, which the copies in the folder have to show as well as those `shown`."""
    for path, data in modules.files.items():
        if shown.get(path) is not data:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
            shown[path] = data
    return _done(root, modules, {}, helper, {**request, "keep": False})


def _done(
    root: Path, modules: Modules, others: Mapping[str, bytes], target: Entity, request: Mapping[str, Any]
) -> Outcome:
    what, to = request["what"], request["to"]
    outside = Outside(request.get("packages", ()))
    uses = Uses(modules, Classes(modules), target, _Rope(root, modules, target), outside.defines)
    if modules.definition(target) is None and not _is_constant(modules, target):
        raise Refused(f"{target.name} is not defined in {target.path} in a way that this can change.")
    uses.find()
    texts = Texts(uses)
    notes: list[str] = []
    if what == "signature":
        edits = changed(uses, to)
    else:
        told = [use for path in modules.mentions(uses.name) for use in texts.python(path)]
        if what == "rename":
            edits = renamed(uses, told, to)
        else:
            edits, notes = moved(uses, told, to, keep=bool(request.get("keep")))
        edits = {**edits, **_prose(uses, texts, others, what, to)}
    sources = {**{path: modules.source(path) for path in modules.files}, **_sources(others)}
    if what == "rename" and uses.name.startswith(_HOOKS):
        uses.doubts += _called_by_name(modules, target)
    after = {path: sources[path].after(each) if path in sources else _new(each) for path, each in edits.items() if each}
    problems = dangling({**modules.files, **after}, target, what, to)
    notes += _remarks(uses, texts)
    notes += _inherited(uses, outside, what, to)
    told_of = {(one.path, one.line, one.text) for one in uses.doubts}
    problems = [one for one in problems if (one.path, one.line, one.text) not in told_of]
    left = [Left(one.path, one.line, one.text, one.why) for one in [*uses.doubts, *problems]]
    places = sum(len(set(each)) for each in edits.values())
    return Outcome(after, places=places, left=left, notes=notes)


def _prose(uses: Uses, texts: Texts, others: Mapping[str, bytes], what: str, to: str) -> Mapping[str, list[Edit]]:
    """Dotted paths in files that are not Python; what they become is clear for a new name alone."""
    edits: dict[str, list[Edit]] = {}
    for path, source in _sources(others).items():
        places = list(texts.prose(path, source.text))
        if what == "rename":
            edits[path] = [Edit(start, end, to) for start, end in places]
        else:
            for start, _ in places:
                line = source.line_of(start)
                uses.doubts.append(Doubt(path, line, source.line(line)[:160], "a dotted path in a text"))
    return edits


def _remarks(uses: Uses, texts: Texts) -> Iterable[str]:
    if texts.mentioned:
        times = "once" if texts.mentioned == 1 else f"{texts.mentioned} times"
        yield f"{uses.name} stands {times} more in comments, texts and docs, which were left as they are."


def _inherited(uses: Uses, outside: Outside, what: str, to: str) -> Iterator[str]:
    """Remarks on classes from elsewhere that the member may come from.

    Raises:
        Refused: it does, and it is to be renamed.
    """
    for cls in sorted(uses.family, key=lambda one: (one.path, one.name)):
        for dotted in origins(uses.modules, uses.classes, cls):
            if what == "rename" and outside.has(dotted, to):
                raise Refused(f"{cls.name} in {cls.path} has a {to} already, from {dotted}; choose another name.")
            there = outside.has(dotted, uses.name)
            if there and what == "rename":
                raise Refused(
                    f"{cls.name} in {cls.path} has {uses.name} from {dotted}, too, which calls it by this name."
                )
            if there is not False:
                known = f"{cls.name} in {cls.path} inherits from {dotted}, which is not in the repository"
                yield f"{known}: see that nothing there calls {uses.name}."


def _called_by_name(modules: Modules, target: Entity) -> Iterator[Doubt]:
    """The definition of what may be a hook, which pytest finds by its name."""
    if isinstance(node := modules.definition(target), Function):
        text = modules.source(target.path).line(node.lineno)[:160]
        yield Doubt(target.path, node.lineno, text, f"pytest calls hooks by names such as {target.name}")


def _sources(files: Mapping[str, bytes]) -> dict[str, Source]:
    return {path: Source(path, data) for path, data in files.items()}


def _new(edits: Iterable[Edit]) -> bytes:
    return "".join(edit.new for edit in edits).encode()


def _is_constant(modules: Modules, target: Entity) -> bool:
    scopes = modules.scopes(target.path)
    return scopes is not None and "." not in target.name and target.name in scopes.module.bindings


class _Rope:
    """Rope, from when it is asked for the first time."""

    def __init__(self, root: Path, modules: Modules, target: Entity) -> None:
        self._root, self._modules, self._target = root, modules, target
        self._ask: Any = None

    def __call__(self, path: str, place: int) -> bool | None:
        if self._ask is None:
            self._ask = self._start()
        return self._ask(path, self._plain(path, place))

    def _start(self) -> Any:
        node = self._modules.definition(self._target)
        if node is None:
            return _silent
        source = self._modules.source(self._target.path)
        name = self._target.name.rpartition(".")[2]
        start = source.text.index(name, source.span(node)[0] + 4)
        folders = {self._folder(path) for path in self._modules.files if path.endswith(".py")}
        try:
            return oracle(self._root, sorted(folders), self._target.path, self._plain(self._target.path, start))
        except Exception:  # rope raises whatever it meets in odd code
            return _silent

    def _folder(self, path: str) -> str:
        """Where the file's package lies."""
        depth = len(PurePosixPath(path).parts) - self._modules.dotted(path).count(".") - 1
        depth -= PurePosixPath(path).stem == "__init__"
        return "/".join(PurePosixPath(path).parts[: max(depth, 0)]) or "."

    def _plain(self, path: str, place: int) -> int:
        """The place as rope counts: it has one letter for the end of a line."""
        return place - self._modules.source(path).text.count("\r\n", 0, place)


def _silent(_path: str, _place: int) -> bool | None:
    """Rope where it knows nothing."""
    return None


def main(root: str) -> None:
    """Answer the request on stdin."""
    request = json.loads(sys.stdin.buffer.readline())
    out = os.dup(1)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    faulthandler.dump_traceback_later(request["seconds"], exit=True)
    try:
        outcome = work(Path(root), request)
    except Exception as error:  # what is read may be anything, and a person is owed a sentence in any case
        kind = type(error).__name__
        outcome = Outcome(problem=f"This could not be worked out ({kind}: {str(error)[:200]}); nothing was changed.")
    with os.fdopen(out, "w") as told:
        told.write(outcome.packed() + "\n")


if __name__ == "__main__":
    threading.stack_size(_STACK)
    sys.setrecursionlimit(_DEEPEST)
    thread = threading.Thread(target=main, args=(sys.argv[1],))
    thread.start()
    thread.join()
