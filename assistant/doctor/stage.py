"""Throw-away surroundings for the escapes: a repository and a home with secrets, listeners, and a process to spy on.

    Stage.set_up() ─► folders · canaries · sockets · a bystander ─► parameters for the probes
                                                               └──► asked afterwards what has happened to them

All of it is ours, so that an escape that succeeds does no harm.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossa.assistant.drafts import seccomp
from ossa.assistant.repository import Repository

_BYSTANDER = "import sys, time; print('here', flush=True); sys.stdin.read()"
_KEPT = "as it was\n"


@dataclass
class Stage:
    """What there is to reach from a draft, and what became of it."""

    base: Path
    """Outside of every folder that a sandbox hides anyway, where that can be had."""
    canary: str = field(default_factory=lambda: secrets.token_hex(12))
    """Stands in every secret; a probe that prints it has read one."""
    listeners: dict[str, socket.socket] = field(default_factory=dict[str, socket.socket])
    bystander: "subprocess.Popen[str] | None" = None
    pipe: int = -1
    """A named pipe of the person's, which is being read."""

    @property
    def mark(self) -> str:
        """What everything is called that a probe makes."""
        return f"escaped-{self.canary[:6]}"

    @property
    def project(self) -> Path:
        """The repository that the draft is of."""
        return self.base / "project"

    @property
    def home(self) -> Path:
        """What the sandbox takes for the person's home."""
        return self.base / "home"

    @property
    def elsewhere(self) -> Path:
        """A folder of the person's, outside both."""
        return self.base / "elsewhere"

    @property
    def drafts(self) -> Path:
        """Where the draft lives."""
        return self.base / "drafts"

    def set_up(self, closing: contextlib.ExitStack) -> None:
        """Make everything; `closing` takes it down again.

        Raises:
            OSError: the disk refuses, or there is no git.
        """
        for folder in (self.project, self.home / ".ssh", self.home / "dotfiles", self.elsewhere, self.drafts):
            folder.mkdir(parents=True)
        (self.home / ".ssh/id_ed25519").write_text(self.canary)
        (self.home / "dotfiles/key").write_text(self.canary)
        (self.home / ".ssh/id_linked").symlink_to("../dotfiles/key")
        for path in (self.home / ".bashrc", self.elsewhere / "kept.txt", self.project / "kept.py"):
            path.write_text(_KEPT)
        (self.project / "elsewhere").symlink_to(self.elsewhere)
        self._commit()
        (self.project / ".git/hooks").mkdir(exist_ok=True)
        self._listen(closing)
        os.mkfifo(self.elsewhere / "control")
        self.pipe = os.open(self.elsewhere / "control", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        closing.callback(os.close, self.pipe)
        held = [self.listeners["relative"].fileno()] if "relative" in self.listeners else []
        self.bystander = closing.enter_context(_bystander(self.canary, self.elsewhere, held))

    def parameters(self) -> dict[str, Any]:
        """What the probes are told."""
        assert self.bystander
        places = ("base", "project", "home", "elsewhere", "drafts")
        addresses = {name: listener.getsockname() for name, listener in self.listeners.items()}
        return {
            **{name: str(getattr(self, name)) for name in places},
            "mark": self.mark,
            "sockets": {n: a.decode() if isinstance(a, bytes) else a for n, a in addresses.items()},
            "addresses": _own_addresses(),
            "victim": self.bystander.pid,
            "calls": seccomp.numbers(os.uname().machine),
        }

    def variables(self) -> Mapping[str, str]:
        """What ossa's own environment has while the probes run."""
        agent = str(self.elsewhere / "agent.sock")
        return {
            "HOME": str(self.home),
            "OSSA_CANARY_TOKEN": self.canary,
            "AWS_SECRET_ACCESS_KEY": self.canary,
            "SSH_AUTH_SOCK": agent,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={agent}",
            "DISPLAY": ":97",
            "WAYLAND_DISPLAY": "wayland-97",
            "XAUTHORITY": str(self.home / ".Xauthority"),
        }

    def is_whole(self) -> bool:
        """Whether the person's files are as they were."""
        kept = (self.home / ".bashrc", self.elsewhere / "kept.txt", self.project / "kept.py")
        return all(path.is_file() and path.read_text() == _KEPT for path in kept)

    def appeared(self) -> bool:
        """Whether something called "escaped" is anywhere outside the draft."""
        system = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/usr", "/var", "/")  # noqa: S108 – looked at only
        folders = (self.base, self.home, self.elsewhere, self.project, self.project / ".git/hooks")
        places = [*folders, *map(Path, system)]
        return any(os.path.lexists(place / self.mark) for place in places)

    def contacted(self, name: str) -> bool:
        """Whether anyone has talked to a listener since it was last asked."""
        listener = self.listeners[name]
        try:
            if listener.type == socket.SOCK_DGRAM:
                listener.recv(16)
            else:
                listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def is_running(self, marker: str) -> bool:
        """Whether there is a process with these words in its command line."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if marker.encode() in path.read_bytes():
                    return True
        return False

    def _commit(self) -> None:
        own = ["-c", "user.name=ossa", "-c", "user.email=ossa@localhost", "-c", "commit.gpgsign=false"]
        git = Repository.plain(self.project).git
        git("init", "--quiet", "--template=")
        git("add", "kept.py", "elsewhere")
        git(*own, "commit", "--quiet", "--no-verify", "-m", "first")

    def _listen(self, closing: contextlib.ExitStack) -> None:
        def listen(name: str, family: int, kind: int, address: Any) -> None:
            with contextlib.suppress(OSError):  # a machine may have no IPv6
                listener = closing.enter_context(socket.socket(family, kind))
                listener.bind(address)
                if kind == socket.SOCK_STREAM:
                    listener.listen()
                listener.setblocking(False)
                self.listeners[name] = listener

        listen("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        listen("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        listen("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        listen("every", socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0))  # noqa: S104 – what others could reach
        listen("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0ossa-{self.canary[:8]}")
        # Relative, since the name of a socket has room for 107 bytes.
        with _folder(self.home):
            listen("home", socket.AF_UNIX, socket.SOCK_STREAM, "daemon.sock")
        with _folder(self.elsewhere):
            listen("agent", socket.AF_UNIX, socket.SOCK_STREAM, "agent.sock")
            listen("datagram", socket.AF_UNIX, socket.SOCK_DGRAM, "log.sock")
            listen("relative", socket.AF_UNIX, socket.SOCK_STREAM, "relative.sock")


@contextlib.contextmanager
def _bystander(canary: str, cwd: Path, held: list[int]) -> Generator["subprocess.Popen[str]"]:
    """A process with a secret in its environment, which also holds some sockets."""
    command = [sys.executable, "-I", "-c", _BYSTANDER, f"bystander-{canary[:6]}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env={"TOKEN": canary}, cwd=cwd, pass_fds=held, text=True, stdin=pipe, stdout=pipe
    ) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _own_addresses() -> list[str]:
    """This machine's addresses besides the loopback, as far as its name tells them."""
    with contextlib.suppress(OSError):
        return socket.gethostbyname_ex(socket.gethostname())[2]
    return []


@contextlib.contextmanager
def _folder(path: Path) -> Generator[None]:
    with contextlib.chdir(path):
        yield
