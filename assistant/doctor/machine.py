"""What a person would want to know of this machine when something does not work: versions, places, room, models."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.config import load_config
from ossa.assistant.drafts.limits import gigabytes
from ossa.assistant.drafts.opening import foreign, mounted
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox
from ossa.assistant.repository import NotARepository, Repository
from ossa.model.base import ModelError
from ossa.model.discover import installed
from ossa.model.machine import this_machine
from ossa.model.server.address import address


def facts() -> Iterator[tuple[str, str]]:
    """Names and what is so."""
    yield "ossa", f"{metadata.version('ossa')}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    yield "packages", ", ".join(f"{name} {_version(name)}" for name in ("torch", "transformers", "textual"))
    yield "git", _output("git", "--version").removeprefix("git version ") or "missing: install git"
    machine = this_machine()
    gpu = f", {gigabytes(machine.gpu)} free on the graphics card" if machine.gpu else ""
    yield "memory", f"{gigabytes(machine.ram)} free{gpu}"
    for name, folder in (("config", paths.config_dir()), ("state", paths.state_dir()), ("cache", paths.cache_dir())):
        yield name, f"{folder} ({gigabytes(_free(folder))} free)"
    yield "tokens", _where(load_config().server)
    models = installed(paths.cache_dir() / "models")
    yield "models", ", ".join(model.name for model in models) or "none on disk: `ossa models` lists them"


def isolation(sandbox: Sandbox | NoSandbox, root: Path) -> Iterator[tuple[str, str]]:
    """What confines the commands of a draft here, and by which means."""
    if isinstance(sandbox, NoSandbox):
        yield "commands", f"NOT confined: {sandbox}"
        return
    yield "commands", f"confined by {_output(sandbox.program, '--version') or 'bubblewrap'} ({sandbox.program})"
    yield "draft", _kind(sandbox, root)
    rules = len(sandbox.filter) // 8 if sandbox.filter else 0
    yield "system calls", f"filtered by {rules} instructions for {platform.machine()}" if rules else "NOT filtered"
    count = "a control group" if sandbox.groups else "the kernel" if os.geteuid() else "watching alone"
    yield (
        "limits",
        f"processes by {count}; time, processor, memory, disk and output by watching, file size by the kernel",
    )


def _where(server: str) -> str:
    """Where what the model reads and writes goes, as configured."""
    if not server:
        return "stay on this machine, unless ossa is started with --server"
    try:
        found = address(server)
    except ModelError as error:
        return f"go nowhere: {error}"
    kept = "a key is there" if found.key else "without a key"
    return f"go to the server: {found.host}, by config.toml, {kept}{', NOT encrypted' if found.is_open else ''}"


def _kind(sandbox: Sandbox, root: Path) -> str:
    """Which kind of draft the repository at a folder would get."""
    if not sandbox.overlays:
        return f"a copy of the repository: {sandbox.why}"
    try:
        repository = Repository.open(root)
        why = foreign(repository) or mounted(repository.root)
    except NotARepository:
        return "an overlay on the repository"
    return f"a copy of this repository: {why}" if why else "an overlay on this repository"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _free(folder: Path) -> int:
    """Bytes free where a folder is or would be."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free
