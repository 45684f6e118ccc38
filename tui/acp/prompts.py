"""A prompt as an editor sends it, in blocks, and the same as ossa takes it: a text, what it mentions, what is attached.

text ──────────────────────────────────► as it stands
link to a file of the repository ──────► @path:10-40
text of a file, as the editor has it ──► the same where the file is saved so, else attached as it is
image, sound, bytes ───────────────────► refused
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from acp.schema import (
    AudioContentBlock,
    EmbeddedResourceContentBlock,
    ImageContentBlock,
    ResourceContentBlock,
    TextContentBlock,
    TextResourceContents,
)

from ossa.assistant.context.parts import Attached
from ossa.assistant.draft import DraftError
from ossa.assistant.mentions import spelled
from ossa.assistant.safepath import inside
from ossa.tui.export import fenced

Block: TypeAlias = (
    TextContentBlock | ImageContentBlock | AudioContentBlock | ResourceContentBlock | EmbeddedResourceContentBlock
)

_LINES = re.compile(r"L?(\d{1,9})(?:[:,-]L?(\d{1,9}))?$")
_MOST = 60_000
"""Characters of an attached text."""


class UnfitPrompt(Exception):
    """The prompt has something that ossa does not take; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names in the repository."""

    path: str
    """From the root; a folder ends with "/"."""
    first: int = 0
    """The first line that is meant, from 1; 0 for all."""
    last: int = 0

    @property
    def mention(self) -> str:
        """As a person would type it, blanks around it included: a mention stands by itself."""
        lines = f":{self.first}-{self.last}" if self.first else ""
        return f" {spelled(self.path)}{lines} "


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the person asks."""

    text: str
    attached: tuple[Attached, ...] = ()


def prompt_of(blocks: Sequence[Block], root: Path) -> Prompt:
    """What these blocks say. Blocks, since it may read files.

    Raises:
        UnfitPrompt: there is nothing in them, or a thing that ossa does not take.
    """
    texts: list[str] = []
    attached: list[Attached] = []
    for block in blocks:
        match block:
            case TextContentBlock(text=text):
                texts.append(text)
            case ResourceContentBlock(uri=uri, name=name):
                place = place_of(uri, root)
                texts.append(place.mention if place else f" {name} ({uri}) ")
            case EmbeddedResourceContentBlock(resource=TextResourceContents(uri=uri, text=text)):
                place = place_of(uri, root)
                if place and _is_saved(root / place.path, place, text):
                    texts.append(place.mention)
                else:
                    name = _name(place, uri)
                    attached.append(_attached(name, place, text))
                    texts.append(f" `{name}` ")
            case EmbeddedResourceContentBlock():
                raise UnfitPrompt("A file of bytes was attached, and ossa's models read text alone: leave it out.")
            case ImageContentBlock():
                raise UnfitPrompt("An image was attached, and ossa's models read text alone: say in words what it has.")
            case AudioContentBlock():
                raise UnfitPrompt("A recording was attached, and ossa's models read text alone: write what it says.")
    text = clean("".join(texts)).strip()
    if not text:
        raise UnfitPrompt("The prompt is empty: say what to do.")
    return Prompt(text, tuple(attached))


def clean(text: str) -> str:
    """The text without what no file can have: a NUL, half of a pair of surrogates."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def place_of(uri: str, root: Path) -> Place | None:
    """What an address names in the repository; None where it leads elsewhere, or is none."""
    try:
        address = urlsplit(uri)
        path = Path(unquote(address.path, errors="surrogateescape"))
        if address.scheme not in ("file", "") or address.netloc not in ("", "localhost") or not path.is_absolute():
            return None
        # Links on the way to the repository itself are the editor's to follow or not.
        below = path.relative_to(root) if path.is_relative_to(root) else path.resolve().relative_to(root.resolve())
        relative = inside(below.as_posix())
    except (ValueError, OSError, DraftError):
        return None
    if (root / relative).is_dir():
        return Place("./" if relative == "." else f"{relative}/")
    lines = _LINES.match(address.fragment)
    first = int(lines[1]) if lines else 0
    return Place(relative, first, max(first, int(lines[2] or first)) if lines and first else 0)


def _is_saved(file: Path, place: Place, text: str) -> bool:
    """Whether a file, or its lines, is on disk as the editor has it."""
    try:
        lines = file.read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return False
    return (lines[place.first - 1 : place.last] if place.first else lines) == text.splitlines()


def _name(place: Place | None, uri: str) -> str:
    """What an attached text is called."""
    if place is None:
        return clean(uri.rpartition("/")[2] if uri.startswith("file:") else uri).strip()[:200] or "text"
    return place.path + (f":{place.first}-{place.last}" if place.first else "")


def _attached(name: str, place: Place | None, text: str) -> Attached:
    """A text that stands nowhere on disk; its name tells it from the file that is on disk."""
    where = "as the person has it in the editor, unsaved" if place else "from the person's editor"
    return Attached(f"{name}, in the editor", f"`{name}`, {where}:\n{fenced(clean(text)[:_MOST])}")
