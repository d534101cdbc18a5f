"""Wakes what sleeps, and keeps awake what is about to sleep, when a constraint on it changes.

MuJoCo wakes a sleeping body that is moved, pushed or touched, and one that a weld joins to something awake. It looks
neither at joint limits nor at welds that end or change among bodies that all sleep: a box that fell asleep while it was
locked in the air would hang there for ever once it is unlocked. And whether a body falls asleep is judged by the
velocities before a substep: a box that was held at rest would fall asleep in the first substep after it is let go.
"""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from evo_hns.system.kernels import kernel

_ALMOST = -2  # `tree_asleep` from which a tree may fall asleep in the next substep


class Waker:
    """Compares each world's joint limits and equalities with those of its last step.

    Where nothing changed, or only what binds trees that are awake and stay so, it writes nothing: the bits stay.

    Args:
        batch: the worlds, which may sleep.
        model: that of the batch.

    Raises:
        ValueError: an equality binds something else than bodies.
    """

    def __init__(self, batch: Batch, model: mujoco.MjModel) -> None:
        if (model.eq_objtype != mujoco.mjtObj.mjOBJ_BODY).any():
            raise ValueError("an equality binds no bodies; where bodies may sleep, use welds and connects of bodies")
        self._joint_tree = model.body_treeid[model.jnt_bodyid]
        self._equality_trees = model.body_treeid[np.stack([model.eq_obj1id, model.eq_obj2id], axis=1)]
        self._now = batch.expand("jnt_range"), batch.bind("eq_active"), batch.expand("eq_data")
        self._before = tuple(values.copy() for values in self._now)
        dof, asleep = model.tree_dofadr.copy(), batch.bind("tree_asleep")
        self._held = np.zeros(asleep.shape, np.bool_)
        self._trees = dof, asleep, self._held, batch.bind("qvel"), batch.bind("qfrc_applied")

    def remember(self, worlds: NDArray[np.int64] | None) -> None:
        """Take the constraints of worlds (None: all) for known, as at the start of an episode."""
        chosen = slice(None) if worlds is None else worlds
        for before, now in zip(self._before, self._now, strict=True):
            before[chosen] = now[chosen]
        self._held[chosen] = False

    def keep_awake(self, worlds: NDArray[np.int64] | None) -> None:
        """Let nothing fall asleep at once in worlds (None: all) whose state was written; MuJoCo wakes what sleeps."""
        chosen = np.arange(len(self._held)) if worlds is None else worlds
        asleep = self._trees[1][chosen]
        rows, trees = ((asleep >= _ALMOST) & (asleep < 0)).nonzero()
        for w, tree in zip(chosen[rows], trees, strict=True):
            _touch(w, tree, *self._trees)

    def branch(self, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> None:
        """Remember of targets what is remembered of sources; both `(K,)` worlds."""
        asleep = self._trees[1].view()
        asleep.flags.writeable = True  # the batch renews it in the next step, which asks for it before
        for values in (*self._now, *self._before, self._held, asleep):
            values[targets] = values[sources]

    def wake(self, worlds: NDArray[np.int64] | None) -> None:
        """Wake, for the next step, what constraints bind that changed in worlds (None: all) since their last."""
        chosen = np.arange(len(self._held)) if worlds is None else worlds
        _wake(chosen, *self._now, *self._before, self._joint_tree, self._equality_trees, *self._trees)

    def let_sleep(self) -> None:
        """What was kept awake for a step may sleep again."""
        if self._held.any():
            dof, *_, forces = self._trees
            worlds, trees = self._held.nonzero()
            forces[worlds, dof[trees]] += 0.0  # of all numbers -0.0 alone is changed by it
            self._held[:] = False


@kernel
def _touch(
    w: int,
    tree: int,
    dof: np.ndarray,
    asleep: np.ndarray,
    held: np.ndarray,
    qvel: np.ndarray,
    forces: np.ndarray,
) -> None:
    """MuJoCo wakes what has a velocity, and keeps awake what has a force, that is not 0.0 bit by bit: -0.0 is not.

    A tree that sleeps is woken and may sleep again when it is at rest; one that is about to stays awake for a step.
    """
    if asleep[w, tree] >= 0:
        if qvel[w, dof[tree]] == 0.0:
            qvel[w, dof[tree]] = -0.0
    elif asleep[w, tree] >= _ALMOST and forces[w, dof[tree]] == 0.0:
        forces[w, dof[tree]] = -0.0
        held[w, tree] = True


@kernel
def _wake(
    worlds: np.ndarray,
    limits: np.ndarray,
    active: np.ndarray,
    poses: np.ndarray,
    limits_before: np.ndarray,
    active_before: np.ndarray,
    poses_before: np.ndarray,
    joint_tree: np.ndarray,
    equality_trees: np.ndarray,
    dof: np.ndarray,
    asleep: np.ndarray,
    held: np.ndarray,
    qvel: np.ndarray,
    forces: np.ndarray,
) -> None:
    for w in worlds:
        for j in range(limits.shape[1]):
            if limits[w, j, 0] != limits_before[w, j, 0] or limits[w, j, 1] != limits_before[w, j, 1]:
                limits_before[w, j, 0], limits_before[w, j, 1] = limits[w, j, 0], limits[w, j, 1]
                _touch(w, joint_tree[j], dof, asleep, held, qvel, forces)
        for e in range(active.shape[1]):
            changed = active[w, e] != active_before[w, e]
            if active[w, e]:  # an inactive one binds nothing, whatever its pose
                for k in range(poses.shape[2]):
                    changed |= poses[w, e, k] != poses_before[w, e, k]
            if changed:
                active_before[w, e] = active[w, e]
                for k in range(poses.shape[2]):
                    poses_before[w, e, k] = poses[w, e, k]
                for k in range(2):
                    if equality_trees[e, k] >= 0:  # not the world
                        _touch(w, equality_trees[e, k], dof, asleep, held, qvel, forces)
