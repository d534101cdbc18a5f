"""Matches whose first env steps a demonstrator plays in place of a team: starts nearer to what is to be learnt.

How many, and for which side, is part of the seed of a match, so that the match is the same wherever it is played. What
the demonstrator does, the player whose place it takes observes, and remembers as if it had done so itself.

Source of the idea: Salimans and Chen 2018, "Learning Montezuma's Revenge from a single demonstration".
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.base import Team, TeamState
from evo_hns.spec import Action, Observation, Side
from evo_hns.worlds.layout import SEEDS_OF_A_START


def begin_demonstrated(seeds: np.ndarray, side: Side, env_steps: np.ndarray) -> np.ndarray:
    """`(W,)` seeds of the same matches, in which a demonstrator plays so many `(W,)` env steps for a side."""
    return seeds + np.where(env_steps > 0, SEEDS_OF_A_START * (2 * env_steps + int(side)), 0)


def demonstrated_steps(seeds: np.ndarray, side: Side) -> np.ndarray:
    """`(W,)` int64, how many env steps a demonstrator plays for a side in the matches of these seeds."""
    env_steps, whose = np.divmod(seeds // SEEDS_OF_A_START, 2)
    return np.where(whose == int(side), env_steps, 0)


class DemonstratedTeam:
    """A team that acts for itself once a demonstrator has played the first env steps.

    Args:
        demonstrator: bound to W worlds.
        team: bound to the same.
        env_steps: `(W,)` that the demonstrator plays in each.
    """

    def __init__(self, demonstrator: Team, team: Team, env_steps: np.ndarray) -> None:
        self._demonstrator, self._team = demonstrator, team
        self._env_steps = torch.from_numpy(np.asarray(env_steps, dtype=np.int64))
        self._last = int(env_steps.max(initial=0))
        empty = self._begin(torch.zeros(len(env_steps), dtype=torch.int64))
        self._forms = [(part.dtype, part.shape[1:]) for part in empty]

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Both players' memories, and the env steps that were played; see `Team.initial_state`."""
        return _pack(self._begin(seeds))

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """The demonstrator's decision where it still plays, else the team's own; see `Team.act`."""
        played, shown, own = self._unpack(state)
        decided, own = self._team.act(observation, own)
        if int(played.min()) < self._last:
            demonstrated, shown = self._demonstrator.act(observation, shown)
            theirs = played[:, 0] < self._env_steps
            fields = ("movement", "pull", "glueall")
            pairs = ((getattr(demonstrated, name), getattr(decided, name)) for name in fields)
            decided = Action(*(torch.where(theirs.view(-1, *[1] * (a.dim() - 1)), a, b) for a, b in pairs))
        return decided, _pack([played + 1, shown, own])

    def _begin(self, seeds: Tensor) -> list[Tensor]:
        played = torch.zeros(len(seeds), 1, dtype=torch.int64)
        return [played, self._demonstrator.initial_state(seeds), self._team.initial_state(seeds)]

    def _unpack(self, state: TeamState) -> list[Tensor]:
        sizes = [math.prod(shape) * dtype.itemsize for dtype, shape in self._forms]
        columns = torch.split(state, sizes, 1)
        return [
            part.clone(memory_format=torch.contiguous_format).view(dtype).reshape(len(state), *shape)
            if size
            else torch.empty(len(state), *shape)
            for part, size, (dtype, shape) in zip(columns, sizes, self._forms, strict=True)
        ]


def _pack(parts: list[Tensor]) -> Tensor:
    """`(W, N)` uint8, the bytes of each world's `(W, ...)` tensors one after the other."""
    return torch.cat([part.reshape(len(part), -1).contiguous().view(torch.uint8) for part in parts if part.numel()], 1)
