"""What can go wrong with a server, in plain words, and whether asking again may help.

status + body ─► refused() ─► Fault          exception of the connection ─► broken() ─► Fault
"""

import json
from typing import Any, cast

from ossa.model.base import ModelError
from ossa.model.server.address import KEY, Address

_SHOWN = 200
"""Characters of what a server says that are shown."""
_LONGEST_WAIT = 60.0
_BUSY = (429, 503, 529)
AGAIN = (408, 425, 500, 502, 504, *_BUSY)
"""With these, it may go better after some seconds."""
_TOO_LONG = ("context length", "context size", "context window", "maximum context", "exceed_context")


class Fault(ModelError):
    """The server failed; the text is a sentence for the user."""

    def __init__(self, text: str, *, again: bool = False, after: float = 0.0, status: int = 0, said: str = "") -> None:
        """`again`: whether it may go better after some seconds, `after` at least; `said`: the server's own words."""
        super().__init__(text)
        self.again, self.after, self.status, self.said = again, after, status, said


def refused(address: Address, status: int, body: bytes, retry_after: str = "") -> Fault:
    """The server answered, but not with what was asked for."""
    said = clean(address, message_of(body))
    because = f": {said}" if said else ""
    after = min(float(retry_after), _LONGEST_WAIT) if retry_after.strip().isdecimal() else 0.0
    if status in (401, 403):
        what = "refuses the key" if address.key else "wants a key"
        text = f"The server at {address.host} {what}: put a valid one into {KEY}."
    elif status == 404:
        text = f"The server at {address.host} has no such model or function{because}."
    elif status in (400, 413) and any(word in said.lower() for word in _TOO_LONG):
        text = f"The prompt is too long for the server at {address.host}{because}. Leave out some files."
    elif 300 <= status < 400:
        text = f"The server at {address.host} points elsewhere ({status}): name the address that it really has."
    elif status in _BUSY:
        text = f"The server at {address.host} is busy or not ready ({status}){because}. Try again later."
    else:
        text = f"The server at {address.host} failed with {status}{because}."
    return Fault(text, again=status in AGAIN, after=after, status=status, said=said)


def broken(address: Address, error: Exception) -> Fault:
    """No answer came, or it broke off."""
    import httpx2

    host, reason = address.host, clean(address, str(error))
    if isinstance(error, httpx2.ConnectTimeout):
        return Fault(f"{host} does not answer: is the address right, and the machine on?", again=True)
    if isinstance(error, httpx2.ConnectError):
        return Fault(f"No server can be reached at {host} ({reason or 'no connection'}): is it running?", again=True)
    if isinstance(error, httpx2.TimeoutException):
        return Fault(f"The server at {host} was silent for too long.", again=True)
    if isinstance(error, httpx2.HTTPError):
        return Fault(
            f"The connection to the server at {host} broke off ({reason or type(error).__name__}).", again=True
        )
    return Fault(f"The server at {host} cannot be asked: {reason or type(error).__name__}.")


def nonsense(address: Address, raw: bytes | str) -> Fault:
    """It answered with what nobody can read."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    said = clean(address, text)[:60]
    return Fault(f"The server at {address.host} sent what is no answer ({said or 'nothing'}).", again=True, said=said)


def message_of(body: bytes) -> str:
    """The server's own words in the body of a refusal."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text
    while isinstance(content, dict):
        table = cast("dict[str, Any]", content)
        content = next((table[key] for key in ("error", "message", "detail") if table.get(key)), "")
    return content if isinstance(content, str) else json.dumps(content) if content else ""


def clean(address: Address, text: str) -> str:
    """The first words on one line, without what a terminal would obey, and without the key."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return address.without_key(line)[:_SHOWN].rstrip(". ")
