"""Drafts copied from what is known: how long they are, and where they go on behind a change."""

from collections.abc import Sequence

from ossa.model.lookup import Lookup

TEXT = list(range(100, 400))


def write(lookup: Lookup, wanted: Sequence[int]) -> list[int]:
    """What is written, pass by pass: how many tokens of each draft were taken."""
    done, taken = 0, list[int]()
    draft: list[int] = []
    while done < len(wanted):
        right = next((n for n, token in enumerate(draft) if wanted[done + n] != token), len(draft))
        for token in wanted[done : done + right + 1]:
            lookup.feed(token)
        if draft:
            lookup.judge(len(draft), right)
        taken.append(right)
        done += right + 1
        draft = lookup.draft(len(wanted) - done - 1)
    return taken


def test_what_is_copied_whole_takes_few_passes() -> None:
    lookup = Lookup(TEXT)
    assert len(write(lookup, TEXT)) < 10
    assert lookup.taken == lookup.drafted


def test_drafts_are_no_longer_than_is_worth_it() -> None:
    assert max(write(Lookup(TEXT, most=32), TEXT)) == 32
    assert max(write(Lookup(TEXT), TEXT)) > 100


def test_what_was_put_in_is_passed_over() -> None:
    changed = [*TEXT[:150], *range(50), *TEXT[150:]]
    assert len(write(Lookup(TEXT), changed)) < 50 + 20


def test_copying_goes_on_near_where_it_ended_and_not_where_the_same_stands_later() -> None:
    known = [*TEXT[:200], 1, 2, *TEXT[200:], 7, 8, 9, 1, 2, 3]
    changed = [*TEXT[:195], 5, 6, 7, 8, 9, 1, 2, *TEXT[200:]]
    lookup = Lookup(known)
    taken = write(lookup, changed)
    assert len(taken) < 25
    assert sum(taken) > len(changed) - 25


def test_what_was_left_out_is_passed_over() -> None:
    assert len(write(Lookup(TEXT), [*TEXT[:150], *TEXT[190:]])) < 15
