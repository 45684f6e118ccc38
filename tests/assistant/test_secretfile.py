import pytest

from ossa.assistant.edits.engine import EditError, plan
from ossa.assistant.edits.parse import parse
from ossa.assistant.secretfile import looks_secret

SECRET = [
    ".env",
    ".env.local",
    "deploy/prod.env",
    "certs/Server.PEM",
    "id_ed25519",
    ".aws/config",
    "a/credentials.json",
]
HARMLESS = [
    "calc.py",
    ".env.example",
    "env.py",
    "keys.py",
    "id_rsa.pub",
    "tokens.py",
    "docs/secrets.md",
    "",
    "Makefile",
]


@pytest.mark.parametrize(("path", "secret"), [*((p, True) for p in SECRET), *((p, False) for p in HARMLESS)])
def test_names_tell_what_would_hold_secrets(path: str, secret: bool) -> None:
    assert looks_secret(path) is secret


def test_the_engine_leaves_alone_what_is_secret_and_not_among_the_files() -> None:
    files = {".env": b"TOKEN=123\n", "a.pem": b"x\n"}
    text = "*** Begin Patch\n*** Update File: {}\n-{}\n+y\n*** End Patch"
    with pytest.raises(EditError, match="looks like it holds secrets"):
        plan(parse(text.format(".env", "TOKEN=123")), files.get, files=lambda: ["a.pem"])
    assert plan(parse(text.format("a.pem", "x")), files.get, files=lambda: ["a.pem"])["a.pem"].data == b"y\n"
