"""Stage one: hiders run, seekers chase.

Judged on pairs of a hider and a seeker of whom at least one sees the other, after the preparation.
"""

from __future__ import annotations

import numpy as np

from evo_hns.evaluation.trajectory import Trajectory

RUN = 0.1
"""Metres an env step (1.3 m/s) towards or away from the other: a fifth of the top speed, far above any trembling."""

ARRIVED = 0.6
"""Distance below which a pursuer is there and need not come nearer, metres (two radii are 0.3)."""

TOUCHED = 0.35
"""Distance below which a hider is caught and may be pushed about, metres. Down to here every step counts: judged only
farther off, an agent that moves at random has a pursuer behind itself, and seems to flee, in half the episodes."""

FAR = 3.0
"""Distance above which nothing needs to be done yet, metres: half the field."""

LEAST_STEPS = 8
"""Agents' env steps to judge by, 0.6 s of one agent: chance gives a share of few steps any value."""

MOST_OF_THEM = 0.6
"""Share of those steps. Who walks at random runs away from a point in a third of the steps, or towards it."""


def shows_chasing(trajectory: Trajectory) -> np.ndarray:
    """Seekers follow: when a seeker sees a hider it mostly comes nearer.

    Of each seeker and env step of the main phase the nearest hider that it sees counts, if that is between `ARRIVED`
    and `FAR` away; the seeker follows if it moves towards where that hider is by `RUN` or more. At least `LEAST_STEPS`
    such steps of all seekers together, and `MOST_OF_THEM` of them.

    Returns:
        `(W,)` bool.
    """
    hiders = trajectory.scene.num_hiders
    rows = slice(trajectory.num_prep_steps, trajectory.num_steps)
    sees = trajectory.sees_agents[:, rows, hiders:, :hiders]
    towards, distance = _approach(trajectory, slice(hiders, None), slice(hiders))
    return mostly_moves(towards, np.where(sees, distance, np.inf), ARRIVED)


def shows_running(trajectory: Trajectory) -> np.ndarray:
    """Hiders flee: when a hider and a seeker see each other the hider mostly runs away.

    Of each hider and env step of the main phase the nearest seeker counts that it sees or is seen by, if that is
    between `TOUCHED` and `FAR` away; the hider runs if it moves away from where that seeker is by `RUN` or more. At
    least `LEAST_STEPS` such steps of all hiders together, and `MOST_OF_THEM` of them.

    Returns:
        `(W,)` bool.
    """
    hiders = trajectory.scene.num_hiders
    rows = slice(trajectory.num_prep_steps, trajectory.num_steps)
    sees = trajectory.sees_agents[:, rows]
    either = sees[:, :, :hiders, hiders:] | sees[:, :, hiders:, :hiders].swapaxes(2, 3)
    towards, distance = _approach(trajectory, slice(hiders), slice(hiders, None))
    return mostly_moves(-towards, np.where(either, distance, np.inf), TOUCHED)


def _approach(trajectory: Trajectory, movers: slice, others: slice) -> tuple[np.ndarray, np.ndarray]:
    """`(W, T, a, b)` metres that mover a comes nearer to where other b is by its own move, and metres between them."""
    pos = trajectory.agents[:, trajectory.num_prep_steps :, :, :2]
    offset = pos[:, :-1, None, others] - pos[:, :-1, movers, None]
    distance = np.linalg.norm(offset, axis=-1)
    step = (pos[:, 1:] - pos[:, :-1])[:, :, movers, None]
    return (step * offset).sum(-1) / np.maximum(distance, 1e-9), distance


def mostly_moves(advance: np.ndarray, distance: np.ndarray, least: float) -> np.ndarray:
    """Whether movers go where they should in most of the env steps that count.

    Args:
        advance: `(W, T, a, b)` metres that mover a moves the right way in the env step, judged by other b.
        distance: `(W, T, a, b)` metres between them, infinite where they do not know of each other.
        least: distance below which a step does not count, metres.

    Returns:
        `(W,)` bool.
    """
    if 0 in distance.shape[1:]:
        return np.zeros(len(distance), dtype=bool)
    nearest = distance.argmin(-1)[..., None]
    gap = np.take_along_axis(distance, nearest, -1)[..., 0]
    right = np.take_along_axis(advance, nearest, -1)[..., 0] >= RUN
    counts = (gap >= least) & (gap <= FAR)
    num_steps = counts.sum((1, 2))
    num_right = (counts & right).sum((1, 2))
    shown: np.ndarray = (num_steps >= LEAST_STEPS) & (num_right >= MOST_OF_THEM * num_steps)
    return shown
