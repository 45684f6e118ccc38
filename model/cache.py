"""What the model has read and need not read again: keys and values, in every layer, of every token.

    prompt ─► rewind() ─► the longest beginning known, live or put aside ─► the engine reads the rest ─► extend()

One sequence is live. What a rewind cuts off is put aside, so that a side call does not cost the conversation its
states, and comes back when a prompt goes on there. Stored states come back in the same way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_ROOM = 256
"""Tokens by which a layer's memory grows at least."""
_ASIDE = 16
"""Tokens worth putting aside; fewer are read again as fast."""


@dataclass(frozen=True, slots=True)
class Tail:
    """States of the last tokens of a sequence, put aside."""

    tokens: tuple[int, ...]
    """The whole sequence."""
    start: int
    """Where the states begin."""
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of every layer, `[1, heads, len(tokens) - start, width]`."""

    @property
    def size(self) -> int:
        """Bytes of the states."""
        return sum(states.numel() * states.element_size() for pair in self.layers for states in pair)


class PrefixCache:
    """Keys and values for a sequence of tokens; goes back to any earlier length, and to what was cut off."""

    def __init__(self, aside: int = 512 << 20) -> None:
        """`aside` is how many bytes of cut-off states are kept."""
        self.tokens: list[int] = []
        self.states = empty()
        self._tails: list[Tail] = []
        """The latest last."""
        self._aside = aside

    def rewind(self, prompt: Sequence[int]) -> int:
        """Make the longest known beginning of the prompt live, without its last token, from which it has to go on.

        Returns:
            How many of the prompt's tokens are known.
        """
        wanted = prompt[:-1]
        known = common(self.tokens, wanted)
        self._cut(known)
        while tail := self._best_tail(wanted, known):
            known = self._attach(tail, known, common(tail.tokens, wanted))
        self._forget_oldest()
        return known

    def extend(self, tokens: Sequence[int]) -> None:
        """Note that the model has read these."""
        self.tokens += tokens

    def crop(self, length: int) -> None:
        """Forget all behind so many tokens for good."""
        if length < len(self.tokens):
            self.states.crop(length - len(self.tokens))
            del self.tokens[length:]

    def add(self, tail: Tail) -> None:
        """Have these states at hand; the oldest go where there are too many."""
        self._tails.append(tail)
        self._forget_oldest()

    def layers(self, start: int = 0, stop: int | None = None) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
        """The live states of some tokens, as views into what grows."""
        return tuple((keys[..., start:stop, :], values[..., start:stop, :]) for keys, values in pairs(self.states))

    def clear(self) -> None:
        """Forget everything, also what a failed run has left half done."""
        self.tokens, self.states, self._tails = [], empty(), []

    @property
    def size(self) -> int:
        """Bytes of all states that are kept."""
        return sum(part.nbytes for pair in pairs(self.states) for part in pair) + sum(tail.size for tail in self._tails)

    def _cut(self, length: int) -> None:
        if len(self.tokens) - length >= _ASIDE:
            kept = tuple((keys.clone(), values.clone()) for keys, values in self.layers(length))
            self._tails.append(Tail(tuple(self.tokens), length, kept))
        self.crop(length)

    def _forget_oldest(self) -> None:
        while len(self._tails) > 1 and sum(tail.size for tail in self._tails) > self._aside:
            del self._tails[0]

    def _best_tail(self, wanted: Sequence[int], known: int) -> Tail | None:
        """The one that goes on from here for the longest."""
        reach = {number: common(tail.tokens, wanted) for number, tail in enumerate(self._tails) if tail.start <= known}
        best = max(reach, key=lambda number: reach[number], default=None)
        return self._tails[best] if best is not None and reach[best] > known else None

    def _attach(self, tail: Tail, known: int, reach: int) -> int:
        """Let the tail's states up to `reach` follow the live ones."""
        for number, pair in enumerate(tail.layers):
            keys, values = (states[..., known - tail.start : reach - tail.start, :] for states in pair)
            self.states.update(keys, values, number)
        self.extend(tail.tokens[known:reach])
        if reach == len(tail.tokens):
            self._tails = [other for other in self._tails if other is not tail]
        return reach


class _KeepingLayer(DynamicLayer):
    """Keeps all tokens, also in layers that attend to a window: only then can it go back.

    Memory grows by halves, not by a copy for every token.
    """

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self._rooms = [states[..., :0, :] for states in (key_states, value_states)]
        self.keys, self.values = self._rooms
        self.is_initialized = True

    @torch.inference_mode()
    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append states of shape `[rows, heads, tokens, width]`; gives back all there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        new = key_states.shape[-2]
        grown = self.grow(new)
        for all_states, new_states in zip(grown, (key_states, value_states), strict=True):
            all_states[..., -new:, :] = new_states
        return grown

    def grow(self, new: int) -> tuple[torch.Tensor, torch.Tensor]:
        """All states, of which the last `new` are yet to be written."""
        kept = self.get_seq_length()
        if kept + new > self._rooms[0].shape[-2]:
            self._rooms = [_roomier(room[..., :kept, :], kept + new) for room in self._rooms]
        self.keys, self.values = keys, values = tuple(room[..., : kept + new, :] for room in self._rooms)
        return keys, values


def empty() -> Cache:
    """Without states; it may take any number of rows."""
    return Cache(layer_class_to_replicate=_KeepingLayer)


def grow(states: Cache, number: int, like: torch.Tensor, new: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All keys and values of a layer, of which the last `new` are yet to be written; `like [rows, heads, 0, width]`."""
    if number == len(states.layers):
        states.layers.append(_KeepingLayer())
    layer: Any = states.layers[number]
    if not layer.is_initialized:
        layer.lazy_initialization(like, like)
    return layer.grow(new)


def select(states: Cache, rows: Sequence[int]) -> Cache:
    """The states of some rows of a batch."""
    chosen = empty()
    for number, (keys, values) in enumerate(pairs(states)):
        chosen.update(keys[list(rows)], values[list(rows)], number)
    return chosen


def pairs(states: Cache) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Keys and values of every layer, as views into what grows."""
    layers: Any = states.layers
    return ((layer.keys, layer.values) for layer in layers)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    length = min(len(one), len(other))
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), length)


def _roomier(states: torch.Tensor, tokens: int) -> torch.Tensor:
    *outer, kept, width = states.shape
    room = states.new_empty((*outer, tokens + max(_ROOM, tokens // 2), width))
    room[..., :kept, :] = states
    return room
