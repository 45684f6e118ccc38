"""Everything for one repository and one session, wired: who gets whom.

`open_workbench` is what the window, the command line and the tests call; only the reviewer and the model differ.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.agent import Agent
from ossa.assistant.commit import Committer
from ossa.assistant.config import Config, load_config
from ossa.assistant.context.context import Context
from ossa.assistant.context.summary import Summariser
from ossa.assistant.delivery import Delivery
from ossa.assistant.draft import Draft
from ossa.assistant.drafts import leftovers
from ossa.assistant.drafts.guard import GuardedDraft
from ossa.assistant.drafts.opening import find_sandbox, open_draft
from ossa.assistant.drafts.permissions import Permissions
from ossa.assistant.events import Event
from ossa.assistant.finding import Finder
from ossa.assistant.proof import Proof
from ossa.assistant.repair.search import Repair
from ossa.assistant.repository import Repository
from ossa.assistant.review import Reviewer
from ossa.assistant.revision import mend
from ossa.assistant.session import Session, SessionError
from ossa.assistant.testing.graph import ImportGraph
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.timeline import Timeline
from ossa.assistant.tools import Toolbox
from ossa.assistant.transcript import Transcript
from ossa.assistant.turn import Turns
from ossa.assistant.watch import Watcher
from ossa.assistant.wayback import WayBack
from ossa.model.base import LanguageModel, Sampling

_SAMPLING = Sampling(temperature=1.0, top_p=1.0)
"""What the authors of gpt-oss advise."""
_SMALL_SAMPLING = Sampling(temperature=0.2, top_p=0.9, max_tokens=400)
"""What the authors of SmolLM2 advise; it rarely says anything new after some hundred tokens."""
_BUDGET, _BUDGET_OF_LARGE = 180.0, 1800.0
"""Seconds that a repair may take, where nobody says."""
_EACH = 1 / 12
"""The share of a search's time that one test may take."""
_LEAST_EACH = 10.0
"""The same in seconds, at least."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose at the start."""

    root: Path
    """The repository, or any folder in it."""
    test: str = ""
    """Test command; empty: the configured one, or what is found."""
    resume: str = ""
    """Id of a session to go on with, or "latest"; empty for a new one."""
    plain_folder: bool = False
    """Work on a folder that is no git repository, through copies."""
    seed: int | None = None
    thinking: int | None = None
    """Tokens of reasoning after which the model has to answer; 0 for no limit, None for what is configured."""
    seconds: float | None = None
    """For a repair; None for what such a model needs."""
    candidates: int = 10_000
    """Candidates of such a search, for one failing test."""
    files: tuple[str, ...] = ()
    """Files to which such a search keeps, as seen from `root`; empty for all."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """All that a front end works with."""

    root: Path
    repository: Repository
    draft: Draft
    model: LanguageModel
    session: Session
    agent: Agent
    finder: Finder
    """Looks for what matters to a prompt; `start` has it begin before the first one."""
    watcher: Watcher
    """Tells the finder, and who else listens, what changed; a window starts it."""
    config: Config
    history: tuple[Event, ...] = ()
    """Of a resumed session."""
    baseline: Draft | None = None
    """In which the tests run without the change."""
    notices: tuple[str, ...] = ()
    """What the person should know before the first turn, a sentence each."""
    tests: TestRunner | None = None
    """Of the project."""

    def close(self) -> None:
        """End the model's process; a draft with a change in it stays for the next start."""
        self.model.close()
        self.watcher.stop()
        self.finder.close()
        self.draft.close()
        if self.baseline:
            self.baseline.close()
        self.session.close()


def open_repository(options: Options) -> Repository:
    """The repository that the options name.

    Raises:
        NotARepository: there is none there, and copies were not asked for.
    """
    return Repository.plain(options.root) if options.plain_folder else Repository.open(options.root)


def open_workbench(options: Options, load: Callable[[Config], LanguageModel], reviewer: Reviewer) -> Workbench:
    """Wire everything for a repository; `load` chooses the model, which is not started yet.

    Raises:
        NotARepository: the folder is no git repository.
        ModelError: there is no model.
        SessionError: the session to resume is not there, or is open elsewhere.
    """
    found = open_repository(options)
    root = found.root
    config = load_config(root)
    repository = found.ignoring(config.ignore)
    model = load(config)
    state = paths.state_dir()
    own = state / "repositories" / paths.repository_key(root)
    finder = Finder(repository)
    watcher = Watcher(root, finder.changed)
    checkpoints = Checkpoints(own / "checkpoints", root, writing=watcher.writing)
    recovered = checkpoints.recover()
    session = _session(state / "sessions", root, options.resume, model)
    history = tuple(session.events())
    drafts = own / "drafts"
    sandbox = find_sandbox(drafts)
    leftovers.clear(repository, drafts, session.path.parent, sandbox)
    permissions = Permissions()
    draft = GuardedDraft(open_draft(repository, drafts / session.id, sandbox), reviewer, permissions)
    base = open_draft(repository, drafts / f"{session.id}-baseline", sandbox)
    baseline = GuardedDraft(base, reviewer, permissions)
    tests = _tests(root, model, options, config)
    proof = Proof(root, tests, draft, baseline, imports=_imports(root))
    toolbox = Toolbox(draft, is_git=repository.is_git, ignore=config.ignore, defined=finder.definitions)
    transcript, timeline = Transcript(history), Timeline(history)
    sampling, only = _sampling(model, options, config), _named(options, root)
    agent = Agent(
        model,
        _context(model, repository, draft, toolbox, finder, sampling),
        toolbox,
        proof,
        Delivery(root, draft, proof, reviewer, checkpoints),
        WayBack(root, draft, checkpoints, timeline),
        Committer(repository, model, timeline, checkpoints),
        Turns(_recorder(session, transcript, timeline)),
        Repair(model, draft, proof, options.candidates, _budget(model, options), files=only, sampling=sampling),
        transcript,
        sampling,
    )
    notices = (*config.problems, *recovered, *filter(None, [mend(draft, history)]))
    return Workbench(
        root, repository, draft, model, session, agent, finder, watcher, config, history, baseline, notices, tests
    )


def _tests(root: Path, model: LanguageModel, options: Options, config: Config) -> TestRunner:
    command, each = options.test or config.test_command or None, _for_each_test(model, options, config)
    return TestRunner(root, command=command, timeout=config.test_timeout, each=each)


def _imports(root: Path) -> ImportGraph:
    return ImportGraph(root, paths.cache_dir() / paths.repository_key(root) / "imports.json")


def _context(
    model: LanguageModel, repository: Repository, draft: Draft, toolbox: Toolbox, finder: Finder, sampling: Sampling
) -> Context:
    """What composes the model's context; one without tools is shown no more of the repository than what is attached."""
    specs = toolbox.specs if model.info.calls_tools else ()
    return Context(
        model,
        repository,
        draft,
        specs,
        repo_map=finder.repo_map,
        definitions=finder.definitions,
        hints=finder.hints,
        summariser=Summariser(model, specs, sampling) if specs else None,
    )


def _named(options: Options, root: Path) -> tuple[str, ...]:
    """The files that were named, by their paths in the repository."""
    return tuple(Path(os.path.relpath(options.root / name, root)).as_posix() for name in options.files)


def _budget(model: LanguageModel, options: Options) -> float:
    """The seconds that a repair may take; a large model may need minutes for a patch."""
    usual = _BUDGET_OF_LARGE if model.info.calls_tools else _BUDGET
    return usual if options.seconds is None else options.seconds


def _for_each_test(model: LanguageModel, options: Options, config: Config) -> float:
    """The seconds that one test may take: a search has no time for such as do not end."""
    usual = config.test_timeout / 2 if model.info.calls_tools else max(_LEAST_EACH, _budget(model, options) * _EACH)
    return config.test_limit or usual


def _sampling(model: LanguageModel, options: Options, config: Config) -> Sampling:
    usual = _SAMPLING if model.info.calls_tools else _SMALL_SAMPLING
    thinking = config.thinking if options.thinking is None else options.thinking
    return replace(usual, seed=options.seed, effort=config.effort, thinking=thinking or None)


def _recorder(session: Session, transcript: Transcript, timeline: Timeline) -> Callable[[Event], str]:
    """Whoever takes in every event first; it returns a sentence when the log cannot be written."""

    def record(event: Event) -> str:
        transcript.see(event)
        timeline.see(event)
        try:
            session.append(event)
        except SessionError as error:
            return str(error)
        return ""

    return record


def _session(folder: Path, root: Path, resume: str, model: LanguageModel) -> Session:
    if not resume:
        return Session.create(folder, root, model.info.name)
    return Session.find(folder, root, resume)
