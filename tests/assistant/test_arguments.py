"""What models really write as arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.arguments import ArgumentError, read_arguments

OPEN = {
    "properties": {"path": {"type": "string"}, "line_start": {"type": "integer"}, "line_end": {"type": "integer"}},
    "required": ["path"],
}
EXEC = {"properties": {"cmd": {"type": "string"}, "timeout": {"type": "integer"}}, "required": ["cmd"]}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ('{"path": "a.py", "line_start": 3}', {"path": "a.py", "line_start": 3}),
        ('{"file_path": "a.py", "start_line": "3", "end_line": 9.0}', {"path": "a.py", "line_start": 3, "line_end": 9}),
        ("a.py", {"path": "a.py"}),
        ('"a.py"', {"path": "a.py"}),
        ('{"path": "a.py", "line_start": null, "more": 1}', {"path": "a.py"}),
    ],
)
def test_other_names_and_types_are_understood(text: str, taken: dict[str, object]) -> None:
    assert read_arguments(text, OPEN) == taken


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"cmd": ["bash", "-lc", "ls -la"]}', "ls -la"),
        ('{"command": ["pytest", "-q"]}', "pytest -q"),
        ("ls *.py | wc -l", "ls *.py | wc -l"),
        ('{"cmd": "printf \'a\nb\'"}', "printf 'a\nb'"),
    ],
)
def test_commands_come_as_lists_and_bare_lines(text: str, line: str) -> None:
    assert read_arguments(text, EXEC) == {"cmd": line}


@pytest.mark.parametrize(("given_", "taken"), [("true", True), ('"False"', False), ("false", False), ("null", None)])
def test_yes_and_no_are_understood(given_: str, taken: bool | None) -> None:
    schema = {"properties": {"name": {"type": "string"}, "keep": {"type": "boolean"}}}
    assert read_arguments(f'{{"keep": {given_}}}', schema).get("keep") is taken
    with pytest.raises(ArgumentError, match='"keep" must be true or false, not "perhaps"'):
        read_arguments('{"keep": "perhaps"}', schema)


def test_what_is_missing_is_named_with_what_the_tool_takes() -> None:
    with pytest.raises(ArgumentError, match=r'path is missing.*"path" \(string\), "line_start" \(integer\)'):
        read_arguments("{}", OPEN)
    with pytest.raises(ArgumentError, match='"line_start" must be a number'):
        read_arguments('{"path": "a", "line_start": "top"}', OPEN)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_any_text_gives_arguments_or_a_sentence(text: str) -> None:
    try:
        assert "cmd" in read_arguments(text, EXEC)
    except ArgumentError as error:
        assert str(error)
