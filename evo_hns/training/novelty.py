"""Intrinsic motivation without any reward of a game: boxes that end where boxes have seldom ended (`box_novelty`).

The field is cut into cells, and all matches of a run's candidates are counted by where their boxes came to rest. An
episode is worth the mean over its boxes of 1 / sqrt(1 + count of the cell): count-based exploration, as in the
baselines of Baker et al. 2020, where agents that never played hide-and-seek are set beside those that did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.records import State
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.candidates import EvaluationBatch
from evo_hns.evaluation.fitness import Skill
from evo_hns.evaluation.rollout import Episodes
from evo_hns.spec import ObservationSpec, Side

BOX_NOVELTY = "box_novelty"
"""Its name among the skills (`SIDE.fitness`)."""

CELL = 0.5
"""Edge of a cell, metres: that of a box."""

_CELLS = 64  # along each edge; the largest field has 30 m


class BoxNovelty:
    """What is counted for each side that is selected for it.

    Args:
        config: the run's settings.
        spec: of its game.

    Raises:
        ConfigError: there are no boxes.
    """

    def __init__(self, config: RunConfig, spec: ObservationSpec) -> None:
        sides = [side for side in config.trained_sides if config.side(side).fitness == BOX_NOVELTY]
        if sides and not spec.num_boxes:
            raise ConfigError(f"{sides[0].label}.fitness: got {BOX_NOVELTY!r} in a game without boxes: leave it out")
        self._counts = {side: np.zeros((_CELLS, _CELLS), dtype=np.int64) for side in sides}

    @property
    def skills(self) -> dict[Side, Skill]:
        """What candidates of these sides are selected for."""

        def scoring(counts: np.ndarray) -> Skill:
            return Skill(lambda episodes: novelty(episodes, counts), keep=("trajectory",))

        return {side: scoring(counts) for side, counts in self._counts.items()}

    def learn(self, side: Side, batch: EvaluationBatch) -> None:
        """Count where boxes ended in the matches of a side's candidates."""
        if side in self._counts:
            cells, counted = _end_cells(batch.episodes.take(batch.rows[side].reshape(-1)))
            np.add.at(self._counts[side], tuple(cells[counted].T), 1)

    @property
    def state(self) -> State:
        """All counts, as arrays; nothing where nobody is selected for them."""
        counts = {side.label: each.copy() for side, each in self._counts.items()}
        return {BOX_NOVELTY: counts} if counts else {}

    def restore(self, state: State) -> None:
        """The counts after the last generation of a run."""
        known = cast(Mapping[str, np.ndarray], state.get(BOX_NOVELTY, {}))
        for side, counts in self._counts.items():
            counts[:] = known[side.label]


def novelty(episodes: Episodes, counts: np.ndarray) -> Tensor:
    """`(W,)` float64 of each episode, from 0 to 1; of one without boxes, or that failed, 0."""
    cells, counted = _end_cells(episodes)
    worth = np.where(counted, 1.0 / np.sqrt(1.0 + counts[cells[..., 0], cells[..., 1]]), 0.0)
    return torch.from_numpy(worth.sum(1) / np.maximum(counted.sum(1), 1))


def _end_cells(episodes: Episodes) -> tuple[np.ndarray, np.ndarray]:
    """`(W, B, 2)` cells in which boxes ended, and `(W, B)` which of them count."""
    trajectory = episodes.kept_trajectory
    boxes = trajectory.objects[:, -1, : trajectory.scene.num_boxes, :2]
    counted = trajectory.layout.box_mask & ~trajectory.failed[:, None] & np.isfinite(boxes).all(2)
    cells = np.clip(np.floor(np.where(counted[..., None], boxes, 0.0) / CELL), 0, _CELLS - 1)
    return cells.astype(np.int64), counted
