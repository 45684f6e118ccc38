"""Everything that is tried: what it is called, which probe does it, and by what it is seen to have succeeded.

Nearly all is judged by what happens outside; of a system call only the probe itself can tell whether it got through.
"""

import os
from collections.abc import Mapping, Sequence

from ossa.assistant.doctor.attempt import (
    Attempt,
    Excess,
    claimed,
    contacted,
    leaked,
    left_running,
    outlived,
    touched,
)
from ossa.assistant.doctor.stage import Stage
from ossa.assistant.draft import Completed


def _hooked(stage: Stage, done: Completed) -> bool:
    """The repository's own git folder has changed."""
    folder = stage.project / ".git"
    changed = "core.hooksPath" in (text := (folder / "config").read_text()) or "fsmonitor" in text
    return changed or any((folder / "hooks").iterdir()) or touched(stage, done)


def _knows_bystander(stage: Stage, done: Completed) -> bool:
    return leaked(stage, done) or f"bystander-{stage.canary[:6]}" in done.output


def _bystander_is_gone(stage: Stage, _: Completed) -> bool:
    return stage.bystander is None or stage.bystander.poll() is not None


def _heard(stage: Stage, _: Completed) -> bool:
    """Something came through the named pipe."""
    try:
        return stage.pipe >= 0 and bool(os.read(stage.pipe, 16))
    except BlockingIOError:
        return False


def _has_passwords(_: Stage, done: Completed) -> bool:
    return "root:" in done.output


def _others_could_run_it(stage: Stage, _: Completed) -> bool:
    """The program that was left stands where others may enter every folder above it."""
    left = [path for path in stage.drafts.rglob("left") if path.stat().st_mode & 0o6000]
    return any(all(folder.stat().st_mode & 0o001 for folder in path.parents) for path in left)


FILES = (
    Attempt("write next to the repository", "beside", touched),
    Attempt("change a file outside", "kept_outside", touched),
    Attempt("change the working tree", "working_tree", touched),
    Attempt("write through links out of the repository", "by_link", touched),
    Attempt("write through /proc", "by_proc", touched),
    Attempt("write to the draft's folder on disk", "drafts_folder", touched),
    Attempt("change a file outside by a hard link to it", "hard_link", touched),
    Attempt("delete or rename files outside", "delete", touched),
    Attempt("write into the home", "home", touched),
    Attempt("write into the system's folders", "system", touched),
    Attempt("leave files in /tmp and /dev/shm", "temporary", touched),
    Attempt("plant a hook in the repository's git", "hook", _hooked),
    Attempt("have the person's git run a program", "fsmonitor", _hooked),
    Attempt("leave a set-user-id program that others can start", "owner", _others_could_run_it),
)
SECRETS = (
    Attempt("read a key in ~/.ssh", "key", leaked),
    Attempt("read a key that ~/.ssh links to", "linked_key", leaked),
    Attempt("read a key past what covers it", "uncovered_key", leaked),
    Attempt("read tokens from the environment", "variables", leaked),
    Attempt("learn of ssh-agent, D-Bus, X11 and Wayland", "agents", claimed),
    Attempt("read tokens from other programs' environments", "others_variables", leaked),
    Attempt("read the system's passwords", "passwords", _has_passwords),
    Attempt("read files that ossa has open", "open_files", leaked),
)
NETWORK = (
    Attempt("reach a program on this machine by TCP", "tcp", contacted("tcp"), "tcp"),
    Attempt("reach one by IPv6", "tcp6", contacted("tcp6"), "tcp6"),
    Attempt("reach one by UDP", "udp", contacted("udp"), "udp"),
    Attempt("reach one by this machine's other addresses", "addresses", contacted("every"), "every"),
    Attempt("see a network", "interfaces", claimed),
    Attempt("ask a name server", "names", claimed),
    Attempt("send to the internet", "internet", claimed),
    Attempt("reach an abstract socket", "abstract", contacted("abstract"), "abstract"),
    Attempt("reach a socket in the home", "in_home", contacted("home"), "home"),
    Attempt("reach the sockets of ssh-agent, bus and log", "agent", contacted("agent", "datagram"), "agent"),
    Attempt("reach a socket with a relative name", "relative", contacted("relative"), "relative"),
    Attempt("open packet, raw, vsock, bluetooth and crypto sockets", "families", claimed),
)
PROGRAMS = (
    Attempt("see other programs", "see", _knows_bystander),
    Attempt("end another program", "kill", _bystander_is_gone),
    Attempt("look into another program's memory", "trace", claimed),
    Attempt("feed a named pipe that another program reads", "named_pipe", _heard),
    Attempt("use a terminal", "terminal", claimed),
)
PRIVILEGES = (
    Attempt("have or gain a capability", "capabilities", claimed),
    Attempt("become another user", "become", claimed),
    Attempt("mount something, or make the system writable", "mount", claimed),
    Attempt("uncover what is covered", "uncover", claimed),
    Attempt("make namespaces", "namespaces", claimed),
    Attempt("start a process in a new namespace", "clone", claimed, "clone"),
    Attempt("enter the machine's namespaces", "enter", claimed),
    Attempt("change the root folder", "root_folder", claimed, "pivot_root"),
    Attempt("make a device", "device", claimed),
    Attempt("open disks and memory in /dev", "devices", claimed),
    Attempt("open files by their handles", "handles", claimed, "open_by_handle_at"),
)
KERNEL = (
    Attempt("change the kernel's settings", "settings", claimed),
    Attempt("change the settings of devices", "device_settings", claimed),
    Attempt("press the emergency keys (sysrq)", "emergency_keys", claimed),
    Attempt("read the kernel's memory and log", "kernel_memory", claimed),
    Attempt("use the kernel's keys (keyctl)", "kernel_keys", claimed, "keyctl"),
    Attempt("load a program into the kernel (bpf)", "bpf", claimed, "bpf"),
    Attempt("use io_uring", "io_uring", claimed, "io_uring_setup"),
    Attempt("watch the processor (perf)", "perf", claimed, "perf_event_open"),
    Attempt("handle page faults (userfaultfd)", "page_faults", claimed, "userfaultfd"),
    Attempt("load a kernel module", "module", claimed, "init_module"),
    Attempt("start another kernel (kexec)", "another_kernel", claimed, "kexec_load"),
    Attempt("mount by the newer calls", "new_mounts", claimed, "fsopen"),
    Attempt("change swap, accounting, host name and clock", "machine", claimed, "swapon"),
    Attempt("watch files of everyone (fanotify)", "fanotify", claimed, "fanotify_init"),
    Attempt("type into a terminal (TIOCSTI)", "typing", claimed),
    Attempt("call the kernel by other numbers (x32)", "other_numbers", claimed, "uselib"),
)
LIMITS = (
    Excess("run on as a daemon", "daemon", left_running),
    Excess("run for ever", "forever", outlived, timeout=0.3),
    Excess("fork without end", "forks", outlived),
    Excess("start threads without end", "threads", claimed),
    Excess("take memory", "memory", outlived),
    Excess("take memory in many processes", "memory_of_many", outlived),
    Excess("take memory as files", "memory_as_files", outlived),
    Excess("use the processor without end", "processor", outlived),
    Excess("fill the disk", "disk", outlived),
    Excess("print without end", "output", outlived),
    Excess("make a file of 2 GiB", "file_size", claimed),
)

ALL: Mapping[str, Sequence[Attempt]] = {
    "files": FILES,
    "secrets": SECRETS,
    "network": NETWORK,
    "other programs": PROGRAMS,
    "privileges": PRIVILEGES,
    "the kernel": KERNEL,
    "limits": LIMITS,
}
"""All attempts, by what they are on."""
