"""The person's repository, read and never written: its root, files, states and what it ignores.

    git (through GitPython, with the repository's own configuration kept from running anything) ─► paths as text

Paths are from the root, with "/"; names that are not UTF-8 have lone surrogates in them, as `os.fsdecode` makes them.
"""

import os
import stat
import tempfile
from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

State: TypeAlias = Literal["modified", "added", "deleted", "untracked", "renamed", "conflicted"]

UNWANTED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".eggs", ".idea"}
    | {".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".gradle", ".cache", ".terraform", ".DS_Store"}
)
"""Names that are left out of a folder without git."""
_SAFE = {"core.fsmonitor": "false", "core.hooksPath": os.devnull, "core.pager": "cat", "protocol.allow": "never"}
"""Settings that keep a repository's own configuration from running programs or fetching while it is only read."""
_LEADS = b"gitdir: "
"""How a file `.git` begins that says where the repository is."""
_LIMIT = 30.0
"""Seconds that git may take."""
_CONFLICTS = frozenset({"DD", "AU", "UD", "UA", "DU", "AA", "UU"})
_STATES: dict[str, State] = {
    "D": "deleted",
    "R": "renamed",
    "A": "added",
    "C": "added",
    "?": "untracked",
}
"""By the first of these letters in git's code; any other is a modification."""


class NotARepository(Exception):
    """The folder is no git repository, or none that git can read; the text says what to do."""


class Repository:
    """A git repository's working tree, or with `plain` just a folder."""

    def __init__(
        self, root: Path, *, is_git: bool, settings: Mapping[str, str] | None = None, ignore: Sequence[str] = ()
    ) -> None:
        """Use `open` or `plain`; `settings` are git's, and override the repository's own."""
        self.root = root
        self.is_git = is_git
        self.ignore = tuple(ignore)
        """Patterns as in `.gitignore` of what does not count as a file here, tracked or not."""
        self._settings = settings
        self._environment = _environment({**_SAFE, **(settings or {})})

    @classmethod
    def open(cls, path: Path) -> "Repository":
        """The repository that the folder is in.

        Raises:
            NotARepository: there is none, or git refuses to read it.
        """
        start = Path(os.path.realpath(path))
        if not start.is_dir():
            raise NotARepository(f"{path} is no folder.")
        code, out, err = cls(start, is_git=True)._git("rev-parse", "--show-toplevel")
        root = Path(os.path.realpath(os.fsdecode(out.removesuffix(b"\n"))))
        if code == 0 and start.is_relative_to(root):
            return cls(root, is_git=True, settings=_without_filters(cls(root, is_git=True)))
        if code == 0 or "must be run in a work tree" in err:
            raise NotARepository(
                f"{path} is a bare repository or git's own folder, without files to work on. "
                "Start in a working tree; `git clone` makes one."
            )
        if "dubious ownership" in err:
            raise NotARepository(
                f"{path} belongs to another user, so git does not trust it. If you do, run "
                f"`git config --global --add safe.directory {path}`; or work on the folder with `--copy`."
            )
        raise NotARepository(
            f"{path} is not in a git repository. Run `git init` there, or start with `--copy` to work on it as it is."
        )

    @classmethod
    def plain(cls, path: Path) -> "Repository":
        """A folder without git.

        Raises:
            NotARepository: there is no such folder.
        """
        if not path.is_dir():
            raise NotARepository(f"{path} is no folder.")
        return cls(Path(os.path.realpath(path)), is_git=False)

    def ignoring(self, patterns: Sequence[str]) -> "Repository":
        """The same without what these patterns match, on top of what git ignores."""
        return Repository(self.root, is_git=self.is_git, settings=self._settings, ignore=patterns)

    def head(self) -> str:
        """Where it stands: "main", "detached at 1a2b3c4", "main, no commits yet"; "no git" for a plain folder."""
        if not self.is_git:
            return "no git"
        _, branch, _ = self._git("symbolic-ref", "--short", "--quiet", "HEAD")
        _, commit, _ = self._git("rev-parse", "--short", "--quiet", "--verify", "HEAD")
        name, at = os.fsdecode(branch).strip(), os.fsdecode(commit).strip()
        if not name:
            return f"detached at {at}"
        return name if at else f"{name}, no commits yet"

    def files(self) -> list[str]:
        """Tracked and untracked-not-ignored files and links that exist, sorted; none of submodules.

        Raises:
            NotARepository: git cannot tell; so do `status` and `ignored`.
        """
        if not self.is_git:
            found = set(self._walk())
        else:
            out = self._read("ls-files", "-z", "--cached", "--others", "--exclude-standard")
            found = {path for path in _paths(out) if self._is_file(path)}
        return sorted(found - self._unwanted(found))

    def repositories(self) -> list[str]:
        """The folders of repositories within this one that are not ignored: submodules, clones, linked worktrees."""
        if not self.is_git:
            return []
        listed = _paths(self._read("ls-files", "-z", "--cached", "--others", "--exclude-standard"))
        return sorted({path.rstrip("/") for path in listed if is_repository(self.root / path / ".git")})

    def status(self) -> dict[str, State]:
        """What differs from the last commit, by path; of a renamed file the old path is "deleted"."""
        if not self.is_git:
            return {}
        options = ("--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=dirty", "--renames")
        out = self._read("status", *options)
        states: dict[str, State] = {}
        entries = iter(_paths(out))
        for entry in entries:
            code, path = entry[:2], entry[3:]
            states[path] = _state(code)
            if "R" in code or "C" in code:
                states.setdefault(next(entries), "deleted")
        return states

    def ignored(self, paths: Iterable[str]) -> set[str]:
        """Those of the paths that are ignored and not tracked, or not wanted, whether they exist or not."""
        asked = list(paths)
        if not self.is_git:
            found = {path for path in asked if not UNWANTED.isdisjoint(path.split("/"))}
        elif found := self._check_ignore(asked):
            found.difference_update(_paths(self._read("ls-files", "-z", "--cached")))
        return found | self._unwanted(asked) | {path for path in asked if self.inner(path)}

    def inner(self, path: str) -> str:
        """The repository within this one, a submodule for example, that a path is in; "" where it is in none."""
        if not self.is_git:
            return ""
        above = (str(folder) for folder in PurePosixPath(path).parents)
        return next((folder for folder in above if folder != "." and is_repository(self.root / folder / ".git")), "")

    def outer(self) -> list[Path]:
        """Folders elsewhere in which git keeps what belongs to this working tree: of a submodule or linked worktree."""
        told = (
            self._git("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")[1] if self.is_git else b""
        )
        found = {Path(os.path.realpath(os.fsdecode(line))) for line in told.splitlines()}
        return sorted(path for path in found if not path.is_relative_to(self.root) and path.is_dir())

    def _check_ignore(self, paths: Iterable[str], *options: str) -> set[str]:
        # About these git refuses to answer, and about all others with them.
        real = [path for path in paths if not self._beyond_link(path) and not self.inner(path)]
        feed = b"".join(os.fsencode(path) + b"\0" for path in real)
        if not feed:
            return set()
        return set(_paths(self._read(*options, "check-ignore", "--no-index", "-z", "--stdin", feed=feed, fine=(0, 1))))

    def _unwanted(self, paths: Iterable[str]) -> set[str]:
        """Those that the patterns of `ignore` match."""
        if not self.ignore:
            return set()
        if not self.is_git:
            return {path for path in paths if any(_matches(path, pattern) for pattern in self.ignore)}
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write("\n".join(self.ignore))
            file.flush()
            asked = list(paths)
            other = self._check_ignore(asked, "-c", f"core.excludesFile={os.devnull}")
            return self._check_ignore(asked, "-c", f"core.excludesFile={file.name}") - other

    def merge(self, mine: bytes, base: bytes, theirs: bytes) -> bytes | None:
        """What both sides made of `base`; where they clash, theirs. None for what is no text."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("mine", "base", "theirs")]
            for file, data in zip(files, (mine, base, theirs), strict=True):
                file.write_bytes(data)
            code, out, _ = self._git("merge-file", "--stdout", "--quiet", "--theirs", *map(str, files))
        return out if code == 0 else None

    def git(self, *arguments: str) -> bytes:
        """What a git command that only reads prints; nothing where it fails."""
        return self._git(*arguments)[1]

    def _read(self, *arguments: str, feed: bytes = b"", fine: Container[int] = (0,)) -> bytes:
        """What git prints; an answer that it could not give is not taken for an empty one."""
        code, out, err = self._git(*arguments, feed=feed)
        if code not in fine:
            why = err.strip().splitlines()[:1] or [f"exit code {code}"]
            raise NotARepository(f"Git cannot read the repository ({why[0]}): `git status` in {self.root} tells more.")
        return out

    def _git(self, *arguments: str, feed: bytes = b"") -> tuple[int, bytes, str]:
        """Run git: exit code, output, errors."""
        try:
            from git.cmd import Git
        except ImportError as error:
            raise NotARepository("Git cannot be run: install it, or start with `--copy` to do without.") from error
        with tempfile.TemporaryFile() as stdin:
            stdin.write(feed)
            stdin.seek(0)
            code, out, err = Git(os.fspath(self.root)).execute(
                ["git", *arguments],
                istream=stdin,
                env=self._environment,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=_LIMIT,
            )
        return code, out, err

    def _walk(self) -> Iterable[str]:
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if name not in UNWANTED]
            links = [name for name in names if Path(folder, name).is_symlink()]
            below = os.path.relpath(folder, self.root)
            for name in (*files, *links):
                if name not in UNWANTED and self._is_file(path := os.path.normpath(f"{below}/{name}")):
                    yield path

    def _is_file(self, path: str) -> bool:
        try:
            mode = os.lstat(f"{self.root}/{path}").st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode) or stat.S_ISLNK(mode)

    def _beyond_link(self, path: str) -> bool:
        """Whether a folder on the way is a symbolic link, about which git refuses to answer."""
        parts = path.split("/")[:-1]
        return any((self.root / "/".join(parts[: n + 1])).is_symlink() for n in range(len(parts)))


def is_repository(place: Path) -> bool:
    """Whether what is named `.git` makes its folder a repository: a folder with a HEAD, or a file that leads to one.

    Git takes anything else there for nothing, and so the files around it for those of the repository that they are in.
    """
    try:
        if place.is_file():
            with place.open("rb") as file:
                return file.read(len(_LEADS)) == _LEADS
        return os.path.lexists(place / "HEAD")
    except OSError:
        return False


def _paths(out: bytes) -> list[str]:
    return [os.fsdecode(path) for path in out.split(b"\0") if path]


def _matches(path: str, pattern: str) -> bool:
    """Whether a pattern names the path, one of its parts, or a folder above it."""
    name = pattern.strip("/")
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(fnmatchcase(one, name) for one in ([*parts, *above] if "/" not in name else above))


def _state(code: str) -> State:
    if code in _CONFLICTS:
        return "conflicted"
    found: State | None = next((state for letter, state in _STATES.items() if letter in code), None)
    return found or "modified"


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Git's environment: settings for this process alone, no lock on the person's index, no question, no fetch."""
    environment = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, "GIT_CONFIG_COUNT": str(len(settings))}


def _without_filters(repository: Repository) -> dict[str, str]:
    """Settings that switch off the filter programs which the repository's own configuration names."""
    fields = _paths(repository.git("config", "--show-scope", "--name-only", "-z", "--get-regexp", r"^filter\."))
    own = {name for scope, name in zip(fields[::2], fields[1::2], strict=False) if scope in ("local", "worktree")}
    drivers = {name.removeprefix("filter.").rpartition(".")[0] for name in own}
    off = {"clean": "", "process": "", "required": "false"}
    return {f"filter.{driver}.{key}": value for driver in sorted(drivers) for key, value in off.items()}
