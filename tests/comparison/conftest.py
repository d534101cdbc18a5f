"""Trained runs to be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.training.driver import train
from tests.conftest import tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of one condition, a0.h5 and a1.h5, and one of another, b0.h5."""
    folder = tmp_path_factory.mktemp("conditions")
    for name, seed, algorithm in (("a0", 0, "snes"), ("a1", 1, "snes"), ("b0", 0, "ga")):
        search = {"algorithm": algorithm, "popsize": 4} | ({"ga": {"num_elites": 1}} if algorithm == "ga" else {})
        coevolution = tiny().coevolution.model_copy(update={"generations": 2}).model_dump()
        settings = tiny(seed=seed, search=search, coevolution=coevolution)
        train(settings, folder / f"{name}.h5", announce=lambda _: None, observers=[])
    return folder
