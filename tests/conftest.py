"""What every test shares: one thread for each library, what is run and what beside what, small finished runs."""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evo_hns.config import RunConfig

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as scripts start what they do not wait for
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send Ctrl-C to processes of theirs


SLOWEST = (
    "training/test_driver.py",  # compiles most kernels, beside two that need none
    "search/test_cmaes.py",
    "diagnostics/ground_truth/test_experiment.py",
    "archive/test_crashes.py",
    "slurm",
    "mpi",
    "viewer/test_page.py",
    "test_readme.py",
    "training",
    "cli",
    "envs/test_fuzz.py",
    "tournament",
    "behaviour",
)
"""Files and folders of tests that take longest, in the order in which they start: none is left alone in the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long loops out unless they are asked for; start with what takes long."""
    if "release" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("release")])
        items[:] = [item for item in items if not item.get_closest_marker("release")]
    items.sort(key=lambda item: _turn(item.path))


@cache
def _turn(path: Path) -> int:
    """When the tests of a file start; those that take as long as others start in the order of their names."""
    inside = path.relative_to(Path(__file__).parent)
    turns = [turn for turn, name in enumerate(SLOWEST) if inside.is_relative_to(name)]
    return min(turns, default=len(SLOWEST))


def tiny(**tables: Any) -> RunConfig:
    """A run of seconds."""
    from evo_hns.config import RunConfig

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
    """A small finished run to ask questions of."""
    from evo_hns.training.driver import train

    path = tmp_path_factory.mktemp("runs") / "run.h5"
    train(tiny(), path, announce=lambda _: None, observers=[])
    return path


@pytest.fixture(scope="session")
def other_game_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished run to ask questions of."""
    from evo_hns.training.driver import train

    path = tmp_path_factory.mktemp("runs") / "other.h5"
    train(tiny(world={"num_hiders": 1, "num_seekers": 1, "num_boxes": 1}), path, announce=lambda _: None, observers=[])
    return path
