"""Large libraries come to a process faster where Python does not look for garbage among them, time and again.

without_collecting(): imports, loading ─► all there is by then is left alone for good ─► collecting goes on
"""

import contextlib
import gc
from collections.abc import Generator


@contextlib.contextmanager
def without_collecting() -> Generator[None]:
    """Collect no garbage meanwhile, and none of it later: nearly all of it stays as long as the process does."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()
