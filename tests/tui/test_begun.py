"""What a hunk begins in the middle of, told by its own lines, and the colours that come of it."""

import pytest

from ossa.assistant.change import Hunk
from ossa.tui.begun import begun
from ossa.tui.hunklines import HunkLines


@pytest.mark.parametrize(
    ("lines", "path", "sign"),
    [
        (["    >>> f(1)", '    """', "    return 1"], "a.py", '"""'),
        (["", '    """', "    return 1"], "a.py", '"""'),
        (["    and so on.'''", "    return 1"], "a.py", "'''"),
        (['    """)', "    x = 1"], "a.pyi", '"""'),
        (["def f():", '    """', "    Text"], "a.py", ""),
        (["x = f(", '    """', "    Text"], "a.py", ""),
        (['    """Text', "    more"], "a.py", ""),
        (['    x = """', "    Text"], "a.py", ""),
        (['    return """', "    Text"], "a.py", ""),
        (["    x = 1"], "a.py", ""),
        ([" * of words", " */", "int x;"], "a.c", "/*"),
        (["/* one */", "int x; /*"], "a.rs", ""),
        ([" */"], "a.txt", ""),
    ],
)
def test_it_is_told_by_the_lines(lines: list[str], path: str, sign: str) -> None:
    assert begun(lines, path) == sign
    assert begun(lines, path, whole=True) == ""


def test_a_hunk_below_the_end_of_a_docstring_has_the_colours_of_code() -> None:
    hunk = Hunk("h", 9, ("    return f(1)\n",), ("    return f(2)\n",), lead=("    Text.\n", '    """\n'))
    lines = HunkLines(hunk, "a.py", lambda _: None)
    for side in ("old", "new"):
        lines.colour((side, 0))
    below = lines.below(80)
    cells = [below.at(row)[0][0] for row in range(4)]
    text, _, code, _ = (lines.part(cell, 0, 80) for cell in cells if cell)
    assert text and {str(span.style) for span in text.spans} == {"$text-success italic"}
    assert code and any(str(span.style) == "$text-accent" for span in code.spans)
