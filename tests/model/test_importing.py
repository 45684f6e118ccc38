"""While libraries are imported no garbage is collected; afterwards it is, but for what was there by then."""

import gc
from collections.abc import Iterator

import pytest

from ossa.model.importing import without_collecting


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test leaves alone is not left alone in the next."""
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile_and_what_is_there_by_then_stays() -> None:
    frozen = gc.get_freeze_count()
    with without_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_it_is_collected_again_after_an_error() -> None:
    with pytest.raises(ImportError), without_collecting():
        raise ImportError
    assert gc.isenabled()


def test_who_collects_nothing_goes_on_so() -> None:
    gc.disable()
    with without_collecting():
        pass
    assert not gc.isenabled()
