"""The catalogue: names, and the pins that everything fetched is held against."""

import re

import pytest

from ossa.model.base import ModelError
from ossa.model.catalog import CATALOG, Repository, find


@pytest.mark.parametrize("name", ["gpt-oss-20b", "openai/gpt-oss-20b", " OpenAI/GPT-OSS-20B "])
def test_a_model_is_found_by_its_short_and_its_full_name(name: str) -> None:
    assert find(name).name == "gpt-oss-20b"


def test_an_unknown_name_gets_the_list_of_known_ones() -> None:
    with pytest.raises(ModelError) as error:
        find("gpt-oss-7b")
    assert "gpt-oss-7b" in str(error.value)
    for entry in CATALOG:
        assert entry.name in str(error.value)


def test_every_file_is_pinned_and_stays_in_its_folder() -> None:
    for entry in CATALOG:
        assert entry.size == sum(file.size for file in entry.files) > 0
        assert len({file.name for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert re.fullmatch(r"[\w.-]+", file.name)
        if isinstance(entry.source, Repository):
            assert re.fullmatch(r"[0-9a-f]{40}", entry.source.commit)


def test_the_sizes_are_those_that_were_announced() -> None:
    assert [round(find(name).weights / 2**30, 1) for name in ("gpt-oss-20b", "gpt-oss-120b")] == [12.8, 60.8]
    assert find("smollm2-135m").size == 98_362_432
