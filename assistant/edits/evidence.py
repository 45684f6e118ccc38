"""Which of several places a patch means, told from what the file would become at each: the only one that makes sense.

    results ─► each once ─► those that still parse ─► of Python those without a fault that others spare ─► one, or none

A fault decides only between places: what is wrong with the file wherever the lines go says nothing about them.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from ossa.assistant.edits.faults import Fault, findings
from ossa.assistant.edits.syntax import breakage


def only(path: str, before: bytes, results: Sequence[bytes | None]) -> int | None:
    """The index of the only result that can be meant; None where there are several, or none.

    Args:
        path: of the file.
        before: its bytes as they are.
        results: as they would be, None where the patch cannot be applied so.
    """
    known: dict[bytes, int] = {}
    for number, data in enumerate(results):
        if data is not None:
            known.setdefault(data, number)
    sound = [data for data in known if breakage(path, before, data) is None]
    if len(sound) > 1 and PurePosixPath(path).suffix in (".py", ".pyi"):
        sound = _faultless(before, sound)
    return known[sound[0]] if len(sound) == 1 else None


def _faultless(before: bytes, results: Sequence[bytes]) -> list[bytes]:
    """The results that have no more faults than all of them have."""
    start = findings(before)
    if start is None:
        return list(results)
    found: dict[bytes, Counter[Fault]] = {}
    for data in results:
        after = findings(data)
        if after is not None:
            found[data] = after.since(start)
    common = _common(list(found.values()))
    return [data for data, faults in found.items() if faults == common]


def _common(counts: Sequence[Counter[Fault]]) -> Counter[Fault]:
    common = Counter(counts[0]) if counts else Counter[Fault]()
    for count in counts[1:]:
        common &= count
    return common
