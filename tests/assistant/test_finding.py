"""What matters to a prompt is found without being named: in the map, in hints, by the names of definitions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.context.parts import About
from ossa.assistant.events import Composed
from ossa.assistant.finding import Finder
from ossa.assistant.repository import Repository
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.scripted import ScriptedModel


@pytest.fixture
def larger(repo: Path) -> Path:
    """The repository with a dozen files more."""
    (repo / "shop").mkdir()
    for name in ("basket", "voucher", "invoice", "customer", "address", "parcel", "courier", "refund"):
        body = f"class {name.title()}:\n    def check_{name}(self, other):\n        return other\n"
        (repo / f"shop/{name}.py").write_text(f'"""All about a {name}."""\n\n\n{body}')
    return repo


@pytest.fixture
def finder(larger: Path) -> Iterator[Finder]:
    one = Finder(Repository.open(larger))
    yield one
    one.close()


def words(text: str) -> int:
    return len(text.split())


def test_the_map_fits_its_tokens_and_begins_with_what_the_prompt_is_about(finder: Finder) -> None:
    about = About("the voucher is refused at the second check")
    whole = finder.repo_map(about, 1_000, words)
    assert "shop/voucher.py" in whole and "check_voucher" in whole and words(whole) <= 1_000
    small = finder.repo_map(about, 20, words)
    assert "shop/voucher.py" in small and words(small) <= 20


def test_hints_name_files_that_were_not_mentioned_and_their_definitions(finder: Finder) -> None:
    hints = finder.hints(About("the voucher is refused where a refund is checked", ("shop/refund.py",)))
    assert "- shop/voucher.py" in hints and "shop/refund.py" not in hints and hints.count("\n") <= 5
    assert finder.hints(About("thanks!")) == ""


def test_definitions_are_found_also_after_a_change(finder: Finder, larger: Path) -> None:
    (found,) = finder.definitions("check_parcel")
    assert (found.path, found.line) == ("shop/parcel.py", 5)
    (larger / "shop/parcel.py").write_text("\n\ndef check_parcel():\n    return 1\n")
    finder.changed(["shop/parcel.py"])
    assert [symbol.line for symbol in finder.definitions("check_parcel")] == [3]
    finder.close()
    assert finder.hints(About("voucher refund")) == "" or not finder.problem


def test_a_handful_of_files_needs_no_map(repo: Path) -> None:
    finder = Finder(Repository.open(repo))
    assert finder.repo_map(About("add"), 1_000, words) == "" and finder.hints(About("add two numbers")) == ""
    finder.close()


async def test_a_prompt_is_shown_with_what_was_found_for_it(larger: Path) -> None:
    model = ScriptedModel(["I see.", "Yes."])
    work = open_workbench(Options(larger, test="true"), lambda _: model, Unattended())
    try:
        seen = work.agent.preview("why is the voucher refused at checks? see @check_basket")
        prompts = ("why is the voucher refused at checks? see @check_basket", "and the refund of a parcel?")
        events = [event for prompt in prompts async for event in work.agent.run(prompt)]
    finally:
        work.close()
    first, second = (event for event in events if isinstance(event, Composed))
    assert first.total == seen.total and [part.name for part in first.parts][1:3] == ["map", "shop/basket.py:5-6"]
    assert "shop/voucher.py" in first.message.text and "def check_basket" in first.message.text
    assert "shop/refund.py" in second.message.text
    assert model.seen[0][:2] == model.seen[1][:2] and "shop/voucher.py" in model.seen[0][1].text
