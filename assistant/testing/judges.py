"""Which files have a say in what the tests say: a change of theirs proves nothing by itself."""

import re

_TEST = re.compile(
    r"(^|/)(tests?/|__tests__/|test_[^/]*\.py$|[^/]*_test\.(py|go)$|[^/]*\.(test|spec)\.[cm]?[jt]sx?$|conftest\.py$)"
)
_CONFIGURATION = re.compile(
    r"(^|/)(\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|Makefile|\.ossa\.toml|sitecustomize\.py"
    r"|package\.json|(jest|vitest|vite|babel)\.config\.[cm]?[jt]s|\.mocharc\.\w+|Cargo\.toml|build\.rs|go\.mod)$"
)
_EFFECT = re.compile(r"(^|/)conftest\.py$")


def is_test(path: str) -> bool:
    """Whether a path looks like a test's own."""
    return bool(_TEST.search(path))


def is_configuration(path: str) -> bool:
    """Whether it has an effect on tests that do not import it."""
    return bool(_CONFIGURATION.search(path) or _EFFECT.search(path))


def is_judge(path: str) -> bool:
    """Whether it is a test's own, or configures how tests are run."""
    return is_test(path) or bool(_CONFIGURATION.search(path))
