"""What an editor sends as a prompt, and what ossa makes of it."""

from pathlib import Path

import pytest
from acp.helpers import (
    audio_block,
    embedded_blob_resource,
    image_block,
    resource_block,
    resource_link_block,
    text_block,
)
from acp.schema import EmbeddedResourceContentBlock, TextResourceContents

from ossa.tui.acp.prompts import Block, Prompt, UnfitPrompt, place_of, prompt_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "my calc.py").write_text("one\ntwo\nthree\n")
    return tmp_path


def embedded(uri: str, text: str) -> EmbeddedResourceContentBlock:
    return EmbeddedResourceContentBlock(type="resource", resource=TextResourceContents(uri=uri, text=text))


def of(root: Path, *blocks: Block | str) -> Prompt:
    return prompt_of([text_block(block) if isinstance(block, str) else block for block in blocks], root)


@pytest.mark.parametrize(
    ("end", "mention"),
    [
        ("", '@"my calc.py"'),
        ("#L2", '@"my calc.py":2-2'),
        ("#L2:3", '@"my calc.py":2-3'),
        ("#L2-L3", '@"my calc.py":2-3'),
        ("#2-1", '@"my calc.py":2-2'),
        ("?symbol=add#L1:2", '@"my calc.py":1-2'),
        ("#frob", '@"my calc.py"'),
        ("#L0:4", '@"my calc.py"'),
    ],
)
def test_a_link_becomes_a_mention(end: str, mention: str, root: Path) -> None:
    uri = (root / "my calc.py").as_uri() + end
    assert of(root, "explain", resource_link_block("x", uri), "please").text == f"explain {mention} please"


def test_a_link_elsewhere_is_named_alone(root: Path) -> None:
    for uri in (
        "file:///etc/passwd",
        f"file://{root}/../x",
        f"file://{root}/.git/config",
        "file://other/x",
        "http://x/",
    ):
        assert place_of(uri, root) is None
        assert of(root, resource_link_block("it", uri)).text == f"it ({uri})"
    for uri in ("file://[", "file:///\0", "\ud800", "file://" + "/x" * 5000):
        assert place_of(uri, root) is None
    assert of(root, resource_link_block("docs", (root / "docs").as_uri())).text == "@docs/"
    (root.parent / "link").symlink_to(root)
    assert place_of((root.parent / "link/docs").as_uri(), root) == place_of((root / "docs").as_uri(), root)


def test_a_text_is_mentioned_where_it_is_saved_and_attached_where_it_is_not(root: Path) -> None:
    uri = (root / "my calc.py").as_uri()
    assert of(root, embedded(uri, "one\r\ntwo\r\nthree")) == Prompt('@"my calc.py"')
    assert of(root, embedded(f"{uri}#L2:3", "two\nthree\n")) == Prompt('@"my calc.py":2-3')
    typed = of(root, "why ", embedded(f"{uri}#L2:3", "typed ```\0"), embedded("zed:///agent/rule/1", "Be kind."))
    assert "`my calc.py:2-3`" in typed.text
    assert [a.name for a in typed.attached] == ["my calc.py:2-3, in the editor", "zed:///agent/rule/1, in the editor"]
    assert "unsaved:\n````\ntyped ```�\n````" in typed.attached[0].text and "Be kind." in typed.attached[1].text


def test_what_is_no_text_is_refused_by_a_sentence(root: Path) -> None:
    blob = resource_block(embedded_blob_resource("file:///x", "aGk="))
    for block in (image_block("aGk=", "image/png"), audio_block("aGk=", "audio/wav"), blob):
        with pytest.raises(UnfitPrompt, match="read text alone"):
            of(root, "see", block)
    with pytest.raises(UnfitPrompt, match="is empty"):
        of(root, " \n")
    assert of(root, "a\0b\ud800").text == "a�b?"
