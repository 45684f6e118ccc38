"""Which files have a say in what the tests say: a change of theirs proves nothing by itself."""

import re

_TEST = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|[^/]*_test\.py$|conftest\.py$)")
_CONFIGURATION = re.compile(
    r"(^|/)(\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|Makefile|\.ossa\.toml|sitecustomize\.py)$"
)


def is_test(path: str) -> bool:
    """Whether a path looks like a test's own."""
    return bool(_TEST.search(path))


def is_judge(path: str) -> bool:
    """Whether it is a test's own, or configures how tests are run."""
    return is_test(path) or bool(_CONFIGURATION.search(path))
