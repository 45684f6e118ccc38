"""`ossa acp`: serves one editor over standard input and output until it goes.

stdin ─► Wire ─► Connection ─► Methods ─► Sessions ─► Conversation ─► assistant
stdout ◄─────────────────────────────────────┘  the editor's end, or a signal, ends turns, sessions and model in order
"""

import asyncio
import sys

from acp.connection import Connection

from ossa.tui.acp.editor import Editor
from ossa.tui.acp.methods import Methods
from ossa.tui.acp.sessions import OpenBench, Sessions
from ossa.tui.acp.wire import Wire, take_stdio
from ossa.tui.asking import Lines
from ossa.tui.console import is_terminal
from ossa.tui.signals import Signals


def serve(open_bench: OpenBench) -> int:
    """Serve until the editor goes; the exit code."""
    if sys.stdin is None or sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] (so where it is closed)
        print("ossa: acp needs standard input and output, where an editor speaks with it.", file=sys.stderr)
        return 2
    if is_terminal(sys.stdin):
        print(
            "ossa acp is for editors, which start it themselves: README says how to set them up. ctrl+d ends it.",
            file=sys.stderr,
        )
    return asyncio.run(_serve(open_bench))


async def _serve(open_bench: OpenBench) -> int:
    source, sink = take_stdio()
    wire = Wire(Lines(source), sink)
    editor = Editor()
    sessions = Sessions(editor, open_bench)
    connection = Connection(Methods(editor, sessions).handle, wire, listening=False)
    editor.connect(connection)
    signals = Signals(wire.end)
    try:
        await connection.main_loop()
    finally:
        signals.close()
        await sessions.close()
        await connection.close()
    return signals.exit_code if signals.received else 0
