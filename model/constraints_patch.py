r"""The grammar of patches that apply: V4A in a JSON string, held to the files there are.

    {"patch": "*** Begin Patch\n*** Update File: path\n@@ anchor\n…context, - and + lines…\n*** End Patch"}

This part knows the patch as a whole; the hunks of one file are in `constraints_hunks`. All rules hand on 64 bits that
say which files were used, which line of a file comes next, and so on. Nothing is complete before the end, so that the
parser's rows stay short however long the patch is.
"""

from collections.abc import Iterator, Mapping, Sequence

from ossa.model.constraints import Bounds
from ossa.model.constraints_hunks import FILES, Hunks, literal, literal_line
from ossa.model.constraints_paths import new_path
from ossa.model.constraints_quotes import quotable
from ossa.model.constraints_schema import BLANKS

_TEXT = r'/([^"\\\x00-\x1f]|\\["\\t])/'
"""A character of a JSON string, in the one spelling that the files' lines have, too."""
_ROOM = 12_000
"""Lines of all files together that may be quoted; llguidance takes no more than 65,000 symbols."""
_ADDED, _TOUCHED = f"[{FILES}:{FILES + 2}]", f"[0:{FILES + 2}]"


def patch_rules(files: Mapping[str, str], taken: Sequence[str], bounds: Bounds) -> Iterator[str]:
    """The rules of `patch`, the arguments of a tool whose only one is a patch, and of all that it needs."""
    yield f"PATCH_BLANKS: /{BLANKS}/"
    yield f"PATCH_TEXT: {_TEXT}"
    yield r'PATCH_END: "End Patch" "\\n"?'
    yield rf'PATCH_LINE: "+" PATCH_TEXT{{0,{bounds.line}}} "\\n"'
    yield from new_path("PATCH_PATH", [*files, *taken], bounds.path)
    yield rf'patch: {_opening()} step::0x0 "\"" PATCH_BLANKS? "}}"'
    yield f"patch_added: PATCH_LINE{{1,{bounds.lines}}}"
    steps = [
        f"PATCH_END %if ne({_TOUCHED},0)",
        rf'"Add File: " PATCH_PATH "\\n" patch_added "*** " step::incr({_ADDED}) %if lt({_ADDED},3)',
    ]
    room = _ROOM
    for number, path in enumerate(sorted(path for path in files if _can_be_named(path))):
        # The last bit is shared by all files that have none of their own: a patch has one of them.
        bit = min(number, FILES - 1)
        once = f"set_bit({bit}) %if bit_clear({bit})"
        steps.append(f'{literal_line(f"Delete File: {path}")} "*** " step::{once}')
        file = quotable(files[path], room)
        update = f'{literal_line(f"Update File: {path}")} "@@"'
        if file is not None and not any(file.lines):
            steps.append(rf'{update} "\\n" patch_added "*** " step::{once}')
        elif file is not None and file.starts:
            hunks = Hunks(number, file, bounds)
            steps.append(f"{update} {hunks.entry}::{once}")
            room -= file.room
            yield from hunks.rules()
    yield f"step::_ : {' | '.join(steps)}"


def _opening() -> str:
    return r'"{" PATCH_BLANKS? "\"patch\"" PATCH_BLANKS? ":" PATCH_BLANKS? "\"" ' + literal("*** Begin Patch\n*** ")


def _can_be_named(path: str) -> bool:
    """Whether the edit engine reads the path as it is."""
    return path == path.strip().strip("`\"'") and path.isprintable() and bool(path)
