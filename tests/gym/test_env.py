"""Gymnasium and Stable-Baselines3 take one side of the game as an environment, and it is the game."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evo_hns
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.session import build_session, replay
from evo_hns.players.addresses import find_player, parse_address
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Action, Side
from evo_hns.viewer.films.graphics import find_backend

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env, data_equivalence

ALONE = {"world.num_hiders": 1, "world.num_seekers": 1, "rules.horizon": 6}
TEAM = {"rules.horizon": 6}
RANGES = {
    **TEAM,
    "world": {"scenario": "randomwalls", "num_hiders": (1, 3), "num_seekers": (1, 2), "num_boxes": (1, 3)},
}


def play(env: Any, choose: Callable[[], Any], steps: int) -> list[tuple[Any, ...]]:
    return [env.step(choose()) for _ in range(steps)]


@pytest.mark.parametrize("settings", [ALONE, TEAM], ids=["one agent", "a team"])
@pytest.mark.filterwarnings("ignore:.*A Box observation space m:UserWarning")
@pytest.mark.filterwarnings("error:.*WARN:UserWarning")
def test_gymnasium_finds_nothing_to_complain_about(settings: dict[str, Any]) -> None:
    check_env(evo_hns.make_gym_env(settings=settings, opponent="scripted:chaser"), skip_render_check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of objects it says that they look like pictures
def test_stable_baselines_takes_an_agent_and_learns_as_a_team() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.env_checker import check_env as check

    check(evo_hns.make_gym_env(settings=ALONE))
    team = evo_hns.make_gym_env(settings=TEAM, side="seekers", opponent="scripted:evader")
    check(team)
    model = sb3.PPO("MultiInputPolicy", team, n_steps=16, batch_size=8, n_epochs=1, seed=0, device="cpu").learn(32)
    assert model.num_timesteps == 32
    assert [len(model.ep_info_buffer), model.ep_info_buffer[0]["l"]] == [5, 6]


def test_one_agent_and_a_team_have_spaces_of_one_row_of_actions() -> None:
    agent, team = (evo_hns.make_gym_env(settings=settings) for settings in (ALONE, TEAM))
    assert agent.action_space == spaces.MultiDiscrete([11, 11, 11, 2, 2])
    assert team.action_space == spaces.MultiDiscrete([11, 11, 11, 2, 2] * 2)
    assert (agent.observation_space["lidar"].shape, team.observation_space["lidar"].shape) == ((30, 1), (2, 30, 1))


@pytest.mark.parametrize("opponent", ["random", "RUN:seekers/last"])
def test_a_match_is_that_of_evaluate_and_of_the_parallel_env(opponent: str, run_path: Path) -> None:
    pytest.importorskip("pettingzoo")
    address = opponent.replace("RUN", str(run_path))
    game = None if "RUN" in opponent else evo_hns.load_config(settings=ALONE)
    env = evo_hns.make_gym_env(game, opponent=address)
    game = evo_hns.load_run(run_path).settings if game is None else game
    session = build_session(game, 1)
    rosters = {
        Side.HIDERS: scripted_roster("random"),
        Side.SEEKERS: find_player(parse_address(address, Side.SEEKERS), Side.SEEKERS, session.spec),
    }
    row = np.zeros(1, dtype=np.int64)
    played = session.play(MatchTable(row, row, row + 9), rosters, keep=["actions"])
    told, info = env.reset(seed=9)
    parallel = evo_hns.make_env(game)
    both, _ = parallel.reset(seed=9)
    assert played.actions is not None
    choices = np.concatenate(
        [played.actions["movement"][0], played.actions["pull"][0, ..., None], played.actions["glueall"][0, ..., None]],
        axis=-1,
    )
    total = 0.0
    for hider, seeker in choices:
        assert data_equivalence(told, both["hider_0"], exact=True)
        told, reward, terminated, truncated, info = env.step(hider)
        both, rewards, *_ = parallel.step({"hider_0": hider, "seeker_0": seeker})
        assert reward == rewards["hider_0"]
        total += reward
    assert total == played.returns[0, 0]
    assert (terminated, truncated, info["world_seed"], info["discarded"]) == (False, True, 9, False)
    assert info["statistics"] == {name: float(values[0]) for name, values in played.metrics.items()}


def test_later_worlds_follow_from_the_last_seed_as_in_the_parallel_env() -> None:
    pytest.importorskip("pettingzoo")
    ours, theirs = evo_hns.make_gym_env(settings=ALONE), evo_hns.make_env(settings=ALONE)
    worlds = [ours.reset(seed=seed)[1]["world_seed"] for seed in (5, None, None)]
    assert worlds == [theirs.reset(seed=seed)[1]["hider_0"]["world_seed"] for seed in (5, None, None)]
    assert worlds[0] == 5
    assert len({evo_hns.make_gym_env(settings=ALONE).reset()[1]["world_seed"] for _ in range(2)}) == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_to_the_bit(copied: Callable[[Any], Any]) -> None:
    env = evo_hns.make_gym_env(settings=TEAM)
    env.reset(seed=1)
    play(env, env.action_space.sample, 2)
    other = copied(env)
    for _ in range(2):
        for _ in range(4):
            action = env.action_space.sample()
            assert data_equivalence(env.step(action), other.step(action), exact=True)
        assert data_equivalence(env.reset(), other.reset(), exact=True)
        play(env, env.action_space.sample, 2)
        other = copied(env)


def test_members_that_a_world_lacks_observe_zeros_and_do_not_count() -> None:
    env = evo_hns.make_gym_env(settings={**RANGES, "rules.prep_fraction": 0.0})
    parallel = evo_hns.make_env(settings=RANGES)
    seen = set()
    for seed in range(6):
        told, info = env.reset(seed=seed)
        assert [f"hider_{k}" for k in np.flatnonzero(info["present"])] == [
            agent for agent in parallel.reset(seed=seed)[1] if "hider" in agent
        ]
        assert not any(values[~info["present"]].any() for values in told.values())
        assert play(env, env.action_space.sample, 2)[1][1] in (-1.0, 1.0)  # of 1 to 3 members, after the preparation
        seen.add(tuple(info["present"]))
    assert len(seen) > 1


def test_a_failed_world_ends_the_episode_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    env = evo_hns.make_gym_env(settings=ALONE)
    env.reset(seed=0)
    physics = env._world.game.game.physics
    monkeypatch.setattr(physics, "step", lambda *_: torch.ones(1, dtype=torch.bool))
    _, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert (reward, terminated, truncated, info["discarded"]) == (0.0, True, False, True)
    with pytest.raises(ValueError, match="no episode is going on"):
        env.step(env.action_space.sample())


def test_a_team_may_name_what_it_pulls_against_players_that_do_not() -> None:
    env = evo_hns.make_gym_env(settings={**TEAM, "rules.grab_selective": True})
    assert env.action_space == spaces.MultiDiscrete([11, 11, 11, 2, 2, 2, 2] * 2)
    env.reset(seed=0)
    assert play(env, env.action_space.sample, 6)[-1][3] is True


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"side": "hider"}, "got the side 'hider', expected hiders or seekers"),
        ({"opponent": "scripted:chasr"}, r"no scripted player 'chasr' \(did you mean chaser\?\)"),
        ({"opponent": 5}, "got the player 5, expected a champion or an address"),
        ({"opponent": "nowhere:build"}, "module nowhere cannot be imported from here"),
        ({"opponent": "RUN:hiders/last"}, "is one of the hiders, expected one of the seekers"),
        (
            {"opponent": "RUN:seekers/last", "settings": {"rules.horizon": 7}},
            r"run\.h5:seekers/last plays another game \(rules\.horizon: 7 and 6\); leave out config",
        ),
        ({"config": "lock-and-return", "side": "seekers"}, "this game has no seekers; play the hiders"),
        ({"render_mode": "human"}, "got the render mode 'human', expected None or 'rgb_array'"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(asked: dict[str, Any], said: str, run_path: Path) -> None:
    asked = {
        name: each.replace("RUN", str(run_path)) if isinstance(each, str) else each for name, each in asked.items()
    }
    with pytest.raises(ConfigError, match=said) as told:
        evo_hns.make_gym_env(**asked)
    assert "\n" not in str(told.value)


def test_impossible_actions_and_seeds_are_refused() -> None:
    env = evo_hns.make_gym_env(settings=ALONE)
    with pytest.raises(ValueError, match="got a step, expected reset"):
        env.step(env.action_space.sample())
    with pytest.raises(ValueError, match="got the seed 4294967296, expected a whole number from 0 to 4294967295"):
        env.reset(seed=2**32)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"of the hiders, expected 5 whole numbers, 0 or more, below \[11, 11, 11, 2"):
        env.step([11, 0, 0, 0, 0])


def test_a_single_team_plays_its_task() -> None:
    env = evo_hns.make_gym_env("lock-and-return", {"rules.horizon": 4})
    env.reset(seed=0)
    assert play(env, env.action_space.sample, 4)[-1][3] is True


def test_importing_it_registers_an_id() -> None:
    import evo_hns.gym  # noqa: F401

    env = gymnasium.make("evo_hns/HideAndSeek-v0", settings=ALONE, side="seekers", opponent="scripted:evader")
    assert env.reset(seed=3)[1]["world_seed"] == 3
    assert env.unwrapped.side is Side.SEEKERS


def test_gymnasium_that_is_missing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("evo_hns.gym")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    for make in (evo_hns.make_gym_env, evo_hns.make_vector_env):
        with pytest.raises(ConfigError, match=r"^evo_hns\.gym needs Gymnasium: .*pip install"):
            make()


class TestPictures:
    """Of worlds that are being played."""

    BACKEND, FOUND = find_backend()
    pytestmark = pytest.mark.skipif(BACKEND is None, reason=f"nothing can be drawn here: {FOUND}")

    def test_a_picture_is_that_of_the_film_of_the_same_match(self) -> None:
        pytest.importorskip("pettingzoo")
        pytest.importorskip("PIL", reason="films need the extra `render`")
        from evo_hns.gym.pictures import LOOK
        from evo_hns.viewer.films.film import Film
        from evo_hns.viewer.films.footage import Footage

        config = RunConfig.model_validate({"world": {"num_hiders": 1, "num_seekers": 1}, "rules": {"horizon": 4}})
        env, rng = evo_hns.make_env(config, render_mode="rgb_array"), np.random.default_rng(0)
        env.reset(seed=11)
        done, pictures = [], [env.render()]
        while env.agents:
            actions = {agent: rng.integers(env.action_space(agent).nvec) for agent in env.agents}
            rows = torch.from_numpy(np.stack(list(actions.values())))[None]
            done.append(Action(rows[..., :3], rows[..., 3].bool(), rows[..., 4].bool()))
            env.step(actions)
        pictures.append(env.render())
        again = copy.deepcopy(env)
        assert np.array_equal(again.render(), pictures[1])
        again.close()
        env.close()
        game = build_session(config, 1).game
        trajectory = replay(game, done, np.array([11]), keep=["trajectory"]).trajectory
        assert trajectory is not None
        with Film(Footage(trajectory, "", "", "", config), LOOK) as film:
            for step, picture in zip((0, 4), pictures, strict=True):
                assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)
                assert np.array_equal(picture, film.picture(step))

    @pytest.mark.filterwarnings("ignore:.*A Box observation space m:UserWarning")
    def test_gymnasium_takes_the_pictures_of_one_world_after_another(self) -> None:
        import evo_hns.gym

        env = gymnasium.make("evo_hns/HideAndSeek-v0", settings=ALONE, render_mode="rgb_array")
        assert env.metadata["render_fps"] == pytest.approx(40 / 3)
        check_env(env.unwrapped)
        pictures = []
        for seed in (0, 1):
            env.reset(seed=seed)
            pictures.append(env.render())
        env.close()
        assert not np.array_equal(*pictures)
        assert evo_hns.make_gym_env(settings=ALONE).render() is None


def test_pictures_where_nothing_can_be_drawn_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    for make in (evo_hns.make_env, evo_hns.make_gym_env):
        with pytest.raises(ConfigError, match=r"pictures need OpenGL, which does not work here \(MUJOCO_GL=disabled"):
            make(settings=ALONE, render_mode="rgb_array")
