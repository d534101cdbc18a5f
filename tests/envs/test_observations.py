"""Observations of objects, number by number; agents, masks and locks are tested with whole games in `test_fuzz`."""

from __future__ import annotations

import math

import pytest
import torch

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities, EpisodeConstants
from evo_hns.envs.observations import ObservationBuilder, observation_spec
from evo_hns.envs.state import GameState

W, N, B, R, F = 5, 4, 3, 2, 2  # worlds, agents (two of them hiders), boxes, ramps, food items


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def coins(*shape: int, seed: int) -> torch.Tensor:
    return noise(*shape, seed=seed) < 0.5


def random_moment(num_tipping: int) -> tuple[Entities, GameState]:
    """Numbers without any meaning; of agents and objects two thirds exist."""
    constants = EpisodeConstants(
        seeds=torch.arange(W),
        agent_mask=coins(W, N, seed=1),
        object_mask=coins(W, B + R, seed=2),
        half_sizes=noise(W, B + R, 3, seed=3),
        food=noise(W, F, 3, seed=4),
        sites=noise(W, 2, 5, 3, seed=16),
        site_mask=coins(W, 2, seed=17),
        doors=noise(W, 1, 3, seed=5),
        floor_size=noise(W, seed=6),
    )
    wide = [noise(W, N + B + R, width, seed=7 + k) for k, width in enumerate((4, 4, 3, 3, 9))]
    entities = Entities(constants, *wide, *(noise(W, num_tipping, 2, seed=12 + k) for k in range(2)))
    state = GameState.initial(W, N, B + R, F, food_health=2.5)
    state.locked = coins(W, B + R, seed=14) & constants.object_mask
    state.lock_owner = torch.randint(0, N, (W, B + R), generator=torch.Generator().manual_seed(15))
    return entities, state


def slow_row(entities: Entities, state: GameState, w: int, i: int, item: int, world: WorldConfig, rules: RulesConfig):
    """The numbers that agent i observes of an object, in the order of `ObjectColumns`."""
    is_box, e = item < B, N + item
    x, y, z, turn = entities.qpos[w, e].tolist()
    *speed, turning = entities.qvel[w, e].tolist()
    angles, turnings = [turn], [turning]
    if is_box and world.free_box_rotation:
        angles, turnings = (
            [*v[w, item].tolist(), a] for v, a in ((entities.tilt, turn), (entities.tilt_velocity, turning))
        )
    row = [x, y, z]
    if not rules.polar_angles:
        row += angles
    elif len(angles) == 1:
        row += [entities.rotation[w, e, 0].item(), entities.rotation[w, e, 3].item()]
    else:
        row += [math.cos(a) for a in angles] + [math.sin(a) for a in angles]
    row += speed + turnings
    if is_box and rules.tell_box_index:
        row += [item]
    if world.has_elongated_boxes or (is_box and rules.tell_box_size):
        row += (2 * entities.constants.half_sizes[w, item]).tolist() if is_box else [0.0] * 3
    if rules.lock_box if is_box else rules.lock_ramp:
        locked, owner = bool(state.locked[w, item]), int(state.lock_owner[w, item])
        row += [locked and owner == i, locked and (owner < 2) == (i < 2), locked]
    return row


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lock_ramp": True, "num_elongated_boxes": 1},
        {"lock_box": False, "tell_box_size": True, "tell_box_index": True, "polar_angles": False},
        {"free_box_rotation": True, "tell_box_index": True},
        {"free_box_rotation": True, "polar_angles": False, "lock_ramp": True, "num_elongated_boxes": 1},
    ],
)
def test_rows_of_objects_are_their_numbers_in_the_promised_order(settings):
    world = WorldConfig(
        num_boxes=B, num_ramps=R, num_food=F, **{k: v for k, v in settings.items() if k in WorldConfig.model_fields}
    )
    rules = RulesConfig(**{k: v for k, v in settings.items() if k in RulesConfig.model_fields})
    spec = observation_spec(world, rules)
    entities, state = random_moment(B if world.free_box_rotation else 0)
    observed = ObservationBuilder(spec).build(entities, state, torch.zeros(W, N, 0), 0.5)
    for w in range(W):
        for i in range(N):
            rows = [*observed.box_obs[w, i].tolist(), *observed.ramp_obs[w, i].tolist()]
            for item, row in enumerate(rows):
                there = bool(entities.constants.agent_mask[w, i] and entities.constants.object_mask[w, item])
                slow = slow_row(entities, state, w, i, item, world, rules)
                assert row == (slow if there else [0.0] * len(slow))
    assert observed.box_obs.abs().amax() > 0.0


def test_agents_that_exist_observe_place_and_health_of_food():
    entities, state = random_moment(0)
    spec = observation_spec(WorldConfig(num_boxes=B, num_ramps=R, num_food=F), RulesConfig())
    observed = ObservationBuilder(spec).build(entities, state, torch.zeros(W, N, 0), 0.5).food_obs
    for w in range(W):
        for i in range(N):
            rows = [[*place, 2.5] for place in entities.constants.food[w].tolist()]
            assert observed[w, i].tolist() == (rows if entities.constants.agent_mask[w, i] else [[0.0] * 4] * F)
