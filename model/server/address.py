"""Where a model is served, and the key for it, which is never written down, logged or shown.

--server URL ─► address() ─► Address          OSSA_API_KEY, else the keyring ─► Address.key
"""

import ipaddress
import os
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from ossa.model.base import ModelError

KEY = "OSSA_API_KEY"
"""The environment variable that has the key."""
_EXAMPLE = "give one such as http://localhost:8000"


@dataclass(frozen=True, slots=True)
class Address:
    """A server."""

    url: str
    """Without a slash and without `/v1` at its end."""
    host: str
    """With its port, if the address names one: what is shown."""
    key: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether what is sent to it stays on this machine."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")

    @property
    def is_open(self) -> bool:
        """Whether others on the way could read what is sent."""
        return self.url.startswith("http:") and not self.is_here

    def without_key(self, text: str) -> str:
        """The text without the key, which some servers repeat."""
        return text.replace(self.key, "…") if self.key else text


def address(url: str) -> Address:
    """The server of that address, with the key that there is for it.

    Raises:
        ModelError: it is no address, or bears a key itself.
    """
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    if parts.scheme not in ("http", "https") or not name or parts.query or parts.fragment or " " in url.strip():
        raise ModelError(f"“{text.rpartition('@')[2][:100]}” is no address of a server; {_EXAMPLE}.")
    if parts.username or parts.password:
        raise ModelError(f"The address of a server must bear no key, since it is shown: put it into {KEY}.")
    shown = f"[{name}]" if ":" in name else name
    host = f"{shown}:{port}" if port else shown
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return Address(f"{parts.scheme}://{host}{path}", host, _key(host))


def _key(host: str) -> str:
    """The key in the environment, else the one that the keyring has for the host; empty without any."""
    if key := os.environ.get(KEY, "").strip():
        return key
    if not find_spec("keyring"):
        return ""
    try:
        keyring: Any = import_module("keyring")
        return str(keyring.get_password("ossa", host) or "").strip()
    except Exception:
        return ""  # locked, no such service on this machine, or a backend that breaks in a way of its own
