"""The verb that trains the baseline, and how other verbs find whoever trains a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_hns.cli.console import check_place, free_path
from evo_hns.cli.options import AnyPPOSetting, Experiment, File, Flag, Folder, Json, PPOHelp, Settings, Text
from evo_hns.cli.run_context import work_alone
from evo_hns.cli.starting import check_resume, settings_of_start, start_or_go_on
from evo_hns.config import ConfigError
from evo_hns.experiment import refuse_unused
from evo_hns.system.installation import how_to_install

if TYPE_CHECKING:
    from evo_hns.training.driver import Crew

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
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
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
        refuse_unused(self.settings, is_taken, "a setting of evolution, which PPO does not take; its own are ppo.*")
        config = settings_of_start(self.experiment, self.settings, shorthands, BASE)
        check_resume(self.run, resume=self.resume)
        need_library()
        path = self.run or free_path(f"{Path(self.experiment).stem}-ppo")
        check_place(path, "--run", is_new=not self.resume)

        def lead(crew: Crew) -> None:
            from evo_hns.training.ppo.trainer import resume, train

            start_or_go_on(
                (train, resume),
                config,
                path,
                crew,
                resume=self.resume,
                as_json=self.as_json,
                tensorboard=self.tensorboard,
            )

        work_alone(lead)


def is_taken(name: str) -> bool:
    """Whether PPO takes a setting; of those of evolution only the length, and what is measured and recorded."""
    table, _, rest = name.partition(".")
    measured = rest == "generations" or rest.startswith(("held_out_", "progress_", "recorded_"))
    return table != "search" and (table != "coevolution" or measured)


def need_library() -> None:
    """See that what PPO needs is installed.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("sb3_contrib") is None:
        raise ConfigError(f"PPO needs Stable-Baselines3 and sb3-contrib: {how_to_install('ppo')}")


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
        from evo_hns.training.ppo.trainer import resume as resume_ppo

        return resume_ppo
    from evo_hns.training.driver import resume

    return resume
