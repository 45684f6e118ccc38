"""Runs inside the sandbox, in a child of the server: one start of the tests for many variants of functions.

    tests collected ─► for each variant: fork ─► its functions' code put in place ─► the tests ─► variant-N/report.jsonl

That is a first look: what was worked out while the files were imported stays as it was. So whoever passes here is
still to be tried whole, and of a variant that cannot be put in place nothing is said.
"""

from __future__ import annotations

import ast
import gc
import inspect
import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOLDER = Path(__file__).resolve().parent
ASKED = "variants.json"
"""The file with the variants: pairs of a path from the root of the repository, and the whole source."""
_GLANCE = 0.0005
_GRACE = 1.0
"""Seconds that a variant gets beyond the limit of a test, which counts from within."""


class Unfit(Exception):
    """The variant cannot be put in place."""


class Functions:
    """The functions of one file, as they are in this process."""

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        self._before = _definitions(Path(self._path).read_text("utf-8"))
        self._known: defaultdict[str, list[FunctionType]] = defaultdict(list)
        for thing in gc.get_objects():
            if type(thing) is FunctionType and os.path.realpath(thing.__code__.co_filename) == self._path:
                self._known[thing.__qualname__].append(thing)

    def put(self, source: str) -> None:
        """Give the functions that are others in this source its code.

        Raises:
            Unfit: they are not to be found here, or are bound otherwise.
        """
        after = _definitions(source)
        changed = [name for name in after if after[name] != self._before.get(name)]
        codes = dict(_codes(compile(source, self._path, "exec", dont_inherit=True), ""))
        if self._before.keys() != after.keys() or any(not self._known[name] for name in changed):
            raise Unfit
        for name in changed:
            for function in self._known[name]:
                try:
                    function.__code__ = codes[name]
                except (ValueError, KeyError) as error:
                    raise Unfit from error


def _definitions(source: str) -> dict[str, str]:
    """The functions of a source that are in no other function, as text without places."""
    found: dict[str, str] = {}

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[prefix + node.name] = found.get(prefix + node.name, "") + ast.dump(node)
            elif isinstance(node, ast.ClassDef):
                look(node.body, f"{prefix}{node.name}.")
            else:
                for part in ("body", "orelse", "finalbody"):
                    look(getattr(node, part, []), prefix)

    look(ast.parse(source).body, "")
    return found


def _codes(code: CodeType, prefix: str) -> Iterator[tuple[str, CodeType]]:
    for part in code.co_consts:
        if isinstance(part, CodeType) and not part.co_name.startswith("<"):
            name = prefix + part.co_name
            if part.co_flags & inspect.CO_OPTIMIZED:  # not the body of a class
                yield name, part
            else:
                yield from _codes(part, f"{name}.")


def plugin(pytest: Any, log: Any, root: str) -> Any:
    """For pytest: instead of running the tests once, run them for each variant; `log` is the reporter's."""

    class Loop:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session: Any) -> bool:
            def run() -> None:
                for item in session.items:
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

            for_each(log, root, len(session.items), run)
            return True

    return Loop()


def for_each(log: Any, root: str, tests: int, run: Callable[[], object]) -> None:
    """Run so many tests for each variant, in a child each, which tells of them in a folder of its own."""
    variants = json.loads((_FOLDER / ASKED).read_text("utf-8"))
    limit = float(os.environ.get("OSSA_TEST_LIMIT", "0")) + _GRACE
    known: dict[str, Functions] = {}
    for number, (path, source) in enumerate(variants):
        if path and path not in known:
            known[path] = Functions(str(Path(root, path)))
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            _run(run, log, number, known[path] if path else None, source)
        _attend(child, limit * tests)


def _run(run: Callable[[], object], log: Any, number: int, functions: Functions | None, source: str) -> None:
    """In a child of its own: put a variant in place and run the tests. Does not return."""
    try:
        if functions:
            functions.put(source)
        folder = _FOLDER / f"variant-{number}"
        folder.mkdir()
        log.move(folder)
        run()
        log.write("end", status=0)
    except BaseException:
        os._exit(1)  # nothing is said then
    os._exit(0)


def _attend(child: int, limit: float) -> None:
    """Wait until a child has ended, and end it and what it left behind if need be."""
    ends = time.monotonic() + limit
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > ends:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(_GLANCE)
