"""Settings: what each file may say, and what is told of the rest."""

from pathlib import Path

import pytest

from ossa.assistant.config import Config, ConfigError, keep, load_config


def load(tmp_path: Path, user: str | bytes = "", repository: str | bytes = "") -> Config:
    root, folder = tmp_path / "repository", tmp_path / "config"
    for path, text in ((folder / "config.toml", user), (root / ".ossa.toml", repository)):
        path.parent.mkdir(parents=True)
        if text:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(root, folder)


def test_no_files_are_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Config()
    assert load_config(None, tmp_path / "nowhere") == Config()


def test_both_files_count_and_the_repository_knows_its_tests_best(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        'model = "gpt-oss-20b"\neffort = "high"\ntest_command = "pytest"\nignore = ["*.log"]\ntest_timeout = 60\n',
        'test_command = "make test"\nignore = ["data/"]\n',
    )
    assert config == Config("make test", 60, ("*.log", "data/"), "gpt-oss-20b", "high")


@pytest.mark.parametrize(
    "line",
    ['model = "evil"', 'adapter = "evil"', 'effort = "low"', 'theme = "x"', "test_timeout = 9", "test_limit = 9"],
)
def test_a_repository_may_set_nothing_else(tmp_path: Path, line: str) -> None:
    config = load(tmp_path, repository=f'test_command = "make"\n{line}\n')
    assert config.test_command == "make"
    assert (config.model, config.effort, config.theme, config.test_timeout) == ("", "medium", "", 300)
    (problem,) = config.problems
    assert f".ossa.toml:2: a repository may not set “{line.split()[0]}”" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("test_command = 3", "config.toml:1: “test_command” must be a text of one line"),
        ('\n\nignore = "a"', "config.toml:3: “ignore” must be a list of texts"),
        ("ignore = [1]", "config.toml:1: “ignore” must be a list of texts"),
        ('effort = "huge"', "config.toml:1: “effort” must be “low”, “medium” or “high”"),
        ("test_timeout = true", "config.toml:1: “test_timeout” must be a whole number"),
        ("thinking = -1", "config.toml:1: “thinking” must be a whole number of tokens"),
        ("thinking = true", "config.toml:1: “thinking” must be a whole number of tokens"),
        ("test_timeout = 0", "config.toml:1: “test_timeout” must be a whole number"),
        ("test_limit = 0", "config.toml:1: “test_limit” must be a whole number"),
        ('model = "a"\n[sandbox]\nnetwork = true', "config.toml:2: there is no setting “sandbox”"),
        ('"\\u001b[2J" = 1', r"config.toml:1: there is no setting “\x1b[2J”"),
        ("problems = []", "config.toml:1: there is no setting “problems”"),
        ("model = \nx = 1", "config.toml is not valid TOML and was left out: Invalid value (at line 1"),
        ("a" * (2 << 20), "config.toml is not valid TOML and was left out: it is larger than 1 MB"),
        (b"\xff\xfe", "config.toml is not valid TOML and was left out: 'utf-8' codec can't decode"),
        ("a = " + "[" * 100_000, "config.toml is not valid TOML and was left out"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_goes_on(tmp_path: Path, text: str | bytes, problem: str) -> None:
    config = load(tmp_path, text, 'test_command = "make test"')
    assert config.test_command == "make test"
    assert len(config.problems) == 1
    assert problem in config.problems[0]
    assert config.problems[0].startswith(str(tmp_path))


def test_a_folder_in_the_place_of_the_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".ossa.toml").mkdir()
    assert load_config(tmp_path, tmp_path / "config") == Config()


def test_keys_and_the_signal_are_the_users(tmp_path: Path) -> None:
    config = load(tmp_path, 'notify = 0\n[keys]\nreview = "f2"\n', '[keys]\nreview = "x"\n')
    assert (config.notify, config.keys) == (0, {"review": "f2"})
    assert len(config.problems) == 1 and "a repository may not set “keys”" in config.problems[0]
    assert "“keys” must be a table of texts" in load(tmp_path / "b", "[keys]\nreview = 3").problems[0]
    assert "“notify” must be a whole number" in load(tmp_path / "c", "notify = -1").problems[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'theme = "light"\n'),
        ('# mine\nmodel = "a"  # best\n', 'theme = "light"\n# mine\nmodel = "a"  # best\n'),
        ('model = "a"\r\ntheme = "x" # why\r\n[keys]\r\n', 'model = "a"\r\ntheme = "light"\r\n[keys]\r\n'),
        ('[keys]\ntheme = "f2"\n', 'theme = "light"\n[keys]\ntheme = "f2"\n'),
        ('test_command = """\ntheme = 1\n"""\ntheme = 2', 'test_command = """\ntheme = 1\n"""\ntheme = "light"'),
    ],
)
def test_a_setting_is_kept_and_all_else_stays(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "config.toml"
    if before:
        file.write_bytes(before.encode())
    keep("theme", "light", tmp_path)
    assert file.read_bytes().decode() == after
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_what_cannot_be_kept_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for text, why in (("theme = ", "not valid TOML"), ('theme = """\nx"""', "only you can change")):
        file.write_text(text)
        with pytest.raises(ConfigError, match=why):
            keep("theme", "light", tmp_path)
        assert file.read_text() == text
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        keep("theme", "light", blocked / "folder")


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/ossa.toml").write_text('model = "a"\n')
    (tmp_path / "config.toml").symlink_to(tmp_path / "dotfiles/ossa.toml")
    keep("theme", "light", tmp_path)
    assert (tmp_path / "config.toml").is_symlink()
    assert load_config(None, tmp_path).theme == "light"
