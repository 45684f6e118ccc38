"""The person's decisions, asked for in the editor: what becomes of a change, and whether a command may run.

review() ─► accept · accept, and from now on what the tests prove · file by file · another repair or version · reject ·
            later ─► is a file open and unsaved there? then it is said, and asked again ─► decisions
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from acp.helpers import start_tool_call, text_block, tool_content, update_tool_call
from acp.schema import PermissionOption, PermissionOptionKind, ToolCallUpdate

from ossa.assistant.change import Change, FileChange
from ossa.assistant.review import Alternatives, Answer, Choose, Decision, Permission, Reroll, Unattended
from ossa.assistant.text import decode
from ossa.assistant.verdict import Verdict
from ossa.tui.acp import changes
from ossa.tui.acp.changes import ReadDraft
from ossa.tui.acp.editor import Line
from ossa.tui.acp.settings import Settings
from ossa.tui.acp.teller import Teller
from ossa.tui.export import fenced
from ossa.tui.safe import plain_text

_TIMES = 3
"""How often a person is asked anew, as what they accept is not saved in the editor."""


class EditorReviewer:
    """The reviewer whose person sits at an editor; `attach` says where, once that is known."""

    def __init__(self, settings: Settings, switched: Callable[[], Awaitable[None]]) -> None:
        """`switched` is told when the person has chosen another way to review."""
        self._settings, self._switched = settings, switched
        self._desk: tuple[Teller, Path, ReadDraft] | None = None

    def attach(self, teller: Teller, root: Path, read: ReadDraft) -> None:
        """The session is open: where it is told of, what it works on, and how the draft is read."""
        self._desk = teller, root, read

    async def review(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> Answer:
        if self._desk is None:
            return None
        teller, root, read = self._desk
        await teller.has_told(change)
        proven = await Unattended(accept=True).review(change, verdict, alternatives)
        if self._settings.mode == "proven" and proven and not await _unsaved(teller.line, change.files, root):
            return proven
        warning = ""
        for _ in range(_TIMES):
            about = ToolCallUpdate(
                tool_call_id=teller.card,
                title=f"{changes.title(change, verdict)}{warning}",
                kind="edit",
                status="pending",
                content=[*changes.diffs(change.files, root, read)],
                locations=changes.locations(change.files, root),
            )
            taken = await teller.line.ask(about, _options(change, verdict, alternatives, always=bool(proven)))
            answer = await self._decided(taken, change, alternatives)
            accepted = _files(change, answer)
            unsaved = await _unsaved(teller.line, accepted, root)
            if not unsaved:
                if taken == "always":
                    self._settings.mode = "proven"
                    await self._switched()
                return answer
            names = plain_text(", ".join(unsaved))
            warning = f" – NOT SAVED in the editor: {names}"
            await teller.say(f"Nothing was written: what you have typed in {names} is not saved. Save it first.")
        return None

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        if self._desk is None:
            return "no"
        teller = self._desk[0]
        card = teller.steps.fresh("command")
        told = tool_content(text_block(f"{plain_text(warning)}\n\n{fenced(command)}"))
        title = " ".join(plain_text(command).split())[:200]
        await teller.line.update(start_tool_call(card, title, kind="execute", status="pending", content=[told]))
        about = ToolCallUpdate(tool_call_id=card, title=title, kind="execute", status="pending", content=[told])
        options = [_option("once", "Run it", "allow_once")]
        options += [_option("always", f"Always run {pattern}", "allow_always")] if pattern else []
        taken = await teller.line.ask(about, [*options, _option("no", "Do not run it", "reject_once")])
        status = "completed" if taken in ("once", "always") else "failed"
        await teller.line.update(update_tool_call(card, status=status))
        return "once" if taken == "once" else "always" if taken == "always" and pattern else "no"

    async def _decided(self, taken: str, change: Change, alternatives: Alternatives) -> Answer:
        """What an option means."""
        match taken.partition("-"):
            case ("accept" | "always", _, _):
                return [Decision(hunk.id, True) for _, hunk in change.hunks]
            case ("reject", _, _):
                return [Decision(hunk.id, False) for _, hunk in change.hunks]
            case ("again", _, _):
                return Reroll(next(hunk.id for _, hunk in change.hunks))
            case ("repair", _, number) if number.isdecimal() and 0 < int(number) <= len(alternatives.repairs):
                return Choose(int(number))
            case ("files", _, _):
                return await self._by_file(change)
            case _:
                return None

    async def _by_file(self, change: Change) -> Answer:
        """Decide on one file after the other; those put off stay in the draft."""
        assert self._desk
        teller, root, read = self._desk
        decisions: list[Decision] = []
        for file in change.files:
            card = teller.steps.fresh("file")
            title = plain_text(f"{file.path}: {file.kind}, +{file.added} −{file.removed}")
            content, places = changes.diffs([file], root, read), changes.locations([file], root)
            shown = start_tool_call(card, title, kind="edit", status="pending", content=content, locations=places)
            await teller.line.update(shown)
            about = ToolCallUpdate(
                tool_call_id=card, title=title, kind="edit", status="pending", content=[*content], locations=places
            )
            options = [
                _option("accept", f"Accept {file.path}", "allow_once"),
                _option("reject", f"Reject {file.path}", "reject_once"),
                _option("later", "Decide later", "reject_once"),
            ]
            taken = await teller.line.ask(about, options)
            if taken in ("accept", "reject"):
                decisions += [Decision(hunk.id, taken == "accept") for hunk in file.hunks]
            status = "completed" if taken == "accept" else "failed"
            await teller.line.update(update_tool_call(card, status=status))
        return decisions or None


def _options(change: Change, verdict: Verdict, alternatives: Alternatives, *, always: bool) -> list[PermissionOption]:
    """What the person may choose from; the first that allows takes all, the first that rejects takes none."""
    many = len(change.files) > 1
    every = f"Accept all {len(change.files)} files" if many else "Accept"
    # Some editors show nothing of a request but diffs and options, so the verdict stands there, too.
    judged = verdict.summary if verdict.proved else f"though no test proves it ({verdict.summary})"
    options = [_option("accept", f"{every}: {judged}"[:200], "allow_once")]
    if always:
        options.append(_option("always", "Accept, and from now on whatever the tests prove", "allow_always"))
    if many:
        options.append(_option("files", "Decide file by file", "allow_once"))
    options.append(_option("reject", "Reject all" if many else "Reject", "reject_once"))
    for number, repair in enumerate(alternatives.repairs, 1):
        if number != alternatives.shown:
            text = " ".join(repair.text.split())[:60] or "lines taken out"
            options.append(_option(f"repair-{number}", f"See repair {number}, {repair.place}: {text}", "reject_once"))
    if len(list(change.hunks)) == 1:
        options.append(_option("again", "Ask for another version", "reject_once"))
    return [*options, _option("later", "Decide later", "reject_once")]


def _option(name: str, text: str, kind: PermissionOptionKind) -> PermissionOption:
    return PermissionOption(option_id=name, name=plain_text(text), kind=kind)


def _files(change: Change, answer: Answer) -> list[FileChange]:
    """The files of which something is accepted."""
    if not isinstance(answer, Sequence):
        return []
    accepted = {decision.hunk for decision in answer if decision.accepted}
    return [file for file in change.files if any(hunk.id in accepted for hunk in file.hunks)]


async def _unsaved(line: Line, files: Sequence[FileChange], root: Path) -> list[str]:
    """Those files that the editor has otherwise than the disk."""
    found: list[str] = []
    for file in files:
        try:
            data = (root / file.path).read_bytes()
        except OSError:  # it is to be made
            continue
        said = await line.read(root / file.path)
        # Editors keep a file's lines, not how these end.
        if said is not None and said.splitlines() != decode(data).splitlines():
            same = said.splitlines() == data.decode(errors="replace").splitlines()
            found += [] if file.binary or same else [file.path]
    return found
