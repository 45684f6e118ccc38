"""A file's text and what its bytes have around it: byte order mark, encoding, line endings, an unfinished last line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ossa.assistant.edits.patch import EditError
from ossa.assistant.text import ending, is_binary, split

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Encoded:
    """The lines of a file, every one with an ending, and the way back to bytes."""

    path: str
    lines: Sequence[str]
    mark: bytes
    encoding: str
    open_end: str
    """The ending that the last line was given; it goes again."""

    @classmethod
    def of(cls, path: str, data: bytes) -> Self:
        """Read a file.

        Raises:
            EditError: it is no text.
        """
        mark, encoding = _encoding(data)
        if not encoding.startswith("utf-16") and is_binary(data):
            raise EditError(f"{path} is binary or too large to be patched.")
        try:
            lines = split(data[len(mark) :].decode(encoding))
        except UnicodeDecodeError as error:
            raise EditError(f"{path} is damaged {encoding.upper()} and cannot be patched.") from error
        open_end = usual_ending(lines) if lines and not ending(lines[-1]) else ""
        if open_end:
            lines[-1] += open_end
        return cls(path, lines, mark, encoding, open_end)

    def with_lines(self, lines: Sequence[str], *, ends: bool | None = None) -> bytes:
        """The file with other lines; its end stays as it is, or has a line break or none as `ends` says.

        Raises:
            EditError: a character is none of its encoding.
        """
        cut = self.open_end if ends is None else "" if ends or not lines else ending(lines[-1])
        return self.mark + encoded(self.path, "".join(lines).removesuffix(cut), self.encoding)


def content(path: str, lines: Sequence[str], before: bytes | None, *, ends: bool = True) -> bytes:
    """A whole file; one that is there already keeps its byte order mark, its encoding and its line endings.

    Raises:
        EditError: it has characters that no such file can have.
    """
    mark, encoding = _encoding(before or b"")
    encoding = "utf-8" if encoding == "latin-1" else encoding
    newline = "\n"
    if before:
        text = before.decode(encoding, "replace")
        newline = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
    text = newline.join([*lines, ""] if ends and lines else lines).removeprefix("\ufeff" if mark else "")
    return mark + encoded(path, text, encoding)


def encoded(path: str, text: str, encoding: str) -> bytes:
    """The bytes of a text.

    Raises:
        EditError: a character is none of the encoding.
    """
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end][:20]
        raise EditError(f"{path} is in {encoding.upper()}, which cannot have {wrong!r}. Write it otherwise.") from error


def usual_ending(lines: Sequence[str]) -> str:
    """The first ending that there is."""
    return next((found for line in lines if (found := ending(line))), "\n")


def _encoding(data: bytes) -> tuple[bytes, str]:
    """The byte order mark and what it says; else UTF-8, or Latin-1, which takes every byte and gives it back."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1"
    return b"", "utf-8"
