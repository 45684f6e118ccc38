"""The system calls that a command in the sandbox may not make, as the filter that bubblewrap loads.

    tables (numbers of x86_64 and aarch64) ─► classic BPF, assembled here ─► bytes for `bwrap --seccomp`

Everything is allowed but what is named: programs under test need hundreds of calls, and what those can reach is
already confined. Refused is what only administers a machine, what has a long record of kernel bugs and no use in a
test run, and whatever is newer than this table. A refused call fails (EPERM, or ENOSYS where programs then fall back);
the filter never looks at memory, which could change after the look.

Allowed on purpose: `ptrace` and `process_vm_*`, since debuggers and coverage tools use them and no process outside can
be seen from the command's own process namespace; `mknod`, since without capabilities it makes nothing but pipes.
Sources: linux/arch/*/include/**/unistd*.h, seccomp(2), the lists of systemd, Docker and Flatpak.
"""

import errno
import platform
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_LOAD_WORD, _EQUAL, _GREATER_OR_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Offsets into `struct seccomp_data`; an argument has 8 bytes, its low word first on both architectures."""
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_FIRST_UNKNOWN = 467
"""New system calls have the same number everywhere; from this one on, what they do was not known when this was written.
The x32 variants of x86_64's calls lie far above."""
_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWNS and NEWTIME."""
_SOCKETS = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: no vsock, packet, bluetooth, alg, …"""
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
"""PER_LINUX and PER_LINUX32, with UNAME26; ADDR_NO_RANDOMIZE, which sanitizers set; asking."""

_SHARED = """
    io_uring_setup=425 io_uring_enter=426 io_uring_register=427 open_tree=428 move_mount=429 fsopen=430 fsconfig=431
    fsmount=432 fspick=433 clone3=435 pidfd_getfd=438 mount_setattr=442 quotactl_fd=443 memfd_secret=447
"""
_NUMBERS: Final = {
    "x86_64": """
        ioctl=16 socket=41 socketpair=53 clone=56 syslog=103 uselib=134 personality=135 ustat=136 vhangup=153
        modify_ldt=154 pivot_root=155 _sysctl=156 adjtimex=159 chroot=161 acct=163 settimeofday=164 mount=165
        umount2=166 swapon=167 swapoff=168 reboot=169 sethostname=170 setdomainname=171 iopl=172 ioperm=173
        create_module=174 init_module=175 delete_module=176 get_kernel_syms=177 query_module=178 quotactl=179
        nfsservctl=180 lookup_dcookie=212 clock_settime=227 kexec_load=246 add_key=248 request_key=249 keyctl=250
        migrate_pages=256 unshare=272 move_pages=279 perf_event_open=298 fanotify_init=300 fanotify_mark=301
        name_to_handle_at=303 open_by_handle_at=304 clock_adjtime=305 setns=308 finit_module=313 kexec_file_load=320
        bpf=321 userfaultfd=323
    """,
    "aarch64": """
        lookup_dcookie=18 ioctl=29 umount2=39 mount=40 pivot_root=41 nfsservctl=42 chroot=51 vhangup=58 quotactl=60
        acct=89 personality=92 unshare=97 kexec_load=104 init_module=105 delete_module=106 clock_settime=112
        syslog=116 reboot=142 sethostname=161 setdomainname=162 settimeofday=170 adjtimex=171 socket=198
        socketpair=199 add_key=217 request_key=218 keyctl=219 clone=220 swapon=224 swapoff=225 migrate_pages=238
        move_pages=239 perf_event_open=241 fanotify_init=262 fanotify_mark=263 name_to_handle_at=264
        open_by_handle_at=265 clock_adjtime=266 setns=268 finit_module=273 bpf=280 userfaultfd=282
        kexec_file_load=294
    """,
}
_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PROBED: Final = frozenset(
    {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret", "userfaultfd", "pidfd_getfd"}
)
"""Calls without which programs go another way, once they learn that the kernel does not have them."""
_LOOKED_INTO: Final = frozenset({"clone", "unshare", "socket", "socketpair", "ioctl", "personality"})


class _Step(NamedTuple):
    """One instruction; jumps count the instructions that they skip."""

    code: int
    value: int
    true: int = 0
    false: int = 0


def numbers(machine: str) -> dict[str, int]:
    """The system calls that the filter knows, with their numbers on an architecture; none where there is no table."""
    table = f"{_NUMBERS[machine]} {_SHARED}" if machine in _NUMBERS else ""
    return {name: int(number) for name, number in (entry.split("=") for entry in table.split())}


def program(machine: str = "") -> bytes | None:
    """The filter for an architecture, by default this machine's; None where there is no table for it.

    Returns:
        An array of `struct sock_filter`, as `seccomp(2)` and bubblewrap take it.
    """
    machine = machine or platform.machine()
    known = numbers(machine)
    if not known:
        return None
    steps = [
        _Step(_LOAD_WORD, _ARCHITECTURE),
        _Step(_EQUAL, _AUDIT[machine], true=1),
        _Step(_RETURN, _KILL),
        _Step(_LOAD_WORD, _NUMBER),
        _Step(_GREATER_OR_EQUAL, _FIRST_UNKNOWN, false=1),
        _refuse(errno.ENOSYS),
    ]
    for name, number in known.items():
        if name not in _LOOKED_INTO:
            steps += [_Step(_EQUAL, number, false=1), _refuse(errno.ENOSYS if name in _PROBED else errno.EPERM)]
    for name in sorted(_LOOKED_INTO):
        rule = [*_rule(name), _Step(_RETURN, _ALLOW)]
        steps += [_Step(_EQUAL, known[name], false=len(rule)), *rule]
    steps.append(_Step(_RETURN, _ALLOW))
    return _assembled(steps)


def only_unix_sockets(machine: str = "") -> bytes | None:
    """A filter that kills whoever opens a socket of a network; the proof that nobody did, where all go on living."""
    machine = machine or platform.machine()
    known = numbers(machine)
    if not known:
        return None
    return _assembled(
        [
            _Step(_LOAD_WORD, _ARCHITECTURE),
            _Step(_EQUAL, _AUDIT[machine], true=1),
            _Step(_RETURN, _KILL),
            _Step(_LOAD_WORD, _NUMBER),
            _Step(_EQUAL, known["socket"], false=3),
            _argument(0),
            _Step(_EQUAL, _SOCKETS[0], true=1),
            _Step(_RETURN, _KILL),
            _Step(_RETURN, _ALLOW),
        ]
    )


def _assembled(steps: Sequence[_Step]) -> bytes:
    return b"".join(struct.pack("=HBBI", step.code, step.true, step.false, step.value) for step in steps)


def _rule(name: str) -> Iterator[_Step]:
    """What is refused of a call that is otherwise allowed, by the low word of an argument; the kernel uses no more."""
    match name:
        case "clone" | "unshare":
            yield _argument(0)
            yield _Step(_ANY_BIT, _NEW_NAMESPACES & (0xFFFFFFFF if name == "unshare" else 0xFFFFFF00), false=1)
            yield _refuse(errno.EPERM)
        case "ioctl":
            yield _argument(1)
            yield from _only(_TERMINAL_INPUT, allowed=False, error=errno.EPERM)
        case "personality":
            yield _argument(0)
            yield from _only(_PERSONALITIES, allowed=True, error=errno.EPERM)
        case _:
            yield _argument(0)
            yield from _only(_SOCKETS, allowed=True, error=errno.EAFNOSUPPORT)


def _only(values: tuple[int, ...], *, allowed: bool, error: int) -> Iterator[_Step]:
    """Let these values pass and refuse all others; or, not `allowed`, the other way round."""
    for value in values:
        yield _Step(_EQUAL, value, false=1)
        yield _Step(_RETURN, _ALLOW) if allowed else _refuse(error)
    if allowed:
        yield _refuse(error)


def _argument(index: int) -> _Step:
    return _Step(_LOAD_WORD, _ARGUMENTS + 8 * index)


def _refuse(error: int) -> _Step:
    return _Step(_RETURN, _ERROR | error)
