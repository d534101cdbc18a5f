"""Everything that can be told of arms side by side, put together: what is in the runs, and what has to be played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.behaviour.stages.timeline import Measurement
from evo_hns.comparison.conditions import Arm, mixed_settings
from evo_hns.comparison.crossplay import CrossPlay, cross_play, selection_of
from evo_hns.comparison.curves import Curve, arm_curve
from evo_hns.comparison.decisions import time_decisions
from evo_hns.comparison.emergence import Emergence, watch_arms
from evo_hns.comparison.expense import Expense, Extra, expense_of
from evo_hns.comparison.standings import Standings, stand
from evo_hns.comparison.thresholds import Threshold, find_threshold
from evo_hns.comparison.tracks import (
    BUDGETS,
    Opponents,
    Outcome,
    Track,
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
from evo_hns.reports.subject import Subject, differing_settings
from evo_hns.spec import Side
from evo_hns.tournament.tournament import Observer, Order, play_tournament

Rosters = Mapping[str, Mapping[Side, Roster]]
"""Players by name and side."""


@dataclass(frozen=True)
class Wish:
    """What is to be played for a comparison."""

    tournament: Path  #: file of the cross-play
    players: tuple[str, ...] = ()  #: addresses of who takes part in it beside the runs
    half_width: float | None = None  #: of each pair's mean that is enough; None: a tenth of the range of returns
    min_episodes: int = 8
    max_episodes: int = 64
    stage_champions: int = 6  #: generations of each run
    stage_episodes: int = 32  #: of each of them; 0: none
    seed: int = 0  #: decides the worlds
    is_played: bool = True  #: else only what is in the runs is told


@dataclass(frozen=True)
class Witness:
    """Who is told what is going on."""

    of_tournament: Sequence[Observer] = ()
    of_stages: Callable[[str, Measurement], None] = lambda _, __: None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Arms side by side."""

    arms: tuple[Arm, ...]
    opponents: Opponents  #: held-out players that count
    tracks: Mapping[Outcome, Mapping[str, tuple[Track, ...]]]  #: of each arm's runs, by its name
    thresholds: tuple[Threshold, ...]
    standings: tuple[Standings, ...]
    emergence: Emergence | None
    crossplay: CrossPlay | None
    expenses: tuple[Expense, ...]
    extras: tuple[Extra, ...]  #: players beside the arms
    settings: Mapping[str, tuple[object, ...]]  #: in which arms differ, a value for each
    notes: tuple[str, ...]  #: what limits the comparison

    @property
    def means(self) -> list[Outcome]:
        """Hiders, seekers and both: without single held-out players."""
        return [outcome for outcome in self.tracks if outcome.opponent is None]

    @property
    def sizes_differ(self) -> bool:
        """Whether arms differ in their numbers of parameters."""
        return len({tuple(each.parameters.values()) for each in self.expenses}) > 1

    def curves(self, outcome: Outcome, budget: str) -> dict[str, Curve]:
        """Of the arms that recorded the budget, by name."""
        found = {name: arm_curve(tracks, budget) for name, tracks in self.tracks[outcome].items()}
        return {name: curve for name, curve in found.items() if curve is not None}

    def standing(self, outcome: str, budget: str = "env_steps") -> Standings | None:
        """All arms at the end of a common budget."""
        return next((each for each in self.standings if (each.outcome, each.budget) == (outcome, budget)), None)

    def threshold(self, outcome: str) -> Threshold | None:
        """When arms were half-way."""
        return next((each for each in self.thresholds if each.outcome == outcome), None)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "arms": {arm.name: {"runs": [str(run.path) for run in arm.runs], "seeds": arm.seeds} for arm in self.arms},
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
            "costs": {each.arm: each.as_dict() for each in self.expenses},
            "players": {each.name: each.as_dict() for each in self.extras},
            "differing_settings": {name: list(values) for name, values in self.settings.items()},
            "notes": list(self.notes),
        }


def compare(arms: Sequence[Arm], wish: Wish, witness: Witness | None = None) -> Comparison:
    """Tell of arms side by side.

    Args:
        arms: of one game.
        wish: what is to be played.
        witness: who is told what is going on.

    Raises:
        ConfigError: runs that cannot be compared, or a wish that cannot be fulfilled.
        RunFileError: a file that cannot be read or written, or a tournament of others.
    """
    witness = witness or Witness()
    subjects = [run for arm in arms for run in arm.runs]
    common = common_opponents(subjects)
    tracks = {
        outcome: {arm.name: tuple(track(run, outcome, common) for run in arm.runs) for arm in arms}
        for outcome in outcomes(common)
    }
    means = {outcome.name: of_arms for outcome, of_arms in tracks.items() if outcome.opponent is None}
    played = wish.is_played and has_two_teams(subjects[0])
    ours, others = rosters_of(arms, wish.players) if wish.is_played else ({}, {})
    speeds = time_decisions({**others, **ours}, arms[0].config) if wish.is_played else {}
    return Comparison(
        arms=tuple(arms),
        opponents=common,
        tracks=tracks,
        thresholds=tuple(found for name, each in means.items() if (found := find_threshold(name, each))),
        standings=tuple(s for b in BUDGETS for name, each in means.items() if (s := stand(name, each, b))),
        emergence=_emergence(arms, wish, witness) if played else None,
        crossplay=_crossplay(arms, wish, witness) if played else None,
        expenses=tuple(expense_of(arm, speeds.get(arm.name, {})) for arm in arms),
        extras=tuple(Extra(name, _sizes(by_side), speeds[name]) for name, by_side in others.items()),
        settings=differing_settings([arm.config for arm in arms]),
        notes=tuple(limits(arms, common)),
    )


def has_two_teams(subject: Subject) -> bool:
    """Whether players meet in this game."""
    return not subject.is_solo and subject.config.rules.task == "hide-and-seek"


def limits(arms: Sequence[Arm], common: Opponents) -> list[str]:
    """What a reader must know of the runs before the figures, in sentences."""
    subjects = [run for arm in arms for run in arm.runs]
    notes = []
    if others := left_out(subjects, common):
        notes.append(f"Held-out players that only some runs met count in no score: {', '.join(others)}.")
    if len(counts := sorted({len(row.scores) for s in subjects for row in s.run.held_out})) > 1:
        notes.append(
            f"Held-out measurements have {counts[0]} to {counts[-1]} worlds, the first of which are the same: scores "
            "of fewer are less certain."
        )
    notes += [
        f"The runs of {arm.name} differ in more than their seed: {', '.join(mixed)}."
        for arm in arms
        if (mixed := mixed_settings(arm))
    ]
    if single := [arm.name for arm in arms if len(arm.runs) == 1]:
        notes.append(
            f"One seed only: {', '.join(single)}. Intervals are then over worlds, and tell of that run, not of the arm."
        )
    return notes


def rosters_of(arms: Sequence[Arm], players: Sequence[str]) -> tuple[Rosters, Rosters]:
    """The last champions of each arm's first run, and further players; each as a roster of one for each side it plays.

    Args:
        arms: all arms.
        players: addresses; of many at once (`RUN:hiders/all`) nothing is told.
    """
    spec = observation_spec(arms[0].config.world, arms[0].config.rules)
    firsts = {arm.name: arm.runs[0].path for arm in arms}
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


def _emergence(arms: Sequence[Arm], wish: Wish, witness: Witness) -> Emergence | None:
    if not wish.stage_episodes:
        return None
    return watch_arms(
        arms,
        champions=wish.stage_champions,
        episodes=wish.stage_episodes,
        seed=wish.seed,
        observe=witness.of_stages,
    )


def _crossplay(arms: Sequence[Arm], wish: Wish, witness: Witness) -> CrossPlay | None:
    if sum(len(arm.runs) for arm in arms) + len(wish.players) < 2:
        return None
    order = Order(
        selection=selection_of(arms, wish.players),
        half_width=wish.half_width,
        min_episodes=wish.min_episodes,
        max_episodes=wish.max_episodes,
        seed=wish.seed,
    )
    try:
        played = play_tournament(wish.tournament, order, build_evaluator, observers=witness.of_tournament)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--output", "--tournament")) from None
    return cross_play(played, wish.tournament, arms)
