"""What the champions of a generation are worth: three kinds of progress that are never mixed (Miconi 2009).

    local        against the other side's current champion
    historical   against earlier champions of the other side, drawn from all of its history
    global       against held-out players, whom no fitness ever uses: the only one that shows what is new

Matches played here select nobody and are remembered by nobody. A champion was chosen for what it scored, which
flatters it; what it scores here, in worlds that nothing was chosen by, does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import Champion, HeldOutRow, Match, recorded_matches
from evo_hns.config import CoevolutionConfig, RunConfig
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.held_out import HeldOut, held_out_opponents, measure
from evo_hns.evaluation.intervals import estimate
from evo_hns.evaluation.matches import MatchTable, draw_fresh_seeds
from evo_hns.evaluation.recording import Actions
from evo_hns.policies.roster import Roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.training.external_players import ExternalPlayer, trained_against
from evo_hns.training.random_streams import Stream, stream, streams

KINDS = {
    "local": "the other side's champion of the time",
    "historical": "its earlier champions",
    "global": "held-out players",
}
"""Kinds of progress, and whom a champion meets.

Metrics are `<side>.<kind>`, a mean return, and `<side>.<kind>_ci95`, half of its interval.
"""

Champions = Mapping[Side, Champion]


Halls = Mapping[Side, HallOfFame]
"""Earlier champions of both sides, one for each generation."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured in a generation."""

    held_out: tuple[HeldOutRow, ...]
    matches: tuple[Match, ...]  #: recorded
    progress: Mapping[str, float]  #: metrics by name
    num_matches: int  #: that were played to measure; those that are recorded only show


def measure_generation(
    config: RunConfig,
    evaluator: Evaluator,
    halls: Halls,
    opponents: Sequence[ExternalPlayer],
    champions: Champions,
    generation: int,
) -> Measurement:
    """Measure the champions of a generation in all ways that are due.

    Args:
        config: the run's settings.
        evaluator: where matches run; all of these at the game's own timestep.
        halls: the champions of all earlier generations.
        opponents: held-out players from other runs.
        champions: of the generation.
        generation: which one.
    """
    is_due = held_out_is_due(config.coevolution, generation)
    held_out = meet_held_out(config, evaluator, opponents, champions) if is_due else []
    matches = record_champions(config, evaluator, champions, generation)
    progress, num_played = measure_progress(config, evaluator, halls, champions, generation)
    return Measurement(
        held_out=tuple(held_out_row(generation, result) for result in held_out),
        matches=matches,
        progress=progress | global_progress(held_out),
        num_matches=sum(len(result.scores) for result in held_out) + num_played,
    )


def meet_held_out(
    config: RunConfig, evaluator: Evaluator, opponents: Sequence[ExternalPlayer], champions: Champions
) -> list[HeldOut]:
    """Champions against all held-out players whom their search did not train against."""
    num_worlds, spec = config.coevolution.held_out_episodes, evaluator.session.spec
    if num_worlds == 0:
        return []
    rosters = champion_rosters(evaluator, champions)
    results = []
    for side in filter(champions.__contains__, spec.teams):
        met = trained_against(config, side)
        scripted = [name for name in held_out_opponents(spec, side) if name not in met]
        external = {
            each.name: each.roster
            for each in opponents
            if each.side is side.other and len(spec.teams) > 1 and each.name.rpartition(":")[0] not in met
        }
        results += measure(evaluator, side, rosters[side], num_worlds, scripted, external)
    return results


def record_champions(
    config: RunConfig, evaluator: Evaluator, champions: Champions, generation: int
) -> tuple[Match, ...]:
    """The champions of a measured generation against each other, in fresh worlds, to be watched later."""
    num = config.coevolution.recorded_matches
    if num == 0 or not held_out_is_due(config.coevolution, generation) or len(champions) < len(Side):
        return ()
    seeds = draw_fresh_seeds(num, stream(config.seed, generation, Stream.RECORDED_WORLDS))
    first = np.zeros(num, dtype=np.int64)
    rosters = champion_rosters(evaluator, champions)
    episodes = evaluator.evaluate(MatchTable(first, first, seeds), rosters, keep=["actions"])
    players = {side: f"{side.label}/{generation}" for side in Side}
    return recorded_matches(generation, players, seeds, episodes.outcome, cast(Actions, episodes.actions))


def measure_progress(
    config: RunConfig, evaluator: Evaluator, halls: Halls, champions: Champions, generation: int
) -> tuple[dict[str, float], int]:
    """Local and historical progress of both champions, if due, in one batch of matches.

    Returns:
        Metrics, and the number of matches that were played.
    """
    num, spec = config.coevolution.progress_episodes, evaluator.session.spec
    if not progress_is_due(config.coevolution, generation) or len(spec.teams) < 2 or len(champions) < len(Side):
        return {}, 0
    rngs = streams(config.seed, generation, Stream.PROGRESS_OPPONENTS)
    past = {side: rngs[side].integers(generation, size=num) if generation else np.empty(0, np.int64) for side in Side}
    seeds = draw_fresh_seeds(num, stream(config.seed, generation, Stream.PROGRESS_WORLDS))
    table, parts = progress_table(len(past[Side.HIDERS]), seeds)
    rosters = {
        side: evaluator.session.roster(
            side, torch.from_numpy(np.concatenate([champions[side].genome[None], halls[side].genomes[rows]]))
        )
        for side, rows in past.items()
    }
    episodes = evaluator.evaluate(table, rosters)
    metrics: dict[str, float] = {}
    for side in Side:
        scores = team_return(episodes, spec, side).numpy()
        metrics |= progress_metrics(side, "local", scores[parts["local"]])
        metrics |= progress_metrics(side, "historical", scores[parts[side.label]])
    return metrics, len(table)


def progress_table(num_past: int, seeds: np.ndarray) -> tuple[MatchTable, Mapping[str, slice]]:
    """Champions, who are row 0, against each other; then each against the other side's past, who are the rows after.

    Args:
        num_past: of each side; none in the first generation, else as many as there are worlds.
        seeds: `(E,)` of the worlds, the same ones for all.

    Returns:
        The table, and which of its matches are `local`, which are historical for each side.
    """
    present, past = np.zeros(len(seeds), dtype=np.int64), 1 + np.arange(num_past, dtype=np.int64)
    now = np.zeros(num_past, dtype=np.int64)
    table = MatchTable(
        hider=np.concatenate([present, now, past]),
        seeker=np.concatenate([present, past, now]),
        seed=np.concatenate([seeds, seeds[:num_past], seeds[:num_past]]),
    )
    first, second = len(seeds), len(seeds) + num_past
    return table, {
        "local": slice(0, first),
        Side.HIDERS.label: slice(first, second),
        Side.SEEKERS.label: slice(second, None),
    }


def global_progress(held_out: Sequence[HeldOut]) -> dict[str, float]:
    """Mean over all held-out opponents of a side, world by world: all of them meet it in the same worlds."""
    metrics: dict[str, float] = {}
    for side in Side:
        scores = [result.scores for result in held_out if result.side is side]
        if scores:
            metrics |= progress_metrics(side, "global", np.mean(scores, axis=0))
    return metrics


def progress_metrics(side: Side, kind: str, scores: np.ndarray) -> dict[str, float]:
    """A mean return with half its 95 % interval, as metrics; none if no score is finite."""
    if not np.isfinite(scores).any():
        return {}
    result = estimate(scores)
    return {f"{side.label}.{kind}": result.mean, f"{side.label}.{kind}_ci95": result.half_width}


def champion_rosters(evaluator: Evaluator, champions: Champions) -> dict[Side, Roster]:
    """The champions, each as a roster of one."""
    return {side: evaluator.session.roster(side, torch.from_numpy(c.genome)[None]) for side, c in champions.items()}


def held_out_is_due(settings: CoevolutionConfig, generation: int) -> bool:
    """Whether the champions of a generation meet the held-out players: the first, the last, every so many."""
    every = settings.held_out_every
    return generation in (0, settings.generations - 1) or (every > 0 and generation % every == 0)


def progress_is_due(settings: CoevolutionConfig, generation: int) -> bool:
    """Whether local and historical progress of a generation's champions are measured."""
    due = generation % settings.progress_every == 0 or generation == settings.generations - 1
    return due and settings.progress_episodes > 0


def measured_matches(config: RunConfig, spec: ObservationSpec, generation: int) -> int:
    """Matches of a generation that nothing is selected by."""
    matches, settings, sides = 0, config.coevolution, config.trained_sides
    both = len(sides) == len(Side)
    if held_out_is_due(settings, generation):
        scripted = sum(len(set(held_out_opponents(spec, side)) - trained_against(config, side)) for side in sides)
        external = len(sides) * len(settings.held_out_runs) if len(spec.teams) > 1 else 0
        matches += (scripted + external) * settings.held_out_episodes + both * settings.recorded_matches
    if progress_is_due(settings, generation) and len(spec.teams) > 1 and both:
        matches += (3 if generation else 1) * settings.progress_episodes
    return matches


def held_out_row(generation: int, result: HeldOut) -> HeldOutRow:
    """A held-out measurement as the run file keeps it."""
    mean = result.estimate
    return HeldOutRow(
        generation=generation,
        side=result.side,
        opponent=result.opponent,
        mean=mean.mean,
        ci_half_width=mean.half_width,
        episodes=mean.num_samples,
        statistics=result.metrics,
        scores=result.scores,
    )
