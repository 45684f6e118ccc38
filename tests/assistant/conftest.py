"""A small real repository, and a home of its own for whatever ossa keeps."""

import hashlib
import json
import os
import subprocess
import venv
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest

from ossa.assistant.change import Change
from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.events import Event, TurnFinished
from ossa.assistant.repository import Repository
from ossa.assistant.review import Answer, Decision, Unattended
from ossa.assistant.verdict import Verdict
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Message, Piece, ToolCall
from ossa.model.scripted import Answer as Script
from ossa.model.scripted import ScriptedModel

Git: TypeAlias = Callable[..., str]
Fingerprint: TypeAlias = Callable[..., str]
Open: TypeAlias = Callable[[dict[str, str]], Draft]
EventT = TypeVar("EventT")

FILES = {
    ".gitignore": "build/\n*.log\n",
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n",
    "pkg/__init__.py": "",
    "pkg/deep/one.py": "ONE = 1\n",
    "pkg/deep/two.py": "TWO = 2\n",
    "tests/test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's configuration counts, and nothing is written to it."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "ossa"))
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")


@pytest.fixture
def git(repo: Path) -> Git:
    """Runs git in the repository and gives what it prints."""

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=repo, capture_output=True, check=True)
        return os.fsdecode(done.stdout)

    return run


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit on `main`, a failing test, a script and a link."""
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "run.sh").write_text("#!/bin/sh\necho run\n")
    (root / "run.sh").chmod(0o755)
    (root / "link.py").symlink_to("calc.py")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A repository without a commit."""
    root = tmp_path / "empty"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    return root


@pytest.fixture
def fingerprint() -> Fingerprint:
    """A digest of all that is in a folder: names, types, modes, contents, and times where asked for."""

    def digest(root: Path, *, times: bool = True) -> str:
        total = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            time = status.st_mtime_ns if times and not path.is_dir() else 0
            total.update(repr((os.fsencode(path), status.st_mode, time, hashlib.sha256(content).digest())).encode())
        return total.hexdigest()

    return digest


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Open]:
    """Makes a repository of these files and opens a draft of it."""
    drafts: list[Draft] = []

    def make(files: dict[str, str]) -> Draft:
        root = tmp_path / "repository"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
            subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
        drafts.append(open_draft(Repository.open(root), tmp_path / "draft"))
        return drafts[-1]

    yield make
    for draft in drafts:
        draft.discard()
        draft.close()


@pytest.fixture(scope="session")
def environment_with_pytest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pytest and nothing that plugs into it, so that each run starts fast."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next(folder.glob("lib/*/site-packages"))
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py"):
        origin = find_spec(name)
        assert origin and origin.origin
        path = Path(origin.origin)
        path = path.parent if path.name == "__init__.py" else path
        for found in (path, *path.parent.glob(f"{name}-*.dist-info")):
            (packages / found.name).symlink_to(found)
    script = folder / "bin" / "pytest"
    script.write_text(f"#!{folder / 'bin' / 'python'}\nimport sys\n\nimport pytest\n\nsys.exit(pytest.main())\n")
    script.chmod(0o755)
    return folder


@pytest.fixture
def own_python(monkeypatch: pytest.MonkeyPatch, environment_with_pytest: Path) -> None:
    """The person has that environment activated."""
    monkeypatch.setenv("VIRTUAL_ENV", str(environment_with_pytest))
    monkeypatch.setenv("PATH", f"{environment_with_pytest / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def bare_project(project: Open) -> Open:
    """Makes a repository with a virtual environment of its own, in which there is no pytest."""

    def make(files: dict[str, str]) -> Draft:
        draft = project({**files, ".gitignore": ".venv/"})
        venv.create(draft.root / ".venv", with_pip=False, symlinks=True)
        return draft

    return make


class Reader(Unattended):
    """A reviewer who says what they were given to say, one thing after the other, then puts the review off."""

    def __init__(self, *says: Callable[[Change], Answer]) -> None:
        super().__init__()
        self.says = list(says)
        self.shown: list[tuple[Change, Verdict]] = []

    async def review(self, change: Change, verdict: Verdict, alternatives: object) -> Answer:
        self.shown.append((change, verdict))
        return self.says.pop(0)(change) if self.says else None


class Desk:
    """Workbenches on one repository, all closed in the end; their turns played to lists of events."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.opened: list[Workbench] = []

    def open(
        self,
        script: Iterable[Script | str] = (),
        reviewer: Unattended | None = None,
        *,
        resume: str = "",
        test: str = "true",
        calls_tools: bool = True,
        plain_folder: bool = False,
    ) -> Workbench:
        """A workbench whose model replays a script; tests by exit code alone unless others are named."""
        model = ScriptedModel(script, calls_tools=calls_tools)
        options = Options(self.repo, test=test, resume=resume, seconds=300, candidates=150, plain_folder=plain_folder)
        self.opened.append(open_workbench(options, lambda _: model, reviewer or Unattended()))
        return self.opened[-1]

    @staticmethod
    async def play(events: AsyncIterator[Event]) -> list[Event]:
        return [event async for event in events]

    @staticmethod
    async def stop_at(work: Workbench, events: AsyncIterator[Event], at: Callable[[Event], bool]) -> list[Event]:
        """Play, and press Esc at the first event that fits."""
        seen: list[Event] = []
        async for event in events:
            seen.append(event)
            if at(event):
                work.agent.cancel()
        return seen

    @staticmethod
    def end(events: list[Event]) -> str:
        last = events[-1]
        assert isinstance(last, TurnFinished)
        return last.end

    @staticmethod
    def of(events: list[Event], kind: type[EventT]) -> list[EventT]:
        return [event for event in events if isinstance(event, kind)]

    @staticmethod
    def patch(*parts: str) -> list[Piece]:
        """A call of apply_patch with these file sections."""
        text = "\n".join(["*** Begin Patch", *(part.rstrip("\n") for part in parts), "*** End Patch"])
        return [ToolCall("repo_browser.apply_patch", json.dumps({"patch": text}))]

    @staticmethod
    def seen(work: Workbench) -> list[tuple[Message, ...]]:
        """What the model was shown, prompt by prompt."""
        assert isinstance(work.model, ScriptedModel)
        return work.model.seen

    @staticmethod
    def take(change: Change) -> Answer:
        """Accept all."""
        return [Decision(hunk.id, True) for _, hunk in change.hunks]


@pytest.fixture
def desk(repo: Path) -> Iterator[Desk]:
    """Opens workbenches on the repository."""
    one = Desk(repo)
    yield one
    for work in one.opened:
        work.close()


@pytest.fixture
def reader() -> type[Reader]:
    """Makes reviewers who say what they are given."""
    return Reader
