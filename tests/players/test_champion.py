"""A champion plays in the PettingZoo game as it plays in matches, and leaves as arrays that anybody can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.archive import RunView
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.session import build_session
from evo_hns.players.champion import Champion, _shapes, champions_of, load_champion
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side

SMALL_ENTITY = {"embed_size": 8, "dense_size": 8, "num_cells": 8}
GAMES: dict[str, dict[str, Any]] = {
    "two against two": {},
    "memory": {"policy": {"gru_size": 4}},
    "a network per member": {"policy": {"genome_per_member": True, "network": "attention"}},
    "drawn actions": {"policy": {"network": "entity", "entity": SMALL_ENTITY}},
    "absent agents, food, chosen grips": {
        "world": {"scenario": "randomwalls", "num_hiders": [1, 3], "num_seekers": [1, 2], "num_food": 2},
        "rules": {"grab_selective": True},
    },
}


def champions(config: RunConfig) -> dict[Side, Champion]:
    """One of each side, with drawn genomes."""
    rng = np.random.default_rng(7)
    lengths = build_session(config, 1).genome_lengths
    return {
        side: Champion("none", side, 0, 0.0, config, rng.normal(size=lengths[side]).astype(np.float32)) for side in Side
    }


@pytest.mark.parametrize("game", GAMES)
def test_a_champion_plays_outside_as_it_does_in_matches(game: str, world: int = 11) -> None:
    pytest.importorskip("pettingzoo")
    from evo_hns.parallel_env import parallel_env

    config = RunConfig.model_validate({"rules": {"horizon": 12}} | GAMES[game])
    players = champions(config)
    rosters = {
        side: Roster(PlayerSpec(network=config.side(side).policy), torch.from_numpy(player.genome)[None])
        for side, player in players.items()
    }
    row = np.zeros(1, np.int64)
    expected = build_session(config, 1).play(MatchTable(row, row, np.array([world])), rosters)

    env = parallel_env(config)
    observation, _ = env.reset(seed=world)
    states = {side: player.initial_state(world) for side, player in players.items()}
    returns = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        actions = {}
        for side, player in players.items():
            chosen, states[side] = player.act(observation, states[side])
            actions |= chosen
        assert set(actions) == set(env.agents)
        observation, rewards, _, _, infos = env.step(actions)
        for agent, reward in rewards.items():
            returns[agent] += reward
    assert list(returns.values()) == expected.returns[0].tolist()
    statistics = {name: float(values[0]) for name, values in expected.metrics.items()}
    assert {name: infos["hider_0"][f"last_episode_{name}"] for name in statistics} == statistics
    assert len(set(statistics.values())) > 2  # something happened


def test_without_a_state_an_episode_begins(run_path: Path) -> None:
    pytest.importorskip("pettingzoo")
    from evo_hns.parallel_env import parallel_env

    player = load_champion(f"{run_path}:hiders/last")
    env = parallel_env(player.settings)
    observation, _ = env.reset(seed=1)
    one, after = player.act(observation)
    other, _ = player.act(observation, player.initial_state())
    assert one["hider_0"].tolist() == other["hider_0"].tolist()
    assert after.shape == player.initial_state().shape
    assert set(one) == {"hider_0"}


def test_observations_of_others_and_of_another_game_are_refused(run_path: Path) -> None:
    player = load_champion(f"{run_path}:seekers/0")
    with pytest.raises(ConfigError, match="got observations of hider_0, expected seeker_0"):
        player.act({"hider_0": {}})
    with pytest.raises(ConfigError, match=r"of seeker_0 of shape \(0,\), expected .* make_env\(champion\.settings\)"):
        player.act({"seeker_0": {}})


def test_the_state_of_another_champion_is_refused() -> None:
    players = [champions(RunConfig.model_validate({"policy": {"gru_size": size}}))[Side.HIDERS] for size in (2, 4)]
    told = {name: np.zeros(shape) for name, shape in _shapes(players[0]._spec).items()}
    with pytest.raises(ConfigError, match=r"got a state of shape \(1, 2, 4\), expected \(1, 2, 2\)"):
        players[0].act({"hider_0": told}, players[1].initial_state())


def test_a_champion_is_read_as_it_stands_in_its_run(run_path: Path) -> None:
    with RunView(run_path) as view:
        genomes, scores = view.genomes(Side.SEEKERS, [0, 1, 2]), view.scores(Side.SEEKERS)
    found = champions_of(run_path, Side.SEEKERS)
    assert [each.generation for each in found] == [0, 1, 2]
    assert np.array_equal([each.genome for each in found], genomes)
    assert [each.score for each in found] == scores.tolist()
    last = load_champion(f"{run_path}:seekers/last")
    assert (last.address, last.side, last.score) == (f"{run_path}:seekers/2", Side.SEEKERS, scores[2])
    assert np.array_equal(last.genome, genomes[2])


@pytest.mark.parametrize("address", ["scripted:chaser", "random", "a.h5", "a.h5:everybody/last", "a.h5:hiders/first"])
def test_only_champions_are_loaded(address: str) -> None:
    with pytest.raises(ConfigError, match=r"got the (champion|player) '.*', expected RUN:hiders/GENERATION"):
        load_champion(address)


def test_saved_weights_are_the_network_itself(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"policy": {"hidden_size": 2, "genome_per_member": True}})
    player = champions(config)[Side.HIDERS]
    player.save_npz(tmp_path / "hiders.npz")
    with np.load(tmp_path / "hiders.npz") as saved:  # refuses pickles
        assert np.array_equal(saved["genome"], player.genome)
        assert RunConfig.model_validate(json.loads(str(saved["settings"]))) == config
        assert (str(saved["side"]), int(saved["generation"]), float(saved["score"])) == ("hiders", 0, 0.0)
        weights = [saved[name] for name in saved.files if name.startswith("weights/")]
    rows = [np.concatenate([layer[member].ravel() for layer in weights]) for member in range(2)]
    assert np.array_equal(np.concatenate(rows), player.genome)


def test_parameters_of_the_papers_network_have_its_names(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"policy": {"network": "entity", "entity": SMALL_ENTITY}})
    player = champions(config)[Side.SEEKERS]
    player.save_npz(str(tmp_path / "seekers.npz"))
    with np.load(tmp_path / "seekers.npz") as saved:
        weights = [saved[name] for name in saved.files if name.startswith("weights/")]
    assert np.array_equal(np.concatenate([each.ravel() for each in weights]), player.genome)


def test_a_file_of_another_kind_or_place_is_refused(run_path: Path, tmp_path: Path) -> None:
    player = load_champion(f"{run_path}:hiders/last")
    with pytest.raises(ConfigError, match=r"got the ending '\.txt', expected \.npz"):
        player.save_npz(tmp_path / "champion.txt")
    with pytest.raises(ConfigError, match=r"cannot write .*champion\.npz: No such file"):
        player.save_npz(tmp_path / "nowhere" / "champion.npz")
    assert list(tmp_path.iterdir()) == []
