"""The index of a repository: what it knows, what it reads again, and what it survives."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ossa.assistant.index.index import Index
from ossa.assistant.index.terms import words
from ossa.assistant.repository import Repository

Git = Callable[..., str]


@pytest.fixture
def index(repo: Path) -> Iterator[Index]:
    made = Index.of(Repository.open(repo))
    yield made
    made.close()


def database(tmp_path: Path) -> Path:
    (found,) = tmp_path.glob("ossa/cache/*/index-*.sqlite")
    return found


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def contents(place: Path) -> bytes:
    with suppress(OSError):
        return place.read_bytes()
    return b""


def test_what_it_knows(index: Index) -> None:
    done = index.refresh()

    assert (done.files, done.changed, done.removed, done.complete) == (7, 7, 0, True)
    assert "link.py" not in index.paths()
    assert index.paths() == sorted(index.paths())
    assert [(one.name, one.kind, one.line) for one in index.symbols("calc.py")] == [
        ("add", "function", 1),
        ("sub", "function", 5),
    ]
    assert [one.path for one in index.named("add")] == ["calc.py"]
    assert index.definers("add", 5) == ["calc.py"] and index.definers("add", 0) == index.definers("ad", 5) == []
    assert {"ONE", "add"} < {*index.names()}
    facts = {path: (defined, used) for path, defined, used in index.facts()}
    assert facts.keys() == index.digests().keys() == set(index.paths())
    assert facts["calc.py"][0] == ("add", "sub") and facts["tests/test_calc.py"][1]["add"] == 2
    assert [path for path, *_ in index.facts(["calc.py", "gone.py", "link.py"])] == ["calc.py"]
    assert index.problem == ""


def test_words_are_found_by_their_parts_and_as_they_stand(repo: Path, index: Index) -> None:
    write(repo / "http.py", "def parseHTTPHeader(raw_text): ...\n")
    write(repo / "many.py", "x = 1  # header\n" * 50)
    index.refresh()

    assert list(index.matching(["parsehttpheader"])) == ["http.py"]
    assert list(index.matching(words("raw_text"))) == ["http.py"]
    found = index.matching(words("Header"), names=5.0)
    assert found["http.py"] > found["many.py"] > 0
    assert index.matching(['"', "a OR b", "*", "x\0", ""]) == {}
    assert index.matching([]) == {}


def test_only_what_changed_is_read_again(repo: Path, index: Index, git: Git) -> None:
    index.refresh()
    generation = index.generation()

    assert index.refresh().changed == 0
    os.utime(repo / "calc.py", (1, 1))
    assert index.refresh().changed == 0
    assert index.generation() == generation

    write(repo / "calc.py", "def mul(a, b): ...\n")
    write(repo / "new.py", "def fresh(): ...\n")
    write(repo / "build" / "made.py", "def ignored(): ...\n")
    (repo / "pkg" / "deep" / "two.py").unlink()
    done = index.refresh()

    assert (done.changed, done.removed) == (2, 1)
    assert index.generation() > generation
    assert [one.name for one in index.symbols("calc.py")] == ["mul"]
    assert index.named("fresh")
    assert not index.named("ignored")
    assert not index.named("add")
    assert not index.matching(["sub"])
    assert "TWO" not in index.names()


def test_named_files_alone_are_looked_at(repo: Path, index: Index) -> None:
    index.refresh()
    write(repo / "calc.py", "def mul(a, b): ...\n")
    write(repo / "other.py", "def other(): ...\n")

    assert index.refresh(["calc.py", "nowhere.py", "link.py"]).changed == 1
    assert index.named("mul")
    assert not index.named("other")


def test_a_folder_that_is_gone_takes_its_files_along(repo: Path, index: Index) -> None:
    index.refresh()
    (repo / "pkg").rename(repo / "build")

    assert index.refresh(["pkg"]).removed == 3
    assert not [path for path in index.paths() if path.startswith("pkg/")]


def test_a_second_start_reads_nothing_again(repo: Path, index: Index) -> None:
    past = time.time() - 100
    for path in repo.rglob("*.py"):
        os.utime(path, (past, past))
    index.refresh()
    index.close()

    again = Index.of(Repository.open(repo))
    assert [one.name for one in again.symbols("calc.py")] == ["add", "sub"]
    assert again.refresh().changed == 0
    again.close()


def test_one_file_of_a_language_without_a_grammar(repo: Path, index: Index) -> None:
    index.refresh()
    write(repo / "more.hs", "module More where\ntwice :: Int -> Int\ntwice x = x * 2\n")

    assert index.refresh(["more.hs"]).changed == 1
    assert index.named("twice")


def test_what_nobody_wrote_is_left_out_with_the_reason(repo: Path, index: Index) -> None:
    write(repo / "vendor" / "lib.py", "def vendored(): ...\n")
    write(repo / "shop" / "vendor" / "price.py", "def price(): ...\n")
    write(repo / "static" / "vendor" / "lib.js", "function vendored() {}\n")
    write(repo / "package-lock.json", "{}")
    write(repo / "api_pb2.py", "def made(): ...\n")
    write(repo / "site.min.js", "function min(){}")
    write(repo / "packed.js", "function packed(){};" * 1000)
    write(repo / "made.go", "// Code generated by protoc. DO NOT EDIT.\npackage p\n")
    write(repo / "scaffold.js", "/** Generated by PanelMaker 1.7 on Tue Apr 19 2016. */\nfunction draw() {}\n")
    write(repo / "says.py", '"""Writes files."""\nHEAD = "# generated by us"\n')
    write(repo / "picture.dat", b"a\0b" * 100)
    write(repo / "huge.py", "x = 1\n" * 200_000)
    index.refresh()

    assert index.left_out() == {
        "api_pb2.py": "generated",
        "huge.py": "larger than 1 MB",
        "made.go": "generated",
        "package-lock.json": "generated",
        "packed.js": "generated",
        "picture.dat": "binary",
        "site.min.js": "generated",
        "static/vendor/lib.js": "vendored",
        "vendor/lib.py": "vendored",
    }
    assert "says.py" in index.paths()
    assert not index.named("vendored")
    assert index.named("price")


AWKWARD: dict[str, bytes] = {
    "latin.py": "def grüße(): ...  # ä\n".encode("latin-1"),
    "wide.py": "def wide(): ...\n".encode("utf-16"),
    "marked.py": "\ufeffdef marked(): ...\n".encode(),
    "half.py": b"class Half:\n    def works(self): ...\n    def broken(self\n\n)]}\nif while\ndef after(): ...\n",
    "deep.py": b"x = " + b"[" * 20_000,
    "deep.ts": b"(" * 20_000 + b"\nfunction seen() {}\n",
    "nested.c": b"void f() " + b"{" * 20_000,
    "dolls.ts": b"function f() {" * 20_000,
    "line.py": b"x = '" + b"a" * 900_000 + b"'\n",
    "noise.rb": bytes(range(1, 256)) * 300,
    "empty.go": b"",
    "crlf.py": b"def one():\r\n    pass\r\n\r\ndef two(): ...\r\n",
    "noise.pl": b"q{" * 20_000,
    "sur\udce4.py": b"def oddly_named(): ...\n",
}


def test_nothing_in_a_file_hurts(repo: Path, index: Index) -> None:
    for name, data in AWKWARD.items():
        write(repo / name, data)

    index.refresh()

    assert set(AWKWARD) <= set(index.paths())
    assert [one.name for one in index.symbols("latin.py")] == ["grüße"]
    assert [one.name for one in index.symbols("wide.py")] == ["wide"]
    assert [one.name for one in index.symbols("marked.py")] == ["marked"]
    assert {"Half", "works"} <= {one.name for one in index.symbols("half.py")}
    assert [(one.name, one.line) for one in index.symbols("crlf.py")] == [("one", 1), ("two", 4)]
    assert [one.path for one in index.named("oddly_named")] == ["sur\udce4.py"]
    assert "sur\udce4.py" in index.matching(["oddly_named"])


@pytest.mark.parametrize("damage", ["cut", "noise", "text", "tables"])
def test_a_broken_database_is_made_anew(repo: Path, index: Index, tmp_path: Path, damage: str) -> None:
    for n in range(100):
        write(repo / f"more{n}.py", f"def more{n}(): ...\n" * 50)
    index.refresh()
    index.close()
    place = database(tmp_path)
    data = place.read_bytes()
    if damage == "tables":
        with sqlite3.connect(place) as connection:
            connection.execute("DROP TABLE symbols")
            connection.execute("CREATE TABLE symbols(other)")
        connection.close()
    else:
        broken = {"cut": data[: len(data) // 2], "noise": data[:4096] + os.urandom(len(data)), "text": b"hello" * 999}
        place.write_bytes(broken[damage])

    again = Index.of(Repository.open(repo))
    again.refresh()
    again.refresh()

    assert again.problem == ""
    assert [one.path for one in again.named("more7")][:1] == ["more7.py"]
    assert again.matching(["more8"])
    again.close()


def test_what_another_version_left_is_deleted(repo: Path, index: Index, tmp_path: Path) -> None:
    index.refresh()
    index.close()
    old = database(tmp_path).with_name("index-0123456789ab.sqlite")
    old.write_text("of another version")

    Index.of(Repository.open(repo)).close()

    assert not old.exists()


def test_without_a_place_on_disk_it_is_kept_in_memory(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    index = Index(repo, Repository.open(repo).files, tmp_path / "occupied" / "cache")

    assert index.refresh().files == 7
    assert index.named("add")
    assert "kept in memory only" in index.problem
    index.close()


_FULL = """
import resource, signal, sys
from pathlib import Path
from ossa.assistant.index.index import Index
from ossa.assistant.repository import Repository
repository = Repository.open(Path(sys.argv[1]))
index = Index.of(repository)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
done = index.refresh()
print(done.files, len(index.paths()), len(index.named("more7")), index.problem)
"""


def test_a_disk_that_fills_up_is_told(repo: Path) -> None:
    for n in range(100):
        write(repo / f"more{n}.py", "".join(f"def more{n + k}(): word{n}_{k} = {k}\n" for k in range(100)))

    done = subprocess.run([sys.executable, "-c", _FULL, str(repo)], capture_output=True, text=True, timeout=300)

    assert done.stdout.startswith("107 107 8 The index is kept in memory only ("), done.stdout + done.stderr


_TWO = """
import os
import sys
from pathlib import Path
from ossa.assistant.index.index import Index
from ossa.assistant.repository import Repository
index = Index.of(Repository.open(Path(sys.argv[1])))
for _ in range(5):
    index.refresh()
    assert index.named("more7"), index.problem
    assert not index.problem
    for path in Path(sys.argv[1]).glob("more*.py"):
        mine = path.parent / ".git" / f"{os.getpid()}"
        mine.write_text(path.read_text() + "x = 1\\n")
        mine.replace(path)
print(len(index.paths()))
"""


def test_two_processes_on_one_repository(repo: Path) -> None:
    for n in range(60):
        write(repo / f"more{n}.py", f"def more{n}(): ...\n")

    both = [subprocess.Popen([sys.executable, "-c", _TWO, str(repo)], stdout=subprocess.PIPE) for _ in range(2)]

    assert [process.communicate(timeout=300)[0] for process in both] == [b"67\n", b"67\n"]


def test_others_may_ask_while_it_is_refreshed(repo: Path, index: Index) -> None:
    for n in range(300):
        write(repo / f"more{n}.py", f"def more{n}(): ...\n" * 20)
    seen: list[tuple[int, int]] = []
    thread = threading.Thread(target=lambda: index.refresh(progress=lambda done, of: seen.append((done, of))))
    thread.start()
    while thread.is_alive():
        assert isinstance(index.matching(["more7"]), dict)
        assert len(index.named("more7")) in (0, 20)
    thread.join()

    assert len(index.named("more7")) == 20
    assert seen[-1] == (307, 307)


def test_a_refresh_can_be_stopped(repo: Path, index: Index) -> None:
    for n in range(400):
        write(repo / f"more{n}.py", f"def more{n}(): ...\n" * 20)

    done = index.refresh(progress=lambda done, of: index.stop())

    assert not done.complete
    assert 0 < len(index.paths()) < 407
    index.close()
    assert index.paths() == []


def test_a_file_on_which_a_reader_dies_is_left_out(repo: Path, index: Index) -> None:
    for n in range(400):
        write(repo / f"more{n}.py", f"def more{n}(): ...\n" * 20)

    def kill_one(done: int, of: int) -> None:
        mine = [
            int(place.parent.name)
            for place in Path("/proc").glob("[0-9]*/cmdline")
            if b"ossa.assistant.index.reading\0" + bytes(repo) in contents(place)
        ]
        with suppress(ProcessLookupError, IndexError):
            os.kill(mine[0], 9)

    done = index.refresh(progress=kill_one)

    assert done.complete
    lost = [path for path, reason in index.left_out().items() if reason == "unreadable"]
    assert len(index.paths()) + len(lost) == 407
    for path in lost:
        write(repo / path, "def mended(): ...\n")
    index.refresh()
    assert len(index.paths()) == 407
    assert len(index.named("mended")) == len([path for path in lost if path.endswith(".py")])
