"""Where ossa keeps what is not the user's: config, state and caches. `OSSA_HOME` moves all of it into one folder."""

import hashlib
import os
from pathlib import Path

import platformdirs


def config_dir() -> Path:
    """The user's `config.toml` and keymap."""
    return _home("config") or platformdirs.user_config_path("ossa")


def state_dir() -> Path:
    """Sessions, checkpoints, drafts and the log."""
    return _home("state") or platformdirs.user_state_path("ossa")


def cache_dir() -> Path:
    """What can be made again: model files, indexes."""
    return _home("cache") or platformdirs.user_cache_path("ossa")


def repository_key(root: Path) -> str:
    """A folder name for what belongs to one repository: readable, and different for every path."""
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]
    return f"{''.join(c if c.isalnum() else '-' for c in root.resolve().name)[:40]}-{digest}"


def _home(part: str) -> Path | None:
    home = os.environ.get("OSSA_HOME")
    return Path(home).expanduser().absolute() / part if home else None
