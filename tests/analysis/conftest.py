"""Small finished runs to ask questions of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evo_hns.config import RunConfig
from evo_hns.training.driver import train


def tiny(**tables: Any) -> RunConfig:
    """A run of seconds."""
    settings: dict[str, Any] = {
        "world": {"num_hiders": 1, "num_seekers": 1},
        "rules": {"horizon": 6},
        "physics": {"num_worlds": 8, "num_threads": 1},
        "policy": {"hidden_size": 2},
        "search": {"algorithm": "snes", "popsize": 4},
        "coevolution": {
            "generations": 3,
            "episodes_per_candidate": 1,
            "num_finalists": 1,
            "finalist_episodes": 1,
            "held_out_episodes": 6,
            "held_out_every": 1,
        },
    }
    return RunConfig.model_validate({**settings, **tables})


@pytest.fixture(scope="session")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run.h5"
    train(tiny(), path, announce=lambda _: None, observers=[])
    return path


@pytest.fixture(scope="session")
def other_game_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "other.h5"
    train(tiny(world={"num_hiders": 1, "num_seekers": 1, "num_boxes": 1}), path, announce=lambda _: None, observers=[])
    return path
