"""The attempts that use more than they may; run inside the draft like `probes.py`.

Each ends by itself after some seconds or some hundred processes, so that no harm is done where nothing stops it.
"""

import itertools
import os
import subprocess
import sys
import threading
import time

_SECONDS = 8


def daemon(mark: str) -> None:
    """Leave the session, the group and the parent."""
    program = f"import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep({_SECONDS})"
    null = subprocess.DEVNULL
    subprocess.run([sys.executable, "-c", program, f"left-{mark}"], stdin=null, stdout=null, stderr=null, check=False)


def forever(_mark: str) -> None:
    time.sleep(_SECONDS)


def forks(_mark: str) -> None:
    for _number in range(400):
        if os.fork() == 0:
            break
    time.sleep(_SECONDS)


def threads(_mark: str) -> None:
    for _number in range(1000):
        threading.Thread(target=time.sleep, args=(_SECONDS,), daemon=True).start()
    print("got out", flush=True)


def memory(_mark: str) -> None:
    block = bytearray(320 << 20)
    time.sleep(_SECONDS)
    del block


def memory_of_many(_mark: str) -> None:
    for _number in range(5):
        if os.fork() == 0:
            block = bytearray(60 << 20)
            time.sleep(_SECONDS)
            del block
    time.sleep(_SECONDS)


def memory_as_files(_mark: str) -> None:
    for folder in ("/tmp", "/dev/shm"):
        with open(f"{folder}/big", "wb") as file:
            file.write(bytes(100 << 20))
    time.sleep(_SECONDS)


def processor(_mark: str) -> None:
    os.fork()
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        pass


def disk(_mark: str) -> None:
    for number in range(40):
        with open(f"big-{number}", "wb") as file:
            file.write(bytes(8 << 20))
    time.sleep(_SECONDS)


def output(_mark: str) -> None:
    for _number in itertools.repeat(None, 1000):
        print("x" * 100_000)


def file_size(_mark: str) -> None:
    with open("big", "wb") as file:
        file.truncate(2 << 30)
    print("got out", flush=True)


if __name__ == "__main__":
    attempt = globals()[sys.argv[1]]
    print("tried", flush=True)
    attempt(sys.argv[2])
