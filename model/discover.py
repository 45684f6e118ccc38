"""Which models are on this machine, and which of them fits: looked up on disk, without torch.

models folder + Hugging Face cache ─► installed() ─► choose() ─► Found ─► engine
                      --model PATH ─► from_path() ────────────► Found ─► engine
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Family: TypeAlias = Literal["gguf", "gpt-oss", "transformers"]


@dataclass(frozen=True, slots=True)
class Found:
    """A model that lies complete on this machine."""

    name: str
    path: Path
    """A `.gguf` file, or a folder with `config.json` and safetensors."""
    family: Family
    window: int
    """Tokens that prompt and answer may have together."""
    memory: int
    """Bytes needed to run it, an estimate."""
    why: str = ""
    """Why this one: one plain line for the status bar."""
