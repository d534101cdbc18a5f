"""Compare conditions: measurements that are in the runs, and matches that have to be played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.behaviour.stages.timeline import Measurement
from evo_hns.comparison.conditions import Condition, mixed_settings
from evo_hns.comparison.crossplay import CrossPlay, cross_play, selection_of
from evo_hns.comparison.decisions import time_decisions
from evo_hns.comparison.emergence import Emergence, measure_stages
from evo_hns.comparison.expense import Expense, Extra, expense_of
from evo_hns.comparison.standings import Standings, stand
from evo_hns.comparison.thresholds import Threshold, find_threshold
from evo_hns.comparison.tracks import (
    BUDGETS,
    Opponents,
    Outcome,
    common_opponents,
    left_out,
    outcomes,
    track,
)
from evo_hns.config import ConfigError
from evo_hns.envs.observations import observation_spec
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.players.addresses import Archived, find_player, parse_address
from evo_hns.policies.roster import Roster
from evo_hns.reports.seed_means import Curve, Track, condition_curve
from evo_hns.reports.subject import Subject, differing_settings
from evo_hns.spec import Side
from evo_hns.tournament.tournament import Observer, TournamentSpec, play_tournament

Rosters = Mapping[str, Mapping[Side, Roster]]
"""Players by name and side."""


@dataclass(frozen=True)
class ComparisonOptions:
    """Which matches a comparison plays."""

    tournament: Path  #: file of the cross-play
    players: tuple[str, ...] = ()  #: addresses of further participants
    half_width: float | None = None  #: of each pair's mean; None: a tenth of the range of returns
    min_episodes: int = 8
    max_episodes: int = 64
    stage_champions: int = 6  #: generations of each run
    stage_episodes: int = 32  #: of each of them; 0: none
    seed: int = 0  #: decides the worlds
    is_played: bool = True  #: else the comparison shows only what is in the runs


@dataclass(frozen=True)
class Callbacks:
    """Receive the progress of a comparison."""

    of_tournament: Sequence[Observer] = ()
    of_stages: Callable[[str, Measurement], None] = lambda _, __: None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Conditions side by side."""

    conditions: tuple[Condition, ...]
    opponents: Opponents  #: held-out players that count
    tracks: Mapping[Outcome, Mapping[str, tuple[Track, ...]]]  #: of each condition's runs, by its name
    thresholds: tuple[Threshold, ...]
    standings: tuple[Standings, ...]
    emergence: Emergence | None
    crossplay: CrossPlay | None
    expenses: tuple[Expense, ...]
    extras: tuple[Extra, ...]  #: players beside the conditions
    settings: Mapping[str, tuple[object, ...]]  #: in which conditions differ, a value for each
    notes: tuple[str, ...]  #: what limits the comparison

    @property
    def means(self) -> list[Outcome]:
        """Hiders, seekers and both: without single held-out players."""
        return [outcome for outcome in self.tracks if outcome.opponent is None]

    @property
    def sizes_differ(self) -> bool:
        """Whether conditions differ in their numbers of parameters."""
        return len({tuple(each.parameters.values()) for each in self.expenses}) > 1

    def curves(self, outcome: Outcome, budget: str) -> dict[str, Curve]:
        """Of the conditions that recorded the budget, by name."""
        found = {name: condition_curve(tracks, budget) for name, tracks in self.tracks[outcome].items()}
        return {name: curve for name, curve in found.items() if curve is not None}

    def standing(self, outcome: str, budget: str = "env_steps") -> Standings | None:
        """All conditions at the end of a common budget."""
        return next((each for each in self.standings if (each.outcome, each.budget) == (outcome, budget)), None)

    def threshold(self, outcome: str) -> Threshold | None:
        """When conditions were half-way."""
        return next((each for each in self.thresholds if each.outcome == outcome), None)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "conditions": {
                condition.name: {"runs": [str(run.path) for run in condition.runs], "seeds": condition.seeds}
                for condition in self.conditions
            },
            "held_out_players": {side.label: list(names) for side, names in self.opponents.items()},
            "curves": {
                outcome.name: {
                    budget: {name: curve.as_dict() for name, curve in self.curves(outcome, budget).items()}
                    for budget in BUDGETS
                }
                for outcome in self.tracks
            },
            "thresholds": [each.as_dict() for each in self.thresholds],
            "common_budget": [each.as_dict() for each in self.standings],
            "stages": None if self.emergence is None else self.emergence.as_dict(),
            "cross_play": None if self.crossplay is None else self.crossplay.as_dict(),
            "costs": {each.condition: each.as_dict() for each in self.expenses},
            "players": {each.name: each.as_dict() for each in self.extras},
            "differing_settings": {name: list(values) for name, values in self.settings.items()},
            "notes": list(self.notes),
        }


def compare(
    conditions: Sequence[Condition], options: ComparisonOptions, callbacks: Callbacks | None = None
) -> Comparison:
    """Compare conditions.

    Args:
        conditions: of one game.
        options: of the matches that are played.
        callbacks: receive the progress.

    Raises:
        ConfigError: runs that cannot be compared, or a options that cannot be fulfilled.
        RunFileError: a file that cannot be read or written, or a tournament of others.
    """
    callbacks = callbacks or Callbacks()
    subjects = [run for condition in conditions for run in condition.runs]
    common = common_opponents(subjects)
    tracks = {
        outcome: {
            condition.name: tuple(track(run, outcome, common) for run in condition.runs) for condition in conditions
        }
        for outcome in outcomes(common)
    }
    means = {outcome.name: of_conditions for outcome, of_conditions in tracks.items() if outcome.opponent is None}
    played = options.is_played and has_two_teams(subjects[0])
    ours, others = rosters_of(conditions, options.players) if options.is_played else ({}, {})
    speeds = time_decisions({**others, **ours}, conditions[0].config) if options.is_played else {}
    return Comparison(
        conditions=tuple(conditions),
        opponents=common,
        tracks=tracks,
        thresholds=tuple(found for name, each in means.items() if (found := find_threshold(name, each))),
        standings=tuple(s for b in BUDGETS for name, each in means.items() if (s := stand(name, each, b))),
        emergence=_emergence(conditions, options, callbacks) if played else None,
        crossplay=_crossplay(conditions, options, callbacks) if played else None,
        expenses=tuple(expense_of(condition, speeds.get(condition.name, {})) for condition in conditions),
        extras=tuple(Extra(name, _sizes(by_side), speeds[name]) for name, by_side in others.items()),
        settings=differing_settings([condition.config for condition in conditions]),
        notes=tuple(limits(conditions, common)),
    )


def has_two_teams(subject: Subject) -> bool:
    """Whether the game has two teams."""
    return not subject.is_solo and subject.config.rules.task == "hide-and-seek"


def limits(conditions: Sequence[Condition], common: Opponents) -> list[str]:
    """Limits of the comparison, in sentences."""
    subjects = [run for condition in conditions for run in condition.runs]
    notes = []
    if others := left_out(subjects, common):
        notes.append(f"Held-out players that only some runs met count in no score: {', '.join(others)}.")
    if len(counts := sorted({len(row.scores) for s in subjects for row in s.run.held_out})) > 1:
        notes.append(
            f"Held-out measurements have {counts[0]} to {counts[-1]} worlds, the first of which are the same: scores "
            "of fewer are less certain."
        )
    notes += [
        f"The runs of {condition.name} differ in more than their seed: {', '.join(mixed)}."
        for condition in conditions
        if (mixed := mixed_settings(condition))
    ]
    if single := [condition.name for condition in conditions if len(condition.runs) == 1]:
        notes.append(
            f"One seed only: {', '.join(single)}. "
            "Intervals are then over worlds, and hold for that run, not for the condition."
        )
    return notes


def rosters_of(conditions: Sequence[Condition], players: Sequence[str]) -> tuple[Rosters, Rosters]:
    """The last champions of each condition's first run, and further players: a roster of one for each side they play.

    Args:
        conditions: all conditions.
        players: addresses; whole halls (`RUN:hiders/all`) are left out.
    """
    spec = observation_spec(conditions[0].config.world, conditions[0].config.rules)
    firsts = {condition.name: condition.runs[0].path for condition in conditions}
    ours = {
        name: {side: find_player(Archived(path, side, "last"), side, spec) for side in spec.teams}
        for name, path in firsts.items()
    }
    others = {
        text.removeprefix("scripted:"): {
            side: find_player(parse_address(text, side), side, spec)
            for side in spec.teams
            if f":{side.other.label}/" not in text
        }
        for text in players
        if not text.endswith("/all")
    }
    return ours, others


def _sizes(by_side: Mapping[Side, Roster]) -> dict[Side, int]:
    return {side: roster.genomes.shape[1] for side, roster in by_side.items()}


def _emergence(conditions: Sequence[Condition], options: ComparisonOptions, callbacks: Callbacks) -> Emergence | None:
    if not options.stage_episodes:
        return None
    return measure_stages(
        conditions,
        champions=options.stage_champions,
        episodes=options.stage_episodes,
        seed=options.seed,
        observe=callbacks.of_stages,
    )


def _crossplay(conditions: Sequence[Condition], options: ComparisonOptions, callbacks: Callbacks) -> CrossPlay | None:
    if sum(len(condition.runs) for condition in conditions) + len(options.players) < 2:
        return None
    spec = TournamentSpec(
        selection=selection_of(conditions, options.players),
        half_width=options.half_width,
        min_episodes=options.min_episodes,
        max_episodes=options.max_episodes,
        seed=options.seed,
    )
    try:
        played = play_tournament(options.tournament, spec, build_evaluator, observers=callbacks.of_tournament)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--output", "--tournament")) from None
    return cross_play(played, options.tournament, conditions)
