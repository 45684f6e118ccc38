"""The window in a process of its own, over a model that only recites: what `window.py` measures in a terminal.

    python benchmarks/_window_host.py REPOSITORY [SESSION]

Everything but the model is real: agent, session log, draft, index. A prompt "stream N" is answered for a while at N
tokens a second, "stream N KIND" by a text of one of the `KINDS`, any other one at once.
"""

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Text
from ossa.model.scripted import Answer, ScriptedModel
from ossa.tui.app import OssaApp
from ossa.tui.tidying import hold

WINDOW = 131_072
"""Tokens, as gpt-oss has."""
ANSWER = """
## Answer {number}

The function `add` in **calc.py** subtracts where it should add; its caller in `report.py` then shows a negative sum.

1. `add` returns `a - b`, which is what the test complains of.
2. Nothing else calls it, so the mend is of one line.
   - `half` is *not* concerned.

```python
def add(a: int, b: int) -> int:
    \"\"\"The sum of two numbers.\"\"\"
    if not isinstance(a, int):
        raise TypeError(f"{{a!r}} is no number")
    return a + b
```

| test | before | after |
|---|---|---|
| test_add | failed | passed |
| test_half | passed | passed |

That is all there is to it. answer-{number}-ends
"""
"""About 170 tokens of what a model of this kind writes."""


LONG = 40
"""Of such answers one that is streamed consists."""
KINDS = {
    "prose": "A function that subtracts where it should add is *wrong*, however `short` it is; its callers show it. "
    * 1500,
    "code": "```python\n"
    + "def add(a: int, b: int) -> int:\n    return a + b  # the sum of two numbers\n\n" * 1500
    + "```\n",
    "table": "| test | before | after |\n|---|---|---|\n" + "| test_add of `calc.py` | failed | passed |\n" * 2000,
    "list": "".join(f"- the **{n}th** thing is in `part{n}.py`\n  1. which nobody calls\n" for n in range(1500)),
    "line": "x" * 100_000,
}
"""What else a model may write without end."""


class Beat(threading.Event):
    """A moment between two tokens, at the pace of a model; the script waits for it."""

    def __init__(self, clock: "list[float]", seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the next token is due, whatever the limit; what is late by a second is not made up for."""
        now = time.monotonic()
        self._clock[:] = [max((self._clock or [now])[0] + self._seconds, now - 1.0)]
        time.sleep(max(0.0, self._clock[0] - now))
        return True


def recited(prompt: Callable[[], str]) -> Iterator[Answer | str]:
    """Answers without end; `prompt` tells what is being answered."""
    for number in itertools.count(1):
        text = ANSWER.format(number=number)
        _, _, pace = prompt().partition("stream ")
        if pace:
            tokens, *kind = pace.split()
            beat = Beat([], 1 / float(tokens))
            whole = KINDS[kind[0]] if kind else text.rpartition("\n\n")[0] * LONG
            whole += f"\n\nanswer-{number}-ends\n"
            yield [piece for at in range(0, len(whole), 4) for piece in (beat, Text(whole[at : at + 4]))]
        else:
            yield text


def main(root: str, session: str = "") -> None:
    """Open the window and leave when it does."""
    options = Options(Path(root), resume=session)
    hold()

    def prompt() -> str:
        del model.seen[:-1], model.samplings[:-1]  # a script remembers all it was ever asked, which no model does
        return model.seen[-1][-1].text

    model = ScriptedModel(recited(prompt), calls_tools=False, window=WINDOW)
    OssaApp(Path(root), lambda reviewer: open_workbench(options, lambda _: model, reviewer)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
