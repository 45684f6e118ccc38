"""Making a full conversation fit again: by steps that lose little first, each taking the oldest parts.

    entries ─► reasoning of earlier turns ─► files shown again later ─► old tool results, to what matters ─► old
    attachments ─► [a summary by the model] ─► earlier answers and results ─► whole earlier turns

The person's words and AGENTS.md stay word for word until the very last step. Nothing is lost: what a part is replaced
by is an event of its own, and without that the part is whole again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ossa.assistant.context.calls import opened
from ossa.assistant.context.parts import GONE, Replaced
from ossa.assistant.transcript import Entry
from ossa.assistant.trim import essence

_RESULT = 600
"""Characters that an old tool result of more than twice as many is shortened to."""
_BY_PERSON = "(The person left this out.)"

Changes: TypeAlias = list[Replaced]
"""Those that belong together: all are made, or none."""
Told: TypeAlias = Callable[[int], str]
"""How the person is told of so many."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way to gain room: its changes, oldest first, and what is told of them."""

    changes: Callable[[], Iterable[Changes]]
    told: Told


def steps(
    entries: Sequence[Entry], replaced: Mapping[str, Replaced], kept: Collection[str], end: int, turn: int
) -> list[Step]:
    """The steps that come before a summary.

    Args:
        entries: the conversation.
        replaced: what is shown otherwise already.
        kept: parts that stay whole since the person wants it.
        end: entries from here on stay as they are.
        turn: where the running turn begins; its reasoning stays.
    """
    free = [n for n in range(end) if f"m{n}" not in kept]

    def fresh(changes: Iterable[Replaced]) -> Iterator[Changes]:
        for change in changes:
            # Of a message that is shown otherwise already, its attached texts are none of the prompt any more.
            if change.part not in kept and change.part not in replaced and change.part.split(".")[0] not in replaced:
                yield [change]

    return [
        Step(
            lambda: fresh(_reasoning(entries, [n for n in free if n < turn])),
            lambda n: f"the reasoning of {many(n, 'earlier answer')} left out",
        ),
        Step(lambda: fresh(_superseded(entries, free)), lambda n: f"{many(n, 'file')} left out, as shown again later"),
        Step(lambda: _shortened(entries, free, replaced), lambda n: f"{many(n, 'old tool result')} shortened"),
        Step(lambda: fresh(_attached(entries, free)), lambda n: f"{many(n, 'old attachment')} left out"),
    ]


def answers_left_out(
    entries: Sequence[Entry], replaced: Mapping[str, Replaced], kept: Collection[str], end: int
) -> Iterator[Changes]:
    """Answers before `end` go with their tool results, oldest first; prompts, instructions and summaries stay."""
    for group in _said(entries, kept, end):
        if not any(n in replaced and replaced[n].state in GONE for n in (f"m{n}" for n in group)):
            yield [Replaced(f"m{n}", "left out") for n in group]


def turns_left_out(entries: Sequence[Entry], kept: Collection[str], end: int) -> Iterator[Changes]:
    """Whole turns before `end` go, oldest first, but for what the person keeps."""
    starts = [n for n, entry in enumerate(entries[:end]) if entry.kind == "prompt"]
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        turn = [n for n in range(start, stop) if entries[n].kind != "instructions"]
        if not any(f"m{n}" in kept for n in turn):
            yield [Replaced(f"m{n}", "left out") for n in turn]


def summed_up(entries: Sequence[Entry], kept: Collection[str], end: int, summary: str) -> Changes:
    """All answers and results before `end` give way to a summary, which stands where the last answer stood."""
    said = list(_said(entries, kept, end))
    if not said:
        return []
    last = said[-1][0]
    gone = [Replaced(f"m{n}", "summed up") for group in said for n in group if n != last]
    return [*gone, Replaced(f"m{last}", "summed up", summary)]


def dropped(entries: Sequence[Entry], part: str) -> Changes:
    """What the person drops: a prompt goes with its whole turn, an answer with its results, a result or text alone."""
    at, _, place = part[1:].partition(".")
    n = int(at)
    if place:
        return [Replaced(part, "left out", _BY_PERSON)]
    match entries[n].kind:
        case "prompt":
            return [Replaced(f"m{m}", "left out") for m in range(n, _turn_end(entries, n))]
        case "answer":
            return [Replaced(f"m{m}", "left out") for m in next(g for g in groups(entries) if g[0] == n)]
        case "result":
            return [Replaced(part, "left out", _BY_PERSON)]
        case "instructions":
            return [Replaced(part, "left out")]


def together(entries: Sequence[Entry], replaced: Mapping[str, Replaced], part: str) -> list[str]:
    """What comes back with a part: a turn with its prompt, results with their answer, all that one summary stands for.

    Of a turn, that is what is left out of it.
    """
    change = replaced.get(part)
    if change and change.state == "summed up":
        return [name for name, change in replaced.items() if change.state == "summed up"]
    at = int(part[1:].partition(".")[0])
    if "." in part or change is None or change.state not in GONE:
        return [part]
    if entries[at].kind == "prompt":
        turn = range(at, _turn_end(entries, at))
        return [name for name in (f"m{n}" for n in turn) if name in replaced and replaced[name].state in GONE]
    group = next((g for g in groups(entries) if at in g), [at])
    return [name for name in (f"m{n}" for n in group) if name in replaced and replaced[name].state in GONE]


def cut(entries: Sequence[Entry], part: str, limit: int) -> Changes:
    """What the person shortens."""
    at, _, place = part[1:].partition(".")
    entry = entries[int(at)]
    text = entry.attached[int(place)].text if place else entry.message.text
    return [Replaced(part, "shortened", essence(text, limit))]


def many(count: int, thing: str) -> str:
    """So many of a thing: "1 file", "2 files"."""
    return f"{count} {thing}{'s' * (count != 1)}"


def groups(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """The numbers of entries that need each other: an answer with its results; others alone."""
    group: list[int] = []
    for n, entry in enumerate(entries):
        if entry.kind != "result" and group:
            yield group
            group = []
        group.append(n)
    if group:
        yield group


def _turn_end(entries: Sequence[Entry], prompt: int) -> int:
    """Where the turn of a prompt ends."""
    return next((n for n in range(prompt + 1, len(entries)) if entries[n].kind == "prompt"), len(entries))


def _said(entries: Sequence[Entry], kept: Collection[str], end: int) -> Iterator[list[int]]:
    """Answers before `end`, each with its results."""
    for group in groups(entries[:end]):
        if entries[group[0]].kind == "answer" and not any(f"m{n}" in kept for n in group):
            yield group


def _reasoning(entries: Sequence[Entry], free: Iterable[int]) -> Iterator[Replaced]:
    for n in free:
        if entries[n].kind == "answer" and entries[n].message.tokens:
            yield Replaced(f"m{n}", "reasoning left out")


def _superseded(entries: Sequence[Entry], free: Iterable[int]) -> Iterator[Replaced]:
    """File contents of which a later message shows as much or more."""
    shown: list[tuple[int, str, int, int]] = []
    for n, entry in enumerate(entries):
        if place := opened(entry.call):
            shown.append((n, *place))
        shown += [(n, a.path, 1, 1 << 30) for a in entry.attached if a.whole]
    wanted = set(free)

    def again(n: int, path: str, first: int, last: int) -> bool:
        return any(m > n and other == path and start <= first and last <= end for m, other, start, end in shown)

    for n, entry in enumerate(entries):
        if n not in wanted:
            continue
        if (place := opened(entry.call)) and again(n, *place):
            yield Replaced(f"m{n}", "superseded", f"({place[0]} was shown here; it is shown again below.)")
        for place_, attached in enumerate(entry.attached):
            if attached.whole and again(n, attached.path, 1, 1 << 30):
                text = f"(`{attached.path}` was attached here; it is shown again below.)"
                yield Replaced(f"m{n}.{place_}", "superseded", text)


def _shortened(entries: Sequence[Entry], free: Iterable[int], replaced: Mapping[str, Replaced]) -> Iterator[Changes]:
    for n in free:
        text = entries[n].message.text
        if entries[n].kind == "result" and len(text) > 2 * _RESULT and f"m{n}" not in replaced:
            yield [Replaced(f"m{n}", "shortened", essence(text, _RESULT))]


def _attached(entries: Sequence[Entry], free: Iterable[int]) -> Iterator[Replaced]:
    for n in free:
        for place, attached in enumerate(entries[n].attached):
            if not attached.lasting:
                yield Replaced(f"m{n}.{place}", "left out", f"({attached.name} was attached here.)")
