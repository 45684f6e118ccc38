"""Refactoring as aider does it: the model is given the places where the name stands and writes search/replace blocks.

wish ─► places, with the lines around them ─► the model's answer, within a time ─► the edit engine ─► files
"""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from _refactor_work import Project, RefusedError

from ossa.assistant.edits.engine import EditError, parse, plan
from ossa.assistant.refactor.wish import Target, Wish
from ossa.model import discover
from ossa.model.base import Message, ModelError, Sampling, Text
from ossa.model.process import LocalModel

_LINES = 3
"""Lines around each place that are shown."""
_SHOWN = 9_000
"""Letters of files that are shown, so that the answer has room in a small window."""
_TOKENS = 700
_FORMAT = """Answer with search/replace blocks only, one for each place, like this:

path/to/file.py
<<<<<<< SEARCH
lines as they are
=======
lines as they are to be
>>>>>>> REPLACE
"""

Asked = Callable[[Project, Wish, Target, Mapping[str, bytes]], tuple[Mapping[str, bytes | None], str]]


def asking(weights: Path, seconds: float) -> Asked:
    """An engine that asks the model of this file, at most so long for each refactoring."""
    model = LocalModel(discover.from_path(weights))

    def ask(
        _project: Project, wish: Wish, target: Target, files: Mapping[str, bytes]
    ) -> tuple[Mapping[str, bytes | None], str]:
        what = {"rename": "to", "move": "to the module", "signature": "to have the parameters"}[wish.what]
        asked = f"In this repository, {wish.what} {target.name or target.path} {what} {wish.to}, with all uses."
        try:
            answer = _answer(model, f"{asked}\n\n{_shown(target, files)}\n\n{_FORMAT}", seconds)
            edits = plan(parse(answer), files.get)
        except (ModelError, EditError) as error:
            raise RefusedError(f"its answer cannot be applied: {str(error)[:160]}") from error
        return {path: edit.data for path, edit in edits.items() if edit.data != files.get(path)}, "0"

    return ask


def _answer(model: LocalModel, prompt: str, seconds: float) -> str:
    end = time.monotonic() + seconds
    pieces = model.generate([Message("user", prompt)], sampling=Sampling(temperature=0.0, max_tokens=_TOKENS))
    found: list[str] = []
    try:
        for piece in pieces:
            found += [piece.text] if isinstance(piece, Text) else []
            if time.monotonic() > end:
                raise RefusedError(f"it had not answered after {seconds:.0f} s")
    finally:
        pieces.close()
    return "".join(found)


def _shown(target: Target, files: Mapping[str, bytes]) -> str:
    """The places where the name stands, the definition's file first, as far as there is room."""
    name = target.name.rpartition(".")[2] or Path(target.path).stem
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    parts: list[str] = []
    for path in sorted(files, key=lambda one: (one != target.path, one)):
        lines = files[path].decode(errors="replace").splitlines() if path.endswith(".py") else []
        near = {n for at, line in enumerate(lines) if word.search(line) for n in range(at - _LINES, at + _LINES + 1)}
        text = "\n".join(lines[n] for n in sorted(near) if 0 <= n < len(lines))
        parts += [f"{path}\n```\n{text}\n```"] if near else []
    return "\n\n".join(parts)[:_SHOWN]
