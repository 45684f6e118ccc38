"""`ossa acp` with a model that replays a script: what `ossa.tui.__main__` starts, but for the model.

python host.py SCRIPT    a JSON list of answers: a text, or pieces {"text"|"thought"|"call"|"cut": …} and "wait"
"""

import json
import sys
from pathlib import Path
from threading import Event
from typing import Any

from ossa.assistant import paths
from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Finished, Message, Piece, Text, Thought, ToolCall, Usage
from ossa.model.scripted import ScriptedModel
from ossa.tui.acp.serve import serve
from ossa.tui.acp.sessions import Lend
from ossa.tui.console import keep_log, prepare


def piece(entry: dict[str, Any] | str) -> Piece | Event:
    """A piece of an answer; "wait" holds it up until it is cancelled."""
    match entry:
        case {"text": text}:
            return Text(text)
        case {"thought": text}:
            return Thought(text)
        case {"cut": text}:
            return Finished("length", Message("assistant", text), Usage())
        case {"call": [name, arguments]}:
            return ToolCall(name, arguments)
        case _:
            return Event()


def main() -> int:
    prepare()
    keep_log(paths.state_dir() / "ossa.log")
    script: list[Any] = json.loads(Path(sys.argv[1]).read_text())
    answers = [answer if isinstance(answer, str) else [piece(entry) for entry in answer] for answer in script]

    def open_bench(folder: Path, session: str, reviewer: Reviewer, lend: Lend) -> Workbench:
        options = Options(folder, resume=session)
        return open_workbench(options, lambda _: lend(lambda: ScriptedModel(answers)), reviewer)

    return serve(open_bench)


if __name__ == "__main__":
    sys.exit(main())
