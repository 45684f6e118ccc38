"""New lines get back the indentation that a patch has lost, or the patch is refused: never is it guessed."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.assistant.edits.engine import EditError, parse, plan

SHOP = '''\
class Shop:
    """Sells things."""

    def price(self, item):
        if item.sale:
            return item.price / 2
        return item.price

    def total(self, items):
        prices = [
            self.price(item)
            for item in items
        ]
        return sum(prices)


def main():
    shop = Shop()
    print(shop.total([]))
'''


def patch(body: str, path: str) -> str:
    return f"*** Begin Patch\n*** Update File: {path}\n@@\n{body}\n*** End Patch"


def updated(body: str, text: str, path: str = "shop.py") -> str:
    result = plan(parse(patch(body, path)), {path: text.encode()}.get)[path].data
    assert result is not None
    return result.decode()


def refused(body: str, text: str, path: str = "shop.py") -> str:
    with pytest.raises(EditError) as caught:
        updated(body, text, path)
    return str(caught.value)


def by_four(body: str) -> str:
    """Each line of a patch less four blanks, as far as it has them."""
    return "\n".join(line[:1] + re.sub("^ {1,4}", "", line[1:]) for line in body.split("\n"))


def to_margin(body: str) -> str:
    return "\n".join(line[:1] + line[1:].lstrip() for line in body.split("\n"))


METHOD = """\
         return item.price

+    def discount(self, item):
+        if not item.sale:
+            return 0
+        return item.price / 2
+
     def total(self, items):
         prices = ["""
FUNCTION = """\
         return sum(prices)


+def open_shop():
+    return Shop()
+
+
 def main():
-    shop = Shop()
+    shop = open_shop()
     print(shop.total([]))"""
BRACKET = """\
         prices = [
             self.price(item)
             for item in items
+            if item is not None
         ]
         return sum(prices)

"""
WRAPPED = """\
-        return sum(prices)
+        if not prices:
+            return 0
+        return sum(prices)


 def main():"""
DOCSTRING = '''\
 def main():
+    """Open the shop.
+
+    And sell nothing.
+    """
     shop = Shop()
     print(shop.total([]))'''


def applied_by_hand(body: str) -> str:
    old = "".join(line[1:] + "\n" for line in body.split("\n") if line[:1] in ("", " ", "-"))
    new = "".join(line[1:] + "\n" for line in body.split("\n") if line[:1] in ("", " ", "+"))
    assert SHOP.count(old.rstrip("\n")) == 1
    return SHOP.replace(old.rstrip("\n"), new.rstrip("\n"))


@pytest.mark.parametrize("body", [METHOD, FUNCTION, BRACKET, WRAPPED, DOCSTRING], ids=lambda body: body.split()[-1])
def test_lines_dedented_by_four_get_it_back(body: str) -> None:
    assert updated(by_four(body), SHOP) == applied_by_hand(body)


@pytest.mark.parametrize("body", [BRACKET, DOCSTRING, METHOD], ids=lambda body: body.split()[-1])
def test_lines_at_the_margin_get_it_back_where_only_one_way_makes_sense(body: str) -> None:
    assert updated(to_margin(body), SHOP) == applied_by_hand(body)


def test_a_replaced_line_stands_where_the_old_one_stood() -> None:
    body = " if item.sale:\n-return item.price / 2\n+return item.price * 0.5\n return item.price"
    assert updated(body, SHOP) == SHOP.replace("item.price / 2", "item.price * 0.5")


def test_two_ways_that_make_sense_are_a_refusal() -> None:
    told = refused(" shop = Shop()\n+if shop:\n+print(1)\n+print(2)\n print(shop.total([]))", SHOP)
    assert "how deep the new lines belong cannot be told" in told
    assert "Send them all indented as in the file" in told


def test_a_string_at_the_margin_is_a_refusal() -> None:
    assert "cannot be told" in refused(
        ' def main():\n+text = """\n+a\n+"""\n shop = Shop()\n print(shop.total([]))', SHOP
    )


def test_only_the_first_line_may_have_lost_it() -> None:
    body = " if item.sale:\n-            return item.price / 2\n+            return 0\n         return item.price"
    assert updated(body, SHOP) == SHOP.replace("item.price / 2", "0")


def test_other_languages_follow_the_lines_around() -> None:
    text = "a {\n    x;\n    y;\n}\nb {\n    z;\n}\n"
    assert updated(" a {\n x;\n+w;\n y;\n }", text, "a.css") == text.replace("x;\n", "x;\n    w;\n")
    assert updated(" a {\n x;\n y;\n+w;\n }\n b {", text, "a.css") == text.replace("y;\n", "y;\n    w;\n")
    nested = text.replace("x;\n", "x;\n    u {\n        v;\n    }\n")
    assert updated(" a {\n x;\n+u {\n+v;\n+}\n y;\n }", text, "a.css") == nested


def test_a_block_in_a_file_that_shows_no_loss_is_indented_when_there_is_one_way() -> None:
    assert updated(" x = 1\n+if x:\n+y = 2\n+\n+\n+z = 3", "x = 1\n", "m.py") != ""
    assert updated(" x = 1\n+def f():\n+return 1\n+\n+\n y = 2", "x = 1\ny = 2\n", "m.py") == (
        "x = 1\ndef f():\n    return 1\n\n\ny = 2\n"
    )


def test_tabs_are_given_back_to_a_file_of_tabs() -> None:
    text = "def f(x):\n\tif x:\n\t\treturn 1\n\treturn 2\n"
    body = " if x:\n-return 1\n+return 3\n return 2"
    assert updated(body, text, "m.py") == text.replace("1", "3")


SOURCES = sorted((Path(__file__).parents[2] / "assistant").rglob("*.py"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_real_file_is_changed_as_meant_or_not_at_all(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SOURCES)).read_text(encoding="utf-8")
    lines = text.splitlines()
    at = data.draw(st.integers(3, max(len(lines) - 4, 3)))
    inserted = data.draw(st.lists(st.sampled_from([line for line in lines if line.strip()]), min_size=1, max_size=3))
    removed = data.draw(st.integers(0, 2))
    body = [" " + line for line in lines[at - 3 : at]] + ["-" + line for line in lines[at : at + removed]]
    body += ["+" + line for line in inserted] + [" " + line for line in lines[at + removed : at + removed + 3]]
    meant = [*lines[:at], *inserted, *lines[at + removed :]]
    spoil = data.draw(st.sampled_from([by_four, to_margin]))
    try:
        result = updated(spoil("\n".join(body)), text, "m.py")
    except EditError:
        return
    assert [line.strip() for line in result.splitlines()] == [line.strip() for line in meant]
