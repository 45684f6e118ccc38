"""Lines of a file for a model, and back without touching any other."""

from ossa.assistant.repair.excerpt import Excerpt

SOURCE = 'class A:\r\n    def f(self):\r\n        x = "a b"  # no\r\n        return x\n\n\nX = 1\n'


def test_only_the_changed_lines_are_put_back() -> None:
    excerpt = Excerpt(SOURCE, 1, 4)
    assert excerpt.text == 'def f(self):\n    x = "a b"  # no\n    return x\n'
    source, line, changed = excerpt.replaced(excerpt.text.replace('"a b"', '"c"\n    y = 2'))
    assert source == SOURCE.replace('x = "a b"  # no\r\n', 'x = "c"\r\n        y = 2  # no\r\n')
    assert (line, changed) == (2, 'x = "c"\ny = 2  # no')


def test_texts_in_quotes_are_known_by_their_place() -> None:
    excerpt = Excerpt(SOURCE, 1, 4)
    ((start, end),) = excerpt.literals()
    assert excerpt.text[start:end] == '"a b"'
    assert Excerpt("x = '''\n", 0, 1).literals() == []
    assert (excerpt.line(start), excerpt.offset(3)) == (2, excerpt.text.index("    return"))
