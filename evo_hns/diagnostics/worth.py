"""What a skill is worth: the scripted yardsticks of the quadrant game against each other, before anything is trained.

Every pair plays the same worlds at the game's own physics. Returns are listed by how many doors the room has and by
where the hiders start; stages are those of `behaviour.stages`, in all worlds and in those where they are possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from evo_hns.behaviour.stages.detectors import detect
from evo_hns.behaviour.stages.shares import Share
from evo_hns.config import ConfigError, RunConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.intervals import Estimate, estimate
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.evaluation.session import build_game, play
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side

HIDERS = ("still", "fugitive", "sitter", "reactive-builder", "builder", "ramp-fetcher")
SEEKERS = ("random", "chaser", "climber")

STAGES = ("door_blocking", "fort", "ramp_use", "ramp_defence")
"""Stages that the yardsticks are to show."""

_WALL = 3.1  # metres: the room is beyond it in x and below it in y


@dataclass(frozen=True)
class Pairing:
    """Two yardsticks in the same worlds as all others."""

    hider: str
    seeker: str
    failed: int  #: worlds whose physics failed; they count nowhere else
    returns: dict[str, Estimate]  #: of the hiders' team, by kind of world; kinds that no world is of are left out
    stages: dict[str, Share]  #: of all worlds that have what the stage takes
    possible: dict[str, Share]  #: of the worlds in which it was possible (`_possible`)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "hider": self.hider,
            "seeker": self.seeker,
            "failed": self.failed,
            "hiders_return": {
                kind: {"mean": value.mean, "ci95": value.half_width, "worlds": value.num_samples}
                for kind, value in self.returns.items()
            },
            "stages": {name: share.as_dict() for name, share in self.stages.items()},
            "stages_where_possible": {name: share.as_dict() for name, share in self.possible.items()},
        }


def measure(
    config: RunConfig, num_worlds: int, hiders: Sequence[str] = HIDERS, seekers: Sequence[str] = SEEKERS
) -> Iterator[Pairing]:
    """Let all hiders meet all seekers, pair by pair.

    Args:
        config: the game, which must be the quadrant's; its seed decides the worlds.
        num_worlds: each pair plays all of them.
        hiders: names of scripted players.
        seekers: likewise.

    Raises:
        ConfigError: another game, no worlds, or no such player.
    """
    if config.world.scenario != "quadrant":
        raise ConfigError(f"got the scenario {config.world.scenario!r}; the yardsticks know the quadrant's room only")
    seeds = fresh_seeds(num_worlds, config.seed)
    game = build_game(config, min(config.physics.num_worlds, num_worlds))
    for hider in hiders:
        for seeker in seekers:
            yield _meet(game, hider, seeker, seeds)


def _meet(game: Game, hider: str, seeker: str, seeds: np.ndarray) -> Pairing:
    names = dict(zip(Side, (hider, seeker), strict=True))
    returns, kinds, shown, counted, possible = [], [], [], [], []
    for batch in np.array_split(seeds, -(-len(seeds) // game.num_worlds)):
        rows = torch.zeros(len(batch), dtype=torch.int64)
        teams = {side: scripted_roster(names[side]).bind(game.observation_spec, side, rows) for side in Side}
        episodes = play(game, teams, batch, keep={"trajectory"})
        trajectory = episodes.trajectory
        if trajectory is None:
            raise RuntimeError("a match was played without its trajectory, which was to be kept")
        found = detect(trajectory)
        scores = episodes.returns[:, : game.observation_spec.num_hiders].mean(1).numpy()
        returns.append(np.where(episodes.failed.numpy(), np.nan, scores))
        kinds.append(_kinds(trajectory))
        shown.append(np.stack([found[name].shown for name in STAGES]))
        counted.append(np.stack([found[name].counted for name in STAGES]))
        possible.append(_possible(trajectory, found["fort"].shown))
    scores = np.concatenate(returns)
    shows, counts = np.concatenate(shown, axis=1), np.concatenate(counted, axis=1)
    can = counts & np.concatenate(possible, axis=1)
    of_kind = {name: np.concatenate([each[name] for each in kinds]) & np.isfinite(scores) for name in kinds[0]}
    return Pairing(
        hider,
        seeker,
        int(np.isnan(scores).sum()),
        {name: estimate(scores[mask]) for name, mask in of_kind.items() if mask.any()},
        {name: Share(int(shows[k].sum()), int(counts[k].sum())) for k, name in enumerate(STAGES)},
        {name: Share(int((shows[k] & can[k]).sum()), int(can[k].sum())) for k, name in enumerate(STAGES)},
    )


def _kinds(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """`(W,)` bool, which worlds are of each kind."""
    num_doors = (trajectory.layout.doors[..., 2] > 0).sum(1)
    inside = _in_room(trajectory.agents[:, 0, : trajectory.scene.num_hiders]).all(1)
    return {
        "all worlds": np.ones(len(num_doors), dtype=bool),
        "one door": num_doors == 1,
        "two doors": num_doors == 2,
        "hiders start in the room": inside,
        "hiders start outside": ~inside,
    }


def _possible(trajectory: Trajectory, fort: np.ndarray) -> np.ndarray:
    """`(len(STAGES), W)` bool, where each stage was possible, beside what its detector needs.

    Doors can be shut anywhere. A ramp is of use to a seeker if hiders are enclosed and the ramp is outside at the end
    of the preparation; it can be fetched if it starts outside.
    """
    ramps = trajectory.objects[:, :, trajectory.scene.num_boxes :]
    outside = ~_in_room(ramps) & trajectory.layout.ramp_mask[:, None]
    at_start, at_end = outside[:, 0].any(1), outside[:, trajectory.num_prep_steps].any(1)
    anywhere = np.ones_like(fort)
    return np.stack([anywhere, anywhere, fort & at_end, at_start])


def _in_room(poses: np.ndarray) -> np.ndarray:
    return np.asarray((poses[..., 0] > _WALL) & (poses[..., 1] < _WALL))
