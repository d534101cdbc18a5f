"""Random observations of games of any size, and the world turned by an angle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from evo_hns.spec import ObjectColumns, Observation, ObservationSpec


def make_spec(
    num_hiders: int = 2, num_seekers: int = 2, num_boxes: int = 2, num_ramps: int = 1, num_rays: int = 30, **more
) -> ObservationSpec:
    return ObservationSpec(num_hiders, num_seekers, num_boxes, num_ramps, num_rays, **more)


def _others(me: Tensor) -> Tensor:
    """Rows of the other agents in circulant order."""
    n = me.shape[1]
    order = torch.tensor([(i - k) % n for i in range(n) for k in range(1, n)], dtype=torch.int64)
    return me[:, order].view(len(me), n, n - 1, *me.shape[2:])


def random_observation(
    spec: ObservationSpec, num_worlds: int, seed: int = 0, visible: float = 0.6, absent: float = 0.0
) -> Observation:
    """Numbers that a game may tell; of places for agents, boxes, ramps and food the share `absent` is empty."""
    g = torch.Generator().manual_seed(seed)
    n = spec.num_agents

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=g, dtype=torch.float64)

    def exists(count: int) -> Tensor:
        return torch.rand(num_worlds, count, generator=g) >= absent

    def things(count: int, columns: ObjectColumns, has_size: bool) -> Tensor:
        angle = uniform(-4, 4, num_worlds, count, columns.num_angles)
        parts = [uniform(0.2, 5.2, num_worlds, count, 2), uniform(0, 0.5, num_worlds, count, 1)]
        parts += [angle.cos(), angle.sin()] if columns.polar else [angle]
        parts += [uniform(-2, 2, num_worlds, count, 3 + columns.num_angles)]
        parts += [torch.arange(count).double().expand(num_worlds, -1)[..., None]] * columns.has_index
        sizes = torch.tensor([[0.5, 0.5, 0.5], [1.65, 0.15, 0.5], [0.15, 1.65, 0.5]], dtype=torch.float64) * has_size
        parts += [sizes[torch.arange(count) % 3].expand(num_worlds, -1, -1)] * columns.has_size
        parts += [(uniform(0, 1, num_worlds, count, 3) > 0.5).double()] * columns.has_locks
        return torch.cat(parts, -1)

    def told(rows: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What each agent is told of some rows: zeros of what is not there; which it sees; which there are."""
        rows = (rows * there[..., None])[:, None].expand(-1, n, -1, -1).contiguous()
        there = there[:, None] & present[:, :, None]
        return rows, there & (torch.rand(there.shape, generator=g) < visible), there

    present = exists(n)
    present[:, 0] = True
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
    me *= present[..., None]
    others = _others(present) & present[..., None]
    doors = torch.tensor([[3.1, 1.4, 1.0], [4.6, 3.1, 1.0]], dtype=torch.float64).repeat(num_worlds, 1, 1)
    doors[::2, 0] = 0.0
    boxes = told(things(spec.num_boxes, spec.box_columns, True), exists(spec.num_boxes))
    ramps = told(things(spec.num_ramps, spec.ramp_columns, False), exists(spec.num_ramps))
    items = [uniform(low, high, num_worlds, spec.num_food, n) for low, high, n in ((0, 6, 2), (0, 0.5, 1), (0, 40, 1))]
    food = told(torch.cat(items, -1), exists(spec.num_food))
    sites = told(uniform(0, 6, num_worlds, spec.num_sites, 15), exists(spec.num_sites))
    return Observation(
        agent_mask=present,
        observation_self=me,
        agent_qpos_qvel=_others(me),
        mask_aa_obs=others & (torch.rand(others.shape, generator=g) < visible),
        mask_aa_obs_spoof=others,
        box_obs=boxes[0],
        mask_ab_obs=boxes[1],
        mask_ab_obs_spoof=boxes[2],
        ramp_obs=ramps[0],
        mask_ar_obs=ramps[1],
        mask_ar_obs_spoof=ramps[2],
        food_obs=food[0],
        mask_af_obs=food[1],
        mask_af_obs_spoof=food[2],
        construction_site_obs=sites[0],
        mask_acs_obs=sites[2],
        lidar=uniform(0.1, 6.0, num_worlds, n, spec.num_lidar_rays, 1) * present[..., None, None],
        door_obs=doors,
    )


def turned(observation: Observation, angle: float) -> Observation:
    """The same scene with the whole world turned about the field's centre (lidar: by a whole number of rays)."""
    s, c = math.sin(angle), math.cos(angle)

    def turn(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return c * x - s * y, s * x + c * y

    def turn_rows(rows: Tensor, half_x: float | Tensor, half_y: float | Tensor, polar: bool) -> Tensor:
        rows = rows.clone()
        x, y = turn(rows[..., 0] + half_x - 3.0, rows[..., 1] + half_y - 3.0)  # corners do not turn, centres do
        rows[..., 0], rows[..., 1] = x - half_x + 3.0, y - half_y + 3.0
        velocity = 5 if polar else 4
        rows[..., velocity], rows[..., velocity + 1] = turn(rows[..., velocity], rows[..., velocity + 1])
        if polar:
            rows[..., 3], rows[..., 4] = turn(rows[..., 3], rows[..., 4])
        else:
            rows[..., 3] += angle
        return rows

    rays = angle / (2 * math.pi) * observation.lidar.shape[2]
    assert abs(rays - round(rays)) < 1e-9
    boxes = observation.box_obs
    half = boxes[..., 9:11] / 2 if boxes.shape[-1] >= 15 else torch.full_like(boxes[..., :2], 0.25)
    food = observation.food_obs.clone()
    x, y = turn(food[..., 0] - 3.0, food[..., 1] - 3.0)
    food[..., 0], food[..., 1] = x + 3.0, y + 3.0
    points = observation.construction_site_obs.unflatten(-1, (5, 3)).clone()
    x, y = turn(points[..., 0] - 3.0, points[..., 1] - 3.0)
    points[..., 0], points[..., 1] = x + 3.0, y + 3.0
    return replace(
        observation,
        observation_self=turn_rows(observation.observation_self, 0.15, 0.15, False),
        agent_qpos_qvel=turn_rows(observation.agent_qpos_qvel, 0.15, 0.15, False),
        box_obs=turn_rows(boxes, half[..., 0], half[..., 1], True),
        ramp_obs=turn_rows(observation.ramp_obs, 0.25, 0.25, True),
        food_obs=food,
        construction_site_obs=points.flatten(-2),
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
