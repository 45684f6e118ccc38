"""What a command in a draft may know of the person's machine: an allow-list of variables, a home without its secrets.

os.environ ─► variables() ─► the command's environment
home, sockets of other programs ─► secrets(), sockets() ─► covered up by the sandbox
"""

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ossa.assistant import paths

_ALLOWED = """
    PATH HOME USER LOGNAME SHELL TERM TZ LANG LANGUAGE COLUMNS LINES VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV
    PYTHONPATH PYTHONHOME PYTHONHASHSEED PYTHONUTF8 LD_LIBRARY_PATH PKG_CONFIG_PATH PYENV_ROOT PYENV_VERSION
    NODE_PATH NVM_DIR RUSTUP_HOME CARGO_HOME GOPATH GOROOT JAVA_HOME GEM_HOME GEM_PATH
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
    .ssh .aws .gnupg .netrc .docker .kube .azure .git-credentials .npmrc .yarnrc.yml .pypirc .vault-token .pgpass
    .my.cnf .boto .s3cfg .terraform.d .password-store .mozilla .thunderbird .pki .cargo/credentials
    .cargo/credentials.toml .gem/credentials .m2/settings.xml .gradle/gradle.properties .codex .claude .claude.json
    .gemini .bash_history .zsh_history .python_history .psql_history .mysql_history .node_repl_history .lesshst
    .local/share/keyrings .local/share/fish .config/gh .config/gcloud .config/git/credentials .config/hub
    .config/glab-cli .config/op .config/rclone .config/pip .config/google-chrome .config/chromium .config/Slack
    .cache/huggingface/token .cache/huggingface/stored_tokens .huggingface .config/ossa .local/state/ossa
"""


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: what is allowed of ours, what keeps tools quiet, and `extra` on top."""
    allowed = set(_ALLOWED.split())
    ours = {name: value for name, value in os.environ.items() if name in allowed or name.startswith("LC_")}
    return {"PATH": os.defpath, **ours, **_FIXED, **extra}


def secrets() -> list[Path]:
    """Files and folders that hold keys, tokens, passwords or histories, and ossa's own, where they exist."""
    return _existing([*(Path.home() / name for name in _SECRETS.split()), paths.config_dir(), paths.state_dir()])


def sockets() -> list[Path]:
    """Sockets in the file system on which other programs listen; a read-only mount would not keep anyone from them."""
    try:
        table = Path("/proc/net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return []
    names = {os.fsdecode(fields[7]) for line in table if len(fields := line.split(maxsplit=7)) == 8}
    return [path for path in _existing(Path(n) for n in names if n.startswith("/")) if _is_socket(path)]


def toolchains() -> list[Path]:
    """Folders that must stay readable wherever they lie: the active virtual environment, ossa's own, those on PATH."""
    active = os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX"), sys.prefix, sys.base_prefix
    searched = os.environ.get("PATH", "").split(os.pathsep)
    return _existing(Path(name) for name in (*active, *searched) if name and name.startswith("/"))


def _existing(some: Iterable[Path]) -> list[Path]:
    """The real paths of those that exist, each once, in order."""
    real = (Path(os.path.realpath(path)) for path in some)
    return sorted({path for path in real if os.access(path, os.F_OK)})


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False
