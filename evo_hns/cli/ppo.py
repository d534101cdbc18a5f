"""The verb that trains the baseline, and how other verbs find whoever trains a run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_hns.cli.console import can_go_on, free_path, show_result
from evo_hns.cli.crew import work_alone
from evo_hns.cli.options import AnyPPOSetting, Experiment, File, Flag, Folder, Json, PPOHelp, Settings, Text
from evo_hns.config import ConfigError, RunConfig
from evo_hns.experiment import load_experiment

if TYPE_CHECKING:
    from evo_hns.training import Crew

BASE: dict[str, Any] = {
    "policy": {
        "network": "entity",
        "entity": {"embed_size": 32, "num_heads": 4, "dense_size": 64, "num_cells": 64},
    },
    "ppo": {},
}
"""What an experiment that says nothing of it is trained with: the paper's network, as small as the budget."""


@dataclass(frozen=True)
class PPO:
    """Train the baseline: PPO by self-play on an experiment's game."""

    experiment: Experiment
    """A TOML file, or the name of one under experiments/."""
    run: File = None
    """The run file to create; by default runs/EXPERIMENT-ppo.h5, numbered if that exists."""
    generations: Text = None
    """Short for --coevolution.generations."""
    seed: Text = None
    """Decides every random number of the run."""
    resume: Flag = False
    """Go on if the run file is there already, with the same settings."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    as_json: Json = False
    """Print each generation as a line of JSON."""
    settings: Settings = ()
    """Any setting; --ppo.epochs 2 is short for --set ppo.epochs=2."""
    known: PPOHelp = field(default_factory=AnyPPOSetting)

    def __call__(self) -> None:
        """Train, and say where the run is."""
        shorthands = {"seed": self.seed, "coevolution.generations": self.generations}
        typed = [f"{key}={value}" for key, value in shorthands.items() if value is not None]
        resolved = load_experiment(self.experiment, [*self.settings, *typed], BASE)
        if self.resume and self.run is None:
            raise ConfigError("--resume needs the file to go on with: --run FILE")
        need_library()
        path = self.run or free_path(f"{Path(self.experiment).stem}-ppo")
        work_alone(lambda crew: self._start_or_go_on(resolved, path, crew))

    def _start_or_go_on(self, resolved: RunConfig, path: Path, crew: Crew) -> None:
        from evo_hns.baselines.ppo import resume, train
        from evo_hns.cli.progress import display
        from evo_hns.training import is_finished

        goes_on = self.resume and path.exists()
        if goes_on and is_finished(path, resolved):
            print(f"{path} has all its generations already", file=sys.stderr)
            return
        with can_go_on(path), display(as_json=self.as_json, tensorboard=self.tensorboard) as shown:
            if goes_on:
                generations = resolved.coevolution.generations
                resume(path, generations=generations, crew=crew, announce=shown.announce, observers=[shown.observe])
            else:
                train(resolved, path, crew=crew, announce=shown.announce, observers=[shown.observe])
        show_result(path, as_json=self.as_json)


def need_library() -> None:
    """See that what PPO needs is installed.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("sb3_contrib") is None:
        raise ConfigError("PPO needs Stable-Baselines3 and sb3-contrib: pip install 'evo_hns[ppo]'")


def is_ppo(path: Path) -> bool:
    """Whether a run file is of PPO.

    Raises:
        RunFileError: it cannot be read.
    """
    from evo_hns.archive import RunView

    with RunView(path) as run:
        return run.config.ppo is not None


def resumer(path: Path) -> Callable[..., None]:
    """What goes on with a run: with one of evolution, or of PPO."""
    if is_ppo(path):
        need_library()
        from evo_hns.baselines.ppo import resume as resume_ppo

        return resume_ppo
    from evo_hns.training import resume

    return resume
