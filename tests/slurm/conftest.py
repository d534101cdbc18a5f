from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evo_hns.archive import RunFile
from evo_hns.archive.records import Run
from evo_hns.archive.storage import RunFileError
from evo_hns.config import RunConfig
from tests.runs import as_toml, run_whole, tiny
from tests.slurm.lab import Lab, lab, missing_programs, wait_until

ROOT = Path(__file__).parents[2]
SLOW_DISK = Path(__file__).parent / "slow_disk"
SMALL = ("--ntasks-per-node=1", "--mem-per-cpu=100M")
"""Options of sbatch: what the pretended nodes have."""
GENERATIONS = 24
"""Of each run: more than a minute on a slow disk, seconds on a quick one."""


@dataclass(frozen=True)
class Site:
    """A cluster, and a folder of the project as its site has it: submit from here."""

    lab: Lab
    folder: Path

    def sbatch(self, *words: str, **environment: str) -> str:
        """Submit a shipped script; the number of the job."""
        return self.lab.ask("sbatch", "--parsable", *SMALL, *words, cwd=self.folder, **environment)

    def generations(self, run: str) -> int:
        """How many generations a run has; 0 if it is not there yet."""
        try:
            return RunFile.read(self.folder / run).num_generations
        except RunFileError:
            return 0

    def wait_for_generations(self, run: str, number: int) -> None:
        """Wait until a run has that many.

        Raises:
            TimeoutError: it never gets them.
        """
        wait_until(lambda: self.generations(run) >= number, f"generation {number} of {run}", seconds=300)

    def logs(self) -> str:
        """What all jobs have printed, for a message."""
        return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.rglob("*.out")))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Lab]:
    """A private Slurm; tests are skipped where it is not installed."""
    missing = missing_programs() + ([] if importlib.util.find_spec("mpi4py") else ["mpi4py"])
    if missing:
        pytest.skip(f"Slurm cannot be tried here, without {', '.join(missing)} (Debian: apt-get install slurm-wlm)")
    with lab() as running:
        yield running


@pytest.fixture(scope="session")
def site(cluster: Lab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A folder of the project on that cluster: shipped scripts, and an interpreter that they find."""
    folder = tmp_path_factory.mktemp("a project")  # blanks in paths are common enough
    shutil.copytree(ROOT / "slurm", folder / "slurm")
    (folder / "experiments").mkdir()
    (folder / "experiments" / "tiny.toml").write_text(as_toml(settings()))
    cluster.environment |= {"PYTHONPATH": str(ROOT), "EVO_HNS_PYTHON": sys.executable}
    return Site(cluster, folder)


def settings(**changes: int) -> RunConfig:
    """The settings of the experiment `tiny`: many generations, in which little is played and nothing measured."""
    unmeasured = {"held_out_episodes": 0, "progress_episodes": 0, "recorded_matches": 0}
    return tiny(coevolution={"generations": GENERATIONS, "episodes_per_candidate": 1, **unmeasured}, **changes)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """The same run in this process and in one go, by its seed."""
    folder = tmp_path_factory.mktemp("unbroken")
    return {seed: run_whole(folder / f"{seed}.h5", settings(seed=seed)) for seed in (3, 4)}


def with_slow_disk() -> str:
    """The search path of Python on a slow disk."""
    return os.pathsep.join([str(SLOW_DISK), str(ROOT)])
