"""Whole runs of seconds, and what of them must not depend on when, where and in how many parts they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import MACHINE, Generation, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.schema import encode
from evo_hns.archive.storage import write_whole
from evo_hns.config import KINDS, RunConfig
from evo_hns.spec import Side
from evo_hns.training.driver import resume, train
from evo_hns.training.estimate import Cost

GENERATIONS = 4

SMALL: dict[str, Any] = {
    "rules.horizon": 6,
    "physics.num_worlds": 16,
    "policy.hidden_size": 2,
    "search": {"popsize": 4, "ga.num_elites": 1},
    "coevolution": {"generations": 2, "episodes_per_candidate": 1, "num_finalists": 1, "finalist_episodes": 2},
    "coevolution.held_out_episodes": 4,
}
"""Settings by dotted name that make a run of seconds of the experiment `quickstart`."""

EVERYTHING: dict[str, Any] = {
    "generations": GENERATIONS,
    "episodes_per_candidate": 4,
    "target_reliability": 0.9,
    "num_finalists": 1,
    "finalist_episodes": 2,
    "held_out_episodes": 3,
    "opponent_sampler": "pfsp-hard",
    "hall_size": 3,
    "hall_rule": "nash",
    "fitness": "shared-wins",
    "virulence": "auto",
    "generalist": True,
    "exploiter_every": 2,
    "progress_every": 2,
    "progress_episodes": 3,
}
"""Settings of coevolution in which every part that is not there by default has a share."""


def tiny(**changes: Any) -> RunConfig:
    """A run of seconds: every part is there, and each is small; what the chosen network and search lack is left out."""
    settings: dict[str, Any] = {
        "seed": 3,
        "world": {"num_hiders": 1, "num_seekers": 1},
        "rules": {"horizon": 6},
        "physics": {"num_worlds": 16, "num_threads": 1},
        "policy": {"hidden_size": 2},
        "search": {"popsize": 4, "ga": {"num_elites": 1}},
        "coevolution": {
            "generations": GENERATIONS,
            "episodes_per_candidate": 2,
            "num_finalists": 1,
            "finalist_episodes": 2,
            "held_out_episodes": 4,
        },
    }
    for table, values in changes.items():
        settings[table] = {**settings.get(table, {}), **values} if isinstance(values, dict) else values
    settings |= {name: kinds.without_unused(settings[name]) for name, kinds in KINDS.items()}
    return RunConfig.model_validate(settings)


def ignore(_: Cost) -> None:
    """Take no notice of the cost."""


def run_whole(path: Path, config: RunConfig) -> Run:
    train(config, path, announce=ignore, observers=[])
    return RunFile.read(path)


def run_whole_and_broken_without(other: Path, config: RunConfig, folder: Path) -> tuple[Run, Run]:
    """A run unbroken, and one that is stopped and goes on while another file, of which it took players, is away."""
    unbroken, broken = run_whole(folder / "unbroken.h5", config), folder / "broken.h5"
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(2)])
    away = other.rename(other.with_suffix(".away"))
    try:
        resume(broken, announce=ignore, observers=[])
    finally:
        away.rename(other)
    return unbroken, RunFile.read(broken)


def crowded_run(path: Path) -> Path:
    """A run file with 5,000 champions of 3,301 parameters a side, as if it had trained: champion k is full of k."""
    numbers = np.arange(5000)
    genomes = np.broadcast_to(numbers[:, None].astype(np.float32), (5000, 3301))
    with RunFile.create(path, RunConfig(), dict.fromkeys(Side, 3301)) as writer:
        halls = {side: HallOfFame.from_arrays(genomes, numbers, numbers / 7.0) for side in Side}
        run = replace(writer.run, num_generations=5000, halls=halls, metrics={"env_steps": np.full(5000, 10.0)})
        write_whole(path, encode(run))
    return path


def numbers(run: Run) -> dict[str, Any]:
    """Everything in a run that must not depend on when, where and in how many parts it was made."""
    found: dict[str, Any] = {name: v for name, v in run.metrics.items() if not name.startswith(MACHINE)}
    for side in Side:
        hall = run.halls[side]
        found |= {f"{side.label} genomes": hall.genomes, f"{side.label} scores": hall.scores}
    for side, hall in run.exploiters.items():
        found |= {f"{side.label} exploiters": hall.genomes, f"{side.label} exploiter generations": hall.generations}
    found |= {f"held out {k} against": np.array([r.opponent]) for k, r in enumerate(run.held_out)}
    found |= {f"held out {k}": np.array([r.mean, r.ci_half_width]) for k, r in enumerate(run.held_out)}
    found |= {f"discards {cause}": counts for cause, counts in run.discards.items()}
    for k, match in enumerate(run.matches):
        outcome = [match.generation, match.world_seed, match.failed, *match.returns, *match.metrics.values()]
        found |= {f"match {k} {name}": array for name, array in match.actions.items()}
        found |= {f"match {k}": np.array(outcome), f"match {k} players": np.array([match.hider, match.seeker])}
    return found | _leaves(run.state, "state")


def _leaves(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in state.items():
        nested = isinstance(value, Mapping)
        found |= _leaves(value, f"{prefix} {name}") if nested else {f"{prefix} {name}": value}
    return found


def assert_same_bits(one: Run, other: Run) -> None:
    a, b = numbers(one), numbers(other)
    assert a.keys() == b.keys()
    different = [name for name in a if np.asarray(a[name]).tobytes() != np.asarray(b[name]).tobytes()]
    assert not different, different


def as_toml(config: RunConfig) -> str:
    """An experiment file of all settings; what is nothing is left out."""
    lines: list[str] = []

    def write(table: dict[str, object], prefix: str) -> None:
        plain = {key: value for key, value in table.items() if not isinstance(value, dict) and value is not None}
        lines.extend([f"[{prefix}]"] if prefix else [])
        lines.extend(f"{key} = {toml_value(value)}" for key, value in plain.items())
        for key, value in table.items():
            if isinstance(value, dict):
                write(value, f"{prefix}.{key}" if prefix else key)

    write(config.model_dump(mode="json"), "")
    return "\n".join(lines)


def toml_value(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


class StopAfter:
    """An observer that interrupts a run as Ctrl-C does."""

    def __init__(self, generations: int) -> None:
        self._left = generations

    def __call__(self, _: Generation) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
