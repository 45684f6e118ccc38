"""From a model on disk to one that can run: how to run it, its codec, and the device and type chosen.

    Found ─► load() ─► Loaded(forward, codec, device, dtype)

Heavy modules are imported for the family at hand only: their import is most of the time until the model is ready.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ossa.model import attention, codecs
from ossa.model.adapting import deltas, fold
from ossa.model.base import ModelError
from ossa.model.codec import Codec
from ossa.model.discover import Found
from ossa.model.forward import Forward, ModuleForward
from ossa.model.machine import Card, Machine, free_ram, is_out_of_memory, with_card
from ossa.model.packages import has_kernels, reads_straight
from ossa.model.plan import PLACES, Plan, plan

_CARDS: tuple[Card, ...] = ("cuda", "xpu")


def quietly(_far: str = "") -> None:
    """Say nothing, and look at nothing."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory."""

    forward: Forward
    """Runs it."""
    codec: Codec
    window: int
    """Tokens that prompt and answer may have together."""
    device: torch.device
    dtype: torch.dtype
    how: str = ""
    """Something special about its way of computing; a few words for the status bar."""
    chunk: int = 0
    """Tokens of a prompt that it best reads at once; 0 where that is as with others."""
    check: Callable[[], None] = quietly
    """Raises a `ModelError` where its files are no longer what was loaded."""
    drafted: int = 0
    """Tokens of a draft beyond which each costs as much as the last; 0 where that is as with others."""

    @property
    def where(self) -> str:
        """On what device, in what type: a few words for the status bar."""
        if self.how:
            return f"on {PLACES.get(self.device.type, self.device.type)} {self.how}"
        kind = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
        return f"on {PLACES.get(self.device.type, self.device.type)} in {kind.get(self.dtype, str(self.dtype))}"


def load(
    found: Found, codec: Codec | None = None, kept: Path | None = None, tell: Callable[[str], object] = quietly
) -> Loaded:
    """Load the model, never touching a network.

    Args:
        found: which.
        codec: its own, where that has been read already.
        kept: a folder for what of a model need not be computed again.
        tell: hears how far it is, in a few words, where that takes long.

    Raises:
        ModelError: its files are missing, damaged, or of a kind that cannot be run, or there is too little memory.
    """
    way = plan(found, as_torch_sees_it())
    try:
        if found.family == "gguf":
            return _gguf(found, _device(way), codec)
        return _folder(found, way, codec, kept, tell)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(f"There is not enough memory for {found.name} {way}: close other programs.") from error


def as_torch_sees_it() -> Machine:
    """This machine with the card that torch can use; without one where torch can use none."""
    ram = free_ram()
    if torch.backends.mps.is_available():
        free = min(ram, torch.mps.recommended_max_memory())
        return Machine(ram, free, card="mps", kernels=has_kernels())
    for card in _CARDS:
        if numbers := range(_backend(card).device_count()):
            return with_card(ram, card, max(_free(card, number) for number in numbers))
    return Machine(ram, kernels=has_kernels())


def _device(way: Plan) -> torch.device:
    """The device that is planned for; of several cards the roomiest."""
    if way.device not in _CARDS:
        return torch.device(way.device)
    numbers = range(_backend(way.device).device_count())
    device = torch.device(way.device, max(numbers, key=lambda number: _free(way.device, number)))
    # Kernels go to the current one, wherever their tensors are.
    _backend(way.device).set_device(device)
    return device


def _backend(card: str) -> Any:
    return getattr(torch, card)


def _free(card: str, number: int) -> int:
    return _backend(card).mem_get_info(number)[0]


def best_dtype(device: torch.device) -> torch.dtype:
    """bf16, except on a CPU that is slow at it: measured, because names and flags of CPUs mislead."""
    if device.type != "cpu":
        return torch.bfloat16
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = {dtype: _product_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    finally:
        torch.set_num_threads(threads)
    return min(seconds, key=lambda dtype: seconds[dtype])


def _product_seconds(dtype: torch.dtype) -> float:
    """What a product costs this thread; while other programs have the processor, that stands still."""
    is_fine = time.get_clock_info("thread_time").resolution < 1e-6  # on Windows it is not
    clock = time.thread_time if is_fine else time.perf_counter
    left, right = torch.ones(128, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
    best = float("inf")
    # The first product warms up, then the best of some, because other programs also push things out of the caches.
    for _ in range(4):
        begin = clock()
        torch.nn.functional.linear(left, right)
        best = min(best, clock() - begin)
    return best


def _gguf(found: Found, device: torch.device, codec: Codec | None) -> Loaded:
    from ossa.model import llama
    from ossa.model.gguf import GgufFile
    from ossa.model.int4 import works

    file = GgufFile(found.path)
    shape, dtype = llama.shape_of(file), best_dtype(device)
    codec = codec or codecs.of_gguf(file)
    forward: Forward
    if device.type == "cpu" and works(dtype):
        from ossa.model.fused import FusedLlama

        matrices = (name for name in file.names if name.startswith("blk.") and len(file.shape(name)) == 2)
        changed = deltas(found, {llama.target(name): file.shape(name) for name in matrices})
        forward = FusedLlama(file, shape, dtype, changed)
    else:
        module: Any = llama.build(file, shape, dtype)
        fold(found, module.named_parameters())
        forward = ModuleForward(module.to(device), device, is_ours=True)
    return Loaded(forward, codec, shape.window, device, dtype)


def _folder(found: Found, way: Plan, codec: Codec | None, kept: Path | None, tell: Callable[[str], object]) -> Loaded:
    from transformers import AutoConfig

    device = _device(way)
    try:
        config = AutoConfig.from_pretrained(found.path, local_files_only=True)
        if way.packed and way.device == "cpu":
            return _packed(found, config, device, codec, kept, tell)
        module = _module(found, config, way, device)
        fold(found, module.named_parameters())
        codec = codec or codecs.of(found, module.config)
    except ModelError:
        raise
    except Exception as error:  # what damaged files make the libraries raise is of any kind
        if is_out_of_memory(error):
            raise
        raise ModelError(f"{found.path} cannot be loaded: {codecs.first_line(error)}.") from error
    window = codecs.window_of(found, module.config)
    is_ours = found.family == "gpt-oss"
    if is_ours:
        module.set_attn_implementation(attention.register())
    return Loaded(ModuleForward(module.eval(), device, is_ours=is_ours), codec, window, device, module.dtype)


def _packed(
    found: Found,
    config: Any,
    device: torch.device,
    codec: Codec | None,
    kept: Path | None,
    tell: Callable[[str], object],
) -> Loaded:
    """gpt-oss on the CPU with its experts as they lie in the files."""
    from ossa.model.mxfp4.assembly import CHUNK, DRAFTED, Options, assemble, size_of, states_of
    from ossa.model.mxfp4.library import EXACT_LEVELS, LEVELS, KernelsError, proven
    from ossa.model.mxfp4.stack import StackForward, can_stack

    library, how = None, "with experts in MXFP4"
    try:
        library = proven(levels=EXACT_LEVELS if found.exact else LEVELS)
        how += f", by {library.name}, other layers in {'bf16' if found.exact else 'int8'}"
    except KernelsError as error:
        how += f", slowly, as its kernels can't be used: {error}"
    module = assemble(found.path, config, Options(library, exact=found.exact, kept=kept, tell=tell, found=found))
    module.set_attn_implementation(attention.register())
    states = states_of(library)
    if library and can_stack(module):
        forward = StackForward(module, library, size_of(module))
    else:
        forward = ModuleForward(module, device, is_ours=True, size=size_of(module), kept=states)
    window = codecs.window_of(found, config)
    codec = codec or codecs.of(found, config)
    return Loaded(forward, codec, window, device, states, how, CHUNK, module.check_files, DRAFTED)


def _module(found: Found, config: Any, way: Plan, device: torch.device) -> Any:
    options: dict[str, Any] = {"dtype": _folder_dtype(found, way), "local_files_only": True}
    if device.type in _CARDS and reads_straight():
        options["device_map"] = {"": device}
    if found.family == "gpt-oss":
        from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM
        from transformers.utils.quantization_config import Mxfp4Config

        kind: Any = GptOssForCausalLM
        if getattr(config, "quantization_config", None) and not way.packed:
            options["quantization_config"] = Mxfp4Config(dequantize=True)
    else:
        from transformers import AutoModelForCausalLM

        kind = AutoModelForCausalLM
    module, report = kind.from_pretrained(found.path, config=config, output_loading_info=True, **options)
    # transformers fills what is missing with random numbers, which only a warning would tell.
    if absent := sorted(report["missing_keys"]):
        raise ModelError(f"The model in {found.path} is not complete: {absent[0]} is missing in its weights.")
    return module.to(device)


def _folder_dtype(found: Found, way: Plan) -> torch.dtype | str:
    """The type of the files, unless the CPU is slow at it and there is memory for twice as much."""
    if found.family == "gpt-oss" or way.device != "cpu" or best_dtype(torch.device("cpu")) == torch.bfloat16:
        return "auto"
    return torch.float32 if 2 * way.needed < way.free else "auto"
