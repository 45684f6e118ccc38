"""Rubbish is looked for while nobody types and nothing is played, and never while the window starts."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from ossa.tui.tidying import Tidying, hold


class Circle:
    """Refers to itself, so that only a look at all there is finds that nobody needs it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


class Stage:
    """A window as the tidying sees it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.busy, self.typed = False, ""
        self.tidying = Tidying(lambda _, look: self.waiting.append(look), lambda: self.busy, lambda: self.typed)

    def rest(self) -> None:
        """Let the time pass."""
        waiting, self.waiting[:] = list(self.waiting), []
        for look in waiting:
            look()


def aged() -> "weakref.ref[Circle]":
    """Something that nobody needs, and that has outlived the looks at what came just now."""
    circle = Circle()
    gone = weakref.ref(circle)
    gc.collect(1)
    del circle
    gc.collect(1)
    return gone


def test_a_process_that_did_not_ask_for_it_is_left_alone() -> None:
    stage = Stage()
    stage.tidying.soon()
    assert not stage.waiting


def test_nothing_is_looked_for_until_the_window_stands_and_then_what_it_needs_is_put_aside() -> None:
    stage = Stage()
    hold()
    assert not gc.isenabled()
    stage.tidying.soon()
    stage.tidying.soon()
    assert len(stage.waiting) == 1
    stage.busy = True  # a first prompt is being answered already
    stage.rest()
    assert gc.isenabled() and gc.get_freeze_count() > 1000 and not stage.waiting
    young, middle, seldom = gc.get_threshold()
    assert young * middle * seldom >= 7_000_000


def test_all_is_looked_at_when_nobody_types_and_nothing_is_played() -> None:
    stage = Stage()
    hold()
    stage.tidying.soon()
    stage.rest()
    gone = aged()
    assert gone()
    stage.tidying.soon()
    stage.typed = "w"
    stage.rest()
    assert gone() and stage.waiting
    stage.busy = True
    stage.rest()
    assert gone() and not stage.waiting
    stage.busy = False
    stage.tidying.soon()
    stage.rest()
    assert not gone() and not stage.waiting


def test_a_prompt_that_is_sent_is_a_moment_to_look_too_where_anything_has_grown_old() -> None:
    stage = Stage()
    hold()
    stage.tidying.sent()
    assert not stage.waiting  # the window does not stand yet
    stage.tidying.soon()
    stage.rest()
    stage.tidying.sent()
    assert not stage.waiting
    gone = aged()
    stage.busy = True  # the prompt is being answered
    stage.tidying.sent()
    stage.rest()
    assert not gone()
