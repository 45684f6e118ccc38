"""LoRA adapters as PEFT saves them: what their configuration says, and whether ossa can follow it. Without torch.

    --adapter DIR ─► adapted() ─► Found with its adapter ─► the model's process: adapting, which folds the weights in

Every setting that would change what the adapter computes has to be known here; one that is not is refused by its name.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ossa.model.base import ModelError
from ossa.model.discover import Found

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_FOLLOWED = frozenset({"peft_type", "bias", "lora_alpha", "alpha_pattern", "use_rslora", "target_parameters"})
_WITHOUT_EFFECT = frozenset(
    {
        "r",
        "rank_pattern",
        "target_modules",
        "exclude_modules",
        "layers_to_transform",
        "layers_pattern",
        "auto_mapping",
        "task_type",
        "inference_mode",
        "init_lora_weights",
        "lora_dropout",
        "loftq_config",
        "eva_config",
        "corda_config",
        "lora_ga_config",
        "revision",
        "peft_version",
        "base_model_name_or_path",
        "megatron_core",
        "qalora_group_size",
        "runtime_config",
    }
)
"""What was changed is in the weights, by name and rank; how it was trained does not matter."""
_CHANGES_THE_MODEL = re.compile("pissa|olora|corda|loftq|lora_ga")
"""Ways to begin the training by taking something out of the model's own weights."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration of an adapter says of its weights."""

    alpha: float
    """What they are scaled by, before their rank divides it."""
    alphas: dict[str, float]
    """The same for some of the model's parts, by regular expressions that their names end with."""
    by_root: bool
    """Whether the square root of the rank divides it."""
    parameters: tuple[str, ...]
    """Ends of the names of weights that are no layers of their own, as those of gpt-oss's experts."""
    base: str
    """The model it was trained on."""


def adapted(found: Found, folder: Path) -> Found:
    """The model with that adapter.

    Raises:
        ModelError: the folder holds none, or one of a kind that ossa does not support.
    """
    folder = folder.expanduser().absolute()
    settings = settings_of(folder)
    # Read as it is, and once more in 32 bits.
    needed = 3 * (folder / WEIGHTS).stat().st_size
    return replace(
        found,
        adapter=folder,
        why=", ".join(part for part in (found.why, f"with the adapter {folder.name}") if part),
        memory=found.memory + needed,
        # Experts in MXFP4 can't be added to; what is beside them can.
        packed_memory=0 if settings.parameters or not found.packed_memory else found.packed_memory + needed,
        gpu_memory=0 if settings.parameters or not found.gpu_memory else found.gpu_memory + needed,
    )


def settings_of(folder: Path) -> Settings:
    """Read and check the configuration.

    Raises:
        ModelError: see `adapted`.
    """
    if not (folder / CONFIG).is_file():
        raise ModelError(f"There is no adapter in {folder}: give a folder with {CONFIG} and {WEIGHTS}.")
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").exists()
        why = "its weights are a pickle, which could run any code: save them as safetensors" if pickled else ""
        raise ModelError(f"The adapter in {folder} cannot be used: {why or f'{WEIGHTS} is missing'}.")
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        _check(folder, config)
        return Settings(
            float(config["lora_alpha"]),
            {name: float(value) for name, value in (config.get("alpha_pattern") or {}).items()},
            bool(config.get("use_rslora")),
            tuple(str(name) for name in config.get("target_parameters") or ()),
            str(config.get("base_model_name_or_path") or "another model"),
        )
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ModelError(
            f"{folder / CONFIG} does not describe an adapter ({type(error).__name__}: {error})."
        ) from error


def _check(folder: Path, config: Any) -> None:
    """Refuse whatever is not plain LoRA."""
    said = cast("dict[str, Any]", config)
    other = sorted(key for key, value in said.items() if value and key not in _FOLLOWED | _WITHOUT_EFFECT)
    begun = str(said.get("init_lora_weights"))
    what = ""
    if said.get("peft_type") != "LORA":
        what = f"of the kind {said.get('peft_type')}"
    elif said.get("bias", "none") != "none":
        what = "one that changes biases too"
    elif _CHANGES_THE_MODEL.match(begun):
        what = f"one that began with changed weights of the model ({begun})"
    elif other:
        what = f"one with {other[0]}"
    if what:
        raise ModelError(f"The adapter in {folder} is {what}, which ossa does not support: only plain LoRA is.")
