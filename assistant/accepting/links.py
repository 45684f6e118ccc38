"""Symbolic links in an accept: which may be made, and what a change of one needs to find.

A link that is accepted leads to a place within the repository and not into `.git`, by the tree as it will be then. One
that leads elsewhere stays as it is or goes, but none is made: what lies behind it may be anything.
"""

import os
import posixpath
import shlex
import stat
from collections.abc import Callable, Mapping

from ossa.assistant.accepting.tree import LINK, Content, Swap, Tree, TreeError
from ossa.assistant.change import FileChange
from ossa.assistant.diff import diff_link
from ossa.assistant.draft import DraftError
from ossa.assistant.safepath import leads_to, resolve


def link_planned(file: FileChange, now: Content | None, draft: Callable[[str], bytes | None]) -> Content | None:
    """What stands in the place of a link, or of what becomes one, once its hunk is in.

    Raises:
        TreeError: what is there is not what the draft found.
    """
    data = file.link.encode("utf-8", "surrogateescape") if file.link is not None else None
    new = Content(data, LINK) if data is not None else None
    if file.kind != "deleted" and new is None:
        data = draft(file.path)
        if data is None:
            raise TreeError(f"{file.path} is no longer in the draft as it was shown; ask for it again.")
        new = Content(data, file.mode)
    if _same(now, new):
        return now
    there = now and now.data, _mode(now)
    found = diff_link(file.path, there[0], data, there[1], _mode(new)) if now or new else None
    if found is None or found.hunks[0].id != file.hunks[0].id:
        by_now = "exists" if file.kind == "added" else "is gone" if now is None else "is another"
        raise TreeError(f"{file.path} {by_now} in the working tree by now, so what the draft did to it was left out.")
    return new


def unsafe(swaps: Mapping[str, Swap], tree: Tree) -> dict[str, str]:
    """Those of these files that cannot be put into the tree because of links, each with a sentence.

    Args:
        swaps: all that is to be done, by path.
        tree: as it is before.
    """

    def leads(path: str) -> str | None:
        if path in swaps:
            new = swaps[path].new
            return os.fsdecode(new.data) if new and new.is_link else None
        place = tree.root / path
        return leads_to(place) if place.is_symlink() else None

    told: dict[str, str] = {}
    for path, swap in swaps.items():
        above = [folder for folder in _above(path) if leads(folder) is not None]
        if swap.new and above:
            told[path] = f"{path} goes through {above[0]}, a symbolic link; ossa writes nothing through one."
        elif swap.new and swap.new.is_link and (why := _astray(path, os.fsdecode(swap.new.data), leads, tree)):
            told[path] = why
    return told


def _astray(path: str, target: str, leads: Callable[[str], str | None], tree: Tree) -> str:
    """Why a link is not made; empty where it is."""
    command = f"ln -sfn -- {shlex.quote(target)} {shlex.quote(path)}"
    try:
        resolve(path, leads, tree.root)
    except DraftError:
        why = "out of the repository, into `.git`, in a circle or too far for a path"
    else:
        ups = target.rstrip("/").split("/")
        names = ups if target.startswith("/") else ups[next((n for n, up in enumerate(ups) if up != ".."), len(ups)) :]
        if ".." not in names:
            return ""
        why = "to a place that other links decide about (`..` after a name)"
    return f"{path} would be a symbolic link that leads {why}; ossa leaves those to you: run `{command}`."


def _above(path: str) -> list[str]:
    """The folders above, outermost first."""
    folders: list[str] = []
    while path := posixpath.dirname(path):
        folders.insert(0, path)
    return folders


def _same(now: Content | None, new: Content | None) -> bool:
    if now is None or new is None:
        return now is new
    return now.data == new.data and now.is_link == new.is_link


def _mode(content: Content | None) -> int:
    if content is None:
        return 0
    return LINK if content.is_link else stat.S_IFREG | (content.mode or 0)
