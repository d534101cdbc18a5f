"""Players of a user's own: `module:factory`, whose mistakes are told in one line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from evo_hns.config import ConfigError
from evo_hns.policies.base import Team, TeamState
from evo_hns.spec import Action, ActionSpec, Observation, ObservationSpec

Factory = Callable[[ObservationSpec, int], Team]


@dataclass(frozen=True)
class FactoryPolicy:
    """A player that has no genome."""

    address: str  #: `module:factory`
    factory: Factory
    spec: ObservationSpec
    num_params: int = 0

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> Team:
        """The team that the factory makes; `genomes` and `rows` are not looked at.

        Raises:
            ConfigError: it makes none.
        """
        try:
            team: Any = self.factory(self.spec, num_agents)
        except Exception as error:  # whatever a user's code raises
            _blame(self.address, "it", error)
        missing = [name for name in ("initial_state", "act") if not callable(getattr(team, name, None))]
        if missing:
            raise ConfigError(
                f"player {self.address}: it gave {type(team).__name__} without {' and '.join(missing)},"
                " expected a Team of policies/base.py"
            )
        return CheckedTeam(self.address, team, self.spec)


@dataclass(frozen=True)
class CheckedTeam:
    """A user's team, of which nothing gets into the game that the game does not know.

    Raises:
        ConfigError: it raises, or gives what is no state or no action.
    """

    address: str
    team: Team
    spec: ObservationSpec

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Memory at the start of an episode; see `Team.initial_state`."""
        try:
            state = self.team.initial_state(seeds)
        except Exception as error:
            _blame(self.address, "initial_state", error)
        return self._checked_state(state, "initial_state", len(seeds))

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        try:
            action, after = self.team.act(observation, state)
        except Exception as error:
            _blame(self.address, "act", error)
        shape, num_objects = tuple(observation.agent_mask.shape), self.spec.num_boxes + self.spec.num_ramps
        movement, pull, lock = (getattr(action, name, None) for name in ("movement", "pull", "glueall"))
        self._check("movement", movement, (torch.int64, torch.int32), [(*shape, 3)])
        self._check("pull", pull, (torch.bool,), [shape, (*shape, num_objects)])
        self._check("glueall", lock, (torch.bool,), [shape])
        assert isinstance(movement, Tensor)  # it was checked
        bins = ActionSpec().num_movement_bins
        if movement.numel() and not 0 <= int(movement.min()) <= int(movement.max()) < bins:
            raise ConfigError(
                f"player {self.address}: act gave movements from {int(movement.min())} to {int(movement.max())}, "
                f"expected bins from 0 to {bins - 1}"
            )
        return action, self._checked_state(after, "act", shape[0])

    def _check(self, name: str, values: Any, dtypes: tuple[torch.dtype, ...], shapes: list[tuple[int, ...]]) -> None:
        if not isinstance(values, Tensor) or values.dtype not in dtypes or tuple(values.shape) not in shapes:
            got = f"{values.dtype} {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
            raise ConfigError(
                f"player {self.address}: act gave {name} as {got}, expected a tensor {dtypes[0]} {shapes[0]}"
            )

    def _checked_state(self, state: Any, of: str, num_worlds: int) -> TeamState:
        if not isinstance(state, Tensor) or state.dim() < 1 or len(state) != num_worlds:
            got = tuple(state.shape) if isinstance(state, Tensor) else type(state).__name__
            raise ConfigError(
                f"player {self.address}: {of} gave {got} to remember, expected a tensor ({num_worlds}, agents, ...)"
            )
        return state


def load_factory(address: str) -> Factory:
    """The factory of `module:factory`; modules are looked for in the current folder too.

    Raises:
        ConfigError: no such module or factory, or the module cannot be imported.
    """
    module_name, _, name = address.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a user's module raises
        raise ConfigError(
            f"player {address}: module {module_name} cannot be imported from here ({type(error).__name__}: {error})"
        ) from error
    factory = getattr(module, name, None)
    if not callable(factory):
        raise ConfigError(f"player {address}: {module.__file__} has no function {name}")
    made: Factory = factory
    return made


def _blame(address: str, what: str, error: Exception) -> NoReturn:
    """Say in one line what went wrong in a user's code, and where."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None and trace.tb_frame.f_code.co_filename != __file__:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    said = " ".join(str(error).split())
    raise ConfigError(f"player {address}: {what} raised {type(error).__name__}: {said}{where}") from error
