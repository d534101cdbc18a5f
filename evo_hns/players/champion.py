"""A champion in other code: it acts on observations of the PettingZoo game, and is saved as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from evo_hns.archive.hall_of_fame import GenomeArray
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig
from evo_hns.envs.observations import observation_spec
from evo_hns.evaluation.preparation import stream_seeds
from evo_hns.players.addresses import Archived, parse_address
from evo_hns.policies.base import Policy, Team, TeamState
from evo_hns.policies.entity.genome import network_of
from evo_hns.policies.entity.policy import EntityPolicy
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Action, Observation, ObservationSpec, Side
from evo_hns.system.output_file import output_file

_SIDES = {side.label: side for side in Side}
_FORMS = "RUN:hiders/GENERATION, RUN:seekers/last or RUN:hiders/best"


@dataclass(frozen=True, eq=False)
class Champion:
    """A champion of a run file, which is not needed any more."""

    address: str  #: `RUN:hiders/12`, wherever a player is named
    side: Side
    generation: int
    score: float  #: mean return, or another fitness, with which it entered its hall of fame
    settings: RunConfig  #: of its run
    genome: GenomeArray  #: `(L,)` float32; of a network per member, one after the other

    def __repr__(self) -> str:
        """One line, for notebooks."""
        return f"Champion({self.address!r}, {self.genome.size:,} parameters)"

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """The agents it plays in the PettingZoo game, `hider_0` and so on."""
        return tuple(f"{self.side.label.removesuffix('s')}_{k}" for k in range(self._spec.team_size(self.side)))

    def initial_state(self, world_seed: int = 0) -> TeamState:
        """Memory at the start of an episode.

        Args:
            world_seed: what networks draw that draw their actions follows from it, as in `evaluate`.
        """
        return self._team.initial_state(stream_seeds(torch.tensor([world_seed], dtype=torch.int64), self.side))

    @torch.inference_mode()
    def act(
        self, observation: Mapping[str, Mapping[str, npt.ArrayLike]], state: TeamState | None = None
    ) -> tuple[dict[str, npt.NDArray[np.int64]], TeamState]:
        """Decide one env step for the team.

        That game's observations are float32: what hangs on the last digits of float64 may be decided otherwise than in
        `evaluate`.

        Args:
            observation: of each agent, as `make_env(champion.settings)` gives it; other agents' are ignored.
            state: what `initial_state` or the last `act` returned; None at the start of an episode.

        Returns:
            The action of each agent of the team that is there, as that game takes it; and the memory after the step.

        Raises:
            ConfigError: no observation of the team, one of another game, or the state of another champion.
        """
        if not isinstance(observation, Mapping):
            raise ConfigError(
                f"got observations of type {type(observation).__name__}, expected those of each agent by name"
            )
        there = [agent for agent in self.agents if agent in observation]
        if not there:
            raise ConfigError(f"got observations of {', '.join(observation) or 'nobody'}, expected {self.agents[0]}")
        observed, start = _team_observation(self._spec, self.agents, observation), self.initial_state()
        before = start if state is None else state
        if not isinstance(before, torch.Tensor):
            raise ConfigError(f"got a state of type {type(before).__name__}, expected what the last act returned")
        if (before.shape, before.dtype) != (start.shape, start.dtype):  # compiled kernels would not notice
            raise ConfigError(
                f"got a state of shape {tuple(before.shape)}, expected {tuple(start.shape)}: each champion has its own"
            )
        action, after = self._team.act(observed, before)
        rows = _choices(action, self._num_pulls)
        return {agent: rows[self.agents.index(agent)] for agent in there}, after

    def save_npz(self, path: str | Path) -> None:
        """Save it for other code, whole or not at all; numpy alone reads it, without unpickling.

        The file holds `genome`, `address`, `side`, `generation`, `score`, `settings` (JSON), and the parameters by
        name as `weights/NAME`, `(M, ...)` for M networks (1, or one for each member).

        Args:
            path: the file; it ends with .npz.

        Raises:
            ConfigError: another ending, or it cannot be written there.
        """
        if not isinstance(path, str | Path):
            raise ConfigError(f"got {path!r}, expected the path of a file that ends with .npz")
        path = Path(path)
        if path.suffix != ".npz":
            raise ConfigError(f"cannot write {path}: got the ending {path.suffix!r}, expected .npz")
        arrays: dict[str, Any] = {
            "genome": self.genome,
            "address": self.address,
            "side": self.side.label,
            "generation": self.generation,
            "score": self.score,
            "settings": self.settings.model_dump_json(),
        }
        for name, values in _named_weights(self._policy, self._networks):
            arrays[f"weights/{name}"] = values
        with output_file(path) as partial:
            np.savez(partial, **arrays)

    @cached_property
    def _spec(self) -> ObservationSpec:
        return observation_spec(self.settings.world, self.settings.rules)

    @cached_property
    def _player(self) -> PlayerSpec:
        return PlayerSpec(network=self.settings.side(self.side).policy)

    @cached_property
    def _policy(self) -> Policy:
        return self._player.build(self._spec)

    @property
    def _networks(self) -> npt.NDArray[np.float32]:
        """`(M, N)`."""
        return self.genome.reshape(-1, self._policy.num_params)

    @cached_property
    def _team(self) -> Team:
        roster = Roster(self._player, torch.from_numpy(self.genome)[None])
        return roster.bind(self._spec, self.side, torch.zeros(1, dtype=torch.int64))

    @property
    def _num_pulls(self) -> int:
        """Pulls in an action: one, or one for each object that may be chosen."""
        return self._spec.num_boxes + self._spec.num_ramps if self.settings.rules.grab_selective else 1


def load_champion(address: str) -> Champion:
    """A champion of a run file.

    Args:
        address: `RUN:hiders/12`, `RUN:seekers/last` or `RUN:hiders/best`.

    Raises:
        ConfigError: it is no address of a champion, or there is none.
        RunFileError: the run file cannot be read.
    """
    if not isinstance(address, str):
        raise ConfigError(f"got the champion {address!r}, expected {_FORMS}")
    side = _SIDES.get(address.rpartition(":")[2].partition("/")[0])
    found = None if side is None else parse_address(address, side)
    if not isinstance(found, Archived):
        raise ConfigError(f"got the champion {address!r}, expected {_FORMS}")
    member = found.member
    name = f"{found.path}:{found.side.label}/{member.generation}"
    return Champion(name, found.side, member.generation, member.score, member.config, member.genome)


def champions_of(path: Path, side: Side) -> list[Champion]:
    """All champions of a side in a run file, in the order in which they came.

    Raises:
        RunFileError: the run file cannot be read.
    """
    with RunView(path) as view:
        rows = zip(
            view.generations(side).tolist(),
            view.scores(side).tolist(),
            view.genomes(side, range(view.num_champions(side))),
            strict=True,
        )
        return [Champion(f"{path}:{side.label}/{g}", side, g, score, view.config, genome) for g, score, genome in rows]


def _team_observation(
    spec: ObservationSpec, agents: tuple[str, ...], observed: Mapping[str, Mapping[str, npt.ArrayLike]]
) -> Observation:
    """`(1, A, ...)`, the observation of a team; zeros for absent members and for fields that no agent observes.

    Raises:
        ConfigError: an array is missing or has another shape than in this game.
    """
    fields: dict[str, torch.Tensor] = {"door_obs": torch.zeros(1, 0, 3, dtype=torch.float64)}
    for name, shape in _shapes(spec).items():
        rows = np.zeros((1, len(agents), *shape), bool if "mask" in name else np.float64)
        for row, agent in enumerate(agents):
            if agent in observed and rows.size and not name.endswith("_spoof"):
                values = np.asarray(observed[agent].get(name, ()) if isinstance(observed[agent], Mapping) else ())
                if values.shape != shape:
                    raise ConfigError(
                        f"got {name} of {agent} of shape {values.shape}, expected {shape}: "
                        "let a champion act in make_env(champion.settings)"
                    )
                rows[0, row] = values
        fields[name] = torch.from_numpy(rows)
    fields["agent_mask"] = torch.tensor([[agent in observed for agent in agents]])
    return Observation(**fields)


def _shapes(spec: ObservationSpec) -> dict[str, tuple[int, ...]]:
    """Shapes of what one agent observes, by field of `Observation`."""
    counts = {"aa": spec.num_agents - 1, "ab": spec.num_boxes, "ar": spec.num_ramps, "af": spec.num_food}
    masks = {f"mask_{kind}_obs{of}": (count,) for kind, count in counts.items() for of in ("", "_spoof")}
    return {
        **masks,
        "observation_self": (10,),
        "agent_qpos_qvel": (counts["aa"], 10),
        "box_obs": (counts["ab"], spec.box_columns.width),
        "ramp_obs": (counts["ar"], spec.ramp_columns.width),
        "food_obs": (counts["af"], 4),
        "construction_site_obs": (spec.num_sites, 15),
        "mask_acs_obs": (spec.num_sites,),
        "lidar": (spec.num_lidar_rays, 1),
    }


def _choices(action: Action, num_pulls: int) -> npt.NDArray[np.int64]:
    """`(A, K)`, an action of one world as the PettingZoo game takes it."""
    pull = action.pull if action.pull.dim() == 3 else action.pull.unsqueeze(2).expand(-1, -1, num_pulls)
    parts = (action.movement, pull, action.glueall.unsqueeze(2))
    choices: npt.NDArray[np.int64] = torch.cat([part.long() for part in parts], dim=2)[0].numpy()
    return choices


def _named_weights(policy: Policy, genomes: npt.NDArray[np.float32]) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Parameters of M networks by name, `(M, ...)`.

    Args:
        policy: their form.
        genomes: `(M, N)`.
    """
    if isinstance(policy, NetworkPolicy):
        for name, layer in policy.graph.layers.items():
            yield name, layer.weights(genomes)
    elif isinstance(policy, EntityPolicy):
        networks = [network_of(policy.form, torch.from_numpy(genome)).state_dict() for genome in genomes]
        for name in networks[0]:
            yield name, np.stack([network[name].numpy() for network in networks])
