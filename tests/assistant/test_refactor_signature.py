"""Change of a signature: what stays of heads and overrides, what is refused, which calls are found."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.refactor.asked import read
from ossa.assistant.refactor.wish import Outcome
from ossa.assistant.refactor.worker import work

Change: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Works out a new signature in the file a.py, and others."""

    def run(text: str, name: str, to: str, **others: str) -> Outcome:
        files = {"a.py": text, **{f"{stem}.py": other for stem, other in others.items()}}
        for path, content in files.items():
            (tmp_path / path).write_bytes(content.encode())
        return work(tmp_path, {"files": list(files), "path": "a.py", "name": name, "what": "signature", "to": to})

    return run


def after(done: Outcome, path: str = "a.py") -> str:
    assert not done.problem, done.problem
    return done.files[path].decode()


def left(done: Outcome) -> list[int]:
    return [one.line for one in done.left]


BASE = "class A:\n    def m(self, x, flag=False):\n        return x\n\n\nclass B(A):\n"


@pytest.mark.parametrize(
    "override",
    [
        "    def m(self, x, flag=True):\n        return x\n",
        "    def m(self, x, flag=False, *args, **kw):\n        return args, kw\n",
        "    def m(this, x, flag=False):\n        return this\n",
        "    @staticmethod\n    def m(x, flag=False):\n        return x\n",
        "    def m(self, x, flag=False):\n        more = x\n        return more\n",
        "    m = None\n",
    ],
)
def test_an_override_with_another_head_is_left_and_told(change: Change, override: str) -> None:
    done = change(BASE + override, "A.m", "(self, x, flag=False, more=None)")
    assert after(done).endswith(override) and "def m(self, x, flag=False, more=None)" in after(done)
    assert left(done) in ([7], [8])


def test_an_override_keeps_its_own_annotations(change: Change) -> None:
    text = BASE + "    def m(self, x: int, flag: bool = False) -> int:\n        return x\n"
    done = change(text, "A.m", "(self, x: str, flag=False, more=None)")
    assert "def m(self, x: str, flag=False, more=None):" in after(done)
    assert "def m(self, x: int, flag: bool = False, more=None) -> int:" in after(done)


def test_parameters_with_stars_are_renamed_in_the_body_too(change: Change) -> None:
    done = change("def f(a, *args, **opts):\n    return a, args, opts\n\n\nf(1, 2, b=3)\n", "f", "(a, *rest, **kw)")
    assert after(done) == "def f(a, *rest, **kw):\n    return a, rest, kw\n\n\nf(1, 2, b=3)\n"


def test_a_call_of_an_override_that_was_left_is_left_too(change: Change) -> None:
    text = BASE + "    def m(self, x, *args):\n        return super().m(x=x)\n\n\nA().m(x=1)\nB().m(x=1)\n"
    done = change(text, "A.m", "(self, y, flag=False)")
    assert "return super().m(y=x)\n\n\nA().m(y=1)\nB().m(x=1)\n" in after(done) and left(done) == [7, 12]


@pytest.mark.parametrize("body", ["import a", "def g():\n        nonlocal a", "try: a\n    except E as a: pass"])
def test_a_renamed_parameter_that_the_body_binds_otherwise_is_refused(change: Change, body: str) -> None:
    assert "a is bound anew in f" in change(f"def f(a):\n    {body}\n", "f", "(b)").problem


@pytest.mark.parametrize(
    "body",
    ["fresh = 1", "return len(fresh)", "import fresh", "def fresh(): pass", "return lambda fresh: a", "global fresh"],
)
def test_a_new_name_that_the_body_knows_already_is_refused(change: Change, body: str) -> None:
    for to in ("(a, fresh=None)", "(fresh)", "(a, *fresh)"):
        assert "fresh already means something in f (line 2)" in change(f"def f(a):\n    {body}\n", "f", to).problem


def test_what_callers_gave_to_keywords_of_any_name_is_told(change: Change) -> None:
    done = change(
        "def f(a, **opts):\n    return opts\n\n\nf(1, verbose=2)\nf(1, b=2)\nf(**x)\n", "f", "(a, verbose=0, **opts)"
    )
    assert left(done) == [5, 7] and "went into **opts" in done.left[0].why


def test_a_default_that_callers_rely_on_stays_under_a_new_name(change: Change) -> None:
    assert "b has a default that callers rely on" in change("def f(a=1):\n    return a\n", "f", "(b)").problem
    done = change("def f(a=1, /, **kw):\n    return a\n\n\nf(a=2)\n", "f", "(a=1, **kw)")
    assert left(done) == [5]


def test_a_gap_before_a_parameter_by_place_alone_is_refused(change: Change) -> None:
    text = "def f(a, b=1):\n    return a, b\n\n\nf(1, b=2)\n"
    assert "f(1, 2)" in after(change(text, "f", "(a, b=1, /)"))
    assert "a.py:5" in change(text, "f", "(a, c=0, b=1, /)").problem


def test_comments_in_a_head_stay_and_those_of_what_is_gone_are_told(change: Change) -> None:
    text = "def f(\n    a,  # first (of all)\n    # alone\n    b=0x10,  # second\n    c=3,\n):\n    return a\n"
    assert after(change(text, "f", "(a, c=3, b=16, d=())")).startswith(
        "def f(\n    a,  # first (of all)\n    c=3,\n    # alone\n    b=0x10,  # second\n    d=(),\n):\n"
    )
    done = change(text, "f", "(a, c=3)")
    assert after(done).startswith("def f(\n    a,  # first (of all)\n    c=3,\n):\n")
    assert [one.why.rpartition(": ")[2] for one in done.left] == ["# alone", "# second"]


@pytest.mark.parametrize("head", ["(a=(1))", "(a=((1)))", "(a=(1),)", "(\n    a=(1),\n)", "(a=(1)  # (\n)"])
def test_brackets_within_a_head_do_not_end_it(change: Change, head: str) -> None:
    done = after(change(f"def f{head}:\n    return a\n", "f", "(a=(1), b=')')"))
    space: dict[str, Callable[..., object]] = {}
    exec(done, space)  # what is written is Python that means it
    assert space["f"](2, b=3) == 2 and "b=')'" in done


def test_one_parameter_a_line_stays_so(change: Change) -> None:
    done = change("def f(\n    a,\n    b='x',\n):\n    return a, b\n", "f", '(b="x", a=None)')
    assert after(done).startswith("def f(\n    b='x',\n    a=None,\n):\n")


def test_brackets_that_lose_all_are_empty(change: Change) -> None:
    done = change("def f(\n    a,\n):\n    pass\n\n\nf(\n    g(),\n)\nf(1)\n", "f", "()")
    assert after(done) == "def f():\n    pass\n\n\nf()\nf()\n"
    assert [one.why for one in done.left] == ["an argument that is a call of its own was taken out"]


def test_arguments_in_brackets_of_their_own_are_left_to_a_person(change: Change) -> None:
    text = "def f(a, b=0):\n    return a, b\n\n\nf((1), (2))\nf((1, 2), 3)\nf(x for x in y)\nf(f(1, 2), b=(z := 3))\n"
    done = change(text, "f", "(b=0, a=0)")
    assert after(done).endswith("f((1), (2))\nf(3, (1, 2))\nf(a=(x for x in y))\nf(a=f(2, 1), b=(z := 3))\n")
    assert left(done) == [5]


def test_a_call_by_another_name_is_found(change: Change) -> None:
    done = change(
        "def f(a, b):\n    return a\n",
        "f",
        "(b, a)",
        b="from a import f as g\n\ng(1, 2)\n",
        c="from b import g as h\nimport b\n\nh(1, 2)\nb.g(1, 2)\n",
    )
    assert "g(2, 1)" in after(done, "b.py") and "h(2, 1)\nb.g(2, 1)" in after(done, "c.py") and not done.left


def test_what_a_decorator_or_the_new_text_says_beside_parameters_is_not_lost(change: Change) -> None:
    text = "def f(a):\n    return locals()\n"
    assert "no list of parameters" in change(text, "f", "(a): pass\ndef g(b)").problem
    assert "leave -> out" in change(text, "f", "(b) -> int").problem
    assert "locals()" in change(text, "f", "(b)").left[0].why


CLASSES = (
    "class A:\n    def __init__(self, x, y):\n        self.x = x - y\n\n"
    "    @classmethod\n    def make(cls):\n        return cls(1, 2)\n\n\n"
    "class B(A):\n    pass\n\n\n"
    "class C(B):\n    def __init__(self, z):\n        super().__init__(z, 2)\n\n\n"
    "class D(A, dict):\n    pass\n\n\n"
    "def show(one: A) -> B:\n    return isinstance(one, A)\n\n\n"
    "A(1, 2)\nB(1, y=2)\nC(1)\nD(1, 2)\nmap(A, [])\nA.__init__(A(1, 2), 1, 2)\n"
)


@pytest.mark.parametrize("name", ["A", "A.__init__"])
def test_all_that_builds_a_class_is_changed_or_told(change: Change, name: str) -> None:
    done = change(CLASSES, name, "(self, y, x)")
    text = after(done)
    assert "def __init__(self, y, x):" in text and "def __init__(self, z):" in text
    assert "A(2, 1)\nB(x=1, y=2)\nC(1)\nD(1, 2)" in text or "A(2, 1)\nB(y=2, x=1)\nC(1)\nD(1, 2)" in text
    assert "super().__init__(2, z)" in text and "A.__init__(A(2, 1), 2, 1)" in text
    assert "return cls(1, 2)" in text and left(done) == [7, 30, 31]


def test_an_heir_is_found_under_another_name_of_its_base(change: Change) -> None:
    done = change(
        "class A:\n    def __init__(self, x, y):\n        pass\n",
        "A",
        "(self, y, x)",
        b="from a import A as Z\n\n\nclass Q(Z):\n    pass\n",
        c="from b import Z, Q\n\n\nclass R(Z):\n    def __init__(self):\n"
        "        super(R, self).__init__(1, 2)\n\n\nQ(1, 2)\n",
    )
    assert "super(R, self).__init__(2, 1)\n\n\nQ(2, 1)" in after(done, "c.py") and not done.left


def test_cls_is_sure_where_all_heirs_are_built_alike(change: Change) -> None:
    text = CLASSES.partition("class C")[0]
    assert "cls(2, 1)" in after(change(text, "A.__init__", "(self, y, x)"))
    new = text.replace("def make(cls)", "def __new__(cls)")
    assert "has a __new__" in change(new, "A", "(self, y, x)").problem


def test_quotes_at_the_end_of_parameters_stay() -> None:
    assert read("signature", 'f a, b="x"').to == 'a, b="x"'
    assert read("signature", "f 'a, b'").to == "a, b"
    assert read("rename", "f 'g'").to == "g"
