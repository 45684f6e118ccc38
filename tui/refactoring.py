"""`ossa rename`, `move`, `signature`: a refactoring without a window and without a model.

arguments ─► Wish ─► a draft of its own ─► Refactoring ─► tests, before and after ─► diff, verdict ─► asked ─► accept
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from ossa.assistant import paths
from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.change import Change
from ossa.assistant.config import load_config
from ossa.assistant.diff import unified
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.drafts.opening import find_sandbox, open_draft
from ossa.assistant.events import Event
from ossa.assistant.index.index import Index
from ossa.assistant.proof import Proof
from ossa.assistant.refactor.plan import Refactoring, told
from ossa.assistant.refactor.wish import Left, Outcome, Wish
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.review import Decision
from ossa.assistant.testing.graph import ImportGraph
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.verdict import Verdict
from ossa.tui.apply import APPLIED, BAD_INPUT, REFUSED
from ossa.tui.console import is_terminal
from ossa.tui.plain import line_of
from ossa.tui.safe import plain_text


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it; the fields are those of the JSON object."""

    applied: bool = False
    applies: bool = False
    """Whether it could be worked out."""
    checked: bool = False
    files: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    places: int = 0
    left: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: str = ""
    proved: bool = False
    checkpoint: str = ""
    reason: str = ""


def refactor(arguments: argparse.Namespace) -> int:
    """Do it, tell what came of it, and return the exit code."""
    try:
        told, code = asyncio.run(_Command(arguments).run())
    except (NotARepository, DraftError, CheckpointError) as error:
        told, code = Told(checked=arguments.check, reason=str(error)), BAD_INPUT
    if arguments.json:
        print(json.dumps(asdict(told)), flush=True)
    elif told.reason:
        print(plain_text(f"ossa: {told.reason}"), file=sys.stderr)
    return code


class _Command:
    """One such command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        folder = Path(arguments.root)
        found = Repository.plain(folder) if arguments.copy else Repository.open(folder)
        self._config = load_config(found.root)
        self._repository, self._root = found.ignoring(self._config.ignore), found.root
        self._own = paths.state_dir() / "repositories" / paths.repository_key(self._root)

    async def run(self) -> tuple[Told, int]:
        """Work it out in a draft that goes again."""
        drafts, name = self._own / "drafts", f"refactor-{uuid4().hex[:12]}"
        sandbox = await asyncio.to_thread(find_sandbox, drafts)
        draft = open_draft(self._repository, drafts / name, sandbox)
        try:
            with closing(open_draft(self._repository, drafts / f"{name}-baseline", sandbox)) as baseline:
                return await self._in(draft, baseline)
        finally:
            draft.discard()
            draft.close()

    async def _in(self, draft: Draft, baseline: Draft) -> tuple[Told, int]:
        asked = self._arguments
        with closing(Index.of(self._repository)) as index:
            await asyncio.to_thread(index.refresh)
            wish = Wish(asked.command, asked.symbol, asked.to, keep=getattr(asked, "keep", False))
            outcome = await Refactoring(draft, index.named).carry_out(wish)
        if outcome.problem:
            return Told(checked=asked.check, left=tuple(outcome.left), reason=told(outcome)), REFUSED
        change = await asyncio.to_thread(draft.change)
        self._say(unified(change), told(outcome))
        verdict = await self._verdict(draft, baseline)
        self._say(f"{change.summary} — {verdict.summary}")
        result = _result(change, outcome, verdict, checked=asked.check)
        if asked.check:
            return result, APPLIED
        if not await asyncio.to_thread(self._agreed, verdict):
            return replace(result, reason="Nothing was written."), REFUSED
        return await asyncio.to_thread(self._accepted, change, draft, result)

    async def _verdict(self, draft: Draft, baseline: Draft) -> Verdict:
        if not draft.isolation.confined and not self._arguments.allow_unconfined:
            return Verdict("", problem="nothing confines commands here; --allow-unconfined runs the tests nevertheless")
        command = self._arguments.test or self._config.test_command or None
        tests = TestRunner(self._root, command=command, timeout=self._config.test_timeout)
        cache = paths.cache_dir() / paths.repository_key(self._root) / "imports.json"
        proof = Proof(self._root, tests, draft, baseline, imports=ImportGraph(self._root, cache))
        return await proof.verdict(self._tell)

    def _agreed(self, verdict: Verdict) -> bool:
        """Whether the person takes it; with --accept the tests decide."""
        if self._arguments.accept:
            return _holds(verdict)
        if not is_terminal(sys.stdin) or self._arguments.json:
            return False
        try:
            return input("Accept it? [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def _accepted(self, change: Change, draft: Draft, result: Told) -> tuple[Told, int]:
        checkpoints = Checkpoints(self._own / "checkpoints", self._root)
        for sentence in checkpoints.recover():
            print(plain_text(sentence), file=sys.stderr)
        decisions: Sequence[Decision] = [Decision(hunk.id, True) for _, hunk in change.hunks]
        done = accept(change, tuple(decisions), self._root, draft.read, checkpoints)
        if done.refused:
            return replace(result, reason=" ".join(done.refused)), REFUSED
        self._say(*done.notes, "Accepted; `ossa undo` takes it back.")
        return replace(result, applied=True, checkpoint=done.checkpoint), APPLIED

    def _tell(self, event: Event) -> None:
        self._say(line_of(event))

    def _say(self, *texts: str) -> None:
        if not self._arguments.json:
            for text in filter(None, texts):
                print(plain_text(text), flush=True)


def _result(change: Change, outcome: Outcome, verdict: Verdict, *, checked: bool) -> Told:
    return Told(
        applies=True,
        checked=checked,
        files=tuple(file.path for file in change.files),
        added=sum(file.added for file in change.files),
        removed=sum(file.removed for file in change.files),
        places=outcome.places,
        left=tuple(outcome.left),
        notes=tuple(outcome.notes),
        verdict=verdict.summary,
        proved=_holds(verdict),
    )


def _holds(verdict: Verdict) -> bool:
    """Whether tests ran and none of them came to harm; what failed before may fail still."""
    return verdict.passed > 0 and not (verdict.problem or verdict.broken or verdict.missing)
