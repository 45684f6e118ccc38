"""Which model is to be run on what: decided from plain figures, before anything is loaded.

    Found × Machine ─► ways() ─► the first that fits ─► Plan: device, type of the experts, memory needed and there

The window's side decides so what it offers, and the model's process, which asks torch for the figures, how it loads.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ossa.model.base import ModelError
from ossa.model.catalog import GB
from ossa.model.discover import Found, installed
from ossa.model.machine import Card, Machine, this_machine

PLACES = {"cpu": "the CPU", "cuda": "the GPU", "mps": "the Apple GPU", "xpu": "the Intel GPU"}


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to run a model on a machine."""

    device: Card | Literal["cpu"]
    packed: bool
    """Whether gpt-oss's experts stay in MXFP4."""
    needed: int
    """Bytes of the device's memory."""
    free: int
    """Bytes that are there."""
    passing: int = 0
    """Bytes of RAM that are needed too while it is loaded."""

    def __str__(self) -> str:
        """A few words for the status bar."""
        kind = " with experts in MXFP4" if self.packed else ""
        return f"on {PLACES[self.device]}{kind}, {_gb(self.needed)} of {_gb(self.free)} free"


def ways(model: Found, machine: Machine) -> Iterator[Plan]:
    """All ways to run it there, whether or not they fit, the fastest first."""
    if machine.gpu:
        if model.family == "gpt-oss" and model.gpu_memory and machine.mxfp4:
            yield Plan(machine.card, True, model.gpu_memory, machine.gpu)
        # Apple's memory is the RAM itself, and weights move there one by one.
        is_direct = machine.card == "mps" or (machine.straight and model.family != "gguf")
        yield Plan(machine.card, False, model.memory, machine.gpu, 0 if is_direct else model.memory)
    wide = Plan("cpu", False, model.memory, machine.ram)
    if not model.packed_memory:
        yield wide
        return
    packed = Plan("cpu", True, _packed(model), machine.ram)
    yield from (packed, wide) if machine.kernels else (wide, packed)


def plan(model: Found, machine: Machine) -> Plan:
    """The best way that fits.

    Raises:
        ModelError: none does; the text has the figures.
    """
    for way in ways(model, machine):
        if way.needed <= way.free and way.passing <= machine.ram:
            return way
    raise ModelError(f"{model.name} {_shortage(model, machine)}: close other programs, or take a smaller model.")


def fits(model: Found, machine: Machine | None = None) -> str:
    """Nothing when it fits the free memory of the machine, else the sentence that says why not, with the figures."""
    try:
        plan(model, machine or this_machine())
    except ModelError as error:
        return str(error)
    return ""


def choose(models_dir: Path, machine: Machine | None = None) -> Found:
    """The best model on disk that fits the machine's free memory, with the reason in `why`.

    Raises:
        ModelError: there is none, or none fits; the text says what to do.
    """
    machine = machine or this_machine()
    models = installed(models_dir)
    if not models:
        raise ModelError(
            "No model is on this machine: run `ossa models pull smollm2-135m`, or name one by `--model PATH`."
        )
    better = ""
    for model in models:
        if not fits(model, machine):
            return replace(model, why=better or "the best on disk that fits")
        better = f"{model.name} is on disk but {_shortage(model, machine)}"
    raise ModelError(f"No model on this machine fits it: {better}. Close other programs, or pull a smaller model.")


def _packed(model: Found) -> int:
    """Bytes with experts in MXFP4; dense layers that stay exact are a tenth more."""
    return int(model.packed_memory * 1.1) if model.exact else model.packed_memory


def _shortage(model: Found, machine: Machine) -> str:
    needed = _packed(model) or model.memory
    figures = [_gb(needed), _gb(machine.ram)]
    if len(set(figures)) == 1:  # the same when rounded
        figures = [f"{size / GB:.2f} GB" for size in (needed, machine.ram)]
    text = f"needs {figures[0]} and {figures[1]} are free"
    if not machine.gpu:
        return text
    best = next(ways(model, machine))
    text += f" (on {PLACES[machine.card]} {_gb(best.needed)} and {_gb(machine.gpu)}"
    if best.needed <= machine.gpu:
        return f"{text}; without the package accelerate its weights go through RAM)"
    if model.gpu_memory and not machine.mxfp4 and machine.card != "mps" and model.gpu_memory <= machine.gpu:
        return f"{text}; {_gb(model.gpu_memory)} would do with MXFP4 kernels: triton, kernels and accelerate)"
    return f"{text})"


def _gb(size: int) -> str:
    return f"{size / GB:.0f} GB" if size >= 10 * GB else f"{size / GB:.1f} GB"
