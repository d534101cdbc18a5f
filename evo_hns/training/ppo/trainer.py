"""A run of PPO from its first generation to its last: a run file like any other.

A generation is a fixed number of rollouts with their updates; the champions of both sides are the policy after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from evo_hns.archive.records import Generation, State
from evo_hns.archive.run_file import RunFile
from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import Evaluator, build_evaluator
from evo_hns.spec import Side
from evo_hns.training.costs import MEASURING
from evo_hns.training.driver import Cost, Crew, Observer, commit_all, describe_players, measured_matches, what_is_left
from evo_hns.training.external_opponents import guests_of, guests_state, invite
from evo_hns.training.measurement import measure_generation
from evo_hns.training.ppo.learner import Learner, Past, pasts_of, settings_of


def train(
    config: RunConfig,
    path: Path,
    *,
    crew: Crew | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Start a run of PPO and keep it going to its last generation.

    Args:
        config: the settings; they are stored in the run file.
        path: the run file to create.
        crew: what was told by signals.
        announce: is shown the cost before the first generation.
        observers: are shown each generation.

    Raises:
        RunFileError: the file exists, cannot be written, or another run writes it.
        ConfigError: the settings are not of PPO, or cannot be played.
        Stopped: a signal said so; the run can be resumed.
    """
    RunFile.check_free(path)  # before anything that takes seconds
    guests = invite(config)
    crew = crew or Crew()
    evaluator = build_evaluator(config, crew.notice)
    cost = estimate_cost(config, crew, 0)
    learner = Learner(config, crew.notice)
    pasts = pasts_of(learner, guests)
    with RunFile.create(path, config, evaluator.session.genome_lengths) as run_file:
        announce(cost)
        commit_all(_generations(config, evaluator, learner, pasts, 0), config, run_file, crew, observers)


def resume(
    path: Path,
    *,
    generations: int | None = None,
    crew: Crew | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Continue a run of PPO from its last whole generation, to the bits of an unbroken run.

    Args:
        path: the run file.
        generations: a new total, to extend a run beyond what it was started with.
        crew: what was told by signals.
        announce: is shown the cost of what is left.
        observers: are shown each new generation.

    Raises:
        RunFileError: the file cannot be read or written, or another run writes it.
        ConfigError: nothing is left to do, or the run is not of PPO.
        Stopped: a signal said so; the run can be resumed again.
    """
    crew = crew or Crew()
    with RunFile.open(path) as run_file:
        config = what_is_left(run_file, generations)
        settings_of(config)
        run_file.reconfigure(config)
        run, first = run_file.run, run_file.run.num_generations
        evaluator = build_evaluator(config, crew.notice)
        cost = estimate_cost(config, crew, first)
        learner = Learner(config, crew.notice)
        guests = guests_of(cast(State, run.state.get("guests", {}))) if first else invite(config)
        pasts = pasts_of(learner, guests, run)
        if first:
            learner.resume(run.state)
        announce(cost)
        commit_all(_generations(config, evaluator, learner, pasts, first), config, run_file, crew, observers)


def _generations(
    config: RunConfig, evaluator: Evaluator, learner: Learner, pasts: Mapping[Side, Past], first: int
) -> Iterator[Generation]:
    for generation in range(first, config.coevolution.generations):
        yield run_generation(config, evaluator, learner, pasts, generation)


def run_generation(
    config: RunConfig, evaluator: Evaluator, learner: Learner, pasts: Mapping[Side, Past], generation: int
) -> Generation:
    """Play and learn; the policy becomes both sides' champion, is remembered and measured."""
    experience = learner.learn(generation)
    champions = learner.champions(experience)
    for side, champion in champions.items():
        pasts[side].hall.append(champion.genome, generation, champion.score)
    start = time.perf_counter()
    measured = measure_generation(config, evaluator, pasts, champions, generation)
    guests = tuple(guest for past in pasts.values() for guest in past.guests)
    return Generation(
        generation=generation,
        champions=champions,
        metrics={
            **experience.metrics,
            **measured.progress,
            **{f"{side.label}.champion_score": champions[side].score for side in Side},
            "env_steps": float(config.rules.horizon * experience.num_matches),
            "measurement_env_steps": float(config.rules.horizon * measured.num_matches),
            MEASURING: time.perf_counter() - start,
        },
        held_out=measured.held_out,
        discards={"physics": experience.num_failed},
        state={**learner.state, **({"guests": guests_state(guests)} if guests else {})},
        matches=measured.matches,
    )


def estimate_cost(config: RunConfig, crew: Crew, first_generation: int) -> Cost:
    """What is left of a run will take, from a rollout and an update of a learner that is thrown away."""
    settings, horizon = settings_of(config), config.rules.horizon
    left = range(first_generation, config.coevolution.generations)
    rehearsal = Learner(config, crew.notice)
    seconds = rehearsal.rehearse()
    measured = sum(measured_matches(config.coevolution, rehearsal.worlds.spec, generation) for generation in left)
    return Cost(
        env_steps_per_generation=settings.rollouts_per_generation * settings.num_worlds * horizon,
        held_out_env_steps=measured * horizon,
        generations=len(left),
        env_steps_per_second=settings.num_worlds * horizon / seconds,
        players=describe_players(config, crew),
    )
