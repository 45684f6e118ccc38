"""Which files are likely to hold secrets, by their names: keys, tokens, passwords.

A name tells little by itself, so it counts only where git ignores the file, as whoever keeps secrets in a repository
has it; a tracked one is everybody's already.
"""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_NAMES = (
    *(
        ".env",
        ".env.*",
        "*.env",
        ".envrc",
        ".netrc",
        "_netrc",
        ".pgpass",
        ".npmrc",
        ".pypirc",
        ".htpasswd",
        ".dockercfg",
    ),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.asc", "*.gpg", "id_*"),
    *(
        "credentials",
        "credentials.*",
        "*secret*",
        "*.tfvars",
        "*.tfstate",
        "*password*",
        "*token*",
        "service-account*.json",
    ),
)
_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure", ".secrets", "secrets"})
_EXAMPLES = ("*.example", "*.sample", "*.template", "*.dist", "*.pub", "*.py", "*.js", "*.ts", "*.go", "*.rs", "*.md")
"""What shows how such a file looks, or is code about it."""


def looks_secret(path: str) -> bool:
    """Whether a file with this path, from the root of the repository with "/", would hold secrets."""
    *folders, name = PurePosixPath(path.casefold()).parts or ("",)
    if any(fnmatchcase(name, pattern) for pattern in _EXAMPLES):
        return False
    return not _FOLDERS.isdisjoint(folders) or any(fnmatchcase(name, pattern) for pattern in _NAMES)
