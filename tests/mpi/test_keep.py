"""What is kept of matches on real ranks is what one process keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import Evaluator, build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.mpi.communicator import join
from evo_hns.mpi.coordinator import Coordinator, RankEvaluator
from evo_hns.mpi.worker import run_worker
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.worlds.scene import Scene
from tests.mpi.conftest import PATIENCE, Start
from tests.runs import tiny

WORLD = {"scenario": "randomwalls", "num_hiders": [1, 2], "num_seekers": 1, "num_boxes": [0, 2], "num_ramps": 1}
CODE = "from tests.mpi.test_keep import save_episodes_of_ranks; save_episodes_of_ranks()"


def settings() -> RunConfig:
    return tiny(world=WORLD, physics={"num_worlds": 4, "num_threads": 1}, policy={"hidden_size": 2, "gru_size": 2})


def evaluate(evaluator: Evaluator) -> Episodes:
    generator, session = torch.Generator().manual_seed(0), evaluator.session
    rosters = {
        side: session.roster(side, torch.randn(3, session.genome_lengths[side], generator=generator)) for side in Side
    }
    rows = np.arange(11) % 3
    table = MatchTable(rows, rows[::-1].copy(), np.arange(11))
    return evaluator.evaluate(table, rosters, keep=["actions", "trajectory", "final_observation"])


def save_episodes_of_ranks() -> None:
    """The program of all ranks."""
    ranks, notice = join(), ShutdownSignal()
    assert ranks is not None
    if ranks.is_coordinator:
        config = settings()
        episodes = evaluate(RankEvaluator(Coordinator(ranks, config, Path("run.h5"), notice)))
        contents: dict[str, Any] = {"ranks": np.array(ranks.traffic.received), **dict(arrays(episodes, "episodes"))}
        np.savez("episodes.npz", **contents)
    else:
        run_worker(ranks, notice)
    sys.exit(ranks.leave(0)[0])


def arrays(value: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every array and number in episodes, by the path of its name; the scene is one of the settings."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from arrays(item, f"{name}.{key}")
    elif is_dataclass(value) and not isinstance(value, Scene):
        for field in fields(value):
            yield from arrays(getattr(value, field.name), f"{name}.{field.name}")
    elif not isinstance(value, Scene):
        yield name, np.asarray(value)


def test_actions_trajectories_and_observations_from_ranks_have_the_bits_of_one_process(
    start: Start, tmp_path: Path
) -> None:
    _, said = (process := start(2, program=["-c", CODE])).communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    local = dict(arrays(evaluate(build_evaluator(settings())), "episodes"))
    with np.load(tmp_path / "episodes.npz") as file:
        distributed = dict(file)
    assert distributed.pop("ranks") > 0  # bytes: a worker has reported
    assert distributed.keys() == local.keys()
    assert local["episodes.trajectory.qpos"].shape[:2] == (11, 7)
    assert {name for name in local if "final_observation" in name} > {"episodes.final_observation.lidar"}
    for name, values in local.items():
        assert values.dtype == distributed[name].dtype
        np.testing.assert_array_equal(distributed[name], values, err_msg=name)
