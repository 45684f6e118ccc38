"""How the window feels in a long session: keys, resuming, streaming, memory. Needs Linux.

Runs the real window in a pseudo-terminal over a model that recites (`_window_host.py`), presses keys as a person
would, and watches what comes to the terminal; then starts Mistral Vibe beside it (`_window_beside.py`), where Python
3.12 and a network are at hand. Prints tables and writes benchmarks/out/window.json. The time to the first frame has a
benchmark of its own, `first_frame.py`.

    python benchmarks/window.py [ANSWERS] [TURNS]

ANSWERS are in the conversation while keys are timed (200); memory is watched over TURNS (1,000).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _window_beside import VIBE, beside, vibe_command
from _window_host import ANSWER
from _window_terminal import Terminal

from ossa.assistant.events import Answering, Spoken, TurnFinished, TurnStarted
from ossa.assistant.paths import state_dir
from ossa.assistant.session import Session
from ossa.model.base import Message, Usage

HOST = Path(__file__).with_name("_window_host.py")
KEYS = 100
"""Keys whose way to the screen is timed."""
LETTERS = [chr(code) for code in range(0x410, 0x450)]
"""Those that are typed: nothing else on the screen has them."""
PACE = 200
"""Tokens a second."""
STREAM = 10.0
"""Seconds for which the stream's processor time is taken."""
LONG = "".join(f"Line {number} of *many*, which a `model` wrote at length.\n\n" for number in range(1, 1850))
"""100,000 characters of an answer."""
SHARES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Of all turns, after which memory is looked at."""
FULL = 1
"""Of these, from when on it is to be flat: as many turns are mounted as ever will be, and each widget was there."""
PROMPT = "Ask for a change"
READY = "ready"


class Bench:
    """A folder with a repository, and windows on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repository"
        self.root.mkdir()
        (self.root / "calc.py").write_text("def add(a, b):\n    return a - b\n")
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)

    def window(self, *session: str, columns: int = 120, lines: int = 40) -> Terminal:
        """Open one."""
        command = [sys.executable, str(HOST), str(self.root), *session]
        return Terminal(command, {"OSSA_HOME": str(self.folder / "home")}, columns, lines)

    def recorded(self, messages: int, long: str = "") -> str:
        """The id of a session with so many messages, half of them answers; the last but one begins with `long`."""
        os.environ["OSSA_HOME"] = str(self.folder / "home")
        session = Session.create(state_dir() / "sessions", self.root, "scripted")
        for number in range(1, messages // 2 + 1):
            text = (long if number == messages // 2 - 1 else "") + ANSWER.format(number=number)
            session.append(TurnStarted(f"What of part {number}?"))
            for at in range(0, len(text), 4):  # the log has a line for every token
                session.append(Answering(text[at : at + 4]))
            session.append(Spoken(Message("assistant", text), Usage(100, 0, 170, decode_seconds=1.0)))
            session.append(TurnFinished("answered", 1.0))
        session.close()
        return session.id


def converse(terminal: Terminal, first: int, last: int) -> None:
    """Send prompts, each once the answer before it is there."""
    for number in range(first, last + 1):
        terminal.send(f"What of part {number}?\r")
        terminal.until(f"answer-{number}-ends", limit=120)
        terminal.until("done", limit=120)


def pressed(terminal: Terminal, keys: int) -> list[float]:
    """Seconds from each of so many letters typed until it stands on the screen."""
    seconds: list[float] = []
    for number in range(keys):
        letter = LETTERS[number % len(LETTERS)]
        if number and not number % 20:
            terminal.send("\x15")  # empties the prompt
            terminal.rest(0.3)
        at = terminal.send(letter)
        seconds.append(terminal.until(letter, limit=20) - at)
        terminal.rest(0.05 + 0.013 * (number % 7))  # never in step with the stream
    return seconds


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, round(share * len(seconds)))]


def keys_and_stream(bench: Bench, answers: int) -> dict[str, float]:
    """Keys while the model writes below so many answers, and what the stream costs."""
    figures: dict[str, float] = {}
    with bench.window() as terminal:
        terminal.until(READY)
        figures["memory_start_mb"] = terminal.memory
        converse(terminal, 1, answers)
        figures[f"memory_{answers}_turns_mb"] = terminal.memory
        seconds = pressed(terminal, KEYS // 2)
        figures["key_idle_p95_ms"] = 1000 * percentile(seconds, 0.95)
        terminal.send(f"\x15stream {PACE}\r")
        terminal.rest(2.0)
        before = terminal.cpu_seconds
        terminal.rest(STREAM)
        figures["stream_cpu_share"] = (terminal.cpu_seconds - before) / STREAM
        seconds = pressed(terminal, KEYS)
        figures["key_p50_ms"] = 1000 * statistics.median(seconds)
        figures["key_p95_ms"] = 1000 * percentile(seconds, 0.95)
        figures["memory_streamed_mb"] = terminal.memory
    return figures


def resume(bench: Bench, messages: int, long: str = "") -> dict[str, float]:
    """Until a session of so many messages shows its last page, from the start of the process and the first frame.

    With a `long` answer among the last, and the keys that are typed meanwhile.
    """
    session = bench.recorded(messages, long)
    starts: list[float] = []
    frames: list[float] = []
    keys: list[float] = []
    for _ in range(4):
        with bench.window(session) as terminal:
            frame = terminal.until(PROMPT)
            at = terminal.send(LETTERS[0])
            keys.append(terminal.until(LETTERS[0]) - at)
            end = terminal.until(f"answer-{messages // 2}-ends")
            starts.append(end - terminal.started)
            frames.append(end - frame)
    name = "resume_long" if long else "resume"
    return {
        f"{name}_s": statistics.median(starts[1:]),
        f"{name}_after_frame_s": statistics.median(frames[1:]),
        f"{name}_key_ms": 1000 * max(keys[1:]),
    }


def memory(bench: Bench, turns: int) -> dict[str, float]:
    """Of the process after some shares of so many turns, and how much it grew once it was to be flat."""
    figures: dict[str, float] = {}
    with bench.window() as terminal:
        terminal.until(READY)
        done = 0
        for share in SHARES:
            until = max(1, round(share * turns))
            converse(terminal, done + 1, until)
            done = until
            figures[f"memory_after_{done}_mb"] = terminal.memory
    first, *_, last = [*figures.values()][FULL:]
    return figures | {"memory_grown_mb": last - first}


ROWS = (
    ("key to paint, nothing else going on, p95", "key_idle_p95_ms", "ms", ""),
    ("key to paint while the model streams, p50", "key_p50_ms", "ms", ""),
    ("key to paint while the model streams, p95", "key_p95_ms", "ms", "< 50 ms"),
    (f"processor time of {PACE} tokens a second, of one core", "stream_cpu_share", "", "< 0.5"),
    ("a session of 1,000 messages to its last page, from the process's start", "resume_s", "s", ""),
    ("the same from the first frame", "resume_after_frame_s", "s", "< 1 s"),
    ("the same with an answer of 100,000 characters on it", "resume_long_after_frame_s", "s", "< 1 s"),
    ("key to paint at the first frame of it, the worst", "resume_long_key_ms", "ms", ""),
    ("memory of the window's process after its start", "memory_start_mb", "MB", "< 150 MB"),
    ("the same after the answers, the keys and the stream", "memory_streamed_mb", "MB", "< 150 MB"),
)


BESIDE = (
    ("first frame", "first_frame_s", "s"),
    ("the first key is shown, from the process's start", "first_key_s", "s"),
    ("processor time of the start", "start_cpu_s", "s"),
    ("memory after the start", "start_memory_mb", "MB"),
    ("processor time while idle, of one core", "idle_cpu_share", ""),
    ("key to paint while idle, p50", "key_ms", "ms"),
)


def print_beside(figures: dict[str, float], problem: str) -> None:
    """Both windows, and how many times as much ossa's takes; or why there is only one."""
    if problem:
        print(f"\n{VIBE} is not beside it: {problem}")
        return
    print(f"\nBoth at 120×40, without a model; all processes of each\n\n| what | ossa | {VIBE} | ossa / vibe |")
    print("|---|---|---|---|")
    for title, name, unit in BESIDE:
        ours, theirs = figures[f"ossa_{name}"], figures[f"vibe_{name}"]
        ratio = f"{ours / theirs:.2f}" if theirs else "–"
        print(f"| {title} | {ours:.3g} {unit} | {theirs:.3g} {unit} | {ratio} |")


def main(answers: int = 200, turns: int = 1000) -> None:
    """Measure, print, write."""
    vibe, problem = None, ""
    try:
        vibe = vibe_command()
    except (OSError, subprocess.CalledProcessError) as error:
        problem = str(getattr(error, "stderr", "") or error).strip().rpartition("\n")[2]
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        figures = resume(bench, 1000) | resume(bench, 1000, LONG) | keys_and_stream(bench, answers)
        if turns:
            figures |= memory(bench, turns)
        others: dict[str, float] = {}
        if vibe:
            try:
                others = beside(vibe, Path(name), bench.root)
            except TimeoutError as error:
                problem = f"a window did not come: {error}"[:300]
    print(f"{answers} answers in the conversation, a terminal of 120×40\n")
    print("| what | ossa | wanted |\n|---|---|---|")
    for title, name, unit, wanted in ROWS:
        print(f"| {title} | {figures[name]:.{2 if unit in ('s', '') else 0}f} {unit} | {wanted} |")
    for name in (name for name in figures if name.startswith("memory_after_") or name.endswith("_turns_mb")):
        count = next(part for part in name.split("_") if part.isdigit())
        print(f"| memory after {count} turns | {figures[name]:.0f} MB | < 150 MB, flat |")
    if turns:
        first = round(SHARES[FULL] * turns)
        print(f"| memory grown from {first} turns to {turns} | {figures['memory_grown_mb']:.1f} MB | flat |")
    print_beside(others, problem)
    out = Path(__file__).parent / "out" / "window.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({name: round(value, 3) for name, value in (figures | others).items()}, indent=1) + "\n")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
