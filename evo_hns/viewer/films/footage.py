"""A match to look at: one that a run recorded, played again to the bit, or a new one of any two players."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from evo_hns.archive.run_view import RunView
from evo_hns.behaviour.stages import detect
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.players.addresses import common_game, find_player, game_differences, game_of, lasting_name, parse_address
from evo_hns.players.replay import explain_difference, in_one_world, replay_with_trajectory
from evo_hns.spec import Side

LOOK_EVERY = 4
"""Env steps from one look for stages to the next: 0.3 s, of which each costs as much as a picture."""


@dataclass(frozen=True, eq=False)
class Footage:
    """One match, and what is said of it."""

    trajectory: Trajectory  #: of this match alone
    hider: str  #: who played the hiders
    seeker: str  #: who played the seekers
    source: str  #: where it comes from, in a few words
    config: RunConfig  #: the game

    @property
    def num_steps(self) -> int:
        """Its length in env steps."""
        return self.trajectory.num_steps

    @property
    def teams(self) -> tuple[Side, ...]:
        """The sides that have places for agents."""
        scene = self.trajectory.scene
        return tuple(side for side, size in zip(Side, (scene.num_hiders, scene.num_seekers), strict=True) if size)

    @property
    def step_seconds(self) -> float:
        """Simulated time of an env step."""
        return self.config.physics.timestep * self.config.physics.num_substeps

    @property
    def world_seed(self) -> int:
        """Of its world."""
        return int(self.trajectory.seeds[0])

    @property
    def has_stages(self) -> bool:
        """Stages of emergence can be looked for: it is hide-and-seek of two teams."""
        return self.config.rules.task == "hide-and-seek" and len(self.teams) == len(Side)

    def stages(self, step: int) -> tuple[str, ...]:
        """What the detectors of stages and exploits say of the match up to an env step, in their order.

        They judge from the preparation's end on, at every `LOOK_EVERY` env steps and at the end, which is what they
        say of the whole match; what they say of a part may turn out wrong (a fort that is opened).
        """
        prep = self.trajectory.num_prep_steps
        last = step if step >= self.num_steps else step - (step - prep) % LOOK_EVERY
        if not self.has_stages or last <= prep:
            return ()
        if last not in self._seen_stages:
            found = detect(self.trajectory.until(last))
            self._seen_stages[last] = tuple(name for name, detection in found.items() if detection.shown[0])
        return self._seen_stages[last]

    @cached_property
    def _seen_stages(self) -> dict[int, tuple[str, ...]]:
        return {}

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "hider": self.hider,
            "seeker": self.seeker,
            "world_seed": self.world_seed,
            "env_steps": self.num_steps,
            "failed": bool(self.trajectory.failed[0]),
            "returns": {side.label: self.team_return(side, self.num_steps) for side in self.teams},
            "stages": list(self.stages(self.num_steps)),
        }

    def team_return(self, side: Side, step: int) -> float:
        """What each member of a team has on average after so many env steps."""
        hiders = self.trajectory.scene.num_hiders
        team = slice(hiders) if side is Side.HIDERS else slice(hiders, None)
        present = self.trajectory.layout.agent_mask[0, team]
        return float(self.trajectory.reward[0, :step, team].sum(0)[present].mean()) if present.any() else 0.0


def recorded_footage(path: Path, number: int) -> Footage:
    """A recorded match of a run, as it was.

    Raises:
        ConfigError: there is no such match, or it does not come out again as it was played.
        RunFileError: a run file that cannot be read, or matches that are not of its settings.
    """
    again, trajectory = replay_with_trajectory(path, number)
    match = again.match
    if not again.is_equal:
        raise ConfigError(
            f"match {number} comes out differently here, so that a picture would not show what was played; "
            f"{explain_difference(path)}"
        )
    with RunView(path) as view:
        return Footage(trajectory, match.hider, match.seeker, f"{path.name}, match {number}", view.config)


def new_footage(
    path: Path, hider: str | None = None, seeker: str | None = None, seed: int = 0, *, world: int | None = None
) -> Footage:
    """A match of any two players in the game of a run.

    Args:
        path: the run file.
        hider: address of the hiders' player, `hiders/12` is one of this run; by default its last champion.
        seeker: address of the seekers' player.
        seed: decides the world: the first one of `evaluate` with the same seed.
        world: the seed of the world itself, if it is known.

    Raises:
        ConfigError: an address that leads nowhere, or players of another game.
        RunFileError: a run file that cannot be read.
    """
    typed = {Side.HIDERS: hider, Side.SEEKERS: seeker}
    addresses = {side: parse_address(_full(typed[side] or f"{side.label}/last", path), side) for side in Side}
    with RunView(path) as view:
        config = view.config
    game = common_game(addresses, config)
    if game_of(game) != game_of(config):
        raise ConfigError(
            f"{path} is a run of another game than that of these players ({game_differences(config, game)}); "
            "name the run of one of them"
        )
    evaluator = build_evaluator(in_one_world(game))
    rosters = {side: find_player(addresses[side], side, evaluator.session.spec) for side in Side}
    first = np.zeros(1, dtype=np.int64)
    seeds = fresh_seeds(1, seed) if world is None else np.array([world], dtype=np.int64)
    played = evaluator.evaluate(MatchTable(first, first, seeds), rosters, keep=["trajectory"])
    hider_name, seeker_name = (lasting_name(addresses[side], path) for side in Side)
    return Footage(cast(Trajectory, played.trajectory), hider_name, seeker_name, path.name, game)


def _full(address: str, path: Path) -> str:
    """`hiders/12` with the run that it is of."""
    sides = tuple(f"{side.label}/" for side in Side)
    return f"{path}:{address}" if address.startswith(sides) and ":" not in address else address
