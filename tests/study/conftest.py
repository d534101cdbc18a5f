"""Studies of seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evo_hns.study.plan import Study, read_study
from tests.runs import as_toml, tiny

Write = Callable[..., Study]

ARMS = """
[arms.plain]
[arms.chaser]
hiders.opponents = ["scripted:chaser"]
hiders.fitness = "num_box_lock"
"""
PANEL = """
[panel]
hiders = ["still", "scripted:chaser", "random"]
seekers = ["still"]
worlds = 4
checkpoints = 2
"""


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes a study of an experiment of seconds, and reads it."""
    folder = tmp_path_factory.mktemp("studies")
    experiment = folder / "tiny.toml"
    experiment.write_text(as_toml(tiny()))

    def write(arms: str = ARMS, panel: str = PANEL, head: str = "seeds = 2\nenv_steps = 300") -> Study:
        path = Path(folder / "study.toml")
        path.write_text(f'experiment = "{experiment}"\n{head}\n{arms}\n{panel}')
        return read_study(str(path))

    return write
