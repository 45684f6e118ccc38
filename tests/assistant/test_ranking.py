"""Files are ranked for a prompt, by what it says and by what git's log tells; real repositories, a real index."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from ossa.assistant.index.bm25 import Bag
from ossa.assistant.index.clues import _DOTTED, read, weighed
from ossa.assistant.index.facts import Edges, Facts
from ossa.assistant.index.features import Around
from ossa.assistant.index.graph import Graph
from ossa.assistant.index.index import Index
from ossa.assistant.index.passages import split
from ossa.assistant.index.places import Kind, Places, kind
from ossa.assistant.index.ranking import Ranked, Ranker
from ossa.assistant.index.recency import Commit, History, Log, commits
from ossa.assistant.index.terms import words
from ossa.assistant.repository import Repository

Make: TypeAlias = Callable[[Mapping[str, str]], Ranker]

SHOP = {
    "shop/basket.py": "from shop.money import Money\n\nclass Basket:\n    def total(self):\n        return Money(0)\n",
    "shop/money.py": "class Money:\n    # In a currency.\n    def convert(self, rate):\n        return self\n",
    "shop/mail.py": "def send_letter(address):\n    return address\n",
    "shop/vat.py": "def value_added_tax(amount):\n    return amount\n",
    "tests/test_money.py": "from shop.money import Money\n\n\ndef test_convert():\n    assert Money(1).convert(2)\n",
    "README.md": "# Shop\nBaskets, money and its currencies, mail.\n",
}


REPORT = """Totals are wrong in baskets
<!-- Thanks for the report! Please search for duplicates first. -->
- [x] I have searched the mailbox of letters

### What happened
Since the upgrade the total is off, see https://example.org/letters/mail.py#L7 for more.

```python
import pandas
value_added_tax(3)
```
Traceback (most recent call last):
  File "/srv/shop/basket.py", line 3, in total
    return convert(amount)
ValueError: no rate

### Environment
- OS: LetterOS 3
currencies: none at all

### Anything else
mailer==1.2.3
Only on Mondays.
"""


def run(folder: Path, *command: str) -> None:
    subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", message)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    commit(folder, "First goods", SHOP)
    return folder


@pytest.fixture
def index(shop: Path, tmp_path: Path) -> Iterator[Index]:
    repository = Repository.open(shop)
    index = Index(repository.root, repository.files, tmp_path / "index")
    index.refresh()
    yield index
    index.close()


@pytest.fixture
def ranker(shop: Path, index: Index) -> Ranker:
    return Ranker(index, lambda: commits(Repository.open(shop)))


def order(found: list[Ranked]) -> list[str]:
    return [ranked.path for ranked in found]


def test_words_are_identifiers_and_their_parts() -> None:
    assert words("parseHTTPHeader of _max_len2") == (
        ["parsehttpheader", "parse", "http", "header", "of", "max_len2", "max", "len", "2"]
    )
    assert words("Größe __init__ " + "x" * 65) == ["größe", "init"]


def test_a_prompt_is_read_for_words_names_files_and_modules() -> None:
    clues = read(
        "Basket.total is wrong since the fix\n\nThe `rate` goes to convert() of shop.money, see shop/money.py.\n"
        'Traceback:\n  File "/home/ada/shop/basket.py", line 3, in total\n  File "/home/ada/shop/money.py", line 9\n'
    )
    assert {"basket", "total", "wrong"} == set(clues.title)
    assert clues.terms["total"] > clues.terms["wrong"]
    assert {"total", "rate", "convert", "Basket"} <= set(clues.names) and "wrong" not in clues.names
    assert "shop/money.py" in clues.files and ("shop", "money") in clues.modules
    assert clues.trace == ("/home/ada/shop/basket.py", "/home/ada/shop/money.py")


@pytest.mark.parametrize("word", ["a", "é", "a_b", "1a", "a1"])
def test_a_word_without_an_end_is_read_once(word: str) -> None:
    # A square of the length would not be over within the limit of a test.
    assert not _DOTTED.search(word * 1_000_000)
    assert read(f"{word * 9_000} numpy.linalg::norm 3numpy.fft").modules == (
        ("numpy", "linalg", "norm"),
        ("numpy", "fft"),
    )


def test_a_report_is_divided_into_prose_and_what_it_shows_and_a_form_is_left_out() -> None:
    found = split(REPORT)
    assert found.title == "Totals are wrong in baskets"
    assert [line for line in found.told.split("\n") if line] == [
        found.title,
        "Since the upgrade the total is off, see   for more.",
        "Only on Mondays.",
    ]
    assert found.shown.split("\n") == [
        "import pandas",
        "value_added_tax(3)",
        "Traceback (most recent call last):",
        '  File "/srv/shop/basket.py", line 3, in total',
        "    return convert(amount)",
        "ValueError: no rate",
    ]


def test_what_is_all_noise_is_prose_and_a_short_prompt_stays_whole() -> None:
    assert split("").told == ""
    assert split("### Version").told == "### Version"
    assert split("the total = 3 is wrong").told == "the total = 3 is wrong"


def test_clues_know_prose_from_examples_and_leave_a_form_out() -> None:
    clues = read(REPORT)
    assert "total" in clues.told and not {"tax", "basket", "letters", "currencies"} & set(clues.told)
    assert {"tax", "basket", "pandas"} <= set(clues.terms)
    assert not {"letters", "searched", "environment", "currencies", "mailer", "https"} & set(clues.terms)
    assert "https://example.org/letters/mail.py" not in clues.files and clues.trace == ("/srv/shop/basket.py",)


@pytest.mark.parametrize(
    "frames,trace",
    [
        ('File "a/b.py", line 3, in f\nFile "a/c.py", line 4', ("a/b.py", "a/c.py")),
        ("~/lib/a/b.py in f(x)\n     12 g()\n/usr/a/c.pyc in <module>", ("~/lib/a/b.py", "/usr/a/c.py")),
        ("File ~/lib/a/b.py:33, in f(x)", ("~/lib/a/b.py",)),
        ("a/b.py:12: in f\n  a/c.py:13: ValueError\nsrc/d.go:7:1: no", ("a/b.py", "a/c.py", "src/d.go")),
        ("  at g (/srv/c.js:1:2)\n    at Object.f (b.js:33:9)", ("b.js", "/srv/c.js")),
        ("It is 12:30: at noon, in a.b", ()),
    ],
)
def test_a_trace_is_known_in_many_forms_and_told_outermost_first(frames: str, trace: tuple[str, ...]) -> None:
    assert read(f"Broken\n{frames}\n").trace == trace


@pytest.mark.parametrize("text,wanted", [("Add tests for Money", True), ("The tests of Money fail", False)])
def test_whether_tests_are_asked_for(text: str, wanted: bool) -> None:
    assert read(text).wants_tests is wanted


@pytest.mark.parametrize(
    "text", ["", "\0\udc80", "((((" * 5000, "a." * 30_000, "`" * 9999, "/" * 30_000, "x.y:" * 9999, "<!--" * 9999]
)
def test_any_text_is_read(text: str) -> None:
    assert read(text).wants_tests is False


@pytest.mark.parametrize(
    "path,what",
    [
        ("shop/money.py", Kind.CODE),
        ("src/lib.rs", Kind.CODE),
        ("tests/test_money.py", Kind.TEST),
        ("pkg/money_test.go", Kind.TEST),
        ("src/Money.test.tsx", Kind.TEST),
        ("src/MoneyTest.java", Kind.TEST),
        ("shop/contest.py", Kind.CODE),
        ("docs/conf.py", Kind.ASIDE),
        ("setup.py", Kind.ASIDE),
        ("README.md", Kind.OTHER),
    ],
)
def test_what_a_file_is_for_is_told_by_its_path(path: str, what: Kind) -> None:
    assert kind(path) is what


def test_a_path_is_known_again_by_its_end() -> None:
    places = Places(["a/card.py", "b/io/card.py", "b/io/__init__.py", "a/__init__.py", "c/hdu.py"])
    assert places.named("/usr/lib/python3/b/io/card.py") == {1: 1.0}
    assert places.named("b\\io\\card.py") == {1: 1.0}
    assert places.named("hdu.py") == {4: 1.0}
    assert places.named("card.py") == {0: 0.5, 1: 0.5}
    assert places.named("x/nothing.py") == {}
    assert places.module(("b", "io", "card"))[1] == 1.0 > places.module(("b", "io", "card"))[0]
    assert places.module(("b", "io"))[2] == 1.0


def test_rare_words_and_short_documents_count_more() -> None:
    bag = Bag([["tax", "the"], ["tax", "the", *["mail"] * 20], ["the"], ["the"]])
    scores = bag.score({"tax": 1.0, "the": 1.0})
    assert scores[0] > scores[1] > scores[2] > 0
    assert bag.shared(0, {"the": 1.0, "tax": 1.0, "none": 1.0}, 5) == ["tax", "the"]
    assert bag.rarity("tax") > bag.rarity("the") > 0
    assert not Bag([]).score({"tax": 1.0}).size


def test_what_is_used_by_the_start_is_near_it() -> None:
    edges = Edges(np.array([0]), np.array([1]), np.array([3.0**0.5]))
    graph = Graph(5, edges)
    start = Bag([["x"], [], [], [], []]).score({"x": 1.0})
    near = graph.near(start)
    assert near.sum() == pytest.approx(1.0) and near[0] > near[1] > 0
    assert not near[2:].any()
    assert graph.neighbours(1) == [0]
    assert not graph.near(start * 0).any()


def test_names_lead_to_the_few_files_that_define_them(shop: Path, index: Index) -> None:
    many = {f"shop/part{number}.py": "def run():\n    return 1\n" for number in range(11)}
    twice = {"shop/coin.py": "class Money:\n    pass\n", "shop/go.py": "from shop.part1 import run\n\nrun(run)\n"}
    commit(shop, "More goods", many | twice)
    index.refresh()
    facts = Facts(index)
    facts.refresh()
    place = {path: number for number, path in enumerate(facts.paths)}
    weights = {(int(user), int(holder)): weight for user, holder, weight in zip(*facts.edges(), strict=True)}

    assert facts.holders("Money") == sorted([place["shop/coin.py"], place["shop/money.py"]])
    assert weights[place["shop/basket.py"], place["shop/coin.py"]] == pytest.approx(2**0.5 / 2)
    assert place["shop/go.py"] not in {user for user, _ in weights}, "what many define leads nowhere"
    assert facts.holders("nothing") == ()


def test_of_the_log_count_what_was_said_and_how_lately() -> None:
    log = [
        Commit("Round taxes up\n\nNot down.", ("vat.py",)),
        Commit("Everything moves", ("mail.py", *(f"{number}.py" for number in range(40)))),
        *[Commit("Letters are sent", ("mail.py",))] * 3,
    ]
    history = History(log, ["vat.py", "mail.py"])
    assert history.recent()[1] > history.recent()[0] > 0
    said = history.alike(weighed("taxes are rounded"))
    assert said[0] > said[1] == 0
    assert history.subjects(weighed("taxes")) == {0: "Round taxes up"}


def test_the_log_is_read_with_any_name_and_message(shop: Path) -> None:
    commit(shop, "Names: “größer”\n\nSigned-off-by: Ada", {"größe und\nZeile.py": "A = 1\n"})
    newest, first = commits(Repository.open(shop))
    assert newest == Commit("Names: “größer”", ("größe und\nZeile.py",))
    assert set(first.paths) == set(SHOP) and first.subject == "First goods"
    assert commits(Repository.plain(shop)) == []


@pytest.mark.parametrize(
    "prompt,path",
    [
        ("The currency is lost in an exchange", "shop/money.py"),
        ("`send_letter` forgets the address", "shop/mail.py"),
        ("sendLetter", "shop/mail.py"),
        ("value added", "shop/vat.py"),
        ("see shop/basket.py", "shop/basket.py"),
        ("ImportError in shop.vat", "shop/vat.py"),
        ('Broken\n\n  File "/srv/shop/mail.py", line 2, in send_letter\nValueError: no', "shop/mail.py"),
    ],
)
def test_a_prompt_leads_to_its_file(ranker: Ranker, prompt: str, path: str) -> None:
    assert order(ranker.rank(prompt))[0] == path


def test_reasons_and_symbols_are_told(ranker: Ranker) -> None:
    first = ranker.rank("Money.convert forgets the currency")[0]
    assert first.path == "shop/money.py" and first.score > 0
    assert "defines Money, convert" in first.reasons and len(first.reasons) <= 4
    assert {symbol.name for symbol in first.symbols} == {"convert", "Money"}


def test_tests_come_behind_code_unless_they_are_asked_for(ranker: Ranker) -> None:
    assert order(ranker.rank("test_convert of Money fails"))[0] == "shop/money.py"
    assert order(ranker.rank("Add tests for convert in test_money"))[0] == "tests/test_money.py"


def test_a_file_that_is_no_code_is_found_where_it_is_named(ranker: Ranker) -> None:
    assert order(ranker.rank("README.md says too little of money"))[0] == "README.md"


def test_what_a_person_has_at_hand_counts(ranker: Ranker) -> None:
    prompt = "the total is wrong"
    assert order(ranker.rank(prompt))[0] == "shop/basket.py"
    assert order(ranker.rank(prompt, Around(mentioned=["shop/mail.py"])))[0] == "shop/mail.py"
    trail = Around(failing=["tests/test_money.py", "shop/vat.py"])
    assert order(ranker.rank("why?", trail))[0] == "shop/vat.py"
    assert "is in the traceback" in ranker.rank("why?", trail)[0].reasons
    at_hand = ranker.rank("why?", Around(changed=["shop/vat.py"], open=["shop/vat.py", "gone.py"]))[0]
    assert at_hand.path == "shop/vat.py"


def test_what_is_used_by_what_fits_comes_next(ranker: Ranker) -> None:
    assert order(ranker.rank("Basket"))[:2] == ["shop/basket.py", "shop/money.py"]


def test_the_log_speaks_for_files_that_do_not_say_the_words(shop: Path, index: Index, ranker: Ranker) -> None:
    prompt = "parcels get lost"
    assert order(ranker.rank(prompt))[0] != "shop/mail.py"
    commit(
        shop, "Parcels are lost no more", {"shop/mail.py": SHOP["shop/mail.py"] + "\n\ndef other():\n    return 1\n"}
    )
    index.refresh()
    first = ranker.rank(prompt)[0]
    assert first.path == "shop/mail.py" and "changed by “Parcels are lost no more”" in first.reasons


def test_a_change_is_seen_by_the_next_ranking(shop: Path, index: Index, ranker: Ranker) -> None:
    assert "shop/stamp.py" not in order(ranker.rank("postage stamps"))
    (shop / "shop/stamp.py").write_text("def postage_stamp():\n    return 1\n")
    index.refresh()
    assert order(ranker.rank("postage stamps"))[0] == "shop/stamp.py"


def test_what_is_kept_ranks_as_what_is_read_anew(shop: Path, index: Index, ranker: Ranker) -> None:
    prompts = ["the total of a basket", "`send_letter` and Money.convert", "stamps", "see shop/vat.py"]

    def same() -> bool:
        fresh = Ranker(index, lambda: commits(Repository.open(shop)))
        return all(ranker.rank(prompt) == fresh.rank(prompt) for prompt in prompts)

    assert same()
    (shop / "shop/vat.py").write_text("from shop.stamp import Stamp\n\ndef total(basket):\n    return Stamp(basket)\n")
    index.refresh()
    assert same()
    (shop / "shop/stamp.py").write_text("class Stamp:\n    def send_letter(self):\n        return Money\n")
    index.refresh()
    assert same()
    (shop / "shop/mail.py").unlink()
    (shop / "shop/money.py").write_text("")
    index.refresh()
    assert same()


def test_the_log_is_read_again_only_after_a_commit(shop: Path) -> None:
    log = Log(Repository.open(shop))
    first = log()
    assert log() is first and len(first) == 1
    commit(shop, "Second goods", {"a.py": "A = 1\n"})
    assert [one.subject for one in log()] == ["Second goods", "First goods"]
    assert Log(Repository.plain(shop))() == ()


def test_the_same_asked_again_is_answered_the_same(ranker: Ranker) -> None:
    assert ranker.rank("money and mail") == ranker.rank("money and mail")


@pytest.mark.parametrize("prompt", ["", "zzz qqq", '"', "NEAR( * OR", "\0", "a b c " * 9999])
def test_no_prompt_breaks_it(ranker: Ranker, prompt: str) -> None:
    assert len(ranker.rank(prompt, limit=3)) <= 3


def test_an_empty_repository_has_no_files(tmp_path: Path) -> None:
    index = Index(tmp_path, list, tmp_path / "index")
    index.refresh()
    assert Ranker(index).rank("anything") == []
    index.close()
