"""What would be run on which device, for machines of all kinds: plain figures in, a plan or a sentence out."""

from dataclasses import replace
from pathlib import Path

import pytest

from ossa.model import machine, packages
from ossa.model.base import ModelError
from ossa.model.catalog import GB, find
from ossa.model.discover import Found
from ossa.model.machine import Machine
from ossa.model.plan import Plan, plan


def known(name: str) -> Found:
    entry = find(name)
    return Found(name, Path("/nowhere"), entry.family, entry.window, entry.memory, gpu_memory=entry.gpu_memory)


GPT_OSS, SMALL = known("gpt-oss-20b"), known("smollm2-135m")
PACKED = replace(GPT_OSS, packed_memory=find("gpt-oss-20b").packed_memory)


@pytest.mark.parametrize(
    ("model", "there", "wanted"),
    [
        (GPT_OSS, Machine(64 * GB), ("cpu", False)),
        (PACKED, Machine(13 * GB), ("cpu", True)),
        (PACKED, Machine(64 * GB), ("cpu", True)),
        # In torch alone the unpacked weights are faster, where there is room for them.
        (PACKED, Machine(64 * GB, kernels=False), ("cpu", False)),
        (PACKED, Machine(13 * GB, kernels=False), ("cpu", True)),
        (PACKED, Machine(13 * GB, 16 * GB, mxfp4=True, straight=True), ("cuda", True)),
        (PACKED, Machine(13 * GB, 8 * GB, mxfp4=True, straight=True), ("cpu", True)),
        (GPT_OSS, Machine(8 * GB, 16 * GB, mxfp4=True, straight=True), ("cuda", True)),
        (GPT_OSS, Machine(8 * GB, 80 * GB, straight=True), ("cuda", False)),
        (GPT_OSS, Machine(64 * GB, 80 * GB), ("cuda", False)),
        # A card that is too small leaves it to the processor.
        (GPT_OSS, Machine(64 * GB, 8 * GB, mxfp4=True, straight=True), ("cpu", False)),
        (GPT_OSS, Machine(64 * GB, 24 * GB), ("cpu", False)),
        (GPT_OSS, Machine(8 * GB, 16 * GB, mxfp4=True, card="xpu", straight=True), ("xpu", True)),
        (GPT_OSS, Machine(64 * GB, 48 * GB, card="xpu"), ("xpu", False)),
        (GPT_OSS, Machine(60 * GB, 48 * GB, card="mps"), ("mps", False)),
        (GPT_OSS, Machine(60 * GB, 40 * GB, card="mps"), ("cpu", False)),
        (SMALL, Machine(8 * GB, 4 * GB, mxfp4=True, straight=True), ("cuda", False)),
        (SMALL, Machine(8 * GB, 1 * GB), ("cpu", False)),
        # An adapter for the experts, which can't be added to them in MXFP4.
        (replace(GPT_OSS, gpu_memory=0), Machine(64 * GB, 16 * GB, mxfp4=True, straight=True), ("cpu", False)),
        (replace(GPT_OSS, gpu_memory=0), Machine(8 * GB, 80 * GB, mxfp4=True, straight=True), ("cuda", False)),
    ],
)
def test_the_best_way_that_fits(model: Found, there: Machine, wanted: tuple[str, bool]) -> None:
    way = plan(model, there)
    assert (way.device, way.packed) == wanted
    assert way.needed <= way.free


@pytest.mark.parametrize(
    ("model", "there", "said"),
    [
        (GPT_OSS, Machine(22 * GB), "gpt-oss-20b needs 42 GB and 22 GB are free: close"),
        (PACKED, Machine(8 * GB), "gpt-oss-20b needs 12 GB and 8.0 GB are free: close"),
        (PACKED, Machine(int(11.8 * GB)), "gpt-oss-20b needs 12.50 GB and 11.80 GB are free: close"),
        (replace(PACKED, exact=True), Machine(13 * GB), "gpt-oss-20b needs 14 GB and 13 GB are free: close"),
        (
            GPT_OSS,
            Machine(8 * GB, 12 * GB, mxfp4=True, straight=True),
            "needs 42 GB and 8.0 GB are free (on the GPU 14 GB and 12 GB):",
        ),
        (
            GPT_OSS,
            Machine(8 * GB, 24 * GB),
            "(on the GPU 42 GB and 24 GB; 14 GB would do with MXFP4 kernels: triton, kernels and accelerate)",
        ),
        (GPT_OSS, Machine(8 * GB, 80 * GB), "(on the GPU 42 GB and 80 GB; without the package accelerate"),
        (GPT_OSS, Machine(24 * GB, 22 * GB, card="mps"), "(on the Apple GPU 42 GB and 22 GB):"),
        (
            GPT_OSS,
            Machine(8 * GB, 12 * GB, card="xpu"),
            "needs 42 GB and 8.0 GB are free (on the Intel GPU 42 GB and 12 GB):",
        ),
        (SMALL, Machine(GB // 2, 8 * GB), "without the package accelerate its weights go through RAM"),
    ],
)
def test_what_fits_nowhere_is_refused_with_the_figures(model: Found, there: Machine, said: str) -> None:
    with pytest.raises(ModelError) as refusal:
        plan(model, there)
    assert said in str(refusal.value)


def test_a_plan_says_what_is_used_needed_and_there() -> None:
    assert str(Plan("cuda", True, 14 * GB, 22 * GB)) == "on the GPU with experts in MXFP4, 14 GB of 22 GB free"
    assert str(plan(SMALL, Machine(8 * GB))) == "on the CPU, 1.3 GB of 8.0 GB free"


def test_what_macos_and_nvidia_tell_is_understood() -> None:
    told = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                               10.\n"
        "Pages active:                            500.\nPages inactive:                           20.\n"
        "Pages speculative:                         3.\nPages wired down:                        100.\n"
        "Pages purgeable:                           4.\n"
    )
    assert machine.of_vm_stat(told) == 37 * 16384
    assert machine.of_vm_stat("") == 0
    assert machine.of_nvidia_smi("8000\n24000\n") == 24000 * 2**20
    assert machine.of_nvidia_smi("No devices were found") == machine.of_nvidia_smi("") == 0


def test_mxfp4_is_kept_only_with_all_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each package as the files that its installation leaves, and the kernel as its fetching does."""

    def install(name: str, version: str) -> None:
        folder = tmp_path / "packages" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("KERNELS_CACHE", str(tmp_path / "kernels"))
    assert not packages.keeps_mxfp4("cuda")
    install("triton", "3.4.0")
    install("kernels", "0.18.2")
    install("accelerate", "1.13.0")
    assert packages.reads_straight()
    assert not packages.keeps_mxfp4("cuda")
    kernel = "kernels--kernels-community--gpt-oss-triton-kernels"
    (tmp_path / "kernels" / kernel / "snapshots" / "0123").mkdir(parents=True)
    assert packages.keeps_mxfp4("cuda")
    assert not packages.keeps_mxfp4("xpu")
    assert not packages.keeps_mxfp4("mps")


def test_versions_are_compared_by_their_numbers() -> None:
    assert packages.version_of("torch") >= (2, 13)
    assert packages.version_of("no-such-package") == ()
