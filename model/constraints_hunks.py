r"""The grammar of the hunks of one file: each quotes lines as they stand, has one place alone, and changes something.

    @@ ─► hunk ─► start ─► first line ─► quoted ─► after ─► brought in, next line, or end ─► @@ or the next file
                                            └──────────────────┘

Lines are told apart by the number in the bits rather than by rules of their own: that compiles much faster.

llguidance 1.9 has two traps. A rule that is nothing but another one with changed bits loses the change, hence the
conditions in `quoted`. Where rules go in circles, the one that is met first can't be named so either, hence `quoted`
comes before `after`.
"""

import json
from collections.abc import Iterator

from ossa.model.constraints import Bounds
from ossa.model.constraints_quotes import Anchor, Quotable

FILES = 20
"""Bits for files that were used; two more count those that were added."""
_BLOCK = 256
"""Lines that are looked through together, to find the next one in less than all."""

_AT_BIT, _HAS_BIT, _DUE_BIT, _REACH_BIT = 24, 40, 44, 48
_AT, _AT_BLOCK, _AT_IN_BLOCK = "[24:40]", "[32:40]", "[24:32]"
"""The line that comes next."""
_DUE = "[44:52]"
"""Lines that the hunk has still to quote until its place is the only one."""
_REACH = "[48:64]"
"""Before it has a place: the line at which its anchor's reach is over, none without an anchor."""
_REMOVED, _BROUGHT, _NOVEL, _AFTER_REMOVED = range(_HAS_BIT, _DUE_BIT)
"""What the hunk has: a line removed, one brought in, one that is new to the file; and whether the last old one went."""

_FILES_KEPT = (1 << _AT_BIT) - 1
_FILES_AND_AT_KEPT = (1 << _HAS_BIT) - 1
_ALL_BUT_AT_KEPT = (1 << 64) - 1 - (0xFFFF << _AT_BIT)
_PLACED_KEPT = _ALL_BUT_AT_KEPT & ((1 << _REACH_BIT) - 1)

# Sure to change something is a hunk that only removes, only brings in, or brings in what the file does not know.
_CHANGES = (
    f"or(bit_set({_NOVEL}),or(and(bit_set({_REMOVED}),bit_clear({_BROUGHT})),"
    f"and(bit_set({_BROUGHT}),bit_clear({_REMOVED}))))"
)
_MAY_END = f"and(is_zeros({_DUE}),{_CHANGES})"


def literal(text: str) -> str:
    """The text as it stands in a JSON string, as a literal of Lark."""
    return json.dumps(json.dumps(text, ensure_ascii=False)[1:-1], ensure_ascii=False)


def literal_line(text: str) -> str:
    """The same for a line with its end."""
    return literal(f"{text}\n")


class Hunks:
    """The rules for one file; `entry` is the one for what follows `@@`."""

    def __init__(self, number: int, file: Quotable, bounds: Bounds) -> None:
        self._f, self._t = f"f{number}_", f"F{number}_"
        self._file = file
        self._bounds = bounds
        self._terminals: dict[str, str] = {}
        for line in file.lines:
            self._terminals.setdefault(line, f"{self._t}{len(self._terminals)}")
        self.entry = f"{self._f}hunk"

    def rules(self) -> Iterator[str]:
        """All of them."""
        yield from (f"{name}: {literal_line(line)}" for line, name in self._terminals.items())
        yield from self._brought()
        yield from self._beginnings()
        yield from self._anchors()
        yield from self._first_lines()
        yield from self._next_lines()
        yield from self._ends()

    def _brought(self) -> Iterator[str]:
        """Lines brought in: all known to the file, or at least one that is not."""
        f, t, most = self._f, self._t, self._bounds.lines
        yield f'{t}OLD: "+" ({"|".join(self._terminals.values())})'
        yield f"{t}NEW: PATCH_LINE & ~{t}OLD"
        yield f"{f}known: {t}OLD{{1,{most}}}"
        yield f"{f}novel: {t}OLD{{0,{most}}} {t}NEW ({t}OLD | {t}NEW){{0,{most}}}"

    def _bringing(self, goal: str, condition: str = "") -> str:
        f, novel = self._f, _bits(_BROUGHT, _NOVEL)
        return f"{f}known {goal}::set_bit({_BROUGHT}) {condition} | {f}novel {goal}::bit_or({novel}) {condition}"

    def _beginnings(self) -> Iterator[str]:
        """What follows `@@`, up to the sign of the first old line."""
        f, anchors = self._f, self._file.anchors
        # Where no anchor is left, the blank before one would lead nowhere.
        limit = max((max(anchor.last, anchor.at - 1) for anchor in anchors), default=-1)
        anchored = f' | " " {f}anchor::_ %if le({_AT},{limit})' if limit >= 0 else ""
        yield rf'{f}hunk::_ : "\\n" {f}start::_{anchored}'
        leads = [at for at in self._file.starts if self._file.can_lead(at)]
        leading = f" | {self._bringing(f'{f}first', f'%if le({_AT},{leads[-1]})')}" if leads else ""
        yield f"{f}start::_ : {f}first::_{leading}"
        yield f'{f}first::_ : " " {f}place::clear_bit({_AFTER_REMOVED}) | "-" {f}place::bit_or({_bits(*_MINUS)})'

    def _anchors(self) -> Iterator[str]:
        f, alternatives = self._f, list[str]()
        for number, anchor in enumerate(self._file.anchors):
            terminal = f"{self._t}A{number}"
            yield f"{terminal}: {_anchor(anchor)}"
            # The hunk comes below its anchor, within its reach.
            below = anchor.at << _AT_BIT
            reach = min(anchor.reach + 1, 0xFFFF) << _REACH_BIT
            yield f"{f}below{number}::_ : {terminal} {f}start::bit_or({below | reach})"
            yield f"{f}within{number}::_ : {terminal} {f}start::bit_or({reach})"
            alternatives.append(f"{f}within{number}::_ %if and(ge({_AT},{anchor.at}),le({_AT},{anchor.last}))")
            alternatives.append(f"{f}below{number}::bit_and({_ALL_BUT_AT_KEPT}) %if lt({_AT},{anchor.at})")
        if alternatives:
            yield f"{f}anchor::_ : {' | '.join(alternatives)}"

    def _first_lines(self) -> Iterator[str]:
        """Any line from here on at which a hunk may begin."""
        f, starts = self._f, self._file.starts
        for at, needed in starts.items():
            place = (at + 1) << _AT_BIT | needed << _DUE_BIT
            yield f"{f}at{at}::_ : {self._terminals[self._file.lines[at]]} {f}quoted::bit_or({place})"
        blocks: dict[int, list[str]] = {}
        for at in starts:
            free = f"and(le({_AT},{at}),or(is_zeros({_REACH}),gt({_REACH},{at})))"
            free = free if self._file.can_lead(at) else f"and({free},bit_clear({_BROUGHT}))"
            blocks.setdefault(at // _BLOCK, []).append(f"{f}at{at}::bit_and({_PLACED_KEPT}) %if {free}")
        for block, alternatives in blocks.items():
            yield f"{f}place{block}::_ : {' | '.join(alternatives)}"
        into = (f"{f}place{block}::_ %if lt({_AT},{(block + 1) * _BLOCK})" for block in blocks)
        yield f"{f}place::_ : {' | '.join(into)}"

    def _next_lines(self) -> Iterator[str]:
        """The line that comes next, as context or removed; a blank one may lack its sign."""
        f, lines = self._f, self._file.lines[: self._file.room]
        numbered = {at: self._terminals[line] for at, line in enumerate(lines)}
        blank = {at: terminal for at, terminal in numbered.items() if not lines[at]}
        yield from self._by_number("line", numbered)
        yield from self._by_number("blank", blank)
        bare = f" | {f}blank::clear_bit({_AFTER_REMOVED})" if blank else ""
        yield (f'{f}next::_ : " " {f}line::clear_bit({_AFTER_REMOVED}) | "-" {f}line::bit_or({_bits(*_MINUS)}){bare}')
        yield f"{f}quoted::_ : {f}after::_ %if is_zeros({_DUE}) | {f}after::decr({_DUE}) %if ne({_DUE},0)"

    def _by_number(self, name: str, terminals: dict[int, str]) -> Iterator[str]:
        blocks: dict[int, list[str]] = {}
        for at, terminal in terminals.items():
            found = f"{terminal} {self._f}quoted::incr({_AT}) %if eq({_AT_IN_BLOCK},{at % _BLOCK})"
            blocks.setdefault(at // _BLOCK, []).append(found)
        for block, alternatives in blocks.items():
            yield f"{self._f}{name}{block}::_ : {' | '.join(alternatives)}"
        into = (f"{self._f}{name}{block}::_ %if eq({_AT_BLOCK},{block})" for block in blocks)
        if blocks:
            yield f"{self._f}{name}::_ : {' | '.join(into)}"

    def _ends(self) -> Iterator[str]:
        f, t, file, novel = self._f, self._t, self._file, _bits(_BROUGHT, _NOVEL)
        on = f"{f}next::_ %if lt({_AT},{file.room})"
        end = f"{f}end::bit_and({_FILES_AND_AT_KEPT}) %if"
        off_rim = f"or(lt({_AT},{file.rim.start}),ge({_AT},{file.rim.stop}))"
        near = f"%if and(bit_set({_AFTER_REMOVED}),and(ge({_AT},{file.rim.start}),lt({_AT},{file.rim.stop})))"
        # Near the end of the file only a line for a removed one may come in last.
        single = f"{t}OLD {f}single::set_bit({_BROUGHT}) {near} | {t}NEW {f}single::bit_or({novel}) {near}"
        yield f"{f}after::_ : {f}go::_ | {self._bringing(f'{f}brought')} | {single}"
        yield f"{f}go::_ : {end} {_MAY_END} | {on}"
        yield f"{f}single::_ : {end} {_MAY_END}"
        yield f"{f}brought::_ : {end} and({_MAY_END},{off_rim}) | {on}"
        yield (f'{f}end::_ : "*** " step::bit_and({_FILES_KEPT}) | "@@" {f}hunk::_ %if le({_AT},{max(file.starts)})')


_MINUS = (_REMOVED, _AFTER_REMOVED)


def _bits(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def _anchor(anchor: Anchor) -> str:
    indent = f"{literal(anchor.indent)}? " if anchor.indent else ""
    rest = f" {literal(anchor.rest)}?" if anchor.rest else ""
    return rf'{indent}{literal(anchor.stem)}{rest} "\\n"'
