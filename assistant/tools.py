"""The tools that gpt-oss was trained on, working in the draft: open, search, tree, patch, exec.

ToolCall ─► Toolbox.call() ─► ToolResult: what the model is told, and what the person sees
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from ossa.assistant.arguments import ArgumentError, read_arguments
from ossa.assistant.draft import Command, Draft, DraftError
from ossa.assistant.edits.engine import EditError, apply_to, paths
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.refactor.plan import Refactoring, told
from ossa.assistant.refactor.wish import What, Wish
from ossa.assistant.threads import in_thread
from ossa.assistant.toolspecs import APPLY_PATCH, EXEC, OPEN_FILE, PRINT_TREE, REFACTOR, SEARCH
from ossa.assistant.trim import essence, shorten
from ossa.model.base import ToolCall, ToolSpec

OnOutput: TypeAlias = Callable[[str], None]

_FOR_MODEL = 12_000
"""Characters of one result that the model is given; the person can always open the whole."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a call ended."""

    ok: bool
    summary: str
    """A few words for the person."""
    output: str
    """Whole, for the person."""
    told: str = ""
    """For the model, where that differs from a shortened output."""
    notes: tuple[str, ...] = ()
    """What the person should know besides, a sentence each."""

    @property
    def for_model(self) -> str:
        """What the model is told."""
        return self.told or shorten(self.output, _FOR_MODEL) or "(no output)"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what the model knows of it, how a call reads for the person, and what it does."""

    spec: ToolSpec
    title: Callable[[dict[str, Any]], str]
    run: Callable[[dict[str, Any], OnOutput], Awaitable[ToolResult]]


class Toolbox:
    """All tools of one draft. Paths are checked by the draft; commands are confined by it."""

    def __init__(
        self,
        draft: Draft,
        *,
        is_git: bool = True,
        ignore: Sequence[str] = (),
        defined: Callable[[str], Sequence[Symbol]] = lambda _: (),
    ) -> None:
        """`is_git`: whether `git grep` can tell ignored files from others; `ignore` are patterns of yet others.

        `defined` gives every definition of a name that the index knows.
        """
        self._draft = draft
        self.refactoring = Refactoring(draft, defined)
        self._is_git = is_git
        self._left_out = [pathspec for pattern in ignore for pathspec in _exclusions(pattern)]
        self._tools = {tool.spec.name: tool for tool in self._make()}
        self.specs = tuple(tool.spec for tool in self._tools.values())

    def title(self, call: ToolCall) -> str:
        """The call in a few words for the person."""
        tool = self._find(call.name)
        if tool is None:
            return call.name
        try:
            return tool.title(read_arguments(call.arguments, tool.spec.parameters))
        except ArgumentError:
            return tool.spec.name

    async def call(self, call: ToolCall, on_output: OnOutput = lambda _: None) -> ToolResult:
        """Do what the model asked; whatever goes wrong is told to it in words it can act on."""
        tool = self._find(call.name)
        if tool is None:
            names = ", ".join(self._tools)
            return ToolResult(False, "no such tool", f"There is no tool {call.name}. There are: {names}.")
        try:
            return await tool.run(read_arguments(call.arguments, tool.spec.parameters), on_output)
        except (ArgumentError, DraftError, EditError) as error:
            return ToolResult(False, "refused", str(error))

    def _find(self, name: str) -> Tool | None:
        plain = name.removeprefix("functions.").strip()
        return self._tools.get(plain) or next(
            (tool for full, tool in self._tools.items() if full.split(".")[-1] == plain.split(".")[-1]), None
        )

    def _make(self) -> tuple[Tool, ...]:
        return (
            Tool(PRINT_TREE, lambda a: f"list {a.get('path', '.')}", self._tree),
            Tool(SEARCH, lambda a: f"search {a['query']}{_where(a)}", self._search),
            Tool(
                OPEN_FILE,
                lambda a: f"open {a['path']}" + (f":{a['line_start']}" if "line_start" in a else ""),
                self._open,
            ),
            Tool(APPLY_PATCH, lambda a: f"edit {', '.join(paths(a['patch'])) or 'files'}", self._patch),
            Tool(REFACTOR, lambda a: f"{a['kind']} {a['symbol']} {a['to']}", self._refactor),
            Tool(EXEC, lambda a: f"run {a['cmd']}", self._exec),
        )

    async def _tree(self, arguments: dict[str, Any], _: OnOutput) -> ToolResult:
        top, depth = _folder(arguments.get("path", ".")), max(1, arguments.get("depth", 2))
        below = [p for p in await in_thread(self._draft.files) if p.startswith(top)]
        if not below:
            return ToolResult(False, "nothing there", f"There is no folder {top or '.'} with files in the repository.")
        shown: dict[str, int] = {}
        for path in below:
            parts = path.removeprefix(top).split("/")
            name = "/".join(parts[:depth]) + ("/" if len(parts) > depth else "")
            shown[name] = shown.get(name, 0) + 1
        lines = [f"{name} ({count} files)" if name.endswith("/") else name for name, count in shown.items()]
        return ToolResult(True, f"{len(below)} files", "\n".join(lines))

    async def _search(self, arguments: dict[str, Any], on_output: OnOutput) -> ToolResult:
        query, where = arguments["query"], _folder(arguments.get("path", ".")).rstrip("/") or "."
        limit = max(1, min(arguments.get("max_results", 50), 500))
        scope = ["--untracked"] if self._is_git else ["--no-index"]
        for kind in ("-E", "-F"):  # what is no regular expression is looked for as it stands
            argv = [
                "git",
                "--no-pager",
                "grep",
                "-nI",
                "--no-color",
                *scope,
                kind,
                "-e",
                query,
                "--",
                where,
                *self._left_out,
            ]
            done = await self._draft.run(
                Command(argv, timeout=30, name="git grep, for a search of the model's"), scratch=True
            )
            if done.exit_code in (0, 1):
                break
        else:
            return ToolResult(False, "failed", done.output)
        lines = [line[:300] for line in done.output.splitlines()]
        if not lines:
            return ToolResult(True, "no match", f"No line matches {query} in {where}.")
        more = [f"… and {len(lines) - limit} more lines"] if len(lines) > limit else []
        return ToolResult(True, _lines(len(lines)), "\n".join(lines[:limit] + more))

    async def _open(self, arguments: dict[str, Any], _: OnOutput) -> ToolResult:
        return await in_thread(self._show, arguments)

    def _show(self, arguments: dict[str, Any]) -> ToolResult:
        path = arguments["path"].removeprefix("./")
        data = self._draft.read(path)
        if data is None:
            near = [p for p in self._draft.files() if p.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1]]
            hint = f" Did you mean {', '.join(near[:5])}?" if near else ""
            return ToolResult(False, "no such file", f"There is no file {path}.{hint}")
        if b"\0" in data[:8192]:
            return ToolResult(False, "binary", f"{path} is a binary file of {len(data):,} bytes.")
        lines = data.decode(errors="replace").split("\n")
        if lines[-1] == "":
            lines.pop()
        first = max(1, arguments.get("line_start", 1))
        last = min(len(lines), max(first, arguments.get("line_end", first + 399)))
        body = "\n".join(f"{n:>5}\t{lines[n - 1][:500]}" for n in range(first, last + 1))
        rest = f"\n(lines {first}–{last} of {len(lines)})" if (first, last) != (1, len(lines)) else ""
        return ToolResult(True, _lines(max(0, last - first + 1)), body + rest)

    async def _patch(self, arguments: dict[str, Any], _: OnOutput) -> ToolResult:
        touched = await in_thread(apply_to, self._draft, arguments["patch"])
        return ToolResult(
            True,
            f"{len(touched)} file{'s' * (len(touched) != 1)}",
            arguments["patch"],
            told=f"Done. Changed in the draft: {', '.join(touched)}.",
        )

    async def _refactor(self, arguments: dict[str, Any], _: OnOutput) -> ToolResult:
        kinds = {str(kind): kind for kind in get_args(What)}
        if (kind := arguments["kind"].strip().lower()) not in kinds:
            raise ArgumentError(f'The argument "kind" is one of {", ".join(kinds)}.')
        keep = arguments.get("keep", False)
        if keep and kind != "move":
            raise ArgumentError('The argument "keep" is for kind "move" alone.')
        wish = Wish(kinds[kind], arguments["symbol"], arguments["to"].strip(), keep)
        outcome = await self.refactoring.carry_out(wish)
        done = "not done" if outcome.problem else f"{outcome.places} places, {len(outcome.files)} files"
        return ToolResult(not outcome.problem, done, told(outcome))

    async def _exec(self, arguments: dict[str, Any], on_output: OnOutput) -> ToolResult:
        seconds = float(max(1, min(arguments.get("timeout", 120), 600)))
        command = Command(["sh", "-c", arguments["cmd"]], arguments.get("workdir", "."), timeout=seconds)
        done = await self._draft.run(command, on_output=on_output)
        end = f"killed: it {done.stopped}" if done.stopped else f"exit {done.exit_code}"
        output = await in_thread(essence, done.output, _FOR_MODEL)
        told = "\n".join([output, f"({end}, {done.seconds:.1f} s)", *done.notes]).lstrip()
        return ToolResult(done.exit_code == 0, f"{end}, {done.seconds:.1f} s", done.output, told, done.notes)


def _exclusions(pattern: str) -> list[str]:
    """Pathspecs for what a pattern of `.gitignore` matches."""
    name = pattern.strip("/")
    place = name if "/" in pattern.rstrip("/") else f"**/{name}"
    return [f":(exclude,glob){place}", f":(exclude,glob){place}/**"]


def _folder(path: str) -> str:
    """A folder as the prefix of the paths below it; empty for the root."""
    plain = path.strip().strip("/").removeprefix("./")
    return "" if plain in ("", ".") else f"{plain}/"


def _where(arguments: dict[str, Any]) -> str:
    path = arguments.get("path", ".")
    return "" if path in (".", "") else f" in {path}"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
