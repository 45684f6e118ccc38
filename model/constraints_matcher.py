"""Holds an answer to its constraint, token by token: which may come next, which must, which are taken back.

    Constraint + tools ─► Constrainer.matcher() ─► Matcher: allowed() · forced() · accept() · fits() · rollback()

Compiled grammars are kept, because the files in view change less often than answers begin.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from llguidance import LLMatcher, LLParserLimits
from numpy.typing import NDArray

from ossa.model.base import ModelError, ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.constraints_grammar import grammar_of_harmony
from ossa.model.constraints_vocabulary import Vocabulary

_KEPT = 2
"""Grammars; one of 10,000 lines takes some 100 MB."""


class Constrainer:
    """Makes matchers for one model; keep it as long as the model, for its vocabulary and what it has compiled."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._compiled: deque[tuple[Constraint, tuple[ToolSpec, ...], LLMatcher]] = deque(maxlen=_KEPT)

    def matcher(self, constraint: Constraint, tools: Sequence[ToolSpec] = ()) -> "Matcher":
        """One for an answer that is about to begin, behind `<|start|>assistant` where the format has that.

        Raises:
            ModelError: the constraint can't be compiled: its grammar or a tool's schema is faulty.
        """
        for known, of_tools, compiled in self._compiled:
            if known == constraint and of_tools == tuple(tools):
                return Matcher(compiled.deep_copy(), self.vocabulary)
        compiled = self._compile(constraint, tools)
        self._compiled.append((constraint, tuple(tools), compiled))
        return Matcher(compiled.deep_copy(), self.vocabulary)

    def _compile(self, constraint: Constraint, tools: Sequence[ToolSpec]) -> LLMatcher:
        if self.vocabulary.is_harmony and not constraint.of_line:
            grammar = grammar_of_harmony(constraint, tools)
        else:
            grammar = constraint.grammar or "start: /(?s:.*)/"
        compiled = LLMatcher(
            self.vocabulary.tokens, LLMatcher.grammar_from_lark(grammar), log_level=0, limits=_limits()
        )
        _check(compiled)
        return compiled


class Matcher:
    """Where one answer stands."""

    def __init__(self, inner: LLMatcher, vocabulary: Vocabulary) -> None:
        self._inner = inner
        self._vocabulary = vocabulary
        self._has_end_token = False

    @property
    def ended(self) -> bool:
        """Whether the answer is complete and nothing can follow."""
        return self._has_end_token or self._inner.is_stopped()

    def allowed(self) -> NDArray[np.bool_]:
        """What may come next, `[vocabulary]`; after the end, only what ends an answer.

        Raises:
            ModelError: the grammar is too complex to go on with.
        """
        mask = np.frombuffer(self._inner.compute_bitmask(), np.uint8)
        _check(self._inner)
        return np.unpackbits(mask, count=self._vocabulary.size, bitorder="little").view(np.bool_)

    def forced(self) -> list[int]:
        """Tokens that must come now, as the model would have written them; to be accepted, not sampled."""
        return [] if self.ended else self._inner.compute_ff_tokens()

    def accept(self, token: int) -> None:
        """The token comes next.

        Raises:
            ValueError: it was not allowed; everything is as before.
        """
        if not self._has_end_token and self._may_end_with(token):
            self._has_end_token = True
        elif self._has_end_token or not self._inner.try_consume_tokens([token]):
            raise ValueError(f"token {token} is not allowed here")

    def fits(self, tokens: Sequence[int]) -> int:
        """How many of these could follow, one after the other."""
        return 0 if self.ended else self._inner.validate_tokens(list(tokens))

    def begin(self, text: str) -> bool:
        """What is to be held begins with this text; False, and nothing has begun, where it can't."""
        tokens = self._vocabulary.tokens.tokenize_bytes(text.encode())
        return self.fits(tokens) == len(tokens) and self._inner.try_consume_tokens(tokens) == len(tokens)

    def rollback(self, count: int) -> None:
        """The last accepted tokens never were."""
        if count and self._has_end_token:
            self._has_end_token = False
            count -= 1
        if count:
            self._inner.rollback(count)

    def fork(self) -> "Matcher":
        """Another one that stands where this one does and goes on by itself."""
        other = Matcher(self._inner.deep_copy(), self._vocabulary)
        other._has_end_token = self._has_end_token
        return other

    def _may_end_with(self, token: int) -> bool:
        return token in self._vocabulary.ends and self._inner.is_accepting()


def _limits() -> LLParserLimits:
    """Enough for every line of large files at the beginning of a hunk."""
    return LLParserLimits(
        max_items_in_row=500_000,
        initial_lexer_fuel=100_000_000,
        step_lexer_fuel=10_000_000,
        step_max_items=5_000_000,
        max_grammar_size=5_000_000,
    )


def _check(matcher: LLMatcher) -> None:
    if matcher.is_error():
        raise ModelError(f"What the answer has to look like can't be compiled: {matcher.get_error()[:300]}.")
