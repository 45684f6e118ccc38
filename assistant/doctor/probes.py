"""What the doctor's attempts do inside the draft; run there as a program of its own, so it imports nothing of ossa's.

    python -c THIS NAME PARAMETERS ─► the function NAME ─► harm outside, or a line that says what only it can know

Each function tries one thing, and would do no harm beyond the doctor's own surroundings should it succeed.
"""

import ctypes
import errno
import fcntl
import glob
import json
import os
import pty
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Told = dict[str, Any]
libc = ctypes.CDLL(None, use_errno=True)


def got_out(_: object = None) -> None:
    print("got out", flush=True)


def add(*paths: str) -> None:
    each(lambda path: open(path, "a").write("x"), *paths)


def show(*paths: str) -> None:
    each(lambda path: print(open(path, errors="replace").read()), *paths)


def opens(how: int, *paths: str) -> None:
    each(lambda path: got_out(os.open(path, how)), *paths)


def each(action: Callable[[T], object], *arguments: T) -> None:
    """Go on where one of them fails, which is what is hoped for."""
    for argument in arguments:
        try:
            action(argument)
        except Exception as error:
            print(type(error).__name__, flush=True)


def connect(address: Any, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> None:
    if family == socket.AF_UNIX and address.startswith("/"):
        os.chdir(os.path.dirname(address))  # the name of a socket has little room
        address = os.path.basename(address)
    with socket.socket(family, kind) as line:
        line.settimeout(1)
        line.connect(tuple(address) if isinstance(address, list) else address)
        line.send(b"x")


def call(told: Told, name: str, *arguments: Any) -> None:
    """Make a system call; any answer but "not permitted" and "no such call" means that the kernel looked at it."""
    refused = (errno.EPERM, errno.EACCES, errno.ENOSYS)
    if libc.syscall(told["calls"][name], *arguments) >= 0 or ctypes.get_errno() not in refused:
        got_out()


def succeeds(result: int) -> None:
    if result == 0:
        got_out()


# Files
def beside(told: Told) -> None:
    add(f"{told['base']}/{told['mark']}", f"{told['elsewhere']}/{told['mark']}")


def kept_outside(told: Told) -> None:
    add(f"{told['elsewhere']}/kept.txt")


def working_tree(told: Told) -> None:
    add(f"{told['project']}/kept.py", "kept.py", told["mark"])


def by_link(told: Told) -> None:
    add("elsewhere/kept.txt", f"elsewhere/{told['mark']}")
    os.symlink(told["home"], "new-link")
    add(f"new-link/{told['mark']}", "new-link/.bashrc")


def by_proc(told: Told) -> None:
    ways = [f"/proc/{who}/{way}" for who in ("self", "1") for way in ("root", "cwd" + "/.." * 12)]
    add(*(f"{way}{told[place]}/{told['mark']}" for way in ways for place in ("elsewhere", "home")))


def drafts_folder(told: Told) -> None:
    add(f"{told['drafts']}/{told['mark']}", f"{told['drafts']}/draft/{told['mark']}")


def hard_link(told: Told) -> None:
    os.link(f"{told['elsewhere']}/kept.txt", "linked")
    add("linked")


def delete(told: Told) -> None:
    each(os.unlink, f"{told['home']}/.bashrc", f"{told['elsewhere']}/kept.txt")
    os.rename(f"{told['elsewhere']}/kept.txt", f"{told['elsewhere']}/{told['mark']}")


def home(told: Told) -> None:
    add(f"{told['home']}/.bashrc", f"{told['home']}/{told['mark']}")


def system(told: Told) -> None:
    add(*(f"{place}/{told['mark']}" for place in ("/etc", "/usr", "/var", "/", "/run", "/var/tmp", "/opt")))


def temporary(told: Told) -> None:
    add(f"/tmp/{told['mark']}", f"/dev/shm/{told['mark']}")


def hook(told: Told) -> None:
    add(".git/hooks/post-index-change", f"{told['project']}/.git/hooks/{told['mark']}")


def fsmonitor(told: Told) -> None:
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {told['elsewhere']}/{told['mark']}"])
    subprocess.run(["git", "config", "core.hooksPath", told["project"]])


def owner(told: Told) -> None:
    add("left")
    os.chmod("left", 0o6755)


# Secrets
def key(told: Told) -> None:
    show(f"{told['home']}/.ssh/id_ed25519", os.path.expanduser("~/.ssh/id_ed25519"))


def linked_key(told: Told) -> None:
    show(f"{told['home']}/dotfiles/key")


def uncovered_key(told: Told) -> None:
    subprocess.run(["umount", f"{told['home']}/.ssh"], stderr=subprocess.DEVNULL)
    show(*(f"{way}{told['home']}/.ssh/id_ed25519" for way in ("", "/proc/1/root", "/proc/self/root")))


def variables(_: Told) -> None:
    print(os.environ)


def agents(_: Told) -> None:
    names = "SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR LD_PRELOAD"
    each(got_out, *set(names.split()).intersection(os.environ))


def others_variables(told: Told) -> None:
    show(*glob.glob("/proc/[0-9]*/environ"), f"/proc/{told['victim']}/environ")


def passwords(_: Told) -> None:
    show("/etc/shadow", "/etc/gshadow")


def open_files(_: Told) -> None:
    show(*(f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd") if int(name) > 2))


# Network
def tcp(told: Told) -> None:
    connect(told["sockets"]["tcp"])


def tcp6(told: Told) -> None:
    connect(told["sockets"]["tcp6"][:2], socket.AF_INET6)


def udp(told: Told) -> None:
    connect(told["sockets"]["udp"], kind=socket.SOCK_DGRAM)


def addresses(told: Told) -> None:
    port = told["sockets"]["every"][1]
    each(lambda host: connect([host, port]), "127.0.1.1", "0.0.0.0", *told["addresses"])


def interfaces(_: Told) -> None:
    each(got_out, *(name for _, name in socket.if_nameindex() if name != "lo"))
    each(got_out, *open("/proc/net/route").read().splitlines()[1:])


def names(_: Told) -> None:
    each(lambda host: got_out(socket.getaddrinfo(host, 80)), "example.org", "pypi.org")


def internet(_: Told) -> None:
    each(lambda host: got_out(connect([host, 53], kind=socket.SOCK_DGRAM)), "1.1.1.1", "8.8.8.8")


def abstract(told: Told) -> None:
    connect(told["sockets"]["abstract"], socket.AF_UNIX)


def in_home(told: Told) -> None:
    connect(f"{told['home']}/daemon.sock", socket.AF_UNIX)


def agent(told: Told) -> None:
    connect(f"{told['elsewhere']}/agent.sock", socket.AF_UNIX)
    connect(f"{told['elsewhere']}/log.sock", socket.AF_UNIX, socket.SOCK_DGRAM)


def relative(told: Told) -> None:
    connect(f"{told['elsewhere']}/relative.sock", socket.AF_UNIX)


def families(_: Told) -> None:
    kinds = {"packet": (17, 3, 768), "raw": (2, 3, 255), "vsock": (40, 1), "bluetooth": (31, 3, 1), "crypto": (38, 5)}
    each(lambda name: got_out(socket.socket(*kinds[name])), *kinds)


# Other programs
def see(_: Told) -> None:
    show(*glob.glob("/proc/[0-9]*/cmdline"))


def kill(told: Told) -> None:
    each(lambda how: os.kill(told["victim"], how), signal.SIGTERM, signal.SIGKILL)


def trace(told: Told) -> None:
    opens(os.O_RDONLY, *(f"/proc/{told['victim']}/{file}" for file in ("maps", "mem", "environ")))
    succeeds(libc.ptrace(16, told["victim"], 0, 0))


def named_pipe(told: Told) -> None:
    os.write(os.open(f"{told['elsewhere']}/control", os.O_WRONLY | os.O_NONBLOCK), b"x")


def terminal(_: Told) -> None:
    opens(os.O_RDWR, "/dev/tty", "/dev/console", "/dev/tty1")


# Privileges
def capabilities(_: Told) -> None:
    fields = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
    each(got_out, *(name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(fields[name], 16)))
    succeeds(int(fields["NoNewPrivs"]))


def become(_: Told) -> None:
    each(lambda number: got_out(os.setuid(number)), *{0, 1, 65534}.difference({os.getuid()}))


def mount(_: Told) -> None:
    succeeds(libc.mount(b"x", b"/mnt", b"tmpfs", 0, None))
    succeeds(libc.mount(None, b"/", None, 4096 | 32, None))


def uncover(told: Told) -> None:
    covered = ("/tmp", "/proc/sys", f"{told['home']}/.ssh", told["project"])
    each(lambda path: succeeds(libc.umount2(path.encode(), 2)), *covered)


def namespaces(_: Told) -> None:
    each(lambda kind: succeeds(libc.unshare(kind)), 0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x08000000)


def clone(told: Told) -> None:
    parent = os.getpid()
    call(told, "clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if os.getpid() != parent:
        os._exit(0)


def enter(told: Told) -> None:
    places = [*glob.glob("/proc/1/ns/*"), f"/proc/{told['victim']}/ns/mnt"]
    each(lambda path: succeeds(libc.setns(os.open(path, os.O_RDONLY), 0)), *places)


def root_folder(told: Told) -> None:
    each(lambda path: got_out(os.chroot(path)), ".", "/tmp")
    call(told, "pivot_root", b".", b".")


def device(_: Told) -> None:
    numbers = (os.makedev(8, 0), os.makedev(254, 0), os.makedev(1, 1))
    each(lambda number: got_out(os.mknod("disk", stat.S_IFBLK | 0o600, number)), *numbers)


def devices(_: Told) -> None:
    opens(os.O_RDONLY, *(f"/dev/{name}" for name in ("mem", "kmsg", "sda", "vda", "nvme0n1", "fuse", "kvm", "loop0")))


def handles(told: Told) -> None:
    call(told, "open_by_handle_at", -100, b"\0" * 64, 0)


# The kernel
def settings(_: Told) -> None:
    names = ("kernel/core_pattern", "kernel/modprobe", "vm/overcommit_memory", "net/ipv4/ip_forward", "fs/file-max")
    opens(os.O_WRONLY, *(f"/proc/sys/{name}" for name in names))


def device_settings(_: Told) -> None:
    opens(
        os.O_WRONLY, "/sys/kernel/mm/ksm/run", "/sys/power/state", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/tasks"
    )


def emergency_keys(_: Told) -> None:
    if not os.path.samefile("/proc/sysrq-trigger", "/dev/null"):
        opens(os.O_WRONLY, "/proc/sysrq-trigger")


def kernel_memory(_: Told) -> None:
    each(lambda path: open(path, "rb").read(1) and got_out(), "/proc/kcore", "/proc/kmsg")
    succeeds(min(libc.klogctl(10, None, 0), 0))


def kernel_keys(told: Told) -> None:
    call(told, "keyctl", 0, -4, 1)
    call(told, "add_key", b"user", b"x", b"x", 1, -4)
    call(told, "request_key", b"user", b"x", None, -4)
    each(lambda path: open(path).read() and got_out(), "/proc/keys")


def bpf(told: Told) -> None:
    call(told, "bpf", 0, b"\0" * 128, 128)


def io_uring(told: Told) -> None:
    call(told, "io_uring_setup", 1, ctypes.create_string_buffer(256))


def perf(told: Told) -> None:
    call(told, "perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)


def page_faults(told: Told) -> None:
    call(told, "userfaultfd", 1)


def module(told: Told) -> None:
    call(told, "init_module", None, 0, b"")
    call(told, "finit_module", -1, b"", 0)
    call(told, "delete_module", b"none", 0)


def another_kernel(told: Told) -> None:
    call(told, "kexec_load", 0, 0, None, 4)
    call(told, "kexec_file_load", -1, -1, 0, None, 0)


def new_mounts(told: Told) -> None:
    call(told, "fsopen", b"tmpfs", 0)
    call(told, "open_tree", -100, b"/", 1)
    call(told, "move_mount", -1, b"", -1, b"", 0)


def machine(told: Told) -> None:
    call(told, "swapon", b"/none", 0)
    call(told, "acct", b"/none")
    call(told, "sethostname", None, -1)
    call(told, "clock_settime", 0, None)


def fanotify(told: Told) -> None:
    call(told, "fanotify_init", 0, 0)


def typing(_: Told) -> None:
    """Both as the kernel knows the number and with a bit set that only a filter would look at."""
    slave = pty.openpty()[1]
    each(lambda number: got_out(fcntl.ioctl(slave, number, b"x")), 0x5412)
    succeeds(libc.ioctl(slave, ctypes.c_ulong(0x100005412), b"x"))


def other_numbers(_: Told) -> None:
    if libc.syscall(0x40000000 | 39) > 0:
        got_out()


if __name__ == "__main__":
    attempt = globals()[sys.argv[1]]
    print("tried", flush=True)
    attempt(json.loads(sys.argv[2]))
