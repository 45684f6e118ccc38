"""What rope knows: whether a name at a place is the definition, by its own inference of types.

Rope is used as a library on a folder of copies, without a folder or settings of its own: a repository's `.ropeproject`
holds Python that rope would run. What it stumbles over in one file concerns that file alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def oracle(root: Path, folders: Sequence[str], path: str, place: int) -> Callable[[str, int], bool | None]:
    """Tells of (path, place) whether it means what is defined at `place` of `path`; None where rope cannot tell."""
    from rope.base import evaluate, worder
    from rope.base.project import Project
    from rope.refactor import occurrences

    make: Any = Project  # its annotations say that there must be a folder of its own
    project = make(str(root), ropefolder=None, source_folders=list(folders), ignore_syntax_errors=True)
    # What happens to be installed beside ossa has nothing to say of the repository.
    own = [folder for folder in project.get_python_path_folders() if "-packages" not in folder.path]
    project.get_python_path_folders = own.copy
    resource = project.get_resource(path)
    instance, pyname = evaluate.eval_location2(project.get_pymodule(resource), place)
    if pyname is None:
        return lambda path, place: None
    name = worder.get_name_at(resource, place)
    finder: Any = occurrences.create_finder(project, name, pyname, unsure=_always, in_hierarchy=True, instance=instance)
    seen: dict[str, dict[int, bool]] = {}

    def ask(other: str, at: int) -> bool | None:
        if other not in seen:
            try:
                found = finder.find_occurrences(project.get_resource(other))
                seen[other] = {one.offset: not one.is_unsure() for one in found}
            except Exception:  # rope raises whatever it meets in odd code
                seen[other] = {}
                return None
        sure = seen[other].get(at)
        return True if sure else None

    return ask


def _always(_occurrence: object) -> bool:
    return True
