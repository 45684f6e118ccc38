r"""Bytes and lines: how a file's content becomes the lines that changes are made of, and back, to the byte.

Lines keep their endings and are cut at "\n" only, so "\r\n", form feeds and lone "\r" stay inside them.
"""

from collections.abc import Iterable

BINARY_PROBE = 8192
"""Bytes at the start of a file in which a NUL makes it binary."""
LARGE = 10 << 20
"""Bytes above which a file is treated as binary: nobody reviews it line by line."""


def decode(data: bytes) -> str:
    """Text of any encoding; what is not UTF-8 becomes lone surrogates that `encode` turns back."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of a text from `decode`.

    Raises:
        UnicodeEncodeError: it has a lone surrogate that no file can have given.
    """
    return text.encode("utf-8", "surrogateescape")


def split(text: str) -> list[str]:
    r"""The lines with their endings; only the last may lack its "\n"."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def lines_of(data: bytes | None) -> list[str]:
    """The lines of a file's content; none where there is no file."""
    return split(decode(data)) if data else []


def join(lines: Iterable[str]) -> bytes:
    """The file that consists of these lines."""
    return encode("".join(lines))


def is_binary(data: bytes) -> bool:
    """Whether a file has no lines worth showing: a NUL near its start, or more than 10 MB."""
    return b"\0" in data[:BINARY_PROBE] or len(data) > LARGE


def ending(line: str) -> str:
    r"""How the line ends: "\r\n", "\n" or nothing."""
    if line.endswith("\r\n"):
        return "\r\n"
    return "\n" if line.endswith("\n") else ""


def body(line: str) -> str:
    """The line without its ending."""
    return line[: len(line) - len(ending(line))]
