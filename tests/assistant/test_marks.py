"""Comments that ask something, in any language, and texts without them."""

import pytest

from ossa.assistant.index.languages import LANGUAGES, Language
from ossa.assistant.marks.comments import comments
from ossa.assistant.marks.marks import Mark, marks_in, without
from ossa.assistant.marks.request import around, place, requested
from ossa.tests.waiting import steps


def told(path: str, text: str) -> list[tuple[str, int, str]]:
    return [(mark.kind, mark.line, mark.text) for mark in marks_in(path, text)]


@pytest.mark.parametrize(
    ("path", "text", "asked", "clean"),
    [
        ("a.py", "x = 1  # make it 2 AI!\n", [("do", 1, "make it 2")], "x = 1\n"),
        ("a.py", "# why so? ai?\nx = 1\n", [("ask", 1, "why so?")], "x = 1\n"),
        ("a.py", "#AI! add\r\nx = 1\r\n", [("do", 1, "add")], "x = 1\r\n"),
        ("a.py", "# Do this: AI!\n# - one\n# - two\nx\n", [("do", 1, "Do this:\n- one\n- two")], "x\n"),
        ("a.py", "a\n\n# gone, AI!\n\nb\n", [("do", 3, "gone,")], "a\n\nb\n"),
        ("a.py", "# é AI!\nx = 'é'  # é, AI!", [("do", 1, "é"), ("do", 2, "é,")], "x = 'é'"),
        ("a.js", "/* do\n * this AI!\n */\nf(/* AI! b */ a)\n", [("do", 2, "do\nthis"), ("do", 4, "b")], "f(a)\n"),
        ("a.ts", "const a = 1 // two ai!\n", [("do", 1, "two")], "const a = 1\n"),
        ("a.go", "// AI! a\n// b\nvar s = `// no AI!`\n", [("do", 1, "a\nb")], "var s = `// no AI!`\n"),
        ("a.rs", "/// doc AI!\nfn f() {} // AI? go\n", [("do", 1, "doc"), ("ask", 2, "go")], "fn f() {}\n"),
        ("a.lua", "--[[ do AI! ]]\nx = 1 -- AI! a\n", [("do", 1, "do"), ("do", 2, "a")], "x = 1\n"),
        ("a.sql", "select 1 -- sum AI!\n", [("do", 1, "sum")], "select 1\n"),
        ("a.html", "<p>\n <!-- bold AI! -->\n<script>// x AI!\n</script>", [("do", 2, "bold"), ("do", 3, "x")], None),
        ("a.css", "a {} /* red AI! */\n", [("do", 1, "red")], "a {}\n"),
        ("a.yaml", "a: '# no AI!' # x AI!\n", [("do", 1, "x")], "a: '# no AI!'\n"),
        ("a.hs", "{- y\n AI! -}\n-- z AI!\nx = 1\n", [("do", 2, "y"), ("do", 3, "z")], "x = 1\n"),
        ("a.md", "`<!-- no AI! -->` <!-- b AI! --> x\n", [("do", 1, "b")], "`<!-- no AI! -->` x\n"),
        ("a.md", "```\n<!-- no AI! -->\n```\n\n<!-- c\nAI! -->\n", [("do", 6, "c")], None),
        ("a.md", "a <!-- b AI! --> c <!-- b AI! --> d\n", [("do", 1, "b"), ("do", 1, "b")], "a c d\n"),
        ("a.md", "<!-- no --> a <!-- b AI! -->\n", [("do", 1, "b")], "<!-- no --> a\n"),
        ("a.md", "a `<!-- b AI! -->` <!-- b AI! -->\n", [("do", 1, "b")], "a `<!-- b AI! -->`\n"),
        ("a.md", "<script>\n'<!-- no AI! -->'\n</script>\n\n<p>\n<!-- b AI! -->\n", [("do", 6, "b")], None),
        ("a.md", "a\r\nx <!-- b\r\nAI! --> c\rd <a b='<!-- no AI! -->'>\r\n", [("do", 3, "b")], None),
        ("a.md", "a\rb\rc\r\n\r\n<!-- b AI! -->\r\nd\r\n", [("do", 3, "b")], "a\rb\rc\r\n\r\nd\r\n"),
        ("a.js", "/** a AI! **/\nf()\n//// b AI!\n", [("do", 1, "a"), ("do", 3, "b")], "f()\n"),
        ("a.vue", "<template>\n<!-- x AI! -->\n</template>\n", [("do", 2, "x")], "<template>\n</template>\n"),
        ("Dockerfile", "FROM x\n# slim AI!\n", [("do", 2, "slim")], "FROM x\n"),
        ("Makefile", "a:\n\t# x AI!\n# y AI!\n\techo\n", [("do", 2, "x"), ("do", 3, "y")], "a:\n\techo\n"),
        ("run", "#!/bin/sh\necho '# no AI!' # do AI!\n", [("do", 2, "do")], "#!/bin/sh\necho '# no AI!'\n"),
        ("a.bat", "REM do AI!\n", [("do", 1, "do")], ""),
        ("a.c", '#define é "// no AI!" // a AI!\n', [("do", 1, "a")], '#define é "// no AI!"\n'),
        ("a.cpp", "#define A 1 /* a AI! */\nint a;\n", [("do", 1, "a")], "#define A 1\nint a;\n"),
        ("a.rb", "=begin\ndo\nAI!\n=end\nx\n", [("do", 3, "do")], "x\n"),
        ("a.php", "<p>é<!-- b AI! --></p>\n<?php f(); // c AI!\n", [("do", 1, "b"), ("do", 2, "c")], None),
        ("a.jl", "#= do AI! =#\nx\n", [("do", 1, "do")], "x\n"),
        ("a.ps1", "<# do AI! #>\n", [("do", 1, "do")], ""),
        ("a.jinja2", "{# do AI! #}\n<p>\n", [("do", 1, "do")], "<p>\n"),
        ("Jenkinsfile", "// do AI!\nx\n", [("do", 1, "do")], "x\n"),
        ("a.el", ";; do AI!\n", [("do", 1, "do")], ""),
    ],
)
def test_comments_ask_in_any_language(path: str, text: str, asked: list[object], clean: str | None) -> None:
    assert told(path, text) == asked
    assert clean is None or without(text, marks_in(path, text)) == clean


def test_what_only_looks_so_asks_nothing() -> None:
    text = '"""AI! no"""\ns = "# no AI!"\n# OpenAI!\n# bonsai!\n# This is AI-based.\n# AI is great\n# AI!s\n'
    assert told("a.py", text) == []
    assert told("a.txt", "# no AI!\n") == told("a.json", '{"a": "// AI!"}') == told("unknown.zzz", "# AI!\n") == []


def test_the_strongest_sign_of_a_comment_counts_and_notes_are_seen() -> None:
    text = "# with care AI\n\n# what AI?\n# and this AI!\n\n# AI: by hand\n"
    assert told("a.py", text) == [("note", 1, "with care"), ("do", 4, "what\nand this"), ("note", 6, "by hand")]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: f"{language.query} {language.function}")
def test_every_grammar_tells_its_comments(language: Language) -> None:
    signs = {"python": "#", "bash": "#", "ruby": "#", "lua": "--", "php": "<?php //"}
    path = f"a{sorted(language.suffixes)[0]}"
    sign = signs.get(language.query, "//")
    assert [mark.text for mark in marks_in(path, f"{sign} a ä AI!\n\n")] == ["a ä"], path


def test_lines_of_a_comment_that_are_the_last_commits_stay() -> None:
    text = "# Adds two numbers.\n# AI! also three\ndef add(a, b): ...\n"
    marks = marks_in("a.py", text)
    assert without(text, marks, {"# Adds two numbers."}) == "# Adds two numbers.\ndef add(a, b): ...\n"
    block = "/* Adds.\n * AI! also three\n */\nint a;\n"
    assert without(block, marks_in("a.c", block), {"/* Adds.", "*/"}) == "/* Adds.\n */\nint a;\n"
    mixed = "/* Adds.\n   Much. AI! */\nint a;\n"
    assert without(mixed, marks_in("a.c", mixed), {"/* Adds."}) == "/* Adds.\n   Much. */\nint a;\n"


def test_the_same_words_are_known_again_elsewhere_and_others_are_not() -> None:
    one, two, three = (marks_in("a.py", text)[0] for text in ("# a b AI!", "x\n\n# a  b ai!\n", "# a c AI!"))
    assert one.key == two.key != three.key
    assert marks_in("a.py", "# a b AI?")[0].key != one.key


CODE = """\
import os


class Parser:
    def feed(self, data):
        # faster AI!
        return data


# split this AI!
@staticmethod
def run():
    pass


X = 1  # two AI!
"""


def test_a_mark_is_told_with_the_definition_around_it() -> None:
    marks = marks_in("a b.py", CODE)
    assert [around(mark, CODE) for mark in marks] == [(5, 7, "Parser.feed"), (10, 13, "run"), (1, 16, "")]
    prompt = requested(marks, {"a b.py": CODE}, {}).prompt
    assert '- @"a b.py":5-7, line 6, in Parser.feed: faster\n' in prompt and "taken out of your change" in prompt
    assert place(marks[0]) == "a b.py:6: faster (AI!)"


def test_questions_alone_ask_for_no_change() -> None:
    marks = marks_in("a.py", "# why AI?\n")
    request = requested(marks, {"a.py": "# why AI?\n"}, {})
    assert not request.wants_change and "taken out" not in request.prompt and "@a.py:1-1, line 1: why" in request.prompt


def test_odd_files_do_no_harm() -> None:
    assert comments("a.py", "") == [] == comments("", "# x AI!")
    assert told("a.py", "x = (\n# a AI!") == [("do", 2, "a")]
    assert told("a.py", "# \udcff AI!\n") == [("do", 1, "\udcff")]
    assert told("a.sql", "-- " + "a" * 6000 + " AI!\n") == []
    assert told("a.md", "<!-- AI!") == [("do", 1, "")]
    mark = marks_in("a.py", "# AI!")[0]
    assert isinstance(mark, Mark) and place(mark) == "a.py:1: (no words) (AI!)"


@pytest.mark.parametrize("filler", [" ", "#", "*", "-", "=", "]", "AI "])
def test_a_long_comment_takes_no_longer_than_its_length(filler: str) -> None:
    # A square of the length would not be over within the limit of a test.
    text = f"# a{filler * 400_000}b: AI!\n"
    (mark,) = marks_in("a.py", text)
    assert mark.text == text[2:-5].rstrip() and without(text, [mark], {mark.source}) and without(text, [mark]) == ""


@pytest.mark.parametrize(("path", "comment"), [("a.py", "# a AI?"), ("a.md", "<!-- a AI? -->"), ("a.ini", "; a AI?")])
def test_many_comments_take_no_longer_than_their_number(path: str, comment: str) -> None:
    def work(size: int) -> int:
        text = f"{comment}\n\n" * size
        assert len(marks_in(path, text)) == size
        return steps(lambda: marks_in(path, text))

    assert work(4_000) < 5 * work(1_000)
