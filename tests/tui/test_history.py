"""What a session's log tells is read in one go, however many bits an answer came in."""

from ossa.assistant.events import Answering, Notice, Reading, StepOutput, Thinking
from ossa.tui.history import merged


def test_bits_are_joined_over_what_leaves_no_trace() -> None:
    bits = [
        *(Thinking("a"), Reading(1, 2, 0), Thinking("b")),
        *(Answering("c"), StepOutput("s", "x"), Answering("d")),
        *(Notice("n"), Notice("m"), Answering("e")),
    ]
    assert merged(bits) == [Thinking("ab"), Answering("cd"), Notice("n"), Notice("m"), Answering("e")]
    assert merged(merged(bits)) == merged(bits)
