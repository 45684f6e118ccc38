"""What the model has read and need not read again: the keys and values of the last prompt and its answer.

new prompt ─► rewind() keeps the longest common beginning ─► the engine reads the rest ─► extend()
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_ROOM = 256
"""Tokens by which a layer's memory grows at least."""


class PrefixCache:
    """Keys and values for a sequence of tokens; goes back to any earlier length."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.states = _empty()

    def rewind(self, prompt: Sequence[int]) -> int:
        """Keep what the prompt begins with, but not all of it: its last token has to be read to go on from.

        Returns:
            How many of the prompt's tokens are known.
        """
        known = 0
        for old, new in zip(self.tokens, prompt[:-1], strict=False):
            if old != new:
                break
            known += 1
        if known < len(self.tokens):
            self.states.crop(known - len(self.tokens))
            del self.tokens[known:]
        return known

    def extend(self, tokens: Sequence[int]) -> None:
        """Note that the model has read these."""
        self.tokens += tokens

    def clear(self) -> None:
        """Forget everything, also what a failed run has left half done."""
        self.tokens, self.states = [], _empty()


class _KeepingLayer(DynamicLayer):
    """Keeps all tokens, also in layers that attend to a window: only then can it go back.

    Memory grows by halves, not by a copy for every token.
    """

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self._rooms = [states[..., :0, :] for states in (key_states, value_states)]
        self.keys, self.values = self._rooms
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append states of shape `[1, heads, tokens, width]`; gives back all there are."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        kept = self.get_seq_length()
        total = kept + key_states.shape[-2]
        for number, new in enumerate((key_states, value_states)):
            if total > self._rooms[number].shape[-2]:
                self._rooms[number] = _roomier(self._rooms[number][..., :kept, :], total)
            self._rooms[number][..., kept:total, :] = new
        self.keys, self.values = (room[..., :total, :] for room in self._rooms)
        return self.keys, self.values


def _empty() -> Cache:
    return Cache(layer_class_to_replicate=_KeepingLayer)


def _roomier(states: torch.Tensor, tokens: int) -> torch.Tensor:
    *outer, kept, width = states.shape
    room = states.new_empty((*outer, tokens + max(_ROOM, tokens // 2), width))
    room[..., :kept, :] = states
    return room
