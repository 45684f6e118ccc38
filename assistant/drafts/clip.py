"""What a command prints: all of it goes by, the head and the tail of it are kept."""

import codecs
from collections.abc import Callable


class Clip:
    """Takes output as it comes, keeps no more than its limit of it, and passes it on as text."""

    def __init__(self, limit: int, on_output: Callable[[str], None] | None = None) -> None:
        """Keep `limit` bytes, half from the start and half from the end; `on_output` is told of the first `limit`."""
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._left = limit
        self._on_output = on_output
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    @property
    def truncated(self) -> bool:
        """Whether something was cut out of the middle."""
        return self._dropped > 0

    @property
    def text(self) -> str:
        """What was kept, with a line that says how much is missing."""
        if not self._dropped:
            return (self._head + self._tail).decode(errors="replace")
        head, tail = (part.decode(errors="replace") for part in (self._head, self._tail))
        return f"{head}\n… {self._dropped:,} bytes left out …\n{tail}"

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._tell(data)
        room = max(self._half - len(self._head), 0)
        self._head += data[:room]
        self._tail += data[room:]
        if over := max(len(self._tail) - self._half, 0):
            del self._tail[:over]
            self._dropped += over

    def _tell(self, data: bytes) -> None:
        if self._on_output is None or self._left <= 0:
            return
        text = self._decode(data[: self._left])
        self._left -= len(data)
        if self._left <= 0:
            text += "\n… the rest is not shown while it runs …\n"
        if text:
            self._on_output(text)
