"""What a person may set for a session in the editor's own menus: how changes are reviewed, and how long is thought.

Settings ─► options() (and, for older editors, modes()) ─► the editor's menus ─► change(name, value)
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from acp.schema import SessionConfigOptionSelect, SessionConfigSelectOption, SessionMode, SessionModeState

from ossa.assistant.agent import Agent
from ossa.model.base import ModelInfo

Mode: TypeAlias = Literal["ask", "proven"]
Effort: TypeAlias = Literal["low", "medium", "high"]

_MODES: dict[Mode, tuple[str, str]] = {
    "ask": ("Ask", "Every change is shown with its verdict and written only when you accept it"),
    "proven": ("Accept what is proven", "A change that the tests prove is written at once; all others are shown first"),
}
_EFFORTS: dict[Effort, str] = {"low": "Low", "medium": "Medium", "high": "High"}


class UnknownSetting(Exception):
    """There is no such setting or value; the text is a sentence for the user."""


@dataclass
class Settings:
    """One session's."""

    mode: Mode = "ask"

    def modes(self) -> SessionModeState:
        """How changes can be reviewed, and how they are."""
        known = [SessionMode(id=mode, name=name, description=text) for mode, (name, text) in _MODES.items()]
        return SessionModeState(current_mode_id=self.mode, available_modes=known)

    def options(self, agent: Agent) -> list[SessionConfigOptionSelect]:
        """All that can be set, and the model, of which there is one."""
        modes = [SessionConfigSelectOption(value=m, name=name, description=text) for m, (name, text) in _MODES.items()]
        info = agent.model.info
        model = SessionConfigSelectOption(value=info.name, name=_named(info), description=info.about)
        found = [
            _select("mode", "Review", "mode", self.mode, modes),
            _select("model", "Model", "model", info.name, [model]),
        ]
        if info.calls_tools:
            efforts = [SessionConfigSelectOption(value=effort, name=name) for effort, name in _EFFORTS.items()]
            found.append(_select("effort", "Reasoning", "thought_level", agent.sampling.effort, efforts))
        return found

    def change(self, agent: Agent, name: str, value: str | bool) -> None:
        """Set one of them; what is asked of the model next goes by it.

        Raises:
            UnknownSetting: there is none of this name, or not with this value.
        """
        match name, value:
            case "mode", str() if value in get_args(Mode):
                self.mode = "proven" if value == "proven" else "ask"
            case "effort", "low" | "medium" | "high":
                agent.sampling = replace(agent.sampling, effort=value)
                agent.repair.sampling = replace(agent.repair.sampling, effort=value)
            case "model", str() if value == agent.model.info.name:
                return
            case "model", _:
                raise UnknownSetting("ossa has one model; name another one by `ossa acp --model` in the settings.")
            case _:
                raise UnknownSetting(f"There is no setting {name[:80]!r} with the value {str(value)[:80]!r}.")


def _named(info: ModelInfo) -> str:
    return f"{info.name} ({info.where})" if info.where else info.name


def _select(
    name: str,
    text: str,
    category: Literal["mode", "model", "thought_level"],
    value: str,
    options: list[SessionConfigSelectOption],
) -> SessionConfigOptionSelect:
    return SessionConfigOptionSelect(
        id=name, name=text, category=category, type="select", current_value=value, options=options
    )
