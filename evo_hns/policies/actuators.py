"""From the outputs of a network to actions of the game: frame of movement, latches, damped turning, held decisions.

A network's outputs are in [-1, 1]: forward, left, turn, grab, lock. As it is by default, every env step has a decision
of its own, movement is in the agent's frame, and grab and lock are on while their outputs are above zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.actions import MIDDLE_BIN, NUM_OUTPUTS, movement_bin
from evo_hns.policies.agent_state import StateLayout
from evo_hns.policies.features import BOX, OPPONENT, RAMP, Features
from evo_hns.spec import Action
from evo_hns.system.kernels import kernel

_OWN, _WORLD, _NEAREST = -1, -2, -3
_FRAMES = {"own": _OWN, "world": _WORLD, "nearest": _NEAREST, "opponent": OPPONENT, "box": BOX, "ramp": RAMP}
"""By the name that settings give them; along the way to a thing it is the thing's entity type."""


class Actuators(NamedTuple):
    """How an agent's outputs act; as kernels read it."""

    frame: int = _OWN
    grab_latch: float = 0.0  #: margin by which the output must be above zero to switch on, below it to switch off
    lock_latch: float = 0.0
    grabbing_turn: float = 1.0  #: factor on the turning while the grab is on
    hold: int = 1  #: env steps for which a decision holds

    @classmethod
    def of(cls, config: SmallPolicyConfig) -> Actuators:
        """Those of a configuration."""
        return cls(_FRAMES[config.frame], config.grab_latch, config.lock_latch, config.grabbing_turn, config.hold)


PLAIN = Actuators()


def actuate(
    actuators: Actuators, layout: StateLayout, outputs: np.ndarray, features: Features, state: np.ndarray
) -> Action:
    """Actions of a team.

    Args:
        actuators: of all agents.
        layout: of the rows of the state.
        outputs: `(W, A, NUM_OUTPUTS)` float32 of those who decide now.
        features: of the team.
        state: `(W, A, width)` float32 before the step, with the memory cells and random inputs of after it; renewed.
    """
    movement = np.empty((*outputs.shape[:2], 3), np.int64)
    pull = np.empty(outputs.shape[:2], np.bool_)
    glueall = np.empty(outputs.shape[:2], np.bool_)
    seen = features.entity_features, features.entity_types
    _actuate(actuators, layout, outputs, features.present, features.heading, *seen, state, movement, pull, glueall)
    return Action(torch.from_numpy(movement), torch.from_numpy(pull), torch.from_numpy(glueall))


def outputs_for(actuators: Actuators, heading: np.ndarray, action: Action) -> np.ndarray:
    """Outputs by which a network does what was done; where one of them would be above 1, movement in its direction.

    Args:
        actuators: of the network; movement in its own or the world's frame.
        heading: `(W, A, 2)` sine and cosine.
        action: `(W, A, ...)`.

    Raises:
        ValueError: movement is along the way to a thing.

    Returns:
        `(W, A, NUM_OUTPUTS)` float32.
    """
    if actuators.frame not in (_OWN, _WORLD):
        raise ValueError("movement along the way to a thing cannot be told from what was done")
    force = (action.movement.numpy() - MIDDLE_BIN) / MIDDLE_BIN
    grab, lock = (2.0 * each.numpy() - 1.0 for each in (action.pull, action.glueall))
    s, c = (1.0, 0.0) if actuators.frame == _WORLD else np.moveaxis(heading, -1, 0)
    movement = np.stack([force[..., 0] * s - force[..., 1] * c, force[..., 0] * c + force[..., 1] * s], -1)
    movement /= np.maximum(np.abs(movement).max(-1, keepdims=True), 1.0)
    gain = np.where(grab > 0, actuators.grabbing_turn, 1.0)
    turn = np.clip(force[..., 2] / np.maximum(gain, 1e-6), -1.0, 1.0)
    return np.concatenate([movement, np.stack([turn, grab, lock], -1)], -1).astype(np.float32)


@kernel
def _actuate(
    actuators: Actuators,
    layout: StateLayout,
    outputs: np.ndarray,
    present: np.ndarray,
    heading: np.ndarray,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
    state: np.ndarray,
    movement: np.ndarray,
    pull: np.ndarray,
    glueall: np.ndarray,
) -> None:
    for w in range(outputs.shape[0]):
        for a in range(outputs.shape[1]):
            row, decision = state[w, a], outputs[w, a]
            if actuators.hold > 1 and present[w, a]:
                decision = row[layout.decision : layout.decision + NUM_OUTPUTS]
                if row[layout.wait] == 0:
                    row[layout.wait] = actuators.hold
                    for j in range(NUM_OUTPUTS):
                        decision[j] = outputs[w, a, j]
                row[layout.wait] -= 1
            forward, left, turn, grab, lock = decision
            pull[w, a] = _switch(grab, actuators.grab_latch, row, layout.grab)
            glueall[w, a] = _switch(lock, actuators.lock_latch, row, layout.lock)
            gain = actuators.grabbing_turn if pull[w, a] else 1.0
            s, c = _ahead(actuators.frame, heading[w, a], entity_features[w, a], entity_types[w, a])
            movement[w, a, 0] = movement_bin(forward * s + left * c)
            movement[w, a, 1] = movement_bin(left * s - forward * c)
            movement[w, a, 2] = movement_bin(gain * turn)


@kernel
def _switch(output: float, margin: float, row: np.ndarray, latch: int) -> bool:
    """Whether an action is on; within the margin around zero it stays as it was."""
    if margin == 0.0:
        return output > 0
    if abs(output) > margin:
        row[latch] = 1.0 if output > 0 else 0.0
    return bool(row[latch] > 0)


@kernel
def _ahead(frame: int, heading: np.ndarray, features: np.ndarray, types: np.ndarray) -> tuple[float, float]:
    """Sine and cosine of the heading to which "forward" refers; along +x of the world they are 1 and 0.

    Towards a thing it is the way to the nearest in sight, and the agent's own heading while none is.
    """
    s, c = heading
    if frame == _WORLD:
        return 1.0, 0.0
    if frame == _OWN:
        return s, c
    nearest = -1
    for e in range(types.shape[0]):
        is_target = types[e] == frame or (
            frame == _NEAREST and (types[e] == OPPONENT or types[e] == BOX or types[e] == RAMP)
        )
        if is_target and (nearest < 0 or features[e, 2] > features[nearest, 2]):
            nearest = e
    if nearest < 0:
        return s, c
    forward, left = features[nearest, 0], features[nearest, 1]
    if forward == 0 and left == 0:  # right where it is
        return s, c
    return forward * s + left * c, forward * c - left * s
