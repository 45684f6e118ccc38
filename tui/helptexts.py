"""What `ossa COMMAND --help` says beside the options: what the command does, and what its exit codes mean."""

from typing import NamedTuple


class About(NamedTuple):
    """The words of one command."""

    line: str
    """A few of them, for a list."""
    text: str
    """What it does and what it leaves alone."""
    codes: str
    """Exit codes."""


_BACK = "2 nothing was written: the files were changed since, there is no such accept, or another error"
_TURN = "0 a change was proposed (or applied, with --accept), 1 no change, 2 error, 128 + n ended by signal n"

_REFACTORED = (
    "What is changed is made in a draft and shown as a diff, with the places that were left to you and what the "
    "project's tests say; then you are asked. `ossa undo` takes it back."
)
_REFACTORING = "0 accepted (or worked out, with --check), 1 refused or not accepted, 2 error"

ABOUT = {
    "run": About(
        "answer one prompt, without a window",
        "Answers one prompt. What the model changes is made in a draft, tested there before and after, and printed as "
        "a diff with the verdict; your files stay as they are unless --accept is given and the tests prove the change.",
        _TURN,
    ),
    "fix": About(
        "repair failing tests, without a window",
        "Runs the project's tests in a draft and looks for a change that makes the failing ones pass and breaks none. "
        "It is printed as a diff with the verdict; your files stay as they are unless --accept is given.",
        _TURN,
    ),
    "watch": About(
        "answer comments that end in AI! or AI? when you save",
        "Watches the files of the repository. A comment of which a line begins or ends with AI! is a prompt as soon as "
        "its file is saved, one with AI? a question; what you noted in comments that end in AI goes with it. What the "
        "model changes waits for your review, here, and the comments are gone from it; nothing is written without you. "
        "Prompts and commands can be typed beside, as in `ossa --plain`. Files that git ignores are not read. "
        "Ctrl+C ends a turn, and where none is running ends ossa.",
        "0 left, 2 error, 128 + n ended by signal n",
    ),
    "apply": About(
        "put a patch into the files, all of it or nothing",
        "Takes a V4A patch, a unified diff, search/replace blocks or whole files, also inside other text, finds the "
        "places in the files as they are now and writes all of it in one step, or refuses and says why. "
        "`ossa undo` takes it back.",
        "0 applied (or would apply, with --check), 1 refused, 2 no patch, or none that can be read",
    ),
    "rename": About(
        "give a function, class or method another name, everywhere",
        "Renames a definition with all its uses in the repository: imports, overriding methods, `__all__`, texts that "
        f"are its dotted path. {_REFACTORED}",
        _REFACTORING,
    ),
    "move": About(
        "put a function or class into another module",
        "Moves a function or class of Python to another module, with the imports that it needs, and has everybody "
        f"import it from there. {_REFACTORED}",
        _REFACTORING,
    ),
    "signature": About(
        "change a function's parameters, and its callers",
        "Writes the head of a function of Python anew, and the arguments of every call: put in another order, taken "
        f"out, renamed, added with a default. {_REFACTORED}",
        _REFACTORING,
    ),
    "undo": About(
        "take back the latest accepted change",
        "Brings the files back to what they were before the latest change that was accepted in this repository and "
        "still stands, by `ossa apply`, in the window or with --accept; once more goes one change further back. Where "
        "you changed those files since, nothing is written: the difference is shown, and your work stays. Neither "
        "git's index nor its history is touched. `ossa redo` makes the change again.",
        f"0 taken back, {_BACK}",
    ),
    "redo": About(
        "make the change again that was undone last",
        "Makes the change again that `ossa undo` took back last; once more goes on to the next one. Where you changed "
        "its files since, nothing is written: the difference is shown, and your work stays. A change that is accepted "
        "after an undo takes the place of what was undone.",
        f"0 made again, {_BACK}",
    ),
    "models": About(
        "list the models, or fetch one",
        "`list` shows the known models, where those on this disk are, and which one is taken unless you say so; "
        "`pull NAME` fetches one and checks it. Only `pull` ever opens a connection to another machine.",
        "0 listed or fetched, 2 error",
    ),
    "bench-model": About(
        "what a model does on this machine, in figures",
        "Measures how fast a model reads, writes and goes on with what it has read, and how much memory it takes, "
        "within about a minute. With --random --against llama.cpp both engines run the same weights in turns: that "
        "takes 26 GB of disk, the network once, and half an hour, with --depth 16384 an hour more.",
        "0 measured, 2 error",
    ),
    "find": About(
        "which files a text is about, and why",
        "Ranks the files of the repository for a text, an issue with its traceback for example, by words, names, what "
        "uses what, and what git's log tells, and prints for each the reasons and the symbols that fit. The index on "
        "which this rests lies in ossa's cache folder and is brought up to date first; no model is needed.",
        "0 files were found, 1 none fits, 2 error",
    ),
    "map": About(
        "the repository on a page, for a number of tokens",
        "Prints the most important files with the heads of what they define, as many as fit --tokens, as the model is "
        "shown them; with a text, those that matter for it. The tokens are counted exactly by the model in use; "
        "without one on disk roughly, one for three bytes.",
        "0 printed, 1 nothing fits, 2 error",
    ),
    "sessions": About(
        "list, search, name, fork or export sessions",
        "Lists the conversations of this repository, the latest first; `ossa --resume ID` goes on with one. An ID may "
        'be as short as is unambiguous, or "latest". An export has what was asked and answered, the changes with '
        "their verdicts and what became of them, without reasoning and output of commands.",
        "0 listed or done, 1 none has the words, 2 error",
    ),
    "doctor": About(
        "try to get out of the sandbox, and say what held",
        "Says what this machine offers and what confines the commands that the model runs, tries to get out of it in "
        "every known way, and counts the connections that ossa's own processes open while the local model answers.",
        "0 all held, 1 something got out or nothing confines commands here, 2 error",
    ),
    "acp": About(
        "serve an editor: Zed, Toad, neovim, Emacs and others",
        "Speaks the Agent Client Protocol over standard input and output; an editor starts it. Each of its sessions "
        "works on the repository of its own folder, all on one model. What the model changes waits for your decision "
        "there, with the tests' verdict; nothing is written without it.",
        "0 the editor has left, 2 error, 128 + n ended by signal n",
    ),
    "demo": About(
        "watch a failing test being repaired, on an example",
        "Copies a small repository with a failing test to a temporary folder and repairs it there: in the window, or "
        "as text where there is no terminal.",
        "as those of `ossa fix`, or of the window",
    ),
}
