"""Paths at which a patch may add a file: plain names below the root, never in `.git`, where nothing stands yet."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

_NAME = r"\.?[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"
_GIT = r"/(.*\/)?\.[gG][iI][tT](\/.*)?/"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


def new_path(terminal: str, taken: Iterable[str], longest: int) -> Iterator[str]:
    """The terminal for such a path of up to `longest` characters.

    `taken` are the files there are: it is none of them, none of their folders, and not below one of them.
    """
    # Paths with other characters can't be met, and the empty one is none: it stands for "none taken".
    files = sorted({path for path in taken if _PLAIN.fullmatch(path)})
    folders = sorted({str(folder) for path in files for folder in PurePosixPath(path).parents} - {"."})
    yield f'{terminal}_TAKEN: {_either(files)} /(\\/[^"]*)?/ | {_either(folders)}'
    yield f"{terminal}: /{_NAME}(\\/{_NAME})*/ & /.{{1,{longest}}}/ & ~{_GIT} & ~{terminal}_TAKEN"


def _either(texts: Iterable[str]) -> str:
    return "(" + "|".join(json.dumps(text) for text in ["", *texts]) + ")"
