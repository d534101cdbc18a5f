"""One rank or seven: whole runs come out equal to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.archive.records import Run
from evo_hns.config import RunConfig
from evo_hns.spec import Side
from tests.mpi.conftest import Start, whole
from tests.runs import EVERYTHING, assert_same_bits, run_whole, tiny

SEARCH = {"popsize": 6, "ga": {"num_elites": 2}}


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunConfig, Path]:
    """The settings of a whole run, and its file, made by one process without MPI."""
    config = tiny(search={"algorithm": request.param, **SEARCH})
    path = tmp_path_factory.mktemp("alone") / "run.h5"
    run_whole(path, config)
    return config, path


@pytest.mark.parametrize(
    ("alone", "num_ranks"),
    [
        pytest.param(*pair, marks=pytest.mark.release)  # three ranks are compared with one process every time, killed
        for pair in (("cmaes", 3), ("cmaes", 7), ("ga", 2), ("ga", 7))
    ],
    indirect=["alone"],
)
def test_a_whole_run_has_the_same_bits_on_any_number_of_ranks(
    num_ranks: int, alone: tuple[RunConfig, Path], start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    from evo_hns.archive.run_file import RunFile

    config, path = alone
    file = settings(search={"algorithm": config.hiders.search.algorithm, **SEARCH})
    run = whole(start(num_ranks, "train", file, "--run", "run.h5"), tmp_path / "run.h5")
    assert_same_bits(run, RunFile.read(path))
    assert_tells_of_ranks(run, num_ranks)


def assert_tells_of_ranks(run: Run, num_ranks: int) -> None:
    """What the run says of the ranks that made it."""
    assert set(run.metrics["ranks"]) == {float(num_ranks)}
    assert run.sessions[0].num_ranks == num_ranks
    idle, received = run.metrics["ranks_idle_share"], run.metrics["ranks_received_bytes"]
    assert np.all((idle >= 0) & (idle < 1))
    assert np.all(received > 0)


GAMES: dict[str, dict[str, Any]] = {
    "one each": {},
    "coarse search, memory, a network per member": {
        "world": {"num_hiders": 2, "num_seekers": 2},
        "physics": {"search_substeps": 8, "num_worlds": 3},
        "policy": {
            "hidden_size": 2,
            "gru_size": 2,
            "genome_per_member": True,
            "noise": "step",
            "lock_latch": 0.1,
            "hold": 2,
        },
    },
    "lock and return": {
        "world": {"scenario": "randomwalls", "num_hiders": 1, "num_seekers": 0, "num_boxes": 1, "num_ramps": 0},
        "rules": {"task": "box-locking", "horizon": 10, "box_locking": {"goal": "all-return"}},
    },
    "fixed opponents, a stage as fitness": {
        "seekers": {"opponents": ["scripted:fugitive", "random"], "fitness": "chasing"},
    },
}


@pytest.mark.parametrize(
    "game", ["coarse search, memory, a network per member", pytest.param("one each", marks=pytest.mark.release)]
)
def test_a_run_with_everything_switched_on_has_the_same_bits_on_ranks(
    game: str, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    others, changes = tmp_path / "others.h5", GAMES[game]
    run_whole(others, tiny(seed=11, **{**changes, "policy": {"hidden_size": 3}}))
    changes = {
        **changes,
        "coevolution": {**EVERYTHING, "opponent_sampler": "diverse", "held_out_runs": [str(others)]},
    }
    alone = run_whole(tmp_path / "alone.h5", tiny(**changes))
    run = whole(start(2, "train", settings(**changes), "--run", "run.h5"), tmp_path / "run.h5")
    assert_same_bits(run, alone)
    assert_tells_of_ranks(run, 2)
    assert run.exploiters.keys() == set(Side)
    assert {row.opponent for row in run.held_out} >= {f"{others}:hiders/3", f"{others}:seekers/3"}


@pytest.mark.release  # the first of them with everything else is run every time
@pytest.mark.parametrize(
    ("game", "num_ranks"),
    [
        ("coarse search, memory, a network per member", 2),
        ("coarse search, memory, a network per member", 3),
        ("lock and return", 2),
        ("fixed opponents, a stage as fitness", 2),
    ],
)
def test_other_games_have_the_same_bits_on_ranks(
    game: str, num_ranks: int, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    changes = {"search": {"algorithm": "ga", **SEARCH}, **GAMES[game]}
    alone = run_whole(tmp_path / "alone.h5", tiny(**changes))
    run = whole(start(num_ranks, "train", settings(**changes), "--run", "run.h5"), tmp_path / "run.h5")
    assert_same_bits(run, alone)
