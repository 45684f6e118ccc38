"""Harmony, the format of gpt-oss, by the ids of oss-harmony: conversations to tokens.

    <|start|>system<|message|>…tools…<|end|>  <|start|>developer<|message|>our system prompt<|end|>
    <|start|>user<|message|>…<|end|>  <|start|>assistant + what the model wrote, id by id
    <|start|>container.exec to=assistant<|channel|>commentary<|message|>…<|end|>  <|start|>assistant

Content is encoded as plain text always; only this file writes control tokens. The way back is in `harmony_reader`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from openai_harmony import (
    Content,
    DeveloperContent,
    HarmonyEncoding,
    ReasoningEffort,
    RenderOptions,
    SystemContent,
    ToolDescription,
    ToolNamespaceConfig,
    load_harmony_encoding,
)
from openai_harmony import Message as HarmonyMessage
from openai_harmony import Role as HarmonyRole

from ossa.model.base import Message, Sampling, ToolCall, ToolSpec
from ossa.model.codec import clean, read
from ossa.model.harmony_reader import (
    CALL,
    CHANNEL,
    CONSTRAIN,
    CONTROLS,
    END,
    FUNCTIONS,
    MESSAGE,
    RETURN,
    START,
    HarmonyReader,
    Segment,
)

if TYPE_CHECKING:
    from ossa.model.constraints_vocabulary import Vocabulary

ToolsIn: TypeAlias = Literal["system", "developer"]
"""Where tools with a namespace of their own are described; `functions` always are in the developer message.

In the system message, as those tools were that gpt-oss was trained with, it uses them far more (arXiv 2604.00362).
"""
_EFFORTS = {"low": ReasoningEffort.LOW, "medium": ReasoningEffort.MEDIUM, "high": ReasoningEffort.HIGH}


class HarmonyCodec:
    """A `Codec` for gpt-oss."""

    stop_ids = frozenset({RETURN, CALL})

    def __init__(self, tools_in: ToolsIn = "system") -> None:
        """Load the vocabulary from the library's own files; `tools_in` is the message that names the tools."""
        self._tools_in = tools_in
        self._encoding: HarmonyEncoding = load_harmony_encoding("HarmonyGptOss")

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling) -> list[int]:
        """The ids of the conversation, up to `<|start|>assistant`.

        Reasoning stays as it was sampled, also where the format would have it dropped once its turn is over: without
        it, all that came behind would have to be read again with the next prompt. A message without its `tokens` has
        none, so whoever needs the room leaves those out.
        """
        # The first system message and the function tools share one message, as the format has it.
        first = next((position for position, message in enumerate(messages) if message.role == "system"), None)
        instructions = messages[first].text if first is not None else ""
        ids = self._preface(instructions, tools, sampling)
        for position, message in enumerate(messages):
            if position != first:
                ids += self._message(message)
        return ids + self._header("assistant")

    def opening(self, begin: str) -> list[int]:
        """The ids of a final answer that begins so."""
        return [CHANNEL, *self._plain("final"), MESSAGE, *self._plain(begin)]

    def final(self) -> list[int]:
        """The end of the reasoning, and the header of the final answer."""
        return [END, *self._header("assistant"), CHANNEL, *self._plain("final"), MESSAGE]

    def spell(self, token: int) -> str:
        """What the token says; nothing for a control token."""
        text = "" if self._encoding.is_special_token(token) else self._encoding.decode([token])
        return "" if "\ufffd" in text else text

    def blank_ids(self) -> list[int]:
        """The tokens whose text begins with a blank."""
        return [token for token in range(CONTROLS.start) if self._encoding.decode([token]).startswith(" ")]

    def vocabulary(self, size: int) -> "Vocabulary":
        """All tokens, for constraints."""
        from ossa.model.constraints_vocabulary import of_harmony

        return of_harmony(self._encoding, size)

    def reader(self) -> HarmonyReader:
        """A reader for what follows `<|start|>assistant`."""
        return HarmonyReader(self._encoding)

    def _preface(self, instructions: str, tools: Sequence[ToolSpec], sampling: Sampling) -> list[int]:
        system = SystemContent.new().with_reasoning_effort(_EFFORTS[sampling.effort])
        developer = DeveloperContent.new()
        if instructions:
            developer = developer.with_instructions(clean(instructions))
        spaces = _namespaces(tools)
        for space in spaces:
            if space.name == FUNCTIONS or self._tools_in == "developer":
                developer = developer.with_tools(space)
            else:
                system = system.with_tools(space)
        has_functions = any(space.name == FUNCTIONS for space in spaces)
        options = RenderOptions(conversation_has_function_tools=has_functions)
        contents: list[tuple[HarmonyRole, Content]] = [(HarmonyRole.SYSTEM, system)]
        if instructions or developer.tools:
            contents.append((HarmonyRole.DEVELOPER, developer))
        parts = (HarmonyMessage.from_role_and_content(role, content) for role, content in contents)
        return [token for part in parts for token in self._encoding.render(part, options)]

    def _message(self, message: Message) -> list[int]:
        match message.role:
            case "assistant":
                return self._said(message)
            case "tool":
                name = message.tool if "." in message.tool else f"{FUNCTIONS}.{message.tool}"
                return self._whole(f"{name} to=assistant", message.text, "commentary")
            case "system":
                return self._whole("developer", f"# Instructions\n\n{message.text}")
            case "user":
                return self._whole("user", message.text)

    def _said(self, message: Message) -> list[int]:
        reader = self.reader()
        if message.tokens and read(reader, message.tokens) == (message.text, message.calls):
            kept = (segment for segment in reader.segments if segment.content or segment.recipient)
            return [token for segment in kept for token in self._closed(segment)]
        ids: list[int] = []
        if message.text:
            ids += self._whole("assistant", message.text, "commentary" if message.calls else "final")
        for call in message.calls:
            ids += self._called(call)
        return ids

    def _closed(self, segment: Segment) -> list[int]:
        """What the model wrote as one message, with the beginning and the end that it has in history."""
        ids = list(segment.tokens)
        if ids[0] != START:
            ids = self._header("assistant") + ids
        if ids[-1] == RETURN:
            ids[-1] = END
        return ids if ids[-1] in (END, CALL) else [*ids, END]

    def _called(self, call: ToolCall) -> list[int]:
        name = call.name if "." in call.name else f"{FUNCTIONS}.{call.name}"
        channel = [CHANNEL, *self._plain(f"commentary to={name} "), CONSTRAIN, *self._plain("json")]
        return [*self._header("assistant"), *channel, MESSAGE, *self._plain(call.arguments), CALL]

    def _whole(self, author: str, text: str, channel: str = "") -> list[int]:
        named = [CHANNEL, *self._plain(channel)] if channel else []
        return [*self._header(author), *named, MESSAGE, *self._plain(text), END]

    def _header(self, author: str) -> list[int]:
        return [START, *self._plain(author)]

    def _plain(self, text: str) -> list[int]:
        return self._encoding.encode(clean(text), disallowed_special=())


def _namespaces(tools: Iterable[ToolSpec]) -> list[ToolNamespaceConfig]:
    """The tools by the first part of their names, in the order given; those without one are `functions`."""
    spaces: dict[str, list[ToolDescription]] = {}
    for tool in tools:
        space, dot, name = tool.name.partition(".")
        if not dot:
            space, name = FUNCTIONS, tool.name
        # An empty schema would be rendered as an argument of its own.
        described = ToolDescription.new(name, clean(tool.description), tool.parameters or None)
        spaces.setdefault(space, []).append(described)
    return [ToolNamespaceConfig(name=space, description=None, tools=found) for space, found in spaces.items()]
