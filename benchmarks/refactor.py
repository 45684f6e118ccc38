"""Refactorings on released projects, drawn by a seed: ossa's beside rope alone, judged by the projects' own tests.

    python benchmarks/refactor.py [--projects flask,requests] [--each 5] [--seed 1]

A rename or move counts where the same tests pass as before and the old name is nowhere left in code, other than for
something else: neither imported nor offered under the old name. What was refused, with the reason, counts as such.
"""

import argparse
import ast
import asyncio
import io
import json
import random
import re
import sys
import time
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from _refactor_asked import asking
from _refactor_draw import arguments, draw
from _refactor_work import PROJECTS, Project, RefusedError

from ossa.assistant.paths import cache_dir
from ossa.assistant.refactor import python
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.wish import Target, Wish

OUT = Path(__file__).parent / "out" / "refactor.json"
SMALL = "SmolLM2-135M-Instruct.Q4_1.gguf"
Engine: TypeAlias = Callable[[Project, Wish, Target, Mapping[str, bytes]], tuple[Mapping[str, bytes | None], str]]


@dataclass(frozen=True)
class Row:
    """One refactoring by one engine."""

    project: str
    wish: str
    engine: str
    outcome: str
    """"same", "refused", "tests differ", "old name left" or "nothing"."""
    why: str = ""
    files: int = 0
    lines: int = 0
    """Lines that differ from before."""
    seconds: float = 0.0
    left: int = 0
    """Places that were told to be left."""


def by_ossa(
    project: Project, wish: Wish, target: Target, files: Mapping[str, bytes]
) -> tuple[Mapping[str, bytes | None], str]:
    name = target.name.rpartition(".")[2].encode()
    name = name or Path(target.path).stem.encode()
    given = {path: data for path, data in files.items() if path.endswith((".py", ".pyi")) or name in data}
    outcome = asyncio.run(python.worked_out(wish, target, given, project.packages))
    if outcome.problem:
        raise RefusedError(outcome.problem)
    return {**dict.fromkeys(outcome.came.values()), **outcome.files}, f"{len(outcome.left)}"


def by_rope(
    project: Project, wish: Wish, target: Target, files: Mapping[str, bytes]
) -> tuple[Mapping[str, bytes | None], str]:
    """Rope as its documentation shows it, with the folder of the sources named."""
    from rope.base.project import Project as Rope
    from rope.refactor import change_signature, move, rename

    with TemporaryDirectory() as place:
        for path, data in files.items():
            (Path(place) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / path).write_bytes(data)
        if wish.what == "move" and target.name:
            (Path(place) / wish.to).touch()  # rope moves to modules that are there
        make: Any = Rope
        rope = make(place, ropefolder=None, source_folders=["src", "."])
        resource = rope.get_resource(target.path)
        text = resource.read()
        at = _place(text, target) if target.name else None
        try:
            if wish.what == "rename":
                changes = rename.Rename(rope, resource, at).get_changes(wish.to, in_hierarchy=True)
            elif wish.what == "move":
                mover: Any = move.create_move(rope, resource, at)
                changes = mover.get_changes(rope.get_resource(wish.to))
            else:
                changer = change_signature.ChangeSignature(rope, resource, at)
                changes = changer.get_changes([change_signature.ArgumentReorderer(_order(changer, wish.to))])
            rope.do(changes)
        except Exception as error:
            raise RefusedError(f"{type(error).__name__}: {error}"[:200]) from error
        there = (path for path in Path(place).rglob("*") if path.is_file())
        now = {path.relative_to(place).as_posix(): path.read_bytes() for path in there}
    gone = dict.fromkeys(files.keys() - now.keys())
    return {**{path: data for path, data in now.items() if data != files.get(path)}, **gone}, "0"


def _order(changer: Any, to: str) -> list[int]:
    names = [name for name, _ in changer.get_args()]
    wanted = [one.arg for one in arguments(to).args]
    return [names.index(name) for name in ([names[0]] if names[0] not in wanted else []) + wanted]


def _place(text: str, target: Target) -> int:
    name = target.name.rpartition(".")[2]
    start = sum(len(line) for line in text.splitlines(keepends=True)[: target.line - 1])
    match = re.compile(rf"(?:def|class)\s+({re.escape(name)})\b").search(text, start)
    assert match is not None
    return match.start(1)


def left(before: Mapping[str, bytes], after: Mapping[str, bytes], wish: Wish, target: Target) -> str:
    """Where the old name is still taken for the definition; empty where nowhere."""
    name = target.name.rpartition(".")[2]
    if wish.what == "signature":
        return ""
    if not target.name:
        return _imported(before, after, target)
    modules = Modules({path: data for path, data in after.items() if path.endswith((".py", ".pyi"))})
    meaning = modules.exported(target.path, name) if "." not in target.name else None
    if wish.what == "move":
        return _behind(modules, wish, target)
    if wish.what == "rename" and isinstance(meaning, Entity):
        return f"{target.path} still has it"
    words = sum(_words(data, name) for path, data in after.items() if path.endswith(".py"))
    earlier = sum(_words(data, name) for path, data in before.items() if path.endswith(".py"))
    return f"{words} of {earlier} left" if wish.what == "rename" and "." not in target.name and words == earlier else ""


def _behind(modules: Modules, wish: Wish, target: Target) -> str:
    """Where a definition that moved still is, or is still imported from."""
    if modules.definition(Entity(target.path, target.name)) is not None:
        return f"{target.path} still has it"
    if modules.definition(Entity(wish.to, target.name)) is None:
        return f"{wish.to} does not have it"
    old = modules.dotted(target.path)
    for path in modules.files:
        scopes = modules.scopes(path)
        for node, alias, _ in scopes.imports if scopes else ():
            if isinstance(node, ast.ImportFrom) and alias.name == target.name and modules.imported(path, node) == old:
                return f"{path} imports it from {old}"
    return ""


def _imported(before: Mapping[str, bytes], after: Mapping[str, bytes], target: Target) -> str:
    """Who still imports a module by the name that it had, where nothing has that any more."""
    if target.path in after:
        return f"{target.path} is still there"
    old = Modules({path: data for path, data in before.items() if path.endswith(".py")}).dotted(target.path)
    modules = Modules({path: data for path, data in after.items() if path.endswith(".py")})
    for path in modules.files:
        scopes = modules.scopes(path)
        for node, alias, _ in scopes.imports if scopes else ():
            dotted = modules.imported(path, node) if isinstance(node, ast.ImportFrom) else alias.name
            if dotted == old and modules.module(old) is None:
                return f"{path} imports {old}"
    return ""


def _words(data: bytes, name: str) -> int:
    try:
        tokens = tokenize.tokenize(io.BytesIO(data).readline)
        return sum(token.type == tokenize.NAME and token.string == name for token in tokens)
    except (tokenize.TokenError, SyntaxError):
        return 0


def judged(project: Project, engine: str, work: Engine, one: tuple[Wish, Target], base: frozenset[str]) -> Row:
    wish, target = one
    files = project.files()
    kind = "" if target.name else "module: "
    title = f"{kind}{wish.what} {target.path.removeprefix(project.source)}:{target.name} {wish.to}"
    begun = time.process_time() if engine == "rope" else time.monotonic()
    try:
        changed, told = work(project, wish, target, files)
    except RefusedError as error:
        return Row(project.name, title, engine, "refused", str(error))
    spent = round((time.process_time() if engine == "rope" else time.monotonic()) - begun, 2)
    gone = {path for path, data in changed.items() if data is None}
    came = [files[path] for path in gone]
    new = [_differing(files.get(path, b""), data) for path, data in changed.items() if data is not None]
    lines = sum(new) - sum(len(data.splitlines()) for data in came)
    told_left = int(told)

    def row(outcome: str, why: str = "") -> Row:
        return Row(project.name, title, engine, outcome, why, len(changed), lines, spent, told_left)

    if not changed:
        return row("nothing")
    now = {path: data for path, data in {**files, **changed}.items() if data is not None}
    if why := left(files, now, wish, target):
        return row("old name left", why)
    lost = _lost(project, changed, wish, target, base)
    if lost:
        return row("tests differ", f"{len(lost)} fewer, such as {min(lost)}")
    return row("same")


def _lost(
    project: Project, changed: Mapping[str, bytes | None], wish: Wish, target: Target, base: frozenset[str]
) -> frozenset[str]:
    """The tests that no longer pass; one that is named after what is renamed has another name, too."""
    old, new = target.name.rpartition(".")[2], wish.to.rpartition(".")[2]
    passed = project.passed(changed)
    return base - ({test.replace(new, old) for test in passed} if wish.what == "rename" and old else passed)


def _differing(before: bytes, after: bytes) -> int:
    from difflib import SequenceMatcher

    codes = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for tag, a, b, c, d in codes if tag != "equal")


def table(rows: list[Row]) -> str:
    """By kind and engine."""
    lines = ["| what | engine | same tests, old name gone | refused | tests differ | old name left | lines changed |"]
    lines.append("|---|---|---|---|---|---|---|")
    for what in ("rename", "move", "signature", "module"):
        for engine in dict.fromkeys(row.engine for row in rows):
            mine = [row for row in rows if row.engine == engine and row.wish.startswith(what)]
            counts = {name: sum(row.outcome == name for row in mine) for name in {row.outcome for row in mine}}
            changed = sum(row.lines for row in mine)
            cells = [counts.get(name, 0) for name in ("same", "refused", "tests differ")]
            cells.append(counts.get("old name left", 0) + counts.get("nothing", 0))
            first = f"{cells[0]} of {len(mine)}"
            lines.append(f"| {what} | {engine} | {first} | {cells[1]} | {cells[2]} | {cells[3]} | {changed} |")
    lines += [
        "",
        "Of the moves, half go to any module of the package, which often makes a circle of imports; half are drawn",
        "from those that make none by a graph of imports read with `ast` alone, by turns to a module that is there",
        "and to a new one. Neither engine has a say in what is drawn.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", default=",".join(project.name for project in PROJECTS))
    parser.add_argument("--each", type=int, default=5, help="renames of functions, and of methods")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", default="ossa,rope", help="and `asked`: the model writes the edits, as for aider")
    parser.add_argument("--what", default="rename,move,signature", help="which of what is drawn is done")
    parser.add_argument("--model", type=Path, default=cache_dir() / "models" / SMALL, help="that `asked` asks")
    parser.add_argument("--seconds", type=float, default=120.0, help="in which it has to answer")
    asked = parser.parse_args()
    engines: dict[str, Engine] = {"ossa": by_ossa, "rope": by_rope}
    if "asked" in asked.engines.split(","):
        engines["asked"] = asking(asked.model, asked.seconds)
    rows: list[Row] = []
    for project in PROJECTS:
        if project.name not in asked.projects.split(","):
            continue
        base = project.steady
        if not base:
            raise SystemExit(f"The tests of {project.name} do not run, so nothing could be judged.")
        print(f"{project.name} {project.version}: {len(base)} tests pass", file=sys.stderr)
        chance = random.Random(f"{project.name} {asked.seed}")
        for one in draw(project.source, project.files(), asked.each, chance):
            if one[0].what not in asked.what.split(","):
                continue
            for name in asked.engines.split(","):
                row = judged(project, name, engines[name], one, base)
                print(row, file=sys.stderr, flush=True)
                rows.append(row)
                OUT.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
