"""Do recorded matches come out again as they were played, to the bit?

The same versions of the libraries on the same kind of processor give the same bits; others may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.archive.provenance import versions
from evo_hns.archive.records import RecordedMatch, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.storage import RunFileError
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.recording import outcome, steps_of
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.rollout import Episodes
from evo_hns.spec import Side


@dataclass(frozen=True)
class Replay:
    """A recorded match beside its repetition."""

    number: int  #: of the match in its file
    match: RecordedMatch
    teams: Mapping[Side, slice]  #: rows of each side among the agents
    returns: FloatArray  #: `(A,)` of the repetition
    failed: bool
    metrics: Mapping[str, float]

    @property
    def is_equal(self) -> bool:
        """Every return and statistic is the same to the bit."""
        return (
            self.returns.tobytes() == self.match.returns.tobytes()
            and self.failed == self.match.failed
            and self.metrics.keys() == self.match.metrics.keys()
            and all(_bits(value) == _bits(self.match.metrics[name]) for name, value in self.metrics.items())
        )

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        match = self.match
        return {
            "match": self.number,
            "generation": match.generation,
            "hider": match.hider,
            "seeker": match.seeker,
            "world_seed": match.world_seed,
            "env_steps": match.num_steps,
            "stored": _figures(match.returns, match.failed, match.metrics),
            "replayed": _figures(self.returns, self.failed, self.metrics),
            "equal": self.is_equal,
        }


def replay(path: Path, number: int | None = None) -> list[Replay]:
    """Play recorded matches of a run again.

    Args:
        path: the run file.
        number: of one match in it, from 0; all of them if there is none.

    Raises:
        ConfigError: no such match.
        RunFileError: a run file that cannot be read, or matches that are not of its settings.
    """
    run = RunFile.read(path)
    numbers = _choose(run, path, number)
    return _play_again(run, path, numbers, build_evaluator(run.config))[0]


def retrace(path: Path, number: int) -> tuple[Replay, Trajectory]:
    """Play one recorded match again as `replay` does, and keep where everything was.

    Raises:
        ConfigError: no such match.
        RunFileError: a run file that cannot be read, or matches that are not of its settings.
    """
    run = RunFile.read(path)
    replays, trajectory = _play_again(run, path, _choose(run, path, number), build_evaluator(in_one_world(run.config)))
    return replays[0], trajectory


def in_one_world(config: RunConfig) -> RunConfig:
    """The same game for a single match: threads and batches change no bit of it."""
    physics = config.physics.model_copy(update={"num_worlds": 1, "num_threads": 1})
    return config.model_copy(update={"physics": physics})


def _play_again(run: Run, path: Path, numbers: list[int], evaluator: LocalEvaluator) -> tuple[list[Replay], Trajectory]:
    _check_form(run, path, evaluator)
    matches = [run.matches[k] for k in numbers]
    episodes, trajectory = _retrace(evaluator, matches)
    returns, failed, metrics = outcome(episodes)
    spec = evaluator.player.spec
    replays = [
        Replay(
            number=k,
            match=matches[row],
            teams={side: spec.team(side) for side in Side},
            returns=returns[row],
            failed=bool(failed[row]),
            metrics={name: float(values[row]) for name, values in metrics.items() if not np.isnan(values[row])},
        )
        for row, k in enumerate(numbers)
    ]
    return replays, trajectory


def _retrace(evaluator: LocalEvaluator, matches: list[RecordedMatch]) -> tuple[Episodes, Trajectory]:
    """Recorded matches, played again in the game of their run, and where everything was."""
    actions = {name: np.stack([match.actions[name] for match in matches]) for name in matches[0].actions}
    return evaluator.retrace(actions, np.array([match.world_seed for match in matches], dtype=np.int64))


def explain_difference(path: Path) -> str:
    """One line on why matches of a run may come out differently here."""
    run, now = RunFile.read(path), versions()
    changed = [f"{name} {then} (here {now[name]})" for name, then in run.meta.versions.items() if then != now.get(name)]
    origin = f"{path} was started on {run.meta.platform} with"
    if changed:
        return f"{origin} {', '.join(changed)}: replay it with these versions"
    return f"{origin} the same versions as here: replay it on that kind of processor, or with that evo_hns"


def _choose(run: Run, path: Path, number: int | None) -> list[int]:
    """The numbers of the matches that are asked for."""
    if not run.matches:
        raise ConfigError(
            f"{path} holds no recorded matches; to record one: "
            f"evo-hns record {path} {path}:hiders/last {path}:seekers/last"
        )
    if number is None:
        return list(range(len(run.matches)))
    if not 0 <= number < len(run.matches):
        raise ConfigError(f"no match {number} in {path}; it has matches 0 to {len(run.matches) - 1}")
    return [number]


def _check_form(run: Run, path: Path, evaluator: LocalEvaluator) -> None:
    """Refuse matches that the game of the run's settings cannot have given."""
    match, env = run.matches[0], evaluator.player.env
    expected = (env.horizon, env.observation_spec.num_agents)
    try:
        next(steps_of({name: array[None] for name, array in match.actions.items()}))
    except TypeError:
        fields = ", ".join(match.actions)
        raise RunFileError(f"{path} has matches with the actions {fields}, which this version does not know") from None
    if (match.num_steps, len(match.returns)) != expected:
        raise RunFileError(
            f"{path} has matches of {match.num_steps} env steps and {len(match.returns)} agents, its settings say "
            f"{expected[0]} and {expected[1]}: it is damaged, use a copy of it"
        )


def _bits(value: float) -> bytes:
    return np.float64(value).tobytes()


def _figures(returns: FloatArray, failed: bool, metrics: Mapping[str, float]) -> dict[str, object]:
    return {"returns": returns.tolist(), "failed": failed, "metrics": dict(metrics)}
