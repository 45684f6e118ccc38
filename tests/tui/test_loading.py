"""How far the model's loading is, as it is said."""

from pathlib import Path

from ossa.model import discover
from ossa.model.process import LocalModel
from ossa.tui.loading import load


async def test_it_is_said_while_it_loads_and_not_behind_it(small_model_file: Path) -> None:
    model, said = LocalModel(discover.from_path(small_model_file)), list[str]()
    try:
        await load(model, said.append, 0.005)
        assert said == ["loading the model: its libraries"]
        await load(model, said.append, 0.005)
        assert len(said) == 1
    finally:
        model.close()
