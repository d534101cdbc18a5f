"""Any two players meet, by address; addresses that lead nowhere are refused in one line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive import RunFile
from evo_hns.config import ConfigError, RunConfig
from evo_hns.players.addresses import Archived, best_generation, parse_address
from evo_hns.players.evaluate import evaluate
from evo_hns.spec import Side

GAME = RunConfig.model_validate({"world": {"num_hiders": 1, "num_seekers": 1}, "physics": {"num_worlds": 32}})


def test_scripted_players_meet_as_they_did_in_the_original_game() -> None:
    result = evaluate("scripted:still", "random", GAME, episodes=128)
    assert result.episodes == 128
    assert result.failed == 0
    # A hider that stands still earns 24 against a random seeker.
    assert result.returns[Side.HIDERS].low < 24 < result.returns[Side.HIDERS].high


def test_one_side_gains_what_the_other_loses_inside_the_field(run_path: Path) -> None:
    result = evaluate(f"{run_path}:hiders/0", f"{run_path}:seekers/last", GAME, episodes=16)
    hiders, seekers = result.returns[Side.HIDERS], result.returns[Side.SEEKERS]
    assert hiders.mean == pytest.approx(-seekers.mean)
    assert set(result.as_dict()) >= {"hiders_return", "seekers_return", "statistics", "episodes", "failed"}


def test_the_same_seed_gives_the_same_figures_and_another_one_others(run_path: Path) -> None:
    def results(seed: int) -> dict[str, object]:
        return evaluate(f"{run_path}:hiders/1", "scripted:chaser", GAME, episodes=12, seed=seed).as_dict()

    assert results(5) == results(5)
    assert results(5) != results(6)


def test_all_that_is_played_is_told_and_no_more(run_path: Path) -> None:
    told: list[tuple[int, int]] = []
    evaluate(f"{run_path}:hiders/1", "random", GAME, episodes=70, tell=lambda done, total: told.append((done, total)))
    env_steps = 70 * RunFile.read(run_path).config.rules.horizon
    assert sum(done for done, _ in told) == env_steps
    assert {total for _, total in told} == {env_steps}
    assert len(told) > 2


def test_last_and_best_are_champions_of_the_hall(run_path: Path) -> None:
    run = RunFile.read(run_path)
    assert Archived(run_path, Side.HIDERS, "last").member.row == 2
    best = best_generation(run.held_out, Side.HIDERS)
    means = {
        generation: np.mean([r.mean for r in run.held_out if (r.side, r.generation) == (Side.HIDERS, generation)])
        for generation in range(3)
    }
    assert means[best] == max(means.values())
    assert Archived(run_path, Side.HIDERS, "best").member.row == best
    told = evaluate(f"{run_path}:hiders/best", f"{run_path}:seekers/last", run.config, episodes=2)
    assert (told.hider, told.seeker) == (f"{run_path}:hiders/{best}", f"{run_path}:seekers/last")


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("scripted:nobody", "no scripted player 'nobody'; there are still, random, chaser, fugitive"),
        ("scripted:fugitve", "no scripted player 'fugitve' (did you mean fugitive?); there are still"),
        ("fugitive", "got the player 'fugitive' (did you mean scripted:fugitive?), expected "),
        ("nobody", "got the player 'nobody', expected RUN:hiders/GENERATION"),
        ("run.h5:hiders", "expected RUN:hiders/GENERATION"),
        ("run.h5:hiders/-3", "expected RUN:hiders/GENERATION"),
        ("run.h5:foxes/1", "expected RUN:hiders/GENERATION"),
        ("run.h5:seekers/1", "is one of the seekers, expected one of the hiders; the hider comes first"),
    ],
)
def test_a_wrong_address_is_refused(address: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        parse_address(address, Side.HIDERS)


def test_a_generation_that_is_not_there_is_named(run_path: Path) -> None:
    with pytest.raises(ConfigError, match="no champion of generation 99 among its hiders; it has generations 0 to 2"):
        evaluate(f"{run_path}:hiders/99", "random", GAME, episodes=2)


def test_players_of_different_games_cannot_meet(run_path: Path, other_game_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the two runs play different games \(world.num_boxes: 2 and 1\)"):
        evaluate(f"{run_path}:hiders/0", f"{other_game_path}:seekers/0", GAME, episodes=2)
