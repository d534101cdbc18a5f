"""Champions of other runs are read once, named for good, and kept with the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive import Champion, Generation, RunFile
from evo_hns.config import ConfigError, RunConfig
from evo_hns.spec import Side
from evo_hns.training.external_players import ExternalPlayer, load_held_out, players_of_run, with_players
from tests.runs import tiny

NUM_PARAMS = {Side.HIDERS: 4, Side.SEEKERS: 6}


def run_of(path: Path, generations: int, config: RunConfig) -> str:
    """A run file whose champions of generation g are all g."""
    with RunFile.create(path, config, NUM_PARAMS) as file:
        for generation in range(generations):
            champions = {
                side: Champion(np.full(size, generation, dtype=np.float32), 0.0) for side, size in NUM_PARAMS.items()
            }
            file.commit(Generation(generation, champions, {}, {}))
    return str(path)


def asking(*paths: str) -> RunConfig:
    return tiny(coevolution={**tiny().coevolution.model_dump(), "held_out_runs": paths})


def test_the_last_champions_of_each_run_come_once(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a.h5", 3, tiny(policy={"hidden_size": 5}))
    b = run_of(tmp_path / "b.h5", 2, tiny())
    opponents = load_held_out(asking(a, b, a))
    assert [(opponent.name, opponent.side) for opponent in opponents] == [
        (f"{path}:{side.label}/{last}", side) for path, last in ((a, 2), (b, 1)) for side in Side
    ]
    assert [opponent.genome.tolist() for opponent in opponents[:2]] == [[2.0] * 4, [2.0] * 6]
    assert [opponent.player.network.hidden_size for opponent in opponents] == [5, 5, 2, 2]


def test_opponents_come_back_from_the_run_that_keeps_them(tmp_path: Path) -> None:
    other, path = run_of(tmp_path / "größe.h5", 1, tiny()), tmp_path / "run.h5"
    opponents = load_held_out(asking(other))
    with RunFile.create(path, asking(other), NUM_PARAMS) as file:
        file.commit(Generation(0, {}, {}, with_players({}, opponents)))
    again = players_of_run(RunFile.read(path))
    assert [_content(each) for each in again] == [_content(each) for each in opponents]
    assert players_of_run(RunFile.read(Path(other))) == ()
    assert with_players({}, ()) == {}


def _content(opponent: ExternalPlayer) -> tuple[object, ...]:
    return opponent.name, opponent.side, opponent.player, opponent.genome.tobytes(), opponent.genome.dtype


def test_a_run_of_another_game_is_refused(tmp_path: Path) -> None:
    other = run_of(tmp_path / "other.h5", 1, tiny(rules={"horizon": 7}))
    with pytest.raises(ConfigError, match=r"other\.h5 plays another game \(rules\.horizon = 7, expected 6\): take"):
        load_held_out(asking(other))


def test_a_run_without_champions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"empty\.h5 has no champions yet"):
        load_held_out(asking(run_of(tmp_path / "empty.h5", 0, tiny())))


def test_a_single_run_may_be_named_alone() -> None:
    config = tiny(coevolution={**tiny().coevolution.model_dump(), "held_out_runs": "runs/a.h5"})
    assert config.coevolution.held_out_runs == ("runs/a.h5",)
