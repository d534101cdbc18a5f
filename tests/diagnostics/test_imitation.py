"""Networks that do what a player does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from evo_hns.api import load_config
from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.config import ConfigError
from evo_hns.diagnostics.imitation import Imitator
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.players.addresses import Archived, parse_address
from evo_hns.spec import Side
from evo_hns.training.evolution import Evolution
from tests.runs import run_whole, tiny

GAME = {"horizon": 12, "prep_fraction": 0.5}


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network with its own random decisions."""
    path = tmp_path_factory.mktemp("taught") / "taught.h5"
    run_whole(path, tiny(rules=GAME, coevolution={"generations": 1}))
    return f"{path}:hiders/0"


@pytest.mark.parametrize("memory", [{}, {"gru_size": 2}])
def test_a_network_comes_to_decide_as_another_of_its_form(champion: str, memory: dict[str, int]) -> None:
    config = tiny(rules=GAME, policy={"hidden_size": 8, **memory})
    imitator = Imitator(config, champion, Side.HIDERS, "still")
    begun, fitted = (imitator.imitate(episodes=24, updates=n, num_worlds=12) for n in (1, 50 if memory else 150))
    assert sum(fitted.errors.values()) < 0.35 * sum(begun.errors.values())
    assert fitted.env_steps == 24 * 12


def test_who_is_pushed_moves_otherwise_and_decides_as_before() -> None:
    config = tiny(rules=GAME)
    imitator = Imitator(config, "still", Side.HIDERS, "still")
    never, often = (imitator._show(np.arange(16), pushes, np.random.default_rng(0)) for pushes in (0.0, 0.3))
    assert torch.equal(never[3], often[3])  # it goes on to decide for nothing
    assert torch.equal(never[0][0], often[0][0])  # all begin alike
    moved = (never[0][-1, :, :2] != often[0][-1, :, :2]).any(1).float().mean()
    assert moved > 0.8


def test_nothing_is_what_a_still_player_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "still.h5"
    words = ["diagnose", "imitate", "quadrant-1v1", "still", "--opponent", "still", "--save", str(path), "--json"]
    sizes = ["--episodes", "16", "--updates", "300", "--num-worlds", "8", "--physics.num-worlds", "8"]
    game = ["--rules.horizon", "10", "--rules.prep-fraction", "0.5", "--policy.hidden-size", "4"]
    assert main([*words, *sizes, *game]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["errors"]["forward"] < 0.01
    assert told["scores"]["return"]["player"] == told["scores"]["return"]["network"]
    address = parse_address(f"{path}:hiders/0", Side.HIDERS)
    assert isinstance(address, Archived)
    assert len(address.member.genome) == told["num_params"]
    config = RunFile.read(path).config
    begun = config.model_copy(update={"hiders": config.hiders.model_copy(update={"init_from": f"{path}:hiders/0"})})
    center = Evolution(begun, build_evaluator(begun)).populations[Side.HIDERS].searcher.center
    np.testing.assert_array_equal(center.numpy().astype(np.float32), address.member.genome)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"policy": {"hold": 2}}, "^hiders.policy.hold: what was done does not tell the outputs of such a network"),
        ({"policy": {"noise": "step"}}, "^hiders.policy.noise: "),
        ({"policy": {"frame": "box"}}, "^hiders.policy.frame: "),
        ({"policy": {"genome_per_member": True}}, "^hiders.policy.genome_per_member: "),
        ({"policy": {"network": "entity"}}, "^hiders.policy.network: got 'entity', expected 'mlp' or 'attention'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Imitator(tiny(**config), "still", Side.HIDERS, "still")


def test_a_game_of_one_team_is_refused() -> None:
    with pytest.raises(ConfigError, match="one team and nobody to meet"):
        Imitator(load_config("lock-and-return"), "still", Side.HIDERS, "still")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "got the player 'nobody', expected RUN:hiders/GENERATION"),
        (["still", "--pushes", "1"], "--pushes: got 1, expected a chance from 0 to below 1"),
        (["still", "--episodes", "0"], "--episodes"),
        (["still", "--search.popsize", "8"], "imitate takes settings of game and network"),
    ],
)
def test_mistakes_are_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "imitate", "quadrant-1v1", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
