"""Do recorded matches come out again as they were played, to the bit?

The same versions of the libraries on the same kind of processor give the same bits; others may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.archive.provenance import versions
from evo_hns.archive.records import Match
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.recording import steps_of
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command


@dataclass(frozen=True)
class Replay:
    """A recorded match beside its repetition."""

    number: int  #: of the match in its file
    match: Match
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
            "stored": _outcome_dict(match.returns, match.failed, match.metrics),
            "replayed": _outcome_dict(self.returns, self.failed, self.metrics),
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
    config, matches = _read(path, number)
    return _play_again(path, matches, build_evaluator(config))[0]


def replay_with_trajectory(path: Path, number: int) -> tuple[Replay, Trajectory]:
    """Play one recorded match again as `replay` does, and keep where everything was.

    Raises:
        ConfigError: no such match.
        RunFileError: a run file that cannot be read, or matches that are not of its settings.
    """
    config, matches = _read(path, number)
    [again], trajectory = _play_again(path, matches, build_evaluator(in_one_world(config)))
    return again, trajectory


def in_one_world(config: RunConfig) -> RunConfig:
    """The same game for a single match: threads and batches change no bit of it."""
    physics = config.physics.model_copy(update={"num_worlds": 1, "num_threads": 1})
    return config.model_copy(update={"physics": physics})


def _play_again(
    path: Path, recorded: Mapping[int, Match], evaluator: LocalEvaluator
) -> tuple[list[Replay], Trajectory]:
    """Recorded matches by their numbers, beside their repetitions; and where everything was."""
    matches = list(recorded.values())
    _check_form(matches[0], path, evaluator)
    actions = {name: np.stack([match.actions[name] for match in matches]) for name in matches[0].actions}
    seeds = np.array([match.world_seed for match in matches], dtype=np.int64)
    episodes = evaluator.replay(actions, seeds, keep=["trajectory"])
    returns, failed, metrics = episodes.outcome
    spec = evaluator.session.spec
    replays = [
        Replay(
            number=k,
            match=matches[row],
            teams={side: spec.team(side) for side in Side},
            returns=returns[row],
            failed=bool(failed[row]),
            metrics={name: float(values[row]) for name, values in metrics.items() if not np.isnan(values[row])},
        )
        for row, k in enumerate(recorded)
    ]
    return replays, cast(Trajectory, episodes.trajectory)


def explain_difference(path: Path) -> str:
    """One line on why matches of a run may come out differently here."""
    with RunView(path) as view:
        meta, now = view.meta, versions()
    changed = [f"{name} {then} (here {now[name]})" for name, then in meta.versions.items() if then != now.get(name)]
    origin = f"{path} was started on {meta.platform} with"
    if changed:
        return f"{origin} {', '.join(changed)}: replay it with these versions"
    return f"{origin} the same versions as here: replay it on that kind of processor, or with that evo_hns"


def _read(path: Path, number: int | None) -> tuple[RunConfig, dict[int, Match]]:
    """The settings of a run, and the matches that are asked for by their numbers."""
    with RunView(path) as view:
        if not view.num_matches:
            raise ConfigError(
                f"{path} holds no recorded matches; to record one: "
                + shell_command("record", path, f"{path}:hiders/last", f"{path}:seekers/last")
            )
        if number is not None and not 0 <= number < view.num_matches:
            raise ConfigError(f"no match {number} in {path}; it has matches 0 to {view.num_matches - 1}")
        numbers = range(view.num_matches) if number is None else [number]
        return view.config, {k: view.match(k) for k in numbers}


def _check_form(match: Match, path: Path, evaluator: LocalEvaluator) -> None:
    """Refuse matches that the game of the run's settings cannot have given."""
    game = evaluator.session.game
    expected = (game.horizon, game.observation_spec.num_agents)
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


def _outcome_dict(returns: FloatArray, failed: bool, metrics: Mapping[str, float]) -> dict[str, object]:
    return {"returns": returns.tolist(), "failed": failed, "metrics": dict(metrics)}
