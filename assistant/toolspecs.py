"""The tools as the model is told of them: names, arguments and words of those that gpt-oss was trained on.

Source: arXiv 2604.00362, which found these by asking gpt-oss with no tools declared.
"""

from ossa.model.base import ToolSpec


def _spec(
    name: str, description: str, properties: dict[str, tuple[str, str]], required: tuple[str, ...] = ()
) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": {key: {"type": kind, "description": text} for key, (kind, text) in properties.items()},
        "required": list(required),
    }
    return ToolSpec(name, description, schema)


PRINT_TREE = _spec(
    "repo_browser.print_tree",
    "List the files below a folder of the repository.",
    {"path": ("string", 'Folder, "." for the root.'), "depth": ("integer", "Levels, 2 by default.")},
)
SEARCH = _spec(
    "repo_browser.search",
    "Search the files of the repository for an extended regular expression, line by line.",
    {
        "query": ("string", "The expression."),
        "path": ("string", 'File or folder to search, "." by default.'),
        "max_results": ("integer", "Lines at most, 50 by default."),
    },
    required=("query",),
)
OPEN_FILE = _spec(
    "repo_browser.open_file",
    "Show a file with line numbers.",
    {
        "path": ("string", "The file."),
        "line_start": ("integer", "First line, 1 by default."),
        "line_end": ("integer", "Last line; 400 lines are shown by default."),
    },
    required=("path",),
)
APPLY_PATCH = _spec(
    "repo_browser.apply_patch",
    "Edit files by a patch from *** Begin Patch to *** End Patch.",
    {"patch": ("string", "The patch in V4A form.")},
    required=("patch",),
)
REFACTOR = _spec(
    "repo_browser.refactor",
    "Rename or move a symbol or module, or change a function's parameters, with all uses in the repository.",
    {
        "kind": ("string", "rename, move or signature."),
        "symbol": ("string", "name, Class.method, module.name, path:line or a module's path."),
        "to": ("string", 'New name; module or folder; parameters, as "(a, b=1)".'),
        "keep": ("boolean", "Of a move: whether the old module goes on offering it. False by default."),
    },
    required=("kind", "symbol", "to"),
)
EXEC = _spec(
    "container.exec",
    "Run a shell command in the draft: tests, formatters, git. There is no network.",
    {
        "cmd": ("string", "The command line."),
        "workdir": ("string", "Folder to run it in, the root by default."),
        "timeout": ("integer", "Seconds after which it is killed, 120 by default."),
    },
    required=("cmd",),
)
