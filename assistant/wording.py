"""The texts that the model is given, from the folder `prompts`."""

from importlib.resources import files


def prompt_text(name: str) -> str:
    """One of the texts in `prompts/`, without its last newline."""
    return (files("ossa.assistant") / "prompts" / f"{name}.md").read_text("utf-8").rstrip("\n")
