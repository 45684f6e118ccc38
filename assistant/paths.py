"""Where ossa keeps what is not the user's: config, state and caches. `OSSA_HOME` moves all of it into one folder.

What its functions need is imported in them, since nothing on the terminal should wait for it.
"""

import os
from pathlib import Path
from typing import Literal


class PathsError(Exception):
    """There is no such place; the text is a sentence for the user."""


def config_dir() -> Path:
    """The user's `config.toml` and keymap."""
    return _folder("config")


def state_dir() -> Path:
    """Sessions, checkpoints, drafts and the log."""
    return _folder("state")


def cache_dir() -> Path:
    """What can be made again: model files, indexes."""
    return _folder("cache")


def repository_key(root: Path) -> str:
    """A folder name for what belongs to one repository: readable, and different for every path."""
    import hashlib

    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]
    return f"{''.join(c if c.isalnum() else '-' for c in root.resolve().name)[:40]}-{digest}"


def _folder(part: Literal["config", "state", "cache"]) -> Path:
    if home := os.environ.get("OSSA_HOME"):
        try:
            return Path(home).expanduser().absolute() / part
        except RuntimeError:  # "~nobody"
            raise PathsError(f"OSSA_HOME is {home}, and that user has no home here. Name another folder.") from None
    import platformdirs

    match part:
        case "config":
            return platformdirs.user_config_path("ossa")
        case "state":
            return platformdirs.user_state_path("ossa")
        case "cache":
            return platformdirs.user_cache_path("ossa")
