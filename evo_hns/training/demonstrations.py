"""Starts grown outward from solved ones: a demonstrator plays less of a match once candidates succeed with the rest.

Each of a side's worlds has its own number of demonstrated env steps. Where the better half of the candidates reaches
the settings' target, two steps fewer are demonstrated next time; where it does not, one more. A world that is solved
from its true start makes room for a fresh one.

Source of the idea: Salimans and Chen 2018, "Learning Montezuma's Revenge from a single demonstration"; Florensa et al.
2017, "Reverse curriculum generation for reinforcement learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from torch import Tensor

from evo_hns.archive.records import State
from evo_hns.config import DemonstrationConfig, RunConfig
from evo_hns.evaluation.candidates import FRESH, Starts
from evo_hns.evaluation.demonstrations import begin_demonstrated
from evo_hns.evaluation.matches import draw_training_seeds
from evo_hns.spec import Side
from evo_hns.training.random_streams import Stream, stream

FEWER, MORE = 2, 1
"""Env steps by which a demonstration shrinks after a success, and grows after a failure."""


class Demonstrations:
    """The demonstrated worlds of all sides that have a demonstrator.

    Args:
        config: the run's settings.
    """

    def __init__(self, config: RunConfig) -> None:
        sides = [side for side in config.trained_sides if config.side(side).demonstration.player is not None]
        self._sides = {side: _Worlds(config.side(side).demonstration, config.seed, side) for side in sides}

    def draw(self, numbers: Mapping[Side, int], generation: int) -> Starts:
        """With which worlds' seeds a side's matches begin, where a demonstrator plays in them."""
        return {side: worlds.draw(numbers[side], generation) for side, worlds in self._sides.items()}

    def learn(self, side: Side, scores: Tensor, generation: int) -> dict[str, float]:
        """Take in what a side's candidates came to in the matches of the last draw.

        Args:
            side: whose candidates.
            scores: `(P, E)` theirs; NaN: the match failed.
            generation: of the draw.

        Returns:
            Metrics: mean of the env steps that are demonstrated, and how many worlds were solved from their true start.
        """
        if side not in self._sides:
            return {}
        worlds = self._sides[side]
        worlds.learn(scores.numpy(), generation)
        name = f"{side.label}.demonstrated"
        return {f"{name}_steps": float(worlds.env_steps.mean()), f"{name}_solved": float(worlds.solved)}

    @property
    def state(self) -> State:
        """All worlds, as arrays; nothing where nobody demonstrates."""
        return {"demonstrations": {side.label: each.state for side, each in self._sides.items()}} if self._sides else {}

    def restore(self, state: State) -> None:
        """The worlds after the last generation of a run."""
        known = cast(Mapping[str, Mapping[str, np.ndarray]], state.get("demonstrations", {}))
        for side, worlds in self._sides.items():
            if side.label in known:
                worlds.restore(known[side.label])


class _Worlds:
    """The demonstrated worlds of one side."""

    def __init__(self, settings: DemonstrationConfig, seed: int, side: Side) -> None:
        self._settings, self._seed, self._side = settings, seed, side
        rng = stream(seed, 0, Stream.DEMONSTRATED_WORLDS, side)
        self.seeds = draw_training_seeds(settings.worlds, rng)
        self.env_steps = np.full(settings.worlds, settings.env_steps, dtype=np.int64)
        self.solved = 0
        self._drawn = np.empty(0, dtype=np.int64)  # `(E,)` world of each match of the last draw; -1: none of them

    def draw(self, num: int, generation: int) -> np.ndarray:
        """`(num,)` seeds: of worlds in which a demonstrator plays, each as often as the others, or `FRESH`."""
        rng = stream(self._seed, generation, Stream.DEMONSTRATIONS, self._side)
        shown = int(np.floor(self._settings.share * num + rng.random()))  # by chance up, so that the mean is the share
        rows = np.arange(num) % len(self.seeds)
        self._drawn = np.where(np.arange(num) < shown, rng.permutation(len(self.seeds))[rows], -1)
        self._drawn = rng.permutation(self._drawn)
        begun = begin_demonstrated(self.seeds, self._side, self.env_steps)
        return np.where(self._drawn >= 0, begun[self._drawn], FRESH)

    def learn(self, scores: np.ndarray, generation: int) -> None:
        rng = stream(self._seed, generation + 1, Stream.DEMONSTRATED_WORLDS, self._side)
        for column in np.flatnonzero(self._drawn >= 0):
            own = np.sort(scores[np.isfinite(scores[:, column]), column])
            if not len(own):
                continue
            row, better = self._drawn[column], own[len(own) // 2 :].mean()
            change = -FEWER if better >= self._settings.target else MORE
            if change < 0 and self.env_steps[row] == 0:
                self.solved += 1
                self.seeds[row] = draw_training_seeds(1, rng)[0]
                self.env_steps[row] = int(np.median(self.env_steps))
            else:
                self.env_steps[row] = np.clip(self.env_steps[row] + change, 0, self._settings.env_steps)

    @property
    def state(self) -> State:
        return {"seeds": self.seeds.copy(), "env_steps": self.env_steps.copy(), "solved": np.array(self.solved)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.seeds, self.env_steps = state["seeds"].copy(), state["env_steps"].copy()
        self.solved = int(state["solved"])
