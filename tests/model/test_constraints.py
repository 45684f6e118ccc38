"""A model of random weights under constraints: whatever it writes is well-formed, and its patches apply."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from openai_harmony import HarmonyEncoding, load_harmony_encoding
from tokenizers import Tokenizer

from ossa.assistant import toolspecs
from ossa.assistant.edits.engine import parse, plan
from ossa.model import vocabulary
from ossa.model.base import ModelError, ToolCall, ToolSpec
from ossa.model.constraints import Bounds, Constraint
from ossa.model.constraints_matcher import Constrainer, Matcher
from ossa.model.constraints_vocabulary import of_harmony, of_tokenizer
from ossa.model.gguf import GgufFile
from ossa.model.harmony_reader import CHANNEL, CONTROLS, END, MESSAGE, RETURN, START, HarmonyReader

TOOLS = (toolspecs.PRINT_TREE, toolspecs.SEARCH, toolspecs.OPEN_FILE, toolspecs.APPLY_PATCH, toolspecs.EXEC)
NAMES = tuple(tool.name for tool in TOOLS)
PATCH = toolspecs.APPLY_PATCH.name
SHORT = Bounds(text=4, path=6, line=3, lines=1)
FILES = {
    "notes.txt": "one\ntwo\n\n  three\none\ntwo\n\n\tfour “five”\n",
    "src/same.c": "x();\nx();\nx();\n",
    "empty.md": "",
    "dos.txt": "a\r\nb\r\nno end",
}


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


@pytest.fixture(scope="module")
def harmony(encoding: HarmonyEncoding) -> Constrainer:
    return Constrainer(of_harmony(encoding))


@pytest.fixture(scope="module")
def module(tiny_gpt_oss_folder: Path) -> Iterator[Any]:
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM

    # So small a model is faster in one thread, above all beside other tests.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield GptOssForCausalLM.from_pretrained(tiny_gpt_oss_folder).eval()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tokenizer(small_model_file: Path) -> Tokenizer:
    return vocabulary.tokenizer(GgufFile(small_model_file))


@torch.inference_mode()
def write(module: Any, matchers: Sequence[Matcher], prompt: Sequence[int], seed: int) -> list[list[int]]:
    """What the model answers at temperature 1, as many answers side by side; forced tokens are not sampled."""
    random = torch.Generator().manual_seed(seed)
    written: list[list[int]] = [[] for _ in matchers]
    forced: list[list[int]] = [[] for _ in matchers]
    unread, states = [list(prompt) for _ in matchers], None
    while not all(matcher.ended for matcher in matchers):
        output = module.model(input_ids=torch.tensor(unread), past_key_values=states, use_cache=True)
        states = output.past_key_values
        for row, matcher in enumerate(matchers):
            if matcher.ended:
                continue
            forced[row] = forced[row] or matcher.forced()
            token = (
                forced[row].pop(0)
                if forced[row]
                else sampled(module, output.last_hidden_state[row, -1], matcher, random)
            )
            matcher.accept(token)
            written[row].append(token)
        unread = [[tokens[-1]] for tokens in written]
    return written


def sampled(module: Any, state: torch.Tensor, matcher: Matcher, random: torch.Generator) -> int:
    """One of the allowed tokens by its odds; no other logits are computed."""
    allowed = torch.from_numpy(matcher.allowed().nonzero()[0])
    odds = (module.lm_head.weight[allowed] @ state).softmax(-1)
    return int(allowed[torch.multinomial(odds, 1, generator=random)])


def call_of(encoding: HarmonyEncoding, tokens: Sequence[int]) -> ToolCall:
    reader = HarmonyReader(encoding)
    pieces = [piece for token in tokens for piece in reader.feed(token)] + reader.finish()
    (call,) = pieces
    assert isinstance(call, ToolCall)
    return call


def ids(encoding: HarmonyEncoding, text: str) -> list[int]:
    return encoding.encode(text, allowed_special="all")


def holds(matcher: Matcher, tokens: Sequence[int]) -> bool:
    """Whether all of it may be written, and is complete then."""
    fitting = matcher.fits(tokens)
    for token in tokens[:fitting]:
        matcher.accept(token)
    return fitting == len(tokens) and matcher.ended


def applied(arguments: str, files: dict[str, str]) -> set[str]:
    """The paths that the patch changes."""
    return set(plan(parse(arguments), lambda path: files[path].encode() if path in files else None))


@pytest.mark.parametrize("seed", range(4))
class TestRandomWeights:
    def test_a_call_is_always_of_a_declared_tool_with_arguments_of_its_schema(
        self, module: Any, encoding: HarmonyEncoding, harmony: Constrainer, seed: int
    ) -> None:
        constraint = Constraint(must_call=NAMES, thinks=False, bounds=SHORT)
        matchers = [harmony.matcher(constraint, TOOLS) for _ in range(50)]
        for tokens in write(module, matchers, ids(encoding, "<|start|>assistant"), seed):
            call = call_of(encoding, tokens)
            tool = next(tool for tool in TOOLS if tool.name == call.name)
            arguments = json.loads(call.arguments)
            assert set(tool.parameters["required"]) <= set(arguments) <= set(tool.parameters["properties"])
            kinds = {"string": str, "integer": int}
            for name, value in arguments.items():
                assert isinstance(value, kinds[tool.parameters["properties"][name]["type"]])

    def test_a_patch_always_applies(
        self, module: Any, encoding: HarmonyEncoding, harmony: Constrainer, seed: int
    ) -> None:
        constraint = Constraint(must_call=(PATCH,), thinks=False, files=FILES, bounds=SHORT)
        matchers = [harmony.matcher(constraint, TOOLS) for _ in range(50)]
        for tokens in write(module, matchers, ids(encoding, "<|start|>assistant"), seed):
            call = call_of(encoding, tokens)
            assert call.name == PATCH
            assert applied(call.arguments, FILES)


class TestHarmony:
    def test_an_answer_may_be_thought_over_and_said(self, encoding: HarmonyEncoding, harmony: Constrainer) -> None:
        answer = (
            "<|channel|>analysis<|message|>Hm — <so>.<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>"
        )
        assert holds(harmony.matcher(Constraint(), TOOLS), ids(encoding, answer))

    @pytest.mark.parametrize(
        "header",
        [
            "<|channel|>commentary to=repo_browser.open_file <|constrain|>json",
            "<|channel|>commentary to=repo_browser.open_file<|constrain|>json",
            "<|channel|>analysis to=repo_browser.open_file code",
            " to=repo_browser.open_file<|channel|>commentary <|constrain|>json",
            "<|channel|>commentary to=repo_browser.open_file",
        ],
    )
    def test_headers_of_calls_come_in_all_orders_that_are_in_use(
        self, encoding: HarmonyEncoding, harmony: Constrainer, header: str
    ) -> None:
        tokens = ids(encoding, header + '<|message|>{"path": "a.py", "line_start": 3}<|call|>')
        assert holds(harmony.matcher(Constraint(), TOOLS), tokens)
        assert call_of(encoding, tokens).name == "repo_browser.open_file"

    def test_a_tool_that_was_not_declared_cannot_be_called(
        self, encoding: HarmonyEncoding, harmony: Constrainer
    ) -> None:
        tokens = ids(encoding, '<|channel|>commentary to=container.exec<|message|>{"cmd":"ls"}<|call|>')
        assert holds(harmony.matcher(Constraint(), TOOLS), tokens)
        assert not holds(harmony.matcher(Constraint(), TOOLS[:-1]), tokens)
        assert not holds(harmony.matcher(Constraint(calls=False), TOOLS), tokens)
        assert not holds(harmony.matcher(Constraint(must_call=(PATCH,)), TOOLS), tokens)

    def test_a_tool_without_a_namespace_is_a_function_and_one_without_parameters_takes_none(
        self, encoding: HarmonyEncoding, harmony: Constrainer
    ) -> None:
        matcher = harmony.matcher(Constraint(must_call=("now",)), [ToolSpec("now", "The time.")])
        assert holds(matcher, ids(encoding, "<|channel|>commentary to=functions.now<|message|>{}<|call|>"))

    def test_content_has_no_control_token_but_the_one_that_ends_it(
        self, encoding: HarmonyEncoding, harmony: Constrainer
    ) -> None:
        controls = set(CONTROLS)
        for channel, end in (("analysis", END), ("final", RETURN)):
            matcher = harmony.matcher(Constraint(), TOOLS)
            for token in ids(encoding, f"<|channel|>{channel}<|message|>text"):
                matcher.accept(token)
            assert controls & set(matcher.allowed().nonzero()[0].tolist()) == {end}
        matcher = harmony.matcher(Constraint(), TOOLS)
        for token in ids(encoding, '<|channel|>commentary to=container.exec<|message|>{"cmd":"ls'):
            matcher.accept(token)
        assert not controls & set(matcher.allowed().nonzero()[0].tolist())

    def test_what_can_only_go_one_way_is_forced(self, encoding: HarmonyEncoding, harmony: Constrainer) -> None:
        matcher = harmony.matcher(Constraint(calls=False, thinks=False, grammar='start: "yes" | "no"'))
        assert matcher.forced() == [CHANNEL, *ids(encoding, "final"), MESSAGE]
        for token in [*matcher.forced(), *ids(encoding, "no")]:
            matcher.accept(token)
        assert matcher.forced() == [RETURN]

    def test_no_answer_can_take_the_place_of_a_call(self, encoding: HarmonyEncoding, harmony: Constrainer) -> None:
        matcher = harmony.matcher(Constraint(must_call=NAMES), TOOLS)
        assert matcher.fits(ids(encoding, "<|channel|>final")) == 1
        assert matcher.fits(ids(encoding, "<|channel|>analysis<|message|>So<|end|><|start|>assistant")) == 7

    def test_white_space_and_numbers_have_an_end(self, encoding: HarmonyEncoding, harmony: Constrainer) -> None:
        header = "<|channel|>commentary to=repo_browser.print_tree<|message|>"
        for arguments in ("{" + "\n" * 50 + "}", '{"depth": ' + "9" * 30 + "}"):
            assert not holds(harmony.matcher(Constraint(), TOOLS), ids(encoding, f"{header}{arguments}<|call|>"))
        assert holds(harmony.matcher(Constraint(), TOOLS), ids(encoding, header + '{\n  "depth": 2\n}<|call|>'))


def control(tokenizer: Tokenizer, name: str) -> int:
    token = tokenizer.token_to_id(name)
    assert token is not None
    return token


class TestPlainText:
    def test_a_grammar_holds_the_small_models_text_and_ends_it(self, tokenizer: Tokenizer) -> None:
        ends = frozenset({control(tokenizer, "<|im_end|>")})
        matcher = Constrainer(of_tokenizer(tokenizer, ends)).matcher(
            Constraint(grammar='start: "fix " NAME ("()" | ";")\nNAME: /[a-zé]{1,8}/')
        )
        random, text = np.random.default_rng(1), list[int]()
        while not matcher.ended:
            tokens = matcher.forced() or [int(random.choice(matcher.allowed().nonzero()[0]))]
            for token in tokens:
                matcher.accept(token)
            text += tokens
        written = tokenizer.decode(text, skip_special_tokens=False)
        assert written.startswith("fix ")
        assert written.endswith(("()", ";"))

    def test_an_end_token_ends_the_text_where_the_grammar_would_go_on(self, tokenizer: Tokenizer) -> None:
        end = control(tokenizer, "<|im_end|>")
        matcher = Constrainer(of_tokenizer(tokenizer, frozenset({end}))).matcher(Constraint(grammar="start: /[a-z]+/"))
        assert not matcher.allowed()[end]
        for token in tokenizer.encode("abc", add_special_tokens=False).ids:
            matcher.accept(token)
        assert matcher.allowed()[end]
        matcher.accept(end)
        assert matcher.ended
        with pytest.raises(ValueError, match="not allowed"):
            matcher.accept(end)
        matcher.rollback(1)
        assert not matcher.ended
        assert matcher.fits(tokenizer.encode("de", add_special_tokens=False).ids) > 0

    def test_without_a_grammar_any_text_may_come_but_no_other_control_token(self, tokenizer: Tokenizer) -> None:
        end, start = (control(tokenizer, name) for name in ("<|im_end|>", "<|im_start|>"))
        matcher = Constrainer(of_tokenizer(tokenizer, frozenset({end}))).matcher(Constraint())
        allowed = matcher.allowed()
        assert allowed[end]
        assert not allowed[start]
        assert matcher.fits(tokenizer.encode("Hello, <b>world</b>!\n", add_special_tokens=False).ids) > 5


def test_a_faulty_grammar_is_told(harmony: Constrainer) -> None:
    with pytest.raises(ModelError, match="compiled"):
        harmony.matcher(Constraint(grammar="start: nothing"))


def test_a_constraint_of_the_same_files_is_compiled_once(harmony: Constrainer) -> None:
    first = harmony.matcher(Constraint(files=dict(FILES)), TOOLS)
    first.accept(CHANNEL)
    second = harmony.matcher(Constraint(files=dict(FILES)), TOOLS)
    assert second.allowed()[CHANNEL]
    assert not first.allowed()[CHANNEL]
    assert not first.allowed()[START]


def test_a_fork_goes_on_by_itself(encoding: HarmonyEncoding, harmony: Constrainer) -> None:
    one = harmony.matcher(Constraint(), TOOLS)
    one.accept(CHANNEL)
    other = one.fork()
    other.accept(*encoding.encode("final"))
    assert other.allowed()[MESSAGE]
    assert one.fits(encoding.encode("analysis")) == 1
