"""Python's refactorings, worked out by a process of its own on copies, so that no odd file harms the window.

files of the draft ─► a temporary folder ─► python -m ossa.assistant.refactor.worker ─► Outcome
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from ossa.assistant.drafts.scratch import held
from ossa.assistant.refactor.wish import Outcome, Target, Wish
from ossa.assistant.threads import in_thread

SECONDS = 120.0
"""After this the work is given up."""


async def worked_out(
    wish: Wish, target: Target, files: Mapping[str, bytes], packages: Sequence[str] = (), seconds: float = SECONDS
) -> Outcome:
    """What the files become.

    Args:
        wish: what is asked for.
        target: the definition.
        files: Python's, and those others in which the name stands, or one of a private helper.
        packages: where what the project uses is installed.
        seconds: after which it is given up.
    """
    with held() as folder:
        await in_thread(_copy, files, folder)
        request = {"what": wish.what, "to": wish.to, "path": target.path, "name": target.name, "keep": wish.keep}
        line = (
            json.dumps({**request, "files": list(files), "packages": list(packages), "seconds": seconds}).encode()
            + b"\n"
        )
        process = await asyncio.create_subprocess_exec(
            # Without -P, a folder named `ossa` where the user works would be run instead.
            *(sys.executable, "-P", "-m", "ossa.assistant.refactor.worker", os.fspath(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder.anchor,
            start_new_session=True,
        )
        begun = monotonic()
        try:
            async with asyncio.timeout(seconds + 5):
                told, _ = await process.communicate(line)
        except TimeoutError:
            told = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if told.strip():
        return Outcome.unpacked(told)
    if monotonic() - begun >= seconds:
        return Outcome(problem=f"This could not be worked out within {seconds:.0f} seconds, so nothing was changed.")
    status = process.returncode
    return Outcome(problem=f"The process that works this out ended early (status {status}), so nothing was changed.")


def _copy(files: Mapping[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
