"""What a command in a draft may know of the person's machine: an allow-list of variables, a home without its secrets.

os.environ ─► variables() ─► the command's environment
home, sockets and pipes of other programs ─► secrets(), sockets(), pipes() ─► covered up by the sandbox
"""

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.safepath import leads_to

_ALLOWED = """
    PATH HOME USER LOGNAME SHELL TERM TZ LANG LANGUAGE COLUMNS LINES VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV
    PYTHONPATH PYTHONHOME PYTHONHASHSEED PYTHONUTF8 LD_LIBRARY_PATH PKG_CONFIG_PATH PYENV_ROOT PYENV_VERSION
    NODE_PATH NVM_DIR RUSTUP_HOME CARGO_HOME GOPATH GOROOT JAVA_HOME GEM_HOME GEM_PATH
    PYTEST_PLUGINS PYTEST_DISABLE_PLUGIN_AUTOLOAD
"""
_FIXED = {
    "CI": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "PAGER": "cat",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_SECRETS = """
    .ssh .aws .gnupg .netrc .docker .kube .minikube .azure .git-credentials .npmrc .yarnrc .yarnrc.yml .pypirc
    .vault-token .vault_pass .pgpass .my.cnf .mylogin.cnf .boto .s3cfg .terraform.d .terraformrc .password-store
    .mozilla .thunderbird .pki .age .env .envrc .fly .ngrok2 .kaggle .snowflake .databrickscfg .bitcoin .ethereum
    .electrum .msmtprc .fetchmailrc .mbsyncrc .authinfo .authinfo.gpg .cvspass .subversion/auth .bundle/config
    .composer/auth.json .nuget/NuGet/NuGet.Config .jupyter .cargo/credentials .cargo/credentials.toml
    .gem/credentials .m2/settings.xml .m2/settings-security.xml .gradle/gradle.properties .codex .claude .claude.json
    .gemini .cursor .aider.conf.yml .bash_history .zsh_history .python_history .psql_history .mysql_history
    .sqlite_history .node_repl_history .lesshst .Xauthority .ICEauthority .local/share/keyrings .local/share/kwalletd
    .local/share/fish .local/share/atuin .local/share/jupyter/runtime .local/share/containers .config/gh
    .config/github-copilot .config/gcloud .config/git/credentials .config/hub .config/glab-cli .config/op
    .config/1Password .config/Bitwarden .config/keybase .config/sops .config/age .config/rclone .config/pip
    .config/containers .config/composer/auth.json .config/configstore .config/doctl .config/heroku .config/helm
    .config/stripe .config/ngrok .config/openai .config/anthropic .config/google-chrome .config/chromium
    .config/BraveSoftware .config/microsoft-edge .config/vivaldi .config/opera .config/Code/User/globalStorage
    .config/Slack .config/discord .config/Signal .config/msmtp
    .cache/huggingface/token .cache/huggingface/stored_tokens .huggingface .config/ossa .local/state/ossa
"""
_SYSTEM_SECRETS = """
    /etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/ssh /etc/ssl/private /etc/sudoers /etc/sudoers.d
    /etc/krb5.keytab /etc/NetworkManager/system-connections /etc/wireguard /etc/openvpn /etc/docker
    /var/lib/docker /var/lib/containers /var/lib/kubelet /var/spool/cron /var/log
"""
"""What root can read, and no test needs."""


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: what is allowed of ours, what keeps tools quiet, and `extra` on top."""
    allowed = set(_ALLOWED.split())
    ours = {name: value for name, value in os.environ.items() if name in allowed or name.startswith("LC_")}
    return {"PATH": os.defpath, **ours, **_FIXED, **extra}


def secrets() -> list[Path]:
    """Files and folders that hold keys, tokens, passwords or histories, and ossa's own, where they exist.

    Those of every home that can be entered, for root can enter all; with what links in them lead to, for keys are
    often kept elsewhere and linked to.
    """
    names = _SECRETS.split()
    own = _existing([*(f"{home}/{name}" for home in _homes() for name in names), *_SYSTEM_SECRETS.split()])
    linked = [entry for folder in own if folder.is_dir() for entry in _listed(folder) if entry.is_symlink()]
    files = [path for path in _existing(linked) if path.is_file() and not path.is_relative_to("/usr")]
    return _existing([*own, *files, paths.config_dir(), paths.state_dir()])


def sockets() -> list[Path]:
    """Sockets in the file system on which other programs listen; a read-only mount would not keep anyone from them.

    One that comes while a command runs, in a folder that is not hidden, is not kept from it: nothing can be put over it
    by then. The folders in which programs make theirs, those of `/run` and `/tmp` above all, are empty inside.
    """
    try:
        table = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_bytes().splitlines()[1:]]
    except OSError:
        return []
    names = {os.fsdecode(fields[7]): os.fsdecode(fields[6]) for fields in table if len(fields) == 8}
    found = [Path(name) for name in names if name.startswith("/")]
    relative = {f"socket:[{number}]": name for name, number in names.items() if not name.startswith(("/", "@"))}
    return [path for path in _existing([*found, *(_owned(relative) if relative else ())]) if _is_socket(path)]


def pipes() -> list[Path]:
    """Named pipes that programs hold open, as far as that can be seen: no read-only mount keeps one from being fed."""
    return _existing({name for process in Path("/proc").glob("[0-9]*") for name in _held_pipes(process / "fd")})


def toolchains() -> list[Path]:
    """Folders that must stay readable wherever they lie: the active virtual environment, ossa's own, those on PATH."""
    active = os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX"), sys.prefix, sys.base_prefix
    searched = os.environ.get("PATH", "").split(os.pathsep)
    return _existing(Path(name) for name in (*active, *searched) if name and name.startswith("/"))


def _homes() -> set[Path]:
    """Ours, and for root, who can enter them, those of all others."""
    others = {Path("/root"), *_listed(Path("/home"))} if os.geteuid() == 0 else set[Path]()
    return {Path.home(), *others}


def _owned(sockets: Mapping[str, str]) -> Iterator[Path]:
    """Where sockets are that were given a relative name, as far as an owner is still in that folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            held = {str(entry.readlink()) for entry in _listed(process / "fd")}
            for socket in held & sockets.keys():
                yield (process / "cwd").readlink() / sockets[socket]


def _held_pipes(folder: Path) -> Iterator[str]:
    """The names of the pipes among a process's open files; most have none."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if stat.S_ISFIFO(entry.stat().st_mode) and (name := leads_to(Path(entry.path))).startswith("/"):
                    yield name


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _existing(some: Iterable[Path | str]) -> list[Path]:
    """The real paths of those that exist, each once, in order."""
    return sorted({Path(os.path.realpath(path)) for path in some if os.access(path, os.F_OK)})


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False
