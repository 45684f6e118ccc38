"""Gives a copy of the working tree a git folder of its own, which borrows the objects of the repository.

repository ─► init, HEAD, index ─► copy/.git        objects: copy/.git/borrowed ─► the repository's, never written
"""

from pathlib import Path

from ossa.assistant.drafts.sandbox import remove
from ossa.assistant.repository import Repository

BORROWED = ".git/borrowed"
"""Where the copy sees the repository's objects."""
_ORIGIN = ".git/copied-commit"


def objects(repository: Repository) -> Path:
    """The folder of the repository's objects; of a linked worktree, that of the main one."""
    return repository.root / _answer(repository, "rev-parse", "--git-path", "objects")


def refresh(copy: Path, repository: Repository) -> None:
    """Make the git folder, or make it anew where the repository has another commit since."""
    commit = _answer(repository, "rev-parse", "--quiet", "--verify", "HEAD")
    folder, origin = copy / ".git", copy / _ORIGIN
    own = not folder.is_symlink() and folder.is_dir()  # a command may have put a link to another one there
    if own and not origin.is_symlink() and origin.is_file() and origin.read_text() == commit:
        return
    remove(folder) if own else folder.unlink(missing_ok=True)
    inner = Repository(copy, is_git=True)
    kind = _answer(repository, "rev-parse", "--show-object-format")
    inner.git("init", "--quiet", "--template=", f"--object-format={kind}")
    (copy / ".git/objects/info").mkdir(exist_ok=True)
    (copy / ".git/objects/info/alternates").write_text("../borrowed\n")
    (copy / BORROWED).symlink_to(objects(repository))
    if branch := _answer(repository, "symbolic-ref", "--quiet", "HEAD"):
        inner.git("symbolic-ref", "HEAD", branch)
    if commit:
        inner.git("update-ref", *([] if branch else ["--no-deref"]), "HEAD", commit)
        inner.git("read-tree", "HEAD")
    origin.write_text(commit)


def _answer(repository: Repository, *arguments: str) -> str:
    return repository.git(*arguments).decode(errors="surrogateescape").strip()
