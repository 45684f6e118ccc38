"""An edit is judged by the odds of what it takes and of what it brings."""

import pytest

from ossa.assistant.repair.odds import Odds
from ossa.assistant.repair.source import Edit
from ossa.model.base import Weighed

TEXT = "if a <= b < c:\n    return a\n"
TOKENS = ["if", " a", " <=", " b", " <", " c", ":\n", "   ", " return", " a", "\n"]
OTHERS = {" <": ((":\n", -0.5), (":", -0.9), (" and", -2.0)), " a": ((" b", -1.0),)}
HEAD = "```python\n"


@pytest.fixture
def odds() -> Odds:
    weighed: list[Weighed] = []
    at = len(HEAD)
    for number, token in enumerate(TOKENS):
        weighed.append(Weighed(at, at + len(token), -float(number), OTHERS.get(token, ())))
        at += len(token)
    return Odds(TEXT, weighed, len(HEAD))


@pytest.mark.parametrize(
    "old,new,surprise,gain",
    [
        (" < c", "", 5.0, -0.5 + 4.0),  # the longest token that fits counts
        ("b < c", "b and c", 5.0, -2.0 + 4.0),  # what stays the same does not
        ("a\n", "b\n", 10.0, -1.0 + 9.0),
        ("<=", "==", 2.0, None),
        ("return a", "return c", 9.0, None),
    ],
)
def test_what_is_taken_surprises_and_what_is_brought_was_hoped_for(
    odds: Odds, old: str, new: str, surprise: float, gain: float | None
) -> None:
    start = TEXT.rindex(old)
    edit = Edit(start, start + len(old), new)
    assert (odds.surprise(edit), odds.gain(edit)) == (surprise, gain)
