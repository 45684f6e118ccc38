"""Throws broken patches at the edit engine for a while and says what it should not have done.

Three kinds in turn: real patches with their text mutated, patches put together at random from what patches are made
of, and files with pathological repetitions. Each goes into a real draft of a small repository with traps around it:
links that lead out, `.git`, ignored secrets. Wanted: no exception but EditError, no working tree or outside file
touched, none slower than a limit.

    python benchmarks/fuzz_edits.py [SECONDS] [SEED]
"""

import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from _patches import TUNED, Hunk, cases, common_dedent, dropped, repeated, v4a

from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox
from ossa.assistant.edits.engine import EditError, apply_to, parse, plan
from ossa.assistant.paths import cache_dir
from ossa.assistant.repository import Repository

SLOW = 2.0
"""Seconds that no patch may take."""
_PATHS = r"""
a.py|b.txt|c.json|sub/d.toml|crlf.py|wide.txt|latin.txt|../x|/etc/hosts|.git/config|sub/.GIT/x|out/x|out|.env|a b
git~1/config|new.py|sub|sub/new/deep.py|a.py/x|.git./x|.git::$INDEX_ALLOCATION/x|.git\config|loop||b.txt |sub/../../x
"""
PATHS = _PATHS.strip("\n").replace("\n", "|").split("|")
FILES = {
    "a.py": b"import os\n\n\nclass A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 1\n",
    "b.txt": b"one\ntwo\nthree\n\n\none\ntwo\nthree\n",
    "c.json": b'{\n  "a": 1,\n  "b": [\n    1,\n    2\n  ]\n}\n',
    "sub/d.toml": b"[x]\na = 1\nb = [\n    1,\n    2,\n]\n",
    "crlf.py": b"\xef\xbb\xbfx = 1\r\nif x:\r\n\ty = 2\r\n",
    "wide.txt": "\ufeffäöü\nzwei\n".encode("utf-16-le"),
    "latin.txt": b"caf\xe9\nend",
    ".gitignore": b".env\n",
    ".env": b"TOKEN=1\n",
}
_MARKS = r"""
*** Begin Patch|*** End Patch|*** End of File|*** Move to: |*** Update File: |*** Add File: |*** Delete File: |@@|+| |-
@@ class A:|@@ def f|@@ -1,2 +1,2 @@|@@ -3,0 +4,1 @@|--- a/b.txt|+++ b/b.txt|diff --git a/a b/a|\ No newline
<<<<<<< SEARCH|=======|>>>>>>> REPLACE|```|```python|apply_patch <<'EOF'|EOF|{"patch": "|"}|\n|
"""
MARKS = _MARKS.strip("\n").replace("\n", "|").split("|")


def grown(chance: random.Random) -> str:
    """A patch put together at random."""
    lines: list[str] = []
    known = [line for data in FILES.values() for line in data.decode("latin-1").splitlines()]
    for _ in range(chance.randint(1, 30)):
        kind = chance.random()
        if kind < 0.35:
            mark = chance.choice(MARKS)
            lines.append(mark + chance.choice(PATHS) if mark.endswith(": ") else mark)
        elif kind < 0.9:
            lines.append(chance.choice(" -+ -+ ") + spoilt(chance.choice(known), chance))
        else:
            lines.append(
                "".join(
                    chr(chance.choice((9, 13, 32, 34, 92, 0x2019, 0xD800, chance.randrange(0x3000)))) for _ in range(9)
                )
            )
    text = "\n".join(lines)
    head = f"*** Begin Patch\n*** Update File: {chance.choice(PATHS)}\n" if chance.random() < 0.7 else ""
    return head + text + ("\n*** End Patch" if chance.random() < 0.5 else "")


def spoilt(line: str, chance: random.Random) -> str:
    """A line as it is, or nearly so."""
    kind = chance.randrange(8)
    if kind == 0:
        return line.strip()
    if kind == 1:
        return line + "  "
    if kind == 2:
        return "    " + line
    if kind == 3:
        return line.replace("    ", "\t").replace('"', "\u201d")
    return line


def mutated(text: str, chance: random.Random) -> str:
    """A text with some lines or characters dropped, doubled, moved or replaced."""
    for _ in range(chance.randint(1, 6)):
        lines = text.split("\n")
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        kind = chance.randrange(7)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[other])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = spoilt(lines[at], chance)
        elif kind == 4:
            lines.insert(at, chance.choice(MARKS))
        elif kind == 5:
            cut = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + chr(chance.randrange(1, 0x2100)) + lines[at][cut + 1 :]
        else:
            lines[at] = chance.choice(" -+") + lines[at][1:]
        text = "\n".join(lines) or " "
    return text


def pathological(chance: random.Random) -> tuple[str, dict[str, bytes]]:
    """A big file of few different lines, and a patch of the same."""
    size, kinds = chance.choice((1_000, 20_000, 100_000)), chance.randint(1, 4)
    words = [chance.choice(("x", "", "    y", "\tz", "if a:", "(", '"""', "}", "a" * 300)) for _ in range(kinds)]
    data = "\n".join(chance.choice(words) for _ in range(size)).encode()
    body = "\n".join(
        chance.choice("  -+") + spoilt(chance.choice(words), chance) for _ in range(chance.choice((3, 50, 3_000)))
    )
    head = chance.choice(("@@", "@@ x", "@@ if a:\n@@ x", "@@ -500,3 +500,3 @@"))
    name = chance.choice(("f.py", "f.txt", "f.json"))
    return f"*** Begin Patch\n*** Update File: {name}\n{head}\n{body}\n*** End Patch", {name: data}


def real(chance: random.Random, cache: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Real patches, mutated, without end."""
    known = list(cases(TUNED, cache))
    while known:
        case = chance.choice(known)
        spoil = chance.choice((common_dedent, dropped, repeated, lambda lines, _: lines))
        hunks = [Hunk(spoil(h.lines, chance), h.start, h.heads) for h in case.hunks(chance.choice((0, 1, 3)))]
        text = v4a(case.path, hunks, heads=chance.random() < 0.3, numbers=chance.random() < 0.3)
        yield mutated(text, chance), {case.path: case.old}


def planted(folder: Path) -> Path:
    """A repository with traps."""
    outside, root = folder / "outside", folder / "repository"
    for path, data in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    outside.mkdir()
    (outside / "x").write_bytes(b"one\ntwo\n")
    (root / "out").symlink_to(outside)
    (root / "loop").symlink_to("loop")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    return root


def seal(folder: Path) -> str:
    """What stands below a folder, in one word."""
    found = sha256()
    for path in sorted(folder.rglob("*")):
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.update(repr((str(path.relative_to(folder)), kind)).encode())
    return found.hexdigest()


def attempt(seen: Counter[str], text: str, run: Callable[[], object]) -> None:
    """Run one, and print it when it did what it should not."""
    started = time.process_time()
    try:
        run()
        seen["applied"] += 1
    except EditError:
        seen["refused"] += 1
    except Exception:
        seen["CRASHED"] += 1
        print(f"--- crashed\n{text[:3000]!r}\n{traceback.format_exc()}", flush=True)
    seconds = time.process_time() - started
    if seconds > SLOW:
        seen["SLOW"] += 1
        print(f"--- {seconds:.1f} s for {len(text)} characters\n{text[:400]!r}", flush=True)


def main(seconds: float = 60, seed: int = 0) -> None:
    """Try for so long; exit status 1 when anything was wrong."""
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        root = planted(Path(name).resolve())
        before = seal(Path(name).resolve())
        with tempfile.TemporaryDirectory() as store:
            draft = open_draft(Repository.open(root), Path(store) / "draft", NoSandbox("none is needed to write files"))
            patches = real(chance, cache_dir() / "benchmarks")
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                text = grown(chance)
                attempt(seen, text, lambda text=text: apply_to(draft, text))
                if chance.random() < 0.02:
                    draft.discard()
                if seal(Path(name).resolve()) != before:
                    seen["ESCAPED"] += 1
                    print(f"--- changed what is not the draft's\n{text!r}", flush=True)
                    before = seal(Path(name).resolve())
                for text, files in (
                    next(patches, ("", {})),
                    pathological(chance) if chance.random() < 0.05 else ("", {}),
                ):
                    attempt(seen, text, lambda text=text, files=files: plan(parse(text), files.get))
            draft.close()
    print(f"seed {seed}, {seconds:.0f} s: {dict(seen)}")
    sys.exit(1 if {"CRASHED", "SLOW", "ESCAPED"} & seen.keys() else 0)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
