"""The texts that the model is given, from the folder `prompts`."""

from collections.abc import Sequence
from importlib.resources import files

from ossa.assistant.events import Attempt
from ossa.assistant.trim import shorten

_TRIED, _MOST_TRIED = 400, 4
"""Characters of a patch that did not help, and how many such the model is told of."""


def prompt_text(name: str) -> str:
    """One of the texts in `prompts/`, without its last newline."""
    return (files("ossa.assistant") / "prompts" / f"{name}.md").read_text("utf-8").rstrip("\n")


def failing(command: str, failures: str, tried: Sequence[Attempt]) -> str:
    """What a model with tools is asked about tests that fail, with what was tried on them before."""
    text = prompt_text("fix").format(command=command, failures=failures)
    if not tried:
        return text
    lines = [f"- {a.place}: {a.outcome}\n```\n{shorten(a.text, _TRIED)}\n```" for a in tried[-_MOST_TRIED:]]
    return f"{text}\n\n{prompt_text('tried').format(attempts=chr(10).join(lines))}"
