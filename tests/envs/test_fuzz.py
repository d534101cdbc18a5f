"""The whole rule layer under random settings and random play, against slow code that shares nothing with it.

Every example is another game: scenario, teams, objects, rules, food. After each env step what the game did is
compared with plain loops written from the rules, and what must always hold is checked. In the end each
world is played again alone, in the slot and after the worlds of others: to the same bits.

A game takes 0.2 s of CPU time. `EVO_HNS_FUZZ=5000 pytest -m release` on this file plays so many; the first of them are
always the same.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evo_hns.config import ConfigError, FoodConfig, PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game, Step
from evo_hns.envs.statistics import STATISTICS
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.spec import Action, Observation
from evo_hns.worlds.layout import Layout, sample_layouts
from evo_hns.worlds.scene import build_scene

NUM_GAMES, MANY = 50, int(os.environ.get("EVO_HNS_FUZZ", "1000"))

ROUNDING = 1e-9  #: nothing is said about decisions nearer to their border than this
BODY_REACH = 0.21  #: metres from an agent's centre to the far end of its arms: sqrt(0.13^2 + 0.075^2 + 0.05^2) + 0.05
LOCK_SLACK = 0.06
"""Metres that a locked object may move: as soft as MuJoCo's default limits are, an agent's run (9 m/s, shared with the
object) drives it 31 mm into its limit, x = v / (e w) with w = 1 / (0.95 * 0.02 s), and three agents at once 47 mm;
steady pushing adds 2 mm an agent. Measured in 400 games: 33 mm."""
LOCK_SLACK_AT_A_DISTANCE = 0.25
"""The same where grips draw things to a distance: lock and grip are equally soft and share what they disagree about,
which may be half a metre. Measured in 150 games: 126 mm."""
BURST = 20.0
"""Metres or radians per second. Players reach 9; what is faster was kicked by a solver that could not part bodies that
are wedged into each other. Nothing is promised of locked objects then: in 400 games one moved 4.3 m."""
FIELD = (0.1, 0.1, 5.9, 5.9)
CONE = math.cos(3 / 8 * math.pi)


@dataclass(frozen=True)
class Case:
    """A game, its worlds and what is done in them."""

    world: WorldConfig
    rules: RulesConfig
    seeds: tuple[int, ...]
    action_seed: int


def counts(low: int, high: int) -> st.SearchStrategy[int | tuple[int, int]]:
    """A number, or a range of numbers."""
    ends = st.tuples(st.integers(low, high), st.integers(low, high))
    return st.integers(low, high) | ends.map(lambda pair: (min(pair), max(pair)))


@st.composite
def worlds(draw: st.DrawFn) -> WorldConfig:
    boxes = draw(counts(0, 9) | counts(1, 4))
    least = boxes[0] if isinstance(boxes, tuple) else boxes
    num_food = draw(st.sampled_from([0, 0, 1, 4]))
    clustered = num_food > 0 and draw(st.booleans())
    together = st.sampled_from([None, 0.5])
    return WorldConfig(
        scenario=draw(st.sampled_from(["quadrant", "randomwalls", "three-rooms", "empty"])),
        num_hiders=draw(counts(1, 3)),
        num_seekers=draw(counts(1, 3)),
        num_boxes=boxes,
        num_elongated_boxes=draw(st.just(0) | counts(0, min(least, 3))),
        num_ramps=draw(counts(0, 3)),
        floor_size=draw(st.sampled_from([6.0, 5.0, (4.0, 6.0)])),
        free_box_rotation=draw(st.booleans()),
        door_size=draw(st.sampled_from([2, 0, 3])),
        door_dropout=draw(st.sampled_from([0.0, 0.5, 1.0])),
        num_rooms=draw(st.integers(1, 5)),
        random_room_number=draw(st.booleans()),
        outer_walls_probability=draw(st.sampled_from([1.0, 0.5, 0.0])),
        low_outer_walls=draw(st.booleans()),
        num_sites=draw(st.sampled_from([0, 0, 2, (0, 3)])),
        cylinder_diameter=draw(st.sampled_from([0.0, 0.0, 0.0, (0.8, 1.2)])),
        hider_placement=draw(st.sampled_from(["uniform", "quadrant"])),
        hiders_together_radius=draw(together),
        seekers_together_radius=draw(together),
        num_food=num_food,
        food_in_the_middle=draw(st.booleans()),
        food_together_radius=0.5 if clustered else None,
        num_food_clusters=draw(st.sampled_from([1, num_food])) if clustered else 1,
    )


@st.composite
def rules(draw: st.DrawFn) -> RulesConfig:
    flag = st.booleans()
    food = FoodConfig(
        radius=draw(st.sampled_from([None, 0.5, 1.5])),
        max_health=draw(st.sampled_from([1.0, 2.5, 5.0])),
        respawn_time=draw(st.sampled_from([None, 1, 4])),
        reward_type=draw(st.sampled_from(["selfish", "joint_mean"])),
        reward_scale=draw(st.sampled_from([1.0, (0.5, 2.0)])),
        when_caught=draw(flag),
        in_preparation=draw(flag),
    )
    return RulesConfig(
        horizon=draw(st.integers(8, 40)),
        prep_fraction=draw(st.sampled_from([0.0, 0.4])),
        restrict_rect=draw(
            st.sampled_from([None, (0.1, 0.1, 5.9, 5.9), (-6.0, -6.0, 12.0, 12.0), (1.0, 1.0, 4.5, 5.0)])
        ),
        penalize_objects_out=draw(flag),
        lock_box=draw(st.sampled_from([True, True, False])),
        lock_ramp=draw(flag),
        grab_box=draw(st.sampled_from([True, True, False])),
        grab_ramp=draw(flag),
        lock_type=draw(st.sampled_from(["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"])),
        lock_out_of_vision=draw(flag),
        grab_out_of_vision=draw(flag),
        grab_exclusive=draw(flag),
        grab_selective=draw(flag),
        grab_distance=draw(st.sampled_from([None, None, 0.5])),
        lock_grab_radius=draw(st.sampled_from([0.25, 0.25, 1.0])),
        reward_type=draw(st.sampled_from(["selfish", "joint_mean", "joint_zero_sum"])),
        reward_scale=draw(st.sampled_from([1.0, 0.5])),
        num_lidar_rays=draw(st.sampled_from([0, 8, 30])),
        lidar_compression=draw(st.sampled_from([None, 3.0])),
        tell_box_size=draw(flag),
        tell_box_index=draw(flag),
        polar_angles=draw(flag),
        food=food,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    seeds = draw(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3))
    return Case(draw(worlds()), draw(rules()), tuple(seeds), draw(st.integers(0, 2**32 - 1)))


def make_game(case: Case) -> Game:
    scene = build_scene(case.world, PhysicsConfig())
    return Game(scene, CpuPhysics(scene.model, len(case.seeds), num_threads=1), case.world, case.rules, num_substeps=15)


def make_actions(case: Case) -> list[Action]:
    """Actions that are repeated for three steps; half of the movements are the strongest there are."""
    rng = torch.Generator().manual_seed(case.action_seed)
    steps, w, n = case.rules.horizon, len(case.seeds), case.world.max_agents
    m = case.world.max_boxes + case.world.max_ramps
    movement = torch.randint(0, 11, (steps, w, n, 3), generator=rng)
    strong = 10 * torch.randint(0, 2, movement.shape, generator=rng)
    movement = torch.where(torch.rand(movement.shape, generator=rng) < 0.5, strong, movement)
    pull = torch.rand((steps, w, n, m) if case.rules.grab_selective else (steps, w, n), generator=rng) < 0.6
    glue = torch.rand((steps, w, n), generator=rng) < 0.5
    repeated = (values.repeat_interleave(3, 0)[:steps] for values in (movement, pull, glue))
    return [Action(*parts) for parts in zip(*repeated, strict=True)]


class Snapshot:
    """Everything in plain arrays, copied: agents, then boxes, then ramps."""

    def __init__(self, env: Game, num_worlds: int) -> None:
        scene, state = env.scene, env.state
        bodies = np.concatenate([scene.agent_body, scene.object_body])
        joints = np.concatenate([scene.agent_qpos, scene.object_qpos[:, [0, 1, 2, -1]]])

        def read(name: str, index: np.ndarray) -> np.ndarray:
            return env.physics.field(name)[:num_worlds].numpy()[:, index].copy()

        self.pos, self.rotation = read("xpos", bodies), read("xmat", bodies).reshape(num_worlds, -1, 3, 3)
        self.qpos, self.qvel = read("qpos", joints), read("qvel", joints)
        whole = [env.physics.field(name)[:num_worlds].numpy() for name in ("qpos", "qvel")]
        self.everything = np.concatenate(whole, 1)
        self.ctrl = env.physics.field("ctrl")[:num_worlds].numpy().copy().reshape(num_worlds, -1, 3)
        self.t, self.locked, self.owner = state.t, state.locked.numpy(), state.lock_owner.numpy()
        self.grabbed, self.sees_objects = state.grabbed.numpy(), state.sees_objects.numpy()
        self.sees_food, self.eaten = state.sees_food.numpy(), state.eaten.numpy()
        self.health, self.timer = state.food_health.numpy(), state.food_timer.numpy()
        self.sees = square(state.sees_agents.numpy())


def square(circulant: np.ndarray) -> np.ndarray:
    """`(W, n, n)` who sees whom, out of the order of the observations: (i - 1) % n, (i - 2) % n, ..."""
    num_worlds, n, _ = circulant.shape
    matrix = np.zeros((num_worlds, n, n), dtype=bool)
    for i in range(n):
        for k in range(n - 1):
            matrix[:, i, (i - 1 - k) % n] = circulant[:, i, k]
    return matrix


@dataclass
class Play:
    """One game on its way."""

    case: Case
    env: Game
    layout: Layout
    met: Counter[str]  #: what was met in all games: a fuzz that meets nothing proves nothing
    start: Snapshot
    pinned: dict[tuple[int, int], np.ndarray]  #: where the locked objects were when they were locked
    seen_steps: np.ndarray  #: `(W,)` rewarded env steps in which a hider was seen
    total_eaten: np.ndarray  #: `(W,)`
    rewarded: int = 0

    @property
    def agents(self) -> np.ndarray:
        return self.layout.agent_mask

    @property
    def objects(self) -> np.ndarray:
        return np.concatenate([self.layout.box_mask, self.layout.ramp_mask], 1)

    @property
    def n(self) -> int:
        return self.agents.shape[1]

    def is_hider(self, agent: int) -> bool:
        return agent < self.case.world.max_hiders

    def in_preparation(self, t: int) -> bool:
        """Whether env step t, the first being 1, belongs to the preparation."""
        return t == 1 or t - 1 < self.case.rules.prep_fraction * self.case.rules.horizon

    def half_size(self, w: int, item: int) -> np.ndarray:
        boxes = self.case.world.max_boxes
        if item < boxes:
            return self.layout.box_size[w, item]
        return self.env.scene.model.geom_size[self.env.scene.object_geom[item]]


def tensors(env: Game, step: Step) -> dict[str, torch.Tensor]:
    observed = {f.name: getattr(step.observation, f.name).clone() for f in fields(Observation)}
    return observed | env.metrics() | {"reward": step.reward, "failed": step.failed}


def check_shapes(play: Play, observation: Observation) -> None:
    spec, w = play.env.observation_spec, len(play.case.seeds)
    n, b, r, f, rays = spec.num_agents, spec.num_boxes, spec.num_ramps, spec.num_food, spec.num_lidar_rays
    expected = {
        "agent_mask": (n,),
        "observation_self": (n, 10),
        "agent_qpos_qvel": (n, n - 1, 10),
        "mask_aa_obs": (n, n - 1),
        "mask_aa_obs_spoof": (n, n - 1),
        "box_obs": (n, b, spec.box_columns.width),
        "mask_ab_obs": (n, b),
        "mask_ab_obs_spoof": (n, b),
        "ramp_obs": (n, r, spec.ramp_columns.width),
        "mask_ar_obs": (n, r),
        "mask_ar_obs_spoof": (n, r),
        "food_obs": (n, f, 4),
        "mask_af_obs": (n, f),
        "mask_af_obs_spoof": (n, f),
        "lidar": (n, rays, 1),
    }
    for name, shape in expected.items():
        observed = getattr(observation, name)
        assert observed.shape == (w, *shape), name
        assert observed.dtype == (torch.bool if "mask" in name else torch.float64), name
        assert torch.isfinite(observed).all(), name
    assert observation.door_obs.shape[::2] == (w, 3) and torch.isfinite(observation.door_obs).all()


def check_masks(play: Play, w: int, observation: Observation) -> None:
    """Who is there, and that nobody sees or is seen who is not."""
    agents, objects, boxes = play.agents[w], play.objects[w], play.case.world.max_boxes
    there = square(observation.mask_aa_obs_spoof.numpy())[w]
    assert np.array_equal(there, there.T)
    assert np.array_equal(there, agents[:, None] & agents & ~np.eye(play.n, dtype=bool))
    assert not (square(observation.mask_aa_obs.numpy())[w] & ~there).any()
    observed = torch.cat([observation.mask_ab_obs_spoof, observation.mask_ar_obs_spoof], 2)[w].numpy()
    assert np.array_equal(observed, agents[:, None] & objects)
    assert not (torch.cat([observation.mask_ab_obs, observation.mask_ar_obs], 2)[w].numpy() & ~observed).any()
    assert not (observation.mask_af_obs[w].numpy() & ~agents[:, None]).any()
    for rows in (observation.observation_self, observation.lidar, observation.food_obs, observation.agent_qpos_qvel):
        assert (rows[w].numpy()[~agents] == 0).all()
    assert (observation.agent_qpos_qvel[w][~observation.mask_aa_obs_spoof[w]] == 0).all()
    for rows, exists in ((observation.box_obs, observed[:, :boxes]), (observation.ramp_obs, observed[:, boxes:])):
        assert (rows[w].numpy()[~exists] == 0).all()


def ahead(now: Snapshot, w: int, i: int, target: np.ndarray) -> float:
    """How far inside the cone of agent i a point is: cosine of its angle less that of the cone's edge."""
    x, y = target[:2] - now.qpos[w, i, :2]
    turn, distance = now.qpos[w, i, 3], math.hypot(x, y)
    return 1.0 - CONE if distance == 0.0 else (x * math.sin(turn) - y * math.cos(turn)) / distance - CONE


def check_sight(play: Play, w: int, now: Snapshot) -> None:
    """Nobody sees beside its cone; and who is seen sees back, if it looks there.

    The one honest exception: a third body that reaches into the own one hides from an agent, whose rays start at its
    centre, what sees its surface. So whatever blinds an agent alone must be nearer than the end of its own arms.
    """
    there = np.flatnonzero(play.agents[w])
    inside = {(i, j): ahead(now, w, i, now.qpos[w, j]) for i in there for j in there if i != j}
    for (i, j), margin in inside.items():
        if now.sees[w, i, j]:
            assert margin >= -ROUNDING
            play.met["an agent is seen"] += 1
        if now.sees[w, j, i] and not now.sees[w, i, j] and margin > ROUNDING:
            distance = first_hit(play, w, i, j)
            play.met["seen but blinded"] += 1
            assert distance <= BODY_REACH, (i, j, distance)
    for i in there:
        for item in np.flatnonzero(now.sees_objects[w, i]):
            assert ahead(now, w, i, now.qpos[w, play.n + item]) >= -ROUNDING
        for item in np.flatnonzero(now.sees_food[w, i]):
            assert ahead(now, w, i, play.layout.food[w, item]) >= -ROUNDING


def first_hit(play: Play, w: int, i: int, j: int) -> float:
    """Metres from the centre of agent i to the first surface on the way to agent j."""
    scene, physics = play.env.scene, play.env.physics
    centres = physics.field("geom_xpos")[:, scene.agent_geom]
    way = centres[:, j : j + 1] - centres[:, i : i + 1]
    way = way / way.norm(dim=-1, keepdim=True)
    body = torch.tensor([int(scene.agent_body[i])])
    return float(physics.cast_rays(centres[:, i : i + 1].contiguous(), way, exclude_body=body)[0][w, 0])


def check_observed(play: Play, w: int, now: Snapshot, observation: Observation) -> None:
    """Numbers of who is there, and lock flags."""
    for i in np.flatnonzero(play.agents[w]):
        observed = observation.observation_self[w, i].tolist()
        assert observed[:8] == [*now.qpos[w, i], *now.qvel[w, i]]
        prep = play.case.rules.prep_fraction * play.case.rules.horizon
        assert observed[8:] == [float(play.is_hider(i)), min(1.0, now.t / (prep + 1e-5))]
        spec, boxes = play.env.observation_spec, play.case.world.max_boxes
        for rows, columns, first in (
            (observation.box_obs, spec.box_columns, 0),
            (observation.ramp_obs, spec.ramp_columns, boxes),
        ):
            for k in range(rows.shape[2]):
                item = first + k
                if not play.objects[w, item]:
                    continue
                assert rows[w, i, k, :3].tolist() == now.qpos[w, play.n + item, :3].tolist()
                if columns.has_locks:
                    locked, owner = now.locked[w, item], now.owner[w, item]
                    flags = [locked and owner == i, locked and play.is_hider(owner) == play.is_hider(i), locked]
                    assert rows[w, i, k, columns.locks].tolist() == flags


def check_absent(play: Play, w: int, now: Snapshot, step: Step) -> None:
    gone = ~np.concatenate([play.agents[w], play.objects[w]])
    assert np.array_equal(now.pos[w, gone], play.start.pos[w, gone])
    assert not now.locked[w, ~play.objects[w]].any()
    assert not now.grabbed[w, ~play.agents[w]].any() and not now.grabbed[w][:, ~play.objects[w]].any()
    assert (step.reward[w].numpy()[~play.agents[w]] == 0).all()
    assert (now.ctrl[w, ~play.agents[w]] == 0).all()


def distance_to(play: Play, before: Snapshot, w: int, i: int, item: int) -> float:
    """Metres from the centre of an agent to the surface of an object, taken for a cuboid."""
    rotation, offset = before.rotation[w, play.n + item], before.pos[w, i] - before.pos[w, play.n + item]
    half, square_sum = play.half_size(w, item), 0.0
    for axis in range(3):
        along = sum(rotation[row, axis] * offset[row] for row in range(3))
        square_sum += max(0.0, abs(along) - half[axis]) ** 2
    return math.sqrt(square_sum)


def check_manipulation(play: Play, w: int, before: Snapshot, action: Action, now: Snapshot) -> None:
    """Grips and locks, decided again from the state before the physics."""
    rules, boxes = play.case.rules, play.case.world.max_boxes
    frozen = play.in_preparation(now.t)
    pairs, able = [], {}
    for i in np.flatnonzero(play.agents[w]):
        free = play.is_hider(i) or not frozen
        for item in np.flatnonzero(play.objects[w]):
            distance = distance_to(play, before, w, i, item)
            if abs(distance - rules.lock_grab_radius) < ROUNDING:
                return
            near, seen = distance <= rules.lock_grab_radius, before.sees_objects[w, i, item]
            pull = bool(action.pull[w, i, item] if rules.grab_selective else action.pull[w, i]) and free
            can_grab = rules.grab_box if item < boxes else rules.grab_ramp
            if near and pull and can_grab and (seen or rules.grab_out_of_vision):
                pairs.append((distance, i, item))
            able[i, item] = near and (seen or rules.lock_out_of_vision)
    check_grips(play, w, sorted(pairs), before, now)
    asks = {i: bool(action.glueall[w, i]) and (play.is_hider(i) or not frozen) for i in range(play.n)}
    for item in np.flatnonzero(play.objects[w]):
        can_lock = rules.lock_box if item < boxes else rules.lock_ramp
        hands = [i for i in range(play.n) if can_lock and able.get((i, item))]
        check_lock(play, w, item, hands, asks, before, now)


def check_grips(play: Play, w: int, pairs: list[tuple[float, int, int]], before: Snapshot, now: Snapshot) -> None:
    """The nearest pairs first; an agent holds one thing, a thing has one holder where grips are exclusive."""
    if any(b[0] - a[0] < ROUNDING and b[0] > a[0] for a, b in itertools.pairwise(pairs)):
        return
    held = np.zeros_like(now.grabbed[w])
    for _, i, item in pairs:
        if not held[i].any() and not (play.case.rules.grab_exclusive and held[:, item].any()):
            held[i, item] = True
    assert np.array_equal(now.grabbed[w], held)
    assert now.grabbed[w].sum(1).max(initial=0) <= 1
    play.met["a grip"] += int((held & ~before.grabbed[w]).sum())
    play.met["a shared grip"] += int((held.sum(0) > 1).sum())
    weld = play.env.scene.weld
    active = play.env.physics.field("eq_active")[w].numpy()
    assert np.array_equal(active[weld].astype(bool), held)


def check_lock(
    play: Play, w: int, item: int, hands: list[int], asks: dict[int, bool], before: Snapshot, now: Snapshot
) -> None:
    """One object's lock by the rules: who is able and asks wants it, who is able and does not ask refuses it."""
    kind, owner = play.case.rules.lock_type, before.owner[w, item]
    was, is_now, owner_now = before.locked[w, item], now.locked[w, item], now.owner[w, item]
    want = [i for i in hands if asks[i]]
    refuse = [i for i in hands if not asks[i]]
    if kind == "any_lock_specific":
        refuse = [i for i in refuse if i == owner]
    if kind == "all_lock_team_specific":
        refuse = [i for i in refuse if play.is_hider(i) == play.is_hider(owner)]
    if kind.startswith("all_lock"):
        locked = False if refuse else bool(want) or was
        passed = bool(want) and not refuse and not was
    else:
        locked = True if want else was and not refuse
        passed = bool(want) and (not was or (kind == "any_lock_specific" and bool(refuse)))
    assert is_now == locked, (kind, was, want, refuse)
    assert owner_now in want if passed else owner_now == owner
    play.met["a lock"] += bool(is_now and not was)
    play.met["an unlocking"] += bool(was and not is_now)
    play.met["a lock passed on"] += bool(passed and was)


def check_locked_stay(play: Play, w: int, before: Snapshot, now: Snapshot) -> None:
    """What is locked stays where it was locked, but for the softness of the joint's limit (see `LOCK_SLACK`)."""
    for item in range(now.locked.shape[1]):
        if not now.locked[w, item]:
            play.pinned.pop((w, item), None)
            continue
        if not before.locked[w, item]:
            play.pinned[w, item] = before.qpos[w, play.n + item]
        moved = np.abs(now.qpos[w, play.n + item] - play.pinned[w, item])[:3].max()
        if np.abs([before.qvel[w], now.qvel[w]]).max() > BURST:
            play.met["a burst beside a lock"] += 1
            continue
        kept = play.case.rules.grab_distance is None
        assert moved <= (LOCK_SLACK if kept else LOCK_SLACK_AT_A_DISTANCE)


def check_rewards(play: Play, w: int, now: Snapshot, step: Step) -> None:
    """Paid by what the masks say, or for being outside; food adds to it at any time."""
    world, rules = play.case.world, play.case.rules
    agents = [i for i in range(play.n) if play.agents[w, i]]
    hiders, seekers = [i for i in agents if play.is_hider(i)], [i for i in agents if not play.is_hider(i)]
    expected = {}
    for i in agents:
        if play.is_hider(i):
            expected[i] = -1.0 if any(now.sees[w, s, i] for s in seekers) else 1.0
        else:
            expected[i] = 1.0 if any(now.sees[w, i, h] for h in hiders) else -1.0
    for team, joint in ((hiders, min), (seekers, max)):
        values = [expected[i] for i in team]
        for i in team:
            if rules.reward_type == "joint_zero_sum":
                expected[i] = joint(values)
            elif rules.reward_type == "joint_mean":
                expected[i] = sum(values) / len(values)
    expected = {i: value * rules.reward_scale for i, value in expected.items()}
    if rules.reward_type == "joint_zero_sum":
        assert all(expected[h] == -expected[s] for h in hiders for s in seekers)
    if rules.restrict_rect is not None:
        x0, y0, x1, y1 = rules.restrict_rect
        out = [not (x0 <= x <= x1 and y0 <= y <= y1) for x, y in now.pos[w, :, :2]]
        objects = [out[play.n + k] for k in np.flatnonzero(play.objects[w])]
        for i in agents:
            if out[i] or (rules.penalize_objects_out and any(objects)):
                expected[i] = -10.0
                play.met["a penalty"] += not play.in_preparation(now.t)
    if play.in_preparation(now.t):
        expected = dict.fromkeys(agents, 0.0)
        assert (now.ctrl[w, world.max_hiders :] == 0).all()
    got = step.reward[w].tolist()
    if world.num_food == 0:
        assert got == pytest.approx([expected.get(i, 0.0) for i in range(play.n)])
        return
    bites = {i: now.eaten[w, i] for i in agents}
    if rules.food.reward_type == "joint_mean":
        means = {True: np.mean([bites[i] for i in hiders]), False: 0.0}
        bites = {i: means[play.is_hider(i)] for i in agents}
    scale = rules.food.reward_scale
    low, high = scale if isinstance(scale, tuple) else (scale, scale)
    for i in agents:
        extra = got[i] - expected[i]
        assert low * bites[i] - 1e-9 <= extra <= high * bites[i] + 1e-9


def check_food(play: Play, w: int, before: Snapshot, now: Snapshot) -> None:
    """Who eats how much of what, and what is left of it."""
    rules, world = play.case.rules.food, play.case.world
    caught = before.sees[w, world.max_hiders :, : world.max_hiders].any()
    allowed = (rules.in_preparation or not play.in_preparation(now.t)) and (rules.when_caught or not caught)
    eaten = np.zeros(play.n)
    for item in range(world.num_food):
        mouths = []
        for i in range(world.max_hiders):
            distance = math.dist(now.qpos[w, i, :3], play.layout.food[w, item])
            if rules.radius is not None and abs(distance - rules.radius) < ROUNDING:
                return
            reach = rules.radius is None or distance < rules.radius
            if play.agents[w, i] and allowed and before.sees_food[w, i, item] and reach:
                mouths.append(i)
        left = before.health[w, item]
        bite = min(1.0, left / len(mouths)) if mouths else 0.0
        for i in mouths:
            eaten[i] += bite
        left = max(0.0, left - len(mouths))
        timer = before.timer[w, item] + 1 if left == 0.0 else 0
        if timer == rules.respawn_time:
            left, timer = rules.max_health, 0
            play.met["food comes back"] += 1
        assert now.health[w, item] == pytest.approx(left) and now.timer[w, item] == timer
        assert 0.0 <= now.health[w, item] <= rules.max_health
    assert now.eaten[w].tolist() == pytest.approx(eaten.tolist())
    play.met["a bite"] += int(eaten.sum() > 0)


def check_metrics(play: Play, w: int, now: Snapshot, metrics: dict[str, torch.Tensor]) -> None:
    got, boxes = {name: float(value[w]) for name, value in metrics.items()}, play.case.world.max_boxes
    assert set(got) <= set(STATISTICS)
    assert all(math.isfinite(value) and value >= 0.0 for value in got.values())
    for kind, first, last in (("box", 0, boxes), ("ramp", boxes, now.locked.shape[1])):
        there = [k for k in range(first, last) if play.objects[w, k]]
        moves = [math.dist(now.qpos[w, play.n + k, :3], play.start.qpos[w, play.n + k, :3]) for k in there]
        if f"max_{kind}_move" in got:
            assert got[f"max_{kind}_move"] == pytest.approx(max(moves, default=0.0))
        if f"num_{kind}_lock" in got:
            assert got[f"num_{kind}_lock"] == sum(now.locked[w, k] for k in there)
    if not play.in_preparation(now.t):
        share = play.seen_steps[w] / play.rewarded
        assert got["hider_seen_share"] == pytest.approx(share)
    if play.case.world.num_food:
        assert got["food_eaten"] == pytest.approx(play.total_eaten[w])


def check_step(play: Play, before: Snapshot, action: Action, step: Step) -> Snapshot:
    """Everything that must hold after an env step; what the next one starts from."""
    now = Snapshot(play.env, len(play.case.seeds))
    check_shapes(play, step.observation)
    assert step.reward.shape == (len(play.case.seeds), play.n) and torch.isfinite(step.reward).all()
    hiders = play.case.world.max_hiders
    if not play.in_preparation(now.t):
        play.seen_steps = play.seen_steps + now.sees[:, hiders:, :hiders].any((1, 2))
        play.rewarded += 1
    play.total_eaten = play.total_eaten + now.eaten.sum(1)
    for w in range(len(play.case.seeds)):
        if step.failed[w]:
            observed = tensors(play.env, step)
            assert all((value[w] == 0).all() for name, value in observed.items() if name != "failed")
            play.met["a failed world"] += 1
            continue
        assert np.isfinite(now.everything[w]).all()
        check_masks(play, w, step.observation)
        check_sight(play, w, now)
        check_observed(play, w, now, step.observation)
        check_absent(play, w, now, step)
        check_manipulation(play, w, before, action, now)
        check_locked_stay(play, w, before, now)
        check_food(play, w, before, now)
        check_rewards(play, w, now, step)
        check_metrics(play, w, now, play.env.metrics())
    return now


def check_case(case: Case, met: Counter[str]) -> None:
    """Play a game with all checks, then each of its worlds alone."""
    seeds, actions = np.array(case.seeds), make_actions(case)
    try:
        layout = sample_layouts(case.world, seeds)
    except ConfigError:  # too much for the field
        assume(False)
    env = make_game(case)
    observation = env.reset(seeds)
    before = Snapshot(env, len(seeds))
    play = Play(case, env, layout, met, before, {}, np.zeros(len(seeds)), np.zeros(len(seeds)))
    check_shapes(play, observation)
    steps = []
    for action in actions:
        step = env.step(action)
        before = check_step(play, before, action, step)
        steps.append(tensors(env, step))
    for w in range(len(seeds)):
        env.reset(seeds[w : w + 1])
        for action, together in zip(actions, steps, strict=True):
            alone = Action(*(getattr(action, f.name)[w : w + 1] for f in fields(Action)))
            for name, value in tensors(env, env.step(alone)).items():
                assert torch.equal(value, together[name][w : w + 1]), name
    met["a game"] += 1


def fuzz(num_examples: int) -> Counter[str]:
    """Play so many games; what was met in them."""
    met: Counter[str] = Counter()

    @settings(
        max_examples=num_examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def play_any(case: Case) -> None:
        check_case(case, met)

    play_any()
    return met


MET = ("an agent is seen", "a grip", "a shared grip", "a lock", "an unlocking", "a penalty", "a bite")
RARE = ("food comes back", "a lock passed on", "a failed world")  #: some 1 to 30 times in 1,000 games


@pytest.mark.parametrize("num_games", [NUM_GAMES, pytest.param(MANY, marks=pytest.mark.release)])
def test_any_game_keeps_the_rules(num_games: int) -> None:
    met = fuzz(num_games)
    assert all(met[what] > 0 for what in MET + RARE * (num_games >= 1000)), met
