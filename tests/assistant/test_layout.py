"""New lines of other languages than Python get back their indentation from how the file's own lines stand."""

import re

import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

TOML = """\
[project]
name = "shop"
keywords = [
    "buy",
    "sell",
]

[tool.lint]
select = [
    "E",
    "F",
]
ignore = []

[tool.types]
strict = true
"""
YAML = """\
on:
  push:
    branches:
      - main

jobs:
  test:
    runs-on: ubuntu
    steps:
      - run: make
  lint:
    runs-on: ubuntu
    steps:
      - run: ruff
  types:
    runs-on: ubuntu
    steps:
      - run: pyright
  pages:
    runs-on: ubuntu
    steps:
      - run: sphinx
"""
INI = """\
[tox]
env_list =
    py311
    py312

[testenv]
deps =
    pytest
    hypothesis
commands = pytest

[testenv:docs]
skip_install = true
commands =
    sphinx-build docs
"""
STYLE = """\
a {
    x: 1;
}
b {
    y: 1;
    z: 1;
}
"""
REST = """\
Changes
=======

* One that is long and
  goes on below.
* Two that is long and
  goes on below.
* Three.
* Four that is long and
  goes on far below.
* Five that is long and
  goes on far below.
* Six.

.. function:: first()

    It is the first.

.. function:: second()

    It is the second.

.. function:: third()

    It is the third.
"""


def dedented(body: str) -> str:
    return "\n".join(line[:1] + re.sub("^ {1,4}", "", line[1:]) for line in body.split("\n"))


def updated(path: str, text: str, body: str) -> str:
    patch = f"*** Begin Patch\n*** Update File: {path}\n@@\n{body}\n*** End Patch"
    data = plan(parse(patch), {path: text.encode()}.get)[path].data
    assert data is not None
    return data.decode()


@pytest.mark.parametrize(
    ("path", "text", "body"),
    [
        ("p.toml", TOML, '     "buy",\n     "sell",\n ]\n+urls = [\n+    "a",\n+]\n \n [tool.lint]'),
        (
            "p.toml",
            TOML,
            '     "F",\n ]\n ignore = []\n+fix = true\n+\n+[tool.lint.sort]\n+first = ["x"]\n \n [tool.types]',
        ),
        (
            "w.yaml",
            YAML,
            "     steps:\n       - run: make\n+  docs:\n+    runs-on: x\n+    steps:\n+      - run: make\n   lint:",
        ),
        ("tox.ini", INI, " deps =\n     pytest\n+    coverage\n     hypothesis\n commands = pytest"),
        ("s.css", STYLE, "     x: 1;\n }\n+c {\n+    x: 1;\n+}\n b {\n     y: 1;"),
        (
            "c.rst",
            REST,
            "   goes on below.\n * Two that is long and\n-  goes on below.\n+  goes on.\n+* Another.\n * Three.",
        ),
    ],
    ids=["toml list", "toml table", "yaml keys", "ini list", "braces", "bullets"],
)
def test_lines_stand_as_others_of_their_kind(path: str, text: str, body: str) -> None:
    assert updated(path, text, dedented(body)) == updated(path, text, body) != text


def test_values_at_the_margin_that_no_ini_file_can_have_are_indented_as_the_others() -> None:
    body = " skip_install = true\n+deps =\n+    sphinx\n commands ="
    assert updated("tox.ini", INI, dedented(body)) == updated("tox.ini", INI, body)


def test_text_that_could_stand_at_two_depths_is_a_refusal() -> None:
    text = "one\n\n    two\n\nthree\n\n    four\n"
    with pytest.raises(EditError, match="cannot be told"):
        updated("a.txt", text, " two\n \n+more\n+\n three\n \n four")


def test_more_lines_than_are_looked_for_are_a_refusal() -> None:
    new = "\n".join(f"+x{n}: 1;\n+}}\n+c{n} {{" for n in range(100))
    with pytest.raises(EditError, match="cannot be told"):
        updated("s.css", STYLE, f" a {{\n x: 1;\n{new}\n }}")
