"""One model for several sessions: each knows when it waits for another's answer."""

import threading

from ossa.model.base import Message, Text
from ossa.model.scripted import ScriptedModel
from ossa.tui.acp.lender import Lender

ASK = [Message("user", "Hello.")]


def test_a_session_waits_while_another_one_is_answered() -> None:
    model, lender = ScriptedModel(["One.", [Text("Two"), threading.Event()]]), Lender()
    one, other = lender.lend(lambda: model), lender.lend(lambda: model)
    first, second = one.generate(ASK), other.generate(ASK)
    next(first)
    assert not other.waits, "it has asked nothing yet"
    other.begin("something")
    assert other.waits and not one.waits
    list(first)
    assert not other.waits, "its turn has come"
    other.end("something")
    next(second)
    one.begin("something")
    assert one.waits and not other.waits
    second.close()
    assert not one.waits, "the other one was stopped"


def test_an_answer_that_is_put_away_late_is_not_taken_for_the_next_one() -> None:
    model, lender = ScriptedModel(["One.", "Two."]), Lender()
    one, other = lender.lend(lambda: model), lender.lend(lambda: model)
    first = one.generate(ASK)
    list(first)
    second = one.generate(ASK)
    next(second)
    other.begin("something")
    first.close()
    assert other.waits
    list(second)
    assert not other.waits
