"""How a run of any trainer starts, or goes on where its file is there already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_hns.cli.console import as_typed, can_go_on, show_result
from evo_hns.config import ConfigError, RunConfig
from evo_hns.experiment import load_experiment

if TYPE_CHECKING:
    from evo_hns.training.driver import Crew

Trainer = Callable[..., None]
"""`train(config, path, *, crew, announce, observers)` or `resume(path, *, generations, crew, announce, observers)`."""


def settings_of_start(
    experiment: str,
    settings: Sequence[str],
    shorthands: Mapping[str, str | None],
    base: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The settings that a user asks for.

    Args:
        experiment: a TOML file, or a name.
        settings: `key=value` each.
        shorthands: values of settings that have an option of their own; None if it was not typed.
        base: what holds where neither the experiment nor the user says otherwise.

    Raises:
        ConfigError: they are not understood, or are of PPO where evolution is asked for.
    """
    if base is None and any(text.startswith("ppo.") for text in settings):
        raise ConfigError(f"ppo.* are settings of PPO, which trains with another verb: {as_typed('ppo', experiment)}")
    typed = [f"{key}={value}" for key, value in shorthands.items() if value is not None]
    return load_experiment(experiment, [*settings, *typed], base)


def check_resume(run: Path | None, *, resume: bool) -> None:
    """Refuse to go on with nothing.

    Raises:
        ConfigError: `resume` without a file.
    """
    if resume and run is None:
        raise ConfigError("--resume needs the file to go on with: --run FILE")


def start_or_go_on(
    trainers: tuple[Trainer, Trainer],
    config: RunConfig,
    path: Path,
    crew: Crew,
    *,
    resume: bool,
    as_json: bool,
    tensorboard: Path | None,
) -> None:
    """Train, and say where the run is.

    Args:
        trainers: to train, and to resume.
        config: the settings.
        path: the run file.
        crew: who plays.
        resume: go on if the file is there.
        as_json: print a line of JSON for each generation.
        tensorboard: also write event files into this folder.
    """
    from evo_hns.cli.progress import display
    from evo_hns.training.driver import is_finished

    goes_on = resume and path.exists()
    if goes_on and is_finished(path, config):
        print(f"{path} has all its generations already", file=sys.stderr)
        return
    train, go_on = trainers
    with can_go_on(path), display(as_json=as_json, tensorboard=tensorboard) as shown:
        if goes_on:
            generations = config.coevolution.generations
            go_on(path, generations=generations, crew=crew, announce=shown.announce, observers=[shown.observe])
        else:
            train(config, path, crew=crew, announce=shown.announce, observers=[shown.observe])
    show_result(path, as_json=as_json)
