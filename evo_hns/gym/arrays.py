"""What agents observe and do, as plain arrays for other libraries.

An agent's observation is a dictionary by the names of `spec.Observation`: float32 arrays, and binary masks of what it
sees. Unlike there, whatever a mask switches off is zeros, and so is everything for an absent agent. Arrays without
entries (the boxes of a game without boxes) are left out.

An action is K whole numbers, 11, 11, 11, 2, 2 choices: bins of the force along world x and y and of the torque (5 is
none), pull, glueall. Where agents may name what they pull there is one pull for each box and ramp.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces

from evo_hns.spec import Action, ActionSpec, Observation, ObservationSpec

Told = dict[str, npt.NDArray[Any]]
"""Observations by field of `Observation`."""

_SEEN = {
    "agent_qpos_qvel": "mask_aa_obs",
    "box_obs": "mask_ab_obs",
    "ramp_obs": "mask_ar_obs",
    "food_obs": "mask_af_obs",
    "construction_site_obs": "mask_acs_obs",
}
"""Fields of entities that an agent may not see, and the masks of those that it sees."""

_NOT_OBSERVED = ("door_obs", "agent_mask")
"""What is known of the world, not of an agent; so is everything that ends in `_spoof`."""


def told(observation: Observation) -> Told:
    """`(W, A, ...)` each, what agents observe: new arrays, int8 for what is binary, else float32."""
    arrays: Told = {}
    absent = (~observation.agent_mask).numpy()
    for field in fields(observation):
        name, values = field.name, getattr(observation, field.name)
        if name in _NOT_OBSERVED or name.endswith("_spoof") or not values[0, 0].numel():
            continue
        array = values.numpy().astype(np.int8 if values.dtype == torch.bool else np.float32)
        if name in _SEEN:
            array[~getattr(observation, _SEEN[name]).numpy()] = 0
        if absent.any():
            array[absent] = 0
        arrays[name] = array
    return arrays


def space_of(values: npt.NDArray[Any]) -> spaces.Space[Any]:
    """The space of an observed array."""
    if values.dtype == np.int8:
        return spaces.MultiBinary(values.shape[0] if values.ndim == 1 else list(values.shape))
    return spaces.Box(-np.inf, np.inf, values.shape, np.float32)


def num_choices(spec: ObservationSpec, action_spec: ActionSpec) -> list[int]:
    """How many choices there are for each of the K numbers of an action."""
    num_pulls = spec.num_boxes + spec.num_ramps if action_spec.selective_grab else 1
    return [action_spec.num_movement_bins] * action_spec.num_movement_axes + [2] * num_pulls + [2]


def idle_choices(num_agents: int, choices: list[int]) -> npt.NDArray[np.int64]:
    """`(A, K)`, what agents choose who do nothing."""
    return np.tile([number // 2 if number > 2 else 0 for number in choices], (num_agents, 1)).astype(np.int64)


def to_action(choices: npt.NDArray[np.int64], action_spec: ActionSpec) -> Action:
    """The form in which the game takes actions `(W, A, K)`."""
    numbers, first_pull = torch.from_numpy(choices), action_spec.num_movement_axes
    pull = numbers[:, :, first_pull:-1].bool()
    return Action(
        movement=numbers[:, :, :first_pull],
        pull=pull if action_spec.selective_grab else pull[:, :, 0],
        glueall=numbers[:, :, -1].bool(),
    )


def checked_choices(action: Any, limits: npt.NDArray[np.int64], of: str) -> npt.NDArray[np.int64]:
    """Actions as int64, of the shape of `limits`, each from 0 to below its limit.

    Raises:
        ValueError: they are not; says whose they are.
    """
    try:
        row = np.asarray(action)
        if row.dtype.kind not in "biu":
            row = row.astype(np.float64)
        fits = row.shape == limits.shape and bool(((row >= 0) & (row < limits) & (row == np.floor(row))).all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        got = " ".join(str(action).split())
        expected = f"{len(limits)} whole numbers, 0 or more, below {limits.tolist()}"
        raise ValueError(f"got the action {got} of {of}, expected {expected}")
    return row.astype(np.int64)
