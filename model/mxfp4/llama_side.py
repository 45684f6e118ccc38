"""llama.cpp as the wheel xllamacpp has it: one model, and its server until standard input ends.

Run by an interpreter that has that wheel, not ours: python llama_side.py FILE.gguf SETTINGS, where these are JSON:
threads, context, flash, repack, mapped and saved, a folder for states. Prints the address, on this machine only.
"""

import importlib
import json
import sys
from typing import Any


def server(file: str, settings: dict[str, Any]) -> Any:
    """One answer at a time; nothing is remembered between prompts but what is asked for."""
    xllamacpp = importlib.import_module("xllamacpp")  # not in our environment
    parameters = xllamacpp.CommonParams()
    parameters.model.path = file
    parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = settings["context"], 1, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings["threads"]
    flash, load = xllamacpp.llama_flash_attn_type, xllamacpp.llama_load_mode
    is_flash, is_mapped = settings["flash"], settings["mapped"]
    parameters.flash_attn_type = (
        flash.LLAMA_FLASH_ATTN_TYPE_ENABLED if is_flash else flash.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    parameters.load_mode = load.LLAMA_LOAD_MODE_MMAP if is_mapped else load.LLAMA_LOAD_MODE_NONE
    parameters.no_extra_bufts = not settings["repack"]
    parameters.cache_ram_mib, parameters.warmup, parameters.fit_params = 0, False, False
    parameters.slot_save_path = settings["saved"]
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    serving = server(sys.argv[1], json.loads(sys.argv[2]))
    print(serving.listening_address, flush=True)
    sys.stdin.read()
