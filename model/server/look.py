"""Finds out what a server is and what it can, by asking it: a few questions, none of which a model answers.

/v1/models · /props · /version · /api/show … ─► look() ─► Served, and the Way to it
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, cast

from ossa.model.base import ModelError
from ossa.model.server.chat import ChatWay
from ossa.model.server.faults import Fault, clean
from ossa.model.server.heard import Served, Way
from ossa.model.server.line import Line

_WINDOW_WHEN_UNSAID = 8192
_LEAST_WINDOW = 4096
"""What Ollama and LM Studio give a model by themselves, however much it could take, where the machine is small; the
rest of a longer prompt they may drop in silence."""
_ASSUMED = f"{_LEAST_WINDOW:,} tokens are assumed"
_HARMONY = "<|start|>assistant<|channel|>"
_HARMONY_IDS = [200006, 173781, 200005]
_WINDOWS = ("max_model_len", "loaded_context_length", "context_length", "context_window", "max_context_length")


def look(line: Line, model: str = "", window: int = 0) -> tuple[Served, Way]:
    """What the server is, and the best way to the model that is named, else to its first.

    Args:
        line: to the server.
        model: a name that the server knows; empty for its first.
        window: tokens that prompt and answer may have together; 0 for what the server says.

    Raises:
        ModelError: nobody answers there, or there is no such model.
    """
    listed = _models(line, named=bool(model))
    if props := _asked(line, "/props"):
        return _llama(line, props, listed, model, window)
    name = _named(line, listed, model)
    row = listed.get(name, {})
    if "max_model_len" in row or row.get("owned_by") == "vllm":
        return _vllm(line, name, row, window)
    if str(_asked(line, "/").get("text", "")).startswith("Ollama") or _asked(line, "/api/version"):
        return _ollama(line, name, window)
    if rows := _asked(line, "/api/v0/models").get("data"):
        return _lm_studio(line, next((each for each in _tables(rows) if each.get("id") == name), {}), name, window)
    status = {key.lower() for key in _asked(line, "/openai/status")}
    kind = "Foundry Local" if {"endpoints", "modeldirpath"} <= status else ""
    if not kind and "/v1/systemone" in _asked(line, "/openapi.json").get("paths", {}):
        kind = "transformers serve"
    return _chat(line, Served(kind, name, window or _window(row), calls_tools=True), said=bool(window or _window(row)))


def _llama(
    line: Line, props: dict[str, Any], listed: Mapping[str, dict[str, Any]], model: str, window: int
) -> tuple[Served, Way]:
    name = _named(line, listed, model)
    settings = props.get("default_generation_settings") or {}
    meta = listed.get(name, {}).get("meta") or {}
    size = window or settings.get("n_ctx") or meta.get("n_ctx") or _WINDOW_WHEN_UNSAID
    short = name.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
    from ossa.model.server.llama import Llama, is_guided

    llama = Llama(name, size, partial(_still, line, name), cache(partial(is_guided, line)))
    if _is_harmony(line, {"content": _HARMONY, "add_special": False, "parse_special": True}):
        from ossa.model.server.ids import IdsWay

        served = Served("llama.cpp", short, size, calls_tools=True, is_gpt_oss=True)
        return served, IdsWay(llama, holds=True)
    if (props.get("chat_template_caps") or {}).get("supports_tools"):
        _, way = _chat(line, Served("llama.cpp", name, size, calls_tools=True), said=True)
        return Served("llama.cpp", short, size, calls_tools=True), way
    from ossa.model.server.plain import PlainWay

    return Served("llama.cpp", short, size, calls_tools=False), PlainWay(line, llama)


def _vllm(line: Line, name: str, row: dict[str, Any], window: int) -> tuple[Served, Way]:
    from ossa.model.server.vllm import FIRST, HOLDS, Vllm

    version = str(_asked(line, "/version").get("version", ""))
    size = window or _window(row) or _WINDOW_WHEN_UNSAID
    ids = {"model": name, "prompt": _HARMONY, "add_special_tokens": False}
    if _is_harmony(line, ids) and _numbers(version) >= FIRST:
        from ossa.model.server.ids import IdsWay

        served = Served("vLLM", name, size, calls_tools=True, is_gpt_oss=True, notes=(version,))
        return served, IdsWay(Vllm(name, size), holds=_numbers(version) >= HOLDS)
    return _chat(line, Served("vLLM", name, size, calls_tools=True, notes=(version,)), said=True)


def _ollama(line: Line, name: str, window: int) -> tuple[Served, Way]:
    shown = _asked(line, "/api/show", {"model": name})
    running = next((r for r in _tables(_asked(line, "/api/ps").get("models")) if r.get("name") == name), {})
    # What a modelfile sets stands in lines such as “num_ctx 8192”.
    lines = (each.split() for each in str(shown.get("parameters", "")).splitlines())
    set_ = next((int(words[1]) for words in lines if words[:1] == ["num_ctx"] and words[1].isdecimal()), 0)
    calls = "tools" in (shown.get("capabilities") or ["tools"])
    size, note = _fitting(window, _window(running), set_)
    if note == _ASSUMED:
        note += ", as Ollama cuts longer prompts unasked: set OLLAMA_CONTEXT_LENGTH there and server_window here"
    return _chat(line, Served("Ollama", name, size, calls_tools=calls, notes=(note,) if note else ()), said=True)


def _lm_studio(line: Line, row: Mapping[str, Any], name: str, window: int) -> tuple[Served, Way]:
    # What a model could take at most is no promise: LM Studio loads it with a length of its own choice.
    size, note = _fitting(window, _window({"loaded_context_length": row.get("loaded_context_length")}))
    if note == _ASSUMED:
        note += ", as it is not loaded yet: `lms load --context-length N` gives it more"
    return _chat(line, Served("LM Studio", name, size, calls_tools=True, notes=(note,) if note else ()), said=True)


def _fitting(wanted: int, loaded: int, set_: int = 0) -> tuple[int, str]:
    """The window to keep to, and what is to be told of it: no more than what the model was loaded with."""
    if wanted and loaded and wanted > loaded:
        return loaded, f"it is loaded with {loaded:,} tokens, so server_window counts no further"
    size = wanted or loaded or set_
    return (size, "") if size else (_LEAST_WINDOW, _ASSUMED)


def _chat(line: Line, served: Served, *, said: bool) -> tuple[Served, Way]:
    if not said:
        window = _WINDOW_WHEN_UNSAID
        served = replace(served, window=window, notes=(*served.notes, f"a window of {window:,} is assumed"))
    return served, ChatWay(line, served)


def _models(line: Line, *, named: bool = False) -> dict[str, dict[str, Any]]:
    """The models that the server lists, by their names; none where it cannot list them and one is `named`."""
    try:
        reply = line.ask("/v1/models")
    except Fault as fault:
        # `transformers serve` fails so where it serves a folder and the hub's cache is not there.
        if fault.status in (404, 405) or (named and fault.status == 500):
            return {}
        raise
    if not isinstance(reply, dict):
        raise Fault(f"What answers at {line.address.host} is no server of models.")
    rows = _tables(cast("dict[str, Any]", reply).get("data"))
    return {str(row["id"]): row for row in rows if row.get("id")}


def _named(line: Line, listed: Mapping[str, Any], model: str) -> str:
    """The model that is asked for, by its whole name or the end of it."""
    if not listed and model:
        return model
    fitting = [name for name in listed if name == model] or [
        name for name in listed if name.lower().rpartition("/")[2] == model.lower().rpartition("/")[2]
    ]
    if model and not fitting:
        known = ", ".join(clean(line.address, name) for name in list(listed)[:8])
        raise ModelError(f"The server at {line.address.host} has no model “{model}”; it has {known}.")
    if not model and len(listed) != 1:
        known = ", ".join(clean(line.address, name) for name in list(listed)[:8]) or "none that it names"
        raise ModelError(f"Name the model by --server-model: the server at {line.address.host} has {known}.")
    return fitting[0] if model else next(iter(listed))


def _still(line: Line, model: str) -> None:
    """Raise a `ModelError` where the server has another model by now: llama.cpp answers with what it has, unasked."""
    listed = _models(line)
    if listed and model not in listed:
        known = ", ".join(clean(line.address, name) for name in list(listed)[:8])
        raise ModelError(
            f"The server at {line.address.host} has no model “{model}” any more; it has {known}. Start ossa anew."
        )


def _is_harmony(line: Line, question: dict[str, Any]) -> bool:
    """Whether the model's tokens are those of gpt-oss; its name alone would be no proof."""
    return _asked(line, "/tokenize", question).get("tokens") == _HARMONY_IDS


def _asked(line: Line, path: str, body: object = None) -> dict[str, Any]:
    """The reply, as far as it is a table; an empty one where the server knows no such question."""
    with contextlib.suppress(Fault):
        reply = line.ask(path, body)
        if isinstance(reply, dict):
            return cast("dict[str, Any]", reply)
    return {}


def _window(row: Mapping[str, Any]) -> int:
    return next((row[key] for key in _WINDOWS if isinstance(row.get(key), int) and row[key] > 0), 0)


def _tables(rows: object) -> Iterator[dict[str, Any]]:
    for row in cast("list[Any]", rows) if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield cast("dict[str, Any]", row)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdecimal())
