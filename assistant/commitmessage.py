"""The words of a commit: what the model wrote made tidy, or a plain account of the change where no model can.

change ─► diff, as much as fits ─► model ─► tidy()        change ─► plain()
"""

import re
import textwrap
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from ossa.assistant.change import Change, FileChange
from ossa.assistant.diff import unified
from ossa.assistant.repair.functions import function_at
from ossa.assistant.stream import pieces
from ossa.assistant.text import decode
from ossa.assistant.trim import shorten
from ossa.assistant.wording import prompt_text
from ossa.model.base import LanguageModel, Message, Sampling, Text

Read: TypeAlias = Callable[[str], bytes | None]

WIDTH = 72
"""Characters of a line."""
_SAMPLING = Sampling(temperature=0.2, top_p=0.9, max_tokens=1200, effort="low")
_LARGEST = 24_000
"""Characters of the diff that the model is shown at most."""
_NAMED = 3
"""Functions or files that a first line names; more are counted."""
_BULLET = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+")
_VERBS = {"added": "Add", "deleted": "Delete", "modified": "Change"}


async def written(model: LanguageModel, change: Change) -> str:
    """What the model says of the change; empty where it says nothing. The conversation does not see it.

    Raises:
        ModelError: the model cannot go on.
    """
    said = ""
    async with aclosing(pieces(lambda: model.generate(_asked(model, change), sampling=_SAMPLING))) as stream:
        async for piece in stream:
            if isinstance(piece, Text):
                said += piece.text
    return tidy(said)


def tidy(said: str) -> str:
    """A message as git likes it: no fences, one line of at most 72 characters, an empty one, then wrapped text."""
    lines = [line.rstrip() for line in said.strip().splitlines() if not line.strip().startswith("```")]
    text = "\n".join(lines).strip().strip('`"')
    first, _, rest = text.partition("\n")
    first = re.sub(r"^(?:#+\s*|\**(?:commit )?message:?\**:?\s*)", "", first.strip(), flags=re.IGNORECASE)
    first = first.strip('*`" ')
    subject = textwrap.shorten(first, WIDTH, placeholder=" …").removesuffix(".")
    whole = [first] if len(first) > WIDTH else []
    body = "\n\n".join(filter(None, (_wrapped(part) for part in [*whole, *re.split(r"\n\s*\n", rest.strip())])))
    return f"{subject}\n\n{body}".strip()


def plain(change: Change, read: Read, fixed: Sequence[str] = ()) -> str:
    """What the change is, by the names of files and functions.

    Args:
        change: what is committed.
        read: a file as it is committed; None for one that is gone.
        fixed: the tests that pass by it.
    """
    paths = [file.path for file in change.files]
    if len(change.files) == 1:
        subject = _one(change.files[0], read, fixed)
    else:
        subject = f"{'Fix' if fixed else 'Change'} {_list(paths, 'files')}"
    said = [textwrap.shorten(subject, WIDTH, placeholder=" …")]
    if len(paths) > 1:
        said.append("\n".join(f"- {file.path}: {_account(file, read)}" for file in change.files))
    if fixed:
        said.append("\n".join(["These tests pass by it:", *(f"- {test}" for test in fixed[:10])]))
    return "\n\n".join(said)


def _asked(model: LanguageModel, change: Change) -> list[Message]:
    """The question, with as much of the diff as leaves room for the answer."""
    diff, limit = decode(unified(change).encode("utf-8", "replace")), _LARGEST
    room = model.info.window - min(_SAMPLING.max_tokens, model.info.window // 3)
    while True:
        asked = [Message("user", prompt_text("commit").format(diff=shorten(diff, limit)))]
        if limit < 200 or model.count(asked) <= room:
            return asked
        limit //= 2


def _wrapped(paragraph: str) -> str:
    """A paragraph in lines of at most 72 characters; the points of a list stay apart."""
    points: list[str] = []
    for line in paragraph.splitlines():
        if not points or _BULLET.match(line):
            points.append(line.strip())
        else:
            points[-1] += f" {line.strip()}"
    return "\n".join(
        textwrap.fill(p, WIDTH, subsequent_indent="  " * bool(_BULLET.match(p)), break_long_words=False) for p in points
    )


def _one(file: FileChange, read: Read, fixed: Sequence[str]) -> str:
    verb = "Fix" if fixed and file.kind == "modified" else _VERBS[file.kind]
    names = _functions(file, read)
    return f"{verb} {_list(names, 'functions')} in {file.path}" if names else f"{verb} {file.path}"


def _list(names: Sequence[str], what: str) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} {what}"


def _account(file: FileChange, read: Read) -> str:
    names = ", ".join(_functions(file, read))
    counts = f"+{file.added} −{file.removed}"
    return f"{file.kind}, {names} ({counts})" if names else f"{file.kind} ({counts})"


def _functions(file: FileChange, read: Read) -> list[str]:
    """The Python functions that the change of a file is in, each once."""
    if file.kind != "modified" or file.binary or not file.path.endswith((".py", ".pyi")):
        return []
    source = decode(read(file.path) or b"")
    names: dict[str, None] = {}
    shift = 0
    for hunk in file.hunks:
        if function := function_at(file.path, source, hunk.start + shift):
            names[function.name] = None
        shift += len(hunk.after) - len(hunk.before)
    return list(names)
