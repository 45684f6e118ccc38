"""The shadow repository: what stood in files before and after each accept, in a bare git repository of ossa's own.

    keep(name, swaps) ─► git fast-import ─► one pack, two commits, one ref ─► read back ─► read(blobs) for an undo

`refs/checkpoints/<name>` is the state after, its parent the state before, of the files that the accept touched; so
`git --git-dir=… log -p refs/checkpoints/<name>` shows it. Git runs here with ossa's settings alone, never in the
user's repository, and with everything on disk before it returns.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ossa.assistant.accepting.tree import Content, Swap, blob_name, sync_folder

_SETTINGS = (
    "core.fsync=all",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.logAllRefUpdates=false",
    "core.protectHFS=false",  # names that are only kept, never written to a disk by git
    "core.protectNTFS=false",
    "core.compression=1",
    "fastimport.unpackLimit=0",
    "pack.window=0",  # what is packed anew is copied, so that it takes a second and not a minute
    "pack.writeReverseIndex=false",
    "repack.writeBitmaps=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_DEFAULT_HASH": "sha1",
    "GIT_DEFAULT_REF_FORMAT": "files",
}
_LIMIT = 120.0
"""Seconds that git may take for one accept."""
_STALE = ("**/*.lock", "objects/pack/*.keep", "objects/pack/tmp_*", "objects/pack/.tmp-*", "fast_import_crash_*")
"""What a killed git leaves behind."""


class StoreError(Exception):
    """Git cannot keep or give back contents; the text says why, as the end of a sentence."""


class _GitError(StoreError):
    """Git ran and refused."""


class Store:
    """Contents by git's names for them, kept alive by named checkpoints. For one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet; `folder` is the repository, made when first needed."""
        self.folder = folder
        self.guard: int | None = None
        """An open file that git inherits, so that a lock on it lasts as long as git works for a killed ossa."""

    def keep(self, name: str, swaps: Sequence[Swap]) -> None:
        """Keep what these files are before and after, under a name; on return it is on disk and was read back.

        Raises:
            StoreError: it cannot be kept.
        """
        self._make()
        self._git(
            "fast-import", "--quiet", "--done", "--force", "--date-format=raw", feed=b"".join(_stream(name, swaps))
        )
        refs = self.folder / "refs" / "checkpoints"
        for folder in (self.folder / "objects" / "pack", refs, refs.parent, self.folder):
            sync_folder(folder)
        self.read([blob_name(content.data) for content in _contents(swaps)])

    def read(self, blobs: Sequence[str]) -> dict[str, bytes]:
        """The contents with these names.

        Raises:
            StoreError: one is missing or damaged.
        """
        if not blobs:
            return {}
        wanted = sorted(set(blobs))
        try:
            out = memoryview(self._git("cat-file", "--batch", feed="".join(f"{blob}\n" for blob in wanted).encode()))
        except _GitError as error:
            raise StoreError(f"{self.folder} is damaged: {error}") from error
        found: dict[str, bytes] = {}
        for blob in wanted:
            head, _, _ = bytes(out[:100]).partition(b"\n")
            size = int(fields[2]) if len(fields := head.split()) == 3 else -1
            data = bytes(out[len(head) + 1 : len(head) + 1 + size])
            if size < 0 or blob_name(data) != blob:
                raise StoreError(f"{self.folder} is damaged: {blob} is missing or not what it was")
            found[blob] = data
            out = out[len(head) + size + 2 :]
        return found

    @property
    def names(self) -> set[str]:
        """Of the checkpoints that are kept."""
        try:
            return {path.name for path in (self.folder / "refs" / "checkpoints").iterdir() if path.name.isdigit()}
        except OSError:
            return set()

    def drop(self, names: Iterable[str]) -> None:
        """Forget checkpoints; `shrink` gives the room back."""
        for name in names:
            (self.folder / "refs" / "checkpoints" / name).unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._packs)

    @property
    def pieces(self) -> int:
        """Packs; reading gets slow with very many."""
        return sum(path.suffix == ".pack" for path in self._packs)

    def shrink(self, seconds: float) -> None:
        """Give back the room of what was dropped.

        Raises:
            StoreError: it cannot be done, or not in that time; all is as it was.
        """
        try:
            if self.names:
                self._git("repack", "-a", "-d", "-q", "-n", seconds=seconds)
            else:
                shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            self.clean()

    def clean(self) -> None:
        """Remove what a killed git left behind."""
        shutil.rmtree(self.folder.with_suffix(".new"), ignore_errors=True)
        for pattern in _STALE:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    @property
    def _packs(self) -> list[Path]:
        return [*(self.folder / "objects" / "pack").glob("pack-*")]

    def _make(self) -> None:
        """Make the repository, at its place only when it is whole."""
        if self.folder.exists():
            return
        fresh = self.folder.with_suffix(".new")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            self._git("init", "--bare", "--quiet", "--template=", str(fresh))
            for folder, _, files in os.walk(fresh):
                for path in (*(Path(folder, name) for name in files), Path(folder)):
                    sync_folder(path)
            fresh.rename(self.folder)
            sync_folder(self.folder.parent)
        except OSError as error:
            raise StoreError(f"{error.filename or fresh}: {error.strerror}") from error

    def _git(self, *arguments: str, feed: bytes = b"", seconds: float = _LIMIT) -> bytes:
        """Run git on the repository and return what it prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", *(part for setting in _SETTINGS for part in ("-c", setting)), *arguments]
        home = str(self.folder.parent)
        place = {"GIT_DIR": str(self.folder)} if arguments[0] != "init" else {}
        try:
            done = subprocess.run(
                command,
                input=feed,
                capture_output=True,
                cwd=home,
                env={**environment, **_ENVIRONMENT, "HOME": home, "XDG_CONFIG_HOME": home, **place},
                timeout=seconds,
                check=False,
                pass_fds=() if self.guard is None or sys.platform == "win32" else (self.guard,),
                start_new_session=True,  # Ctrl-C is for ossa, which then takes back what is half done
            )
        except subprocess.TimeoutExpired as error:
            raise StoreError(f"git took longer than {seconds:.0f} seconds") from error
        except OSError as error:
            raise StoreError(f"git, which keeps it, cannot be run ({error.strerror}); install it") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            why = next((line for line in said if line.startswith("fatal: ")), said[-1] if said else "no reason given")
            raise _GitError(f"git {arguments[0]} failed ({why.removeprefix('fatal: ')})")
        return done.stdout


def _contents(swaps: Sequence[Swap]) -> Iterator[Content]:
    return (content for swap in swaps for content in (swap.old, swap.new) if content is not None)


def _stream(name: str, swaps: Sequence[Swap]) -> Iterator[bytes]:
    """What `git fast-import` reads: the contents, each before next to its after, then a commit for either side."""
    for content in _contents(swaps):
        yield b"blob\ndata %d\n" % len(content.data)
        yield content.data
        yield b"\n"
    sides = {"before": [(s.path, s.old) for s in swaps], "after": [(s.path, s.new) for s in swaps]}
    for side, files in sides.items():
        message = f"{side} accept {name}, {len(files)} file{'s' * (len(files) != 1)}\n".encode()
        when = int(name) // 10**9
        yield b"commit refs/checkpoints/%s\n" % name.encode()
        yield b"committer ossa <ossa> %d +0000\ndata %d\n%s" % (when, len(message), message)
        yield b"deleteall\n"
        for path, content in files:
            if content is not None:
                yield b"M %s %s %s\n" % (_mode(content), blob_name(content.data).encode(), _quoted(path))
        yield b"\n"
    yield b"done\n"


def _mode(content: Content) -> bytes:
    """Git's word for what it is."""
    if content.is_link:
        return b"120000"
    return b"100755" if content.mode is not None and content.mode & 0o100 else b"100644"


def _quoted(path: str) -> bytes:
    r"""A path of any bytes, in the quotes of git's stream."""
    plain = os.path.normpath(os.fsencode(path)).replace(os.sep.encode(), b"/")
    return b'"%s"' % plain.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
