"""Random observations of games of any size, and the world turned by an angle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from evo_hns.spec import Observation, ObservationSpec


def make_spec(
    num_hiders: int = 2, num_seekers: int = 2, num_boxes: int = 2, num_ramps: int = 1, num_rays: int = 30
) -> ObservationSpec:
    return ObservationSpec(num_hiders, num_seekers, num_boxes, num_ramps, num_rays, 12, 9)


def _others(me: Tensor) -> Tensor:
    """Rows of the other agents in circulant order."""
    n = me.shape[1]
    return torch.stack([torch.stack([me[:, (i - k) % n] for k in range(1, n)], 1) for i in range(n)], 1)


def random_observation(spec: ObservationSpec, num_worlds: int, seed: int = 0, visible: float = 0.6) -> Observation:
    g = torch.Generator().manual_seed(seed)
    n, boxes, ramps = spec.num_agents, spec.num_boxes, spec.num_ramps

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=g, dtype=torch.float64)

    def mask(count: int) -> Tensor:
        return torch.rand(num_worlds, n, count, generator=g) < visible

    def things(count: int, features: int) -> Tensor:
        angle = uniform(-4, 4, num_worlds, count, 1)
        parts = [uniform(0.2, 5.2, num_worlds, count, 2), uniform(0, 0.5, num_worlds, count, 1), angle.cos()]
        parts += [angle.sin(), uniform(-2, 2, num_worlds, count, 4)]
        parts += [(uniform(0, 1, num_worlds, count, features - 9) > 0.5).double()]
        return torch.cat(parts, -1)[:, None].expand(-1, n, -1, -1).contiguous()

    me = torch.cat(
        [
            uniform(0.2, 5.5, num_worlds, n, 2),
            uniform(0, 0.5, num_worlds, n, 1),
            uniform(-9, 9, num_worlds, n, 1),
            uniform(-6, 6, num_worlds, n, 4),
            (torch.arange(n) < spec.num_hiders).double().expand(num_worlds, n).unsqueeze(-1),
            uniform(0.1, 1.5, num_worlds, 1, 1).clamp(max=1.0).expand(-1, n, -1),
        ],
        -1,
    )
    doors = torch.tensor([[3.1, 1.4, 1.0], [4.6, 3.1, 1.0]], dtype=torch.float64).repeat(num_worlds, 1, 1)
    doors[::2, 0] = 0.0
    return Observation(
        observation_self=me,
        agent_qpos_qvel=_others(me),
        mask_aa_obs=mask(n - 1),
        box_obs=things(boxes, spec.box_features),
        mask_ab_obs=mask(boxes),
        mask_ab_obs_spoof=torch.ones(num_worlds, n, boxes, dtype=torch.bool),
        ramp_obs=things(ramps, spec.ramp_features),
        mask_ar_obs=mask(ramps),
        lidar=uniform(0.1, 6.0, num_worlds, n, spec.num_lidar_rays, 1),
        door_obs=doors,
    )


def turned(observation: Observation, angle: float) -> Observation:
    """The same scene with the whole world turned about the field's centre (lidar: by a whole number of rays)."""
    s, c = math.sin(angle), math.cos(angle)

    def turn(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return c * x - s * y, s * x + c * y

    def turn_rows(rows: Tensor, half_size: float, polar: bool) -> Tensor:
        rows = rows.clone()
        middle = 3.0 - half_size  # corners turn as centres do
        x, y = turn(rows[..., 0] - middle, rows[..., 1] - middle)
        rows[..., 0], rows[..., 1] = x + middle, y + middle
        velocity = 5 if polar else 4
        rows[..., velocity], rows[..., velocity + 1] = turn(rows[..., velocity], rows[..., velocity + 1])
        if polar:
            rows[..., 3], rows[..., 4] = turn(rows[..., 3], rows[..., 4])
        else:
            rows[..., 3] += angle
        return rows

    rays = angle / (2 * math.pi) * observation.lidar.shape[2]
    assert abs(rays - round(rays)) < 1e-9
    return replace(
        observation,
        observation_self=turn_rows(observation.observation_self, 0.15, False),
        agent_qpos_qvel=turn_rows(observation.agent_qpos_qvel, 0.15, False),
        box_obs=turn_rows(observation.box_obs, 0.25, True),
        ramp_obs=turn_rows(observation.ramp_obs, 0.25, True),
        lidar=observation.lidar.roll(round(rays), 2),
    )


def rows_of(observation: Observation, worlds: list[int]) -> Observation:
    """Some worlds of a batch."""
    return Observation(**{name: value[worlds] for name, value in vars(observation).items()})


@pytest.fixture(name="make_spec")
def _make_spec() -> Callable[..., ObservationSpec]:
    return make_spec


@pytest.fixture(name="random_observation")
def _random_observation() -> Callable[..., Observation]:
    return random_observation


@pytest.fixture(name="turned")
def _turned() -> Callable[[Observation, float], Observation]:
    return turned


@pytest.fixture(name="rows_of")
def _rows_of() -> Callable[[Observation, list[int]], Observation]:
    return rows_of
