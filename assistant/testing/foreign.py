"""Tests that are not Python's: which runner the repository's own files ask for, how it is started, and what it told.

    Cargo.toml · go.mod · package.json ─► plans() ─► Plan ─► arguments(), variables()
    what the run left in its folder, or printed ─► read_foreign() ─► Outcomes

node and jest bring a reporter of ours (`node.mjs`, `jest.cjs`); vitest and mocha write JUnit XML; go and cargo print
what can be read. Any other command may write JUnit XML to the file that $OSSA_JUNIT names.
"""

import json
import os
import re
import shlex
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ossa.assistant.draft import Completed
from ossa.assistant.testing.cargo import build_error, is_cargo, parse_cargo
from ossa.assistant.testing.golang import is_go, parse_go
from ossa.assistant.testing.junit import read_junit
from ossa.assistant.testing.outcomes import Outcomes
from ossa.assistant.testing.plan import Kind, Plan

KINDS: tuple[Kind, ...] = ("node", "jest", "vitest", "mocha", "npm", "cargo", "go")
"""The runners that are known here."""
JAVASCRIPT: tuple[Kind, ...] = KINDS[:5]
WHOLE: tuple[Kind, ...] = ("node", "mocha", "npm")
"""Those that can only be run as a whole: what is not wanted is left out of what they told."""
REPORTERS: dict[Kind, str] = {"node": "node.mjs", "npm": "node.mjs", "command": "node.mjs", "jest": "jest.cjs"}
"""What travels with a run, by the name that it has here."""
JUNIT = "OSSA_JUNIT"
"""Names the variable with the file that JUnit XML may be written to."""
_OUTPUT_LIMIT = 1 << 20
_VAST, _USUAL = 1 << 42, 8 << 30
_TELLING_LIMIT = 32 << 20
"""The same where the output is all that tells of the tests."""
_JAVASCRIPT = re.compile(r"(\.[cm]?[jt]sx?)$")
_FRAMEWORKS: tuple[tuple[str, Kind], ...] = (
    (r"\b(jest|react-scripts test)\b", "jest"),
    (r"\bvitest\b", "vitest"),
    (r"\bmocha\b", "mocha"),
    (r"\bnode\b.* --test\b", "node"),
)
_NO_TESTS = "no test specified"
"""What npm writes into a new package.json."""
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn"}
_LINKED = """
export GOCACHE="${XDG_CACHE_HOME:-/tmp}/ossa-go-build"
mkdir -p "$GOCACHE" && cp -rs "$0/." "$GOCACHE" 2>/dev/null
exec "$@"
"""
"""Runs what follows with a folder of links to what go has built before: go would write to its own, which it cannot."""
_NODE = re.compile(r"\b(node|npm|npx|yarn|pnpm)\b")
_SCRIPT_LIMIT = 2000
_MANIFESTS = ("Cargo.toml", "go.mod", "package.json")
_PACKAGES = 4
"""Packages of one language that are tested, where none is at the root."""
_DEEP = 2
"""Folders that such a package lies within at most."""
_ASIDE = frozenset(
    {"node_modules", "bower_components", "vendor", "vendored", "third_party", "third-party", "testdata", "fixtures"}
    | {"examples", "example", "samples", "templates", "template", "test", "tests", "benchmarks", "docs"}
)
"""Folders whose packages are not the repository's own, or not to be tested."""


def manifests(files: Collection[str]) -> list[str]:
    """The files that may say how tests are run: of each kind those at the root, or else in folders near it."""
    found: list[str] = []
    for name in _MANIFESTS:
        if name in files:
            found.append(name)
        else:
            inner = (path for path in files if path.endswith(f"/{name}") and _is_project(path))
            found += sorted(inner, key=lambda path: (path.count("/"), path))[:_PACKAGES]
    return found


def plans(files: Collection[str], texts: Mapping[str, str]) -> list[Plan]:
    """How the tests of other languages are run, as far as the repository has such.

    Args:
        files: all its files.
        texts: those of `manifests`, by their paths.
    """
    found: list[Plan] = []
    for path, text in texts.items():
        folder, _, name = path.rpartition("/")
        below = [file.removeprefix(f"{folder}/") for file in files if not folder or file.startswith(f"{folder}/")]
        if plan := _plan(name, text, below):
            found.append(replace(plan, folder=folder, title=f"{plan.title} in {folder}") if folder else plan)
    return found


def _is_project(manifest: str) -> bool:
    """Whether it is of a part of the repository, and not of what others wrote or of an example."""
    folders = manifest.lower().split("/")[:-1]
    return len(folders) <= _DEEP and not any(name in _ASIDE or name.startswith((".", "_")) for name in folders)


def _plan(manifest: str, text: str, files: Collection[str]) -> Plan | None:
    """The plan of one manifest; `files` are those below it, as seen from there."""
    match manifest:
        case "Cargo.toml":
            return Plan("cargo", ("cargo", "test", "--no-fail-fast", "--offline"), "cargo test")
        case "go.mod":
            tested = any(path.endswith("_test.go") for path in files)
            return Plan("go", ("go", "test", "-json", "./..."), "go test ./...") if tested else None
        case _:
            return _npm(files, text)


def inner(plan: Plan, only: Sequence[str]) -> list[str]:
    """Ids as the runner has them, which knows of its folder only."""
    folder = f"{plan.folder}/" if plan.folder else ""
    return (
        [
            "." + test[len(plan.folder) :]
            if test == plan.folder or test.startswith(f"{plan.folder}::")
            else test.removeprefix(folder)
            for test in only
        ]
        if folder
        else list(only)
    )


def outer(plan: Plan, outcomes: Outcomes, root: Path) -> Outcomes:
    """What a run told, with ids as seen from the root of the repository."""
    if plan.folder:
        outcomes.tests = {
            new: replace(result, id=new)
            for test, result in outcomes.tests.items()
            for new in [_from_root(plan, test, root)]
        }
        outcomes.running = {_from_root(plan, test, root): None for test in outcomes.running}
    return outcomes


def _from_root(plan: Plan, test: str, root: Path) -> str:
    file, separator, rest = test.partition("::")
    if plan.kind in REPORTERS and file.startswith(f"{plan.folder}/"):
        return test
    if plan.kind == "go" or not (root / file).exists():
        file = plan.folder if file == "." else f"{plan.folder}/{file}"
    return f"{file}{separator}{rest}"


def arguments(plan: Plan, only: Sequence[str], folder: Path) -> list[str]:
    """The command line; with `only`, as little as the runner can be told to run of these ids and what lies below."""
    only = inner(plan, only)
    match plan.kind:
        case "cargo":
            names = [name.partition("::")[2] or name for name in only if "::" in name or " - " in name]
            return [*plan.argv, *(["--", *names] if len(names) == len(only) and names else ())]
        case "go":
            cache = _go_cache()
            return [*(("sh", "-c", _LINKED, str(cache)) if cache.is_dir() else ()), *_go(plan, only)]
        case "jest":
            reporters = ["--reporters=default", f"--reporters={folder / 'jest.cjs'}"]
            return [*plan.argv, *reporters, *(["--runTestsByPath", *_files(only)] if only else ())]
        case "vitest":
            junit = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={folder / 'junit.xml'}"]
            return [*plan.argv, *junit, *_files(only)]
        case "mocha":
            return [*plan.argv, "--reporter", "xunit", "--reporter-option", f"output={folder / 'junit.xml'}"]
        case _:
            return list(plan.argv)


def variables(plan: Plan, folder: Path) -> dict[str, str]:
    """What a run needs in its environment beyond the usual to tell of its tests."""
    values = {JUNIT: str(folder / "junit.xml")}
    if plan.kind in ("node", "npm") or (plan.kind == "command" and _NODE.search(shlex.join(plan.argv))):
        own = f"--test-reporter={folder / 'node.mjs'} --test-reporter-destination=stderr"
        values["NODE_OPTIONS"] = f"--test-reporter=spec --test-reporter-destination=stdout {own}"
    if plan.kind == "cargo":
        values["RUST_BACKTRACE"] = "1"
    if plan.kind == "go":
        values |= {"GOTOOLCHAIN": "local", "GOPROXY": "off"}
    return values


def _go_cache() -> Path:
    """Where go keeps what it has built."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GOCACHE") or Path(folder, "go-build"))


def output_limit(plan: Plan) -> int:
    """Bytes of a run's output that are to be kept."""
    return _TELLING_LIMIT if plan.kind in ("cargo", "go") else _OUTPUT_LIMIT


def address_space(plan: Plan) -> int:
    """Bytes of address space that each of a run's processes may have; node maps far more than it uses."""
    return _VAST if plan.kind in JAVASCRIPT else _USUAL


def bring(plan: Plan, folder: Path) -> None:
    """Copy the reporter that this kind of run takes into its folder."""
    if name := REPORTERS.get(plan.kind):
        shutil.copyfile(Path(__file__).with_name(name), folder / name)


def read_foreign(plan: Plan, completed: Completed, folder: Path, root: Path) -> Outcomes:
    """What a run told that did not report to us: by JUnit XML, or in what it printed."""
    found = read_junit(folder / "junit.xml", root)
    if found.begun or completed.truncated:
        return found
    output, root = completed.output, root / plan.folder
    if plan.kind == "go" or (plan.kind == "command" and is_go(output)):
        return parse_go(output, _module(root))
    if plan.kind == "cargo" or (plan.kind == "command" and is_cargo(output)):
        return parse_cargo(output, workspace=_is_workspace(root))
    return found


def selected(outcomes: Outcomes, only: Sequence[str]) -> Outcomes:
    """Of what was told, that of the tests with these ids and below them."""
    if only:
        outcomes.tests = {test: result for test, result in outcomes.tests.items() if _wanted(test, only)}
    return outcomes


def unbuilt(plan: Plan, completed: Completed) -> str:
    """Why the tests could not even be built, in a line; empty where that is not what went wrong."""
    return build_error(completed.output) if plan.kind == "cargo" else ""


def _wanted(test: str, only: Sequence[str]) -> bool:
    return any(test == one or test.startswith((f"{one}::", f"{one}/", f"{one}[")) for one in only)


def _npm(files: Collection[str], text: str) -> Plan | None:
    """The plan of a package.json that has a script for its tests."""
    script = _test_script(text)
    if not script or _NO_TESTS in script:
        return None
    last = re.split(r"&&|\|\||;|\|", script)[-1]
    found: list[Kind] = [kind for pattern, kind in _FRAMEWORKS if re.search(pattern, last)]
    kind = found[0] if found else "npm"
    program = next((name for lock, name in _LOCKS.items() if lock in files and shutil.which(name)), "npm")
    separator = ["--"] if program == "npm" and kind in ("jest", "vitest", "mocha") else []
    return Plan(kind, (program, "test", *separator), f"{program} test ({kind})" if kind != "npm" else "npm test")


def _test_script(text: str) -> str:
    try:
        table: Any = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return ""
    match table:
        case {"scripts": {"test": str(script)}}:
            return script[:_SCRIPT_LIMIT]
        case _:
            return ""


def _go(plan: Plan, only: Sequence[str]) -> list[str]:
    """`go test` for the packages, and for the tests where only such are named."""
    if not only:
        return list(plan.argv)
    packages = sorted({f"./{test.partition('::')[0].removeprefix('./')}" for test in only})
    names = sorted({test.partition("::")[2].partition("/")[0] for test in only})
    run = ["-run", f"^({'|'.join(map(re.escape, names))})$"] if all(names) else []
    return [*plan.argv[:-1], *run, *("." if package == "./." else package for package in packages)]


def _files(only: Sequence[str]) -> list[str]:
    """The files of tests."""
    return sorted({name for test in only if _JAVASCRIPT.search(name := test.partition("::")[0])})


def _module(root: Path) -> str:
    match = re.search(r"^module\s+\"?([^\s\"]+)", _text(root / "go.mod"), re.MULTILINE)
    return match[1] if match else PurePosixPath(root).name


def _is_workspace(root: Path) -> bool:
    return bool(re.search(r"^\s*\[workspace\]", _text(root / "Cargo.toml"), re.MULTILINE))


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 1 << 20].decode("utf-8", "replace")
    except OSError:
        return ""
