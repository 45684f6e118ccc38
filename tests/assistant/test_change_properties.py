"""What holds for every change, whatever is in its files: on real trees, through real accepts and undos."""

import os
import stat
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.assistant.accepting.accept import Accepted, accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.diff import diff_file
from ossa.assistant.review import Decision
from ossa.assistant.text import join, lines_of

File: TypeAlias = tuple[bytes, int]
"""Bytes and permission bits."""
Files: TypeAlias = dict[str, File]
Pair: TypeAlias = tuple[Files, Files]

PATHS = ["a", "b.txt", "deep/c", "deep/er/d.py", "naïve name"]
LINE = st.sampled_from(["a\n", "b\n", "x = 1\n", "c\r\n", "\n", "\r\n", "}\n", "\udcff\n", "ü\n"])
LINES = st.lists(LINE, max_size=12)
ENDS = st.sampled_from(["", "", "", "last"])
BINARY = st.sampled_from([b"", b"\0one", b"\0two\n" * 3])
RANDOM = st.randoms(use_true_random=False)
SOME = settings(max_examples=25, deadline=None)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A text of any endings, now and then an empty or a binary file."""
    return draw(BINARY) if draw(st.integers(0, 3)) == 3 else join([*draw(LINES), draw(ENDS)])


@st.composite
def trees(draw: st.DrawFn) -> Files:
    modes = st.sampled_from([0o644, 0o644, 0o755, 0o600])
    return {path: (draw(contents()), draw(modes)) for path in draw(st.sets(st.sampled_from(PATHS), max_size=4))}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two states of a tree; some files are the same in both, or differ in some lines, or in permissions."""
    before, after = draw(trees()), draw(trees())
    for path, (data, mode) in before.items():
        way = draw(st.sampled_from(["other", "same", "lines", "mode"]))
        if way == "same":
            after[path] = data, mode
        elif way == "mode":
            after[path] = data, mode ^ 0o111
        elif way == "lines" and b"\0" not in data:
            lines = lines_of(data)
            at = draw(st.integers(0, len(lines)))
            after[path] = join([*lines[:at], *draw(LINES), *lines[at + draw(st.integers(0, 3)) :]]), mode
    return before, after


class Bench:
    """A working tree in one state, and a change of it into another."""

    def __init__(self, folder: Path, before: Files, after: Files) -> None:
        self.root = folder / "tree"
        self.root.mkdir()
        self.put(before)
        self.checkpoints = Checkpoints(folder / "kept", self.root)
        self.change, self.draft = changed(before, after), after

    def put(self, files: Files) -> None:
        for path, (data, mode) in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(mode)

    @property
    def now(self) -> Files:
        """The tree as it is."""
        found = (Path(folder, name) for folder, _, names in os.walk(self.root) for name in names)
        return {
            path.relative_to(self.root).as_posix(): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
            for path in found
        }

    def accept(self, hunks: Iterable[Hunk] | None = None, change: Change | None = None) -> Accepted:
        """Accept some hunks of the change, or all."""
        whole = change or self.change
        wanted = [hunk for _, hunk in whole.hunks] if hunks is None else hunks
        return accept(whole, [Decision(hunk.id, True) for hunk in wanted], self.root, self._draft, self.checkpoints)

    def _draft(self, path: str) -> bytes | None:
        return self.draft[path][0] if path in self.draft else None


@contextmanager
def bench(before: Files, after: Files) -> Generator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        yield Bench(Path(folder), before, after)


def changed(before: Files, after: Files) -> Change:
    def file(path: str) -> FileChange | None:
        (old, mode), (new, bits) = before.get(path, (None, None)), after.get(path, (None, None))
        return diff_file(path, old, new, mode_before=mode, mode_after=bits)

    return Change(tuple(found for path in sorted({*before, *after}) if (found := file(path))))


def by_hand(before: Files, change: Change, taken: Sequence[Hunk], after: Files) -> Files:
    """The tree with some hunks, made without the code that is tried."""
    files = dict(before)
    for file in change.files:
        hunks = [hunk for hunk in file.hunks if hunk in taken]
        if not hunks:
            continue
        if file.binary or file.kind != "modified":
            files.pop(file.path, None)
            files |= {file.path: after[file.path]} if file.path in after else {}
            continue
        data, mode = files[file.path]
        lines = lines_of(data)
        for hunk in sorted(hunks, key=lambda h: -h.start):
            lines[hunk.start : hunk.start + len(hunk.before)] = hunk.after
        files[file.path] = join(lines), after[file.path][1] if any("mode" in h.note for h in hunks) else mode
    return files


@SOME
@given(pairs())
def test_a_change_and_then_its_inverse_is_nothing(pair: Pair) -> None:
    before, after = pair
    with bench(before, after) as there:
        assert there.accept().refused == ()
        assert there.now == after
        there.draft = before
        assert there.accept(change=changed(after, before)).refused == ()
        assert there.now == before


@SOME
@given(pairs(), RANDOM)
def test_undo_goes_back_through_every_accept_and_redo_forth(pair: Pair, random: Random) -> None:
    before, after = pair
    with bench(before, after) as there:
        hunks = [hunk for _, hunk in there.change.hunks]
        half = random.sample(hunks, len(hunks) // 2)
        states = [there.now]
        for some in (half, [hunk for hunk in hunks if hunk not in half]):
            if there.accept(some).checkpoint:
                states.append(there.now)
        for state in reversed(states[:-1]):
            there.checkpoints.undo()
            assert there.now == state
        for state in states[1:]:
            there.checkpoints.redo()
            assert there.now == state


@SOME
@given(pairs(), RANDOM)
def test_hunks_one_by_one_in_any_order_are_the_same_as_at_once(pair: Pair, random: Random) -> None:
    before, after = pair
    with bench(before, after) as there:
        hunks = [hunk for _, hunk in there.change.hunks]
        for hunk in random.sample(hunks, len(hunks)):
            assert there.accept([hunk]).refused == ()
        assert there.now == after


@SOME
@given(pairs(), RANDOM)
def test_any_subset_is_what_it_says_and_the_rest_completes_it(pair: Pair, random: Random) -> None:
    before, after = pair
    with bench(before, after) as there:
        hunks = [hunk for _, hunk in there.change.hunks]
        subset = random.sample(hunks, random.randint(0, len(hunks)))
        assert there.accept(subset).refused == ()
        assert there.now == by_hand(before, there.change, subset, after)
        assert there.accept([hunk for hunk in hunks if hunk not in subset]).refused == ()
        assert there.now == after
        assert there.accept().checkpoint == ""


COUNT = 40
PLACES = st.dictionaries(st.integers(0, COUNT - 1), st.sampled_from(["gone", "other", "more"]), min_size=1, max_size=4)
EDITS = st.dictionaries(st.integers(0, COUNT - 1), st.sampled_from(["gone", "other", "more", "blank"]), max_size=6)


def edited(edits: Mapping[int, str], who: str) -> list[list[str]]:
    """A file of numbered lines after what was done at some of them: what each line has become."""
    ways = {"gone": "", "other": "{who}'s {n}\n", "more": "{who}'s above {n}\nline {n}\n", "blank": "\n\nline {n}\n"}
    texts = [ways[edits[n]] if n in edits else "line {n}\n" for n in range(COUNT)]
    return [text.format(who=who, n=n).splitlines(keepends=True) for n, text in enumerate(texts)]


def together(ours: Mapping[int, str], theirs: Mapping[int, str]) -> bytes:
    lines = zip(edited(ours, "model"), edited(theirs, "user"), strict=True)
    return join(line for n, (our, their) in enumerate(lines) for line in (our if n in ours else their))


@SOME
@given(PLACES, EDITS, RANDOM)
def test_what_the_user_does_elsewhere_between_accepts_stays(
    ours: dict[int, str], edits: dict[int, str], random: Random
) -> None:
    theirs = {n: way for n, way in edits.items() if all(abs(n - place) > 1 for place in ours)}
    with bench({"f": (together({}, {}), 0o644)}, {"f": (together(ours, {}), 0o644)}) as there:
        hunks = [hunk for _, hunk in there.change.hunks]
        first = random.sample(hunks, random.randint(0, len(hunks)))
        there.accept(first)
        taken = {n: way for n, way in ours.items() if any(h.start <= n <= h.start + len(h.before) for h in first)}
        assert there.now == {"f": (together(taken, {}), 0o644)}
        there.put({"f": (together(taken, theirs), 0o600)})
        assert there.accept([hunk for hunk in hunks if hunk not in first]).refused == ()
        assert there.now == {"f": (together(ours, theirs), 0o600)}
