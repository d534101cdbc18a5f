from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from evo_hns.spec import Action

HIDER, SEEKER, BOX = 0, 2, 0


def do(env, action: Action) -> dict[str, torch.Tensor]:
    """Everything an env step tells, by name."""
    step = env.step(action)
    observation = {f.name: getattr(step.observation, f.name) for f in fields(step.observation)}
    return observation | env.metrics() | {"reward": step.reward, "failed": step.failed}


def rows(action: Action, worlds) -> Action:
    return Action(action.movement[worlds], action.pull[worlds], action.glueall[worlds])


def play(env, seeds, actions) -> list[dict[str, torch.Tensor]]:
    env.reset(np.asarray(seeds))
    return [do(env, action) for action in actions]


def assert_same_bits(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def place(env, **places: tuple[float, float, float]) -> None:
    """Put agents and objects at (x, y, turn): `agent0=...`, `object0=...`; world centres."""
    scene, qpos = env.scene, env.physics.field("qpos")
    for name, (x, y, turn) in places.items():
        kind, index = name[:-1], int(name[-1])
        joints = (scene.agent_qpos if kind == "agent" else scene.object_qpos)[index]
        half = 0.15 if kind == "agent" else 0.25
        qpos[0, joints] = torch.tensor([x - half, y - half, 0.0, turn], dtype=torch.float64)
    env.physics.forward()
    env.observe()


# A hider faces a box at reach, everyone else is far away and looks elsewhere.
AT_THE_BOX = {
    "agent0": (1.0, 1.6, 0.0),
    "object0": (1.0, 1.15, 0.0),
    "agent1": (0.5, 5.5, np.pi),
    "agent2": (1.5, 5.5, np.pi),
    "agent3": (2.5, 5.5, np.pi),
    "object1": (4.5, 4.5, 0.0),
    "object2": (4.5, 1.5, 0.0),
}


def only(action: Action, agent: int, **wish: bool) -> Action:
    chosen = torch.arange(4) == agent
    return replace(action, **{name: (getattr(action, name) | chosen) for name in wish})


def test_a_batch_equals_its_worlds_played_one_by_one(make_game, play_randomly):
    seeds, actions = [3, 1, 4, 15], play_randomly(80, 4)
    batch, single = play(make_game(4), seeds, actions), make_game(1)
    for w in range(4):
        alone = play(single, seeds[w : w + 1], [rows(a, [w]) for a in actions])
        for together, apart in zip(batch, alone, strict=True):
            assert_same_bits({k: v[w : w + 1] for k, v in together.items()}, apart)
    assert batch[-1]["max_box_move"].max() > 0.1


def test_permuting_worlds_permutes_results(make_game, play_randomly):
    seeds, order, actions = np.array([2, 7, 1, 8]), [2, 0, 3, 1], play_randomly(50, 4)
    env = make_game(4)
    straight, permuted = play(env, seeds, actions), play(env, seeds[order], [rows(a, order) for a in actions])
    for a, b in zip(straight, permuted, strict=True):
        assert_same_bits({k: v[order] for k, v in a.items()}, b)


def test_a_reset_leaves_no_trace_of_locks_grips_and_sleep(make_game, play_randomly):
    actions, used = play_randomly(40, 2), make_game(3)
    play(used, [5, 6, 7], play_randomly(80, 3, seed=9))
    for a, b in zip(play(make_game(3), [8, 9], actions), play(used, [8, 9], actions), strict=True):
        assert_same_bits(a, b)


def test_nothing_is_earned_in_the_preparation_and_something_after_it(make_game, play_randomly):
    steps = play(make_game(2), [0, 1], play_randomly(34, 2))
    assert all((step["reward"] == 0).all() for step in steps[:32])
    assert all((step["reward"] != 0).all() for step in steps[32:])


def test_seekers_are_frozen_in_the_preparation_and_free_after_it(make_game, still):
    env = make_game(1)
    env.reset(np.array([0]))
    start = env.observe().observation_self.clone()
    east = replace(still(), movement=torch.tensor([[[5, 5, 10]] * 2 + [[10] * 3] * 2]))  # hiders only turn
    for step_number in range(1, 34):
        now = env.step(east).observation.observation_self
        seekers_moved = (now[0, 2:, :2] - start[0, 2:, :2]).abs().amax().item() > 1e-3
        assert seekers_moved == (step_number == 33)
    assert (now[0, :2, 3] - start[0, :2, 3]).min() > 1.0


def test_the_first_step_is_preparation_even_without_any(make_game, still):
    env = make_game(1, prep_fraction=0.0)
    env.reset(np.array([0]))
    east = replace(still(), movement=torch.full((1, 4, 3), 10))
    first, second = env.step(east), env.step(east)
    assert (first.reward == 0).all()
    assert (second.reward != 0).all()
    assert (env.physics.field("ctrl")[0, 6:] > 0).all()


def test_rewards_follow_the_masks(make_game, play_randomly):
    for step in play(make_game(4, restrict_rect=None), range(4), play_randomly(60, 4))[32:]:
        # Row i of the mask lists (i - 1) % 4, (i - 2) % 4, (i - 3) % 4: find the hiders 0 and 1.
        mask = step["mask_aa_obs"]
        for w in range(4):
            seen = any(mask[w, s, k] for s in (2, 3) for k in range(3) if (s - 1 - k) % 4 < 2)
            assert step["reward"][w].tolist() == ([-1, -1, 1, 1] if seen else [1, 1, -1, -1])


def test_a_locked_box_stays_under_a_push_and_an_unlocked_one_goes(make_game, still):
    env, moved = make_game(1), {}
    for locks in (True, False):
        env.reset(np.array([0]))
        place(env, **AT_THE_BOX)
        action = still()
        action.movement[0, HIDER, 1] = 0  # towards -y, into the box
        for _ in range(10):
            step = env.step(only(action, HIDER, glueall=True) if locks else action)
        moved[locks] = 0.9 - step.observation.box_obs[0, HIDER, BOX, 1].item()
        assert (
            step.observation.box_obs[0, :, BOX, 9:].tolist() == [[locks] * 3, [0, locks, locks]] + [[0, 0, locks]] * 2
        )
    assert moved[True] < 0.02 < 0.3 < moved[False]


def test_a_lock_ends_when_the_owner_stops_asking_but_not_when_it_looks_away(make_game, still):
    env = make_game(1)
    env.reset(np.array([0]))
    place(env, **AT_THE_BOX)
    env.step(only(still(), HIDER, glueall=True))
    place(env, agent0=(1.0, 1.6, np.pi))
    assert env.step(still()).observation.box_obs[0, HIDER, BOX, 11]
    place(env, agent0=(1.0, 1.6, 0.0))
    assert not env.step(still()).observation.box_obs[0, HIDER, BOX, 11]


def test_an_object_must_have_been_seen_in_the_observation_before(make_game, still):
    env = make_game(1)
    env.reset(np.array([0]))
    place(env, **AT_THE_BOX)
    env.state.sees_objects = torch.zeros_like(env.state.sees_objects)
    env.step(only(still(), HIDER, glueall=True, pull=True))
    assert not env.state.locked.any()
    assert not env.state.grabbed.any()
    env.step(only(still(), HIDER, glueall=True, pull=True))
    assert env.state.locked[0].tolist() == [True, False, False]
    assert env.state.grabbed[0, HIDER].tolist() == [True, False, False]


def test_what_is_grabbed_follows_and_what_is_let_go_stays_behind(make_game, still):
    env = make_game(1)
    env.reset(np.array([0]))
    place(env, **AT_THE_BOX)
    action = still()
    action.movement[0, HIDER, 1] = 8  # away from the box
    for _ in range(8):
        step = env.step(only(action, HIDER, pull=True))
    agent, box = step.observation.observation_self[0, HIDER], step.observation.box_obs[0, HIDER, BOX]
    assert box[1] > 1.1
    assert agent[1] + 0.15 - box[1] - 0.25 == pytest.approx(0.45, abs=0.03)
    assert agent[2].abs() < 0.02  # the weld does not lift the agent
    assert env.state.grabbed[0, HIDER].tolist() == [True, False, False]
    for _ in range(8):
        step = env.step(action)
    gap = step.observation.observation_self[0, HIDER, 1] - step.observation.box_obs[0, HIDER, BOX, 1]
    assert gap - (agent[1] - box[1]) > 0.3


def test_a_grip_is_kept_until_it_changes(make_game, still):
    env = make_game(1)
    env.reset(np.array([0]))
    place(env, **AT_THE_BOX)
    pull = only(still(), HIDER, pull=True)
    pull.movement[0, HIDER, 0] = 8
    env.step(pull)
    pose = env.physics.model_field("eq_data")[0, env.scene.weld[HIDER, BOX]].clone()
    env.step(pull)
    assert torch.equal(env.physics.model_field("eq_data")[0, env.scene.weld[HIDER, BOX]], pose)
    np.testing.assert_allclose(pose[:10].numpy(), [0, 0, 0, 0, -0.45, 0.1, 1, 0, 0, 0], atol=1e-12)
    env.step(still())
    assert not env.physics.field("eq_active").any()


def test_the_clock_reaches_one_in_the_first_step_after_the_preparation(make_game, still):
    steps = play(make_game(1), [0], [still()] * 33)
    clocks = [step["observation_self"][0, 0, 9].item() for step in steps]
    assert clocks[0] == pytest.approx(1 / 32, abs=1e-6)
    assert clocks[31] < 1.0 == clocks[32]


@pytest.mark.parametrize("harm", ["nan", "high", "far"])
def test_a_failed_world_is_frozen_tells_zeros_and_disturbs_nobody(make_game, play_randomly, harm):
    seeds, actions, env = [0, 1, 2], play_randomly(50, 3), make_game(3)
    undisturbed = play(env, seeds, actions)
    env.reset(np.asarray(seeds))
    for t, action in enumerate(actions):
        if t == 20:
            joint = env.scene.agent_qpos[0, 2 if harm == "high" else 0]
            env.physics.field("qpos")[1, joint] = {"nan": torch.nan, "high": 50.0, "far": 500.0}[harm]
        step = do(env, action)
        assert step["failed"].tolist() == [False, t >= 20, False]
        assert_same_bits({k: v[[0, 2]] for k, v in step.items()}, {k: v[[0, 2]] for k, v in undisturbed[t].items()})
        if t >= 20:
            assert all((v[1] == 0).all() for k, v in step.items() if k != "failed")
    assert_same_bits(play(env, seeds, actions)[-1], undisturbed[-1])


def test_worlds_without_a_seed_stay_idle(make_game, play_randomly):
    env = make_game(4)
    env.reset(np.array([0, 1]))
    idle = env.physics.field("qpos")[2:].clone()
    assert all(len(value) == 2 for value in do(env, play_randomly(1, 2)[0]).values())
    assert torch.equal(env.physics.field("qpos")[2:], idle)


@pytest.mark.parametrize("num_seeds", [0, 3])
def test_a_wrong_number_of_seeds_is_refused(make_game, num_seeds):
    with pytest.raises(ValueError, match=f"got {num_seeds} seeds, expected 1 to 2"):
        make_game(2).reset(np.arange(num_seeds))


@pytest.mark.parametrize(
    "settings", [{"num_boxes": 0, "num_ramps": 0}, {"num_ramps": 2, "lock_ramp": True, "lock_box": False}]
)
def test_games_of_other_sizes_have_observations_of_the_promised_shape(make_game, play_randomly, settings):
    env = make_game(2, num_hiders=1, num_seekers=2, num_lidar_rays=8, **settings)
    spec = env.observation_spec
    last = play(env, [0, 1], play_randomly(10, 2, num_agents=3))[-1]
    assert last["agent_qpos_qvel"].shape == (2, 3, 2, 10)
    assert last["box_obs"].shape == (2, 3, spec.num_boxes, spec.box_columns.width)
    assert last["ramp_obs"].shape == (2, 3, spec.num_ramps, spec.ramp_columns.width)
    assert last["lidar"].shape == (2, 3, 8, 1)
    assert (spec.box_columns.width, spec.ramp_columns.width) == ((9, 12) if "lock_ramp" in settings else (12, 9))


def test_absent_agents_observe_nothing(make_game, play_randomly):
    env = make_game(8, num_hiders=(1, 3), num_seekers=(1, 2), num_food=1)
    for step in play(env, range(8), play_randomly(3, 8, num_agents=5)):
        absent = ~step["agent_mask"]
        assert absent.any()
        rows = ("observation_self", "agent_qpos_qvel", "box_obs", "ramp_obs", "food_obs", "lidar")
        assert all((step[name][absent] == 0).all() for name in rows)


def test_who_runs_out_of_an_open_field_pays_to_the_end_of_a_long_episode(make_game):
    open_field = {"scenario": "randomwalls", "num_rooms": 1, "outer_walls_probability": 0.0}
    env = make_game(
        1, num_hiders=1, num_seekers=1, num_boxes=0, num_ramps=0, horizon=240, prep_fraction=0.0, **open_field
    )
    away = Action(torch.full((1, 2, 3), 10), torch.zeros(1, 2) > 0, torch.zeros(1, 2) > 0)
    last = play(env, [0], [away] * 240)[-1]
    assert last["observation_self"][0, 0, :2].min() > 120.0
    assert not last["failed"].any() and (last["reward"] == -10.0).all()
