"""Champions against each other: of one run across its generations, or the last ones of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evo_hns.archive.tournament import Cells
from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.held_out import meet
from evo_hns.evaluation.intervals import Estimate
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.players.addresses import find_player, game_of, parse_address
from evo_hns.reports.kit.blocks import Heat, HeatCell, Missing, Section
from evo_hns.reports.kit.formatting import with_minus
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff

MOST_ENTRANTS = 6  #: of a side, so that the table stays small and is soon played
NUM_GENERATIONS = 4  #: of one run, whose champions meet
_SEED = 1  #: of the worlds: others than those of the clips


def meetings_section(subjects: Sequence[Subject], episodes: int, command: str) -> Section:
    """Every hider against every seeker, if that can be asked of these runs.

    Args:
        subjects: one run, whose generations meet; or several of one game, whose last champions do.
        episodes: of each pair; 0: none are played.
        command: makes the page with some.
    """
    title = "Champions against each other" if len(subjects) == 1 else "Runs against each other"
    if subjects[0].config.rules.task != "hide-and-seek":
        return Section("meetings", title)
    if episodes == 0:
        return Section("meetings", title, missing=[Missing(title.lower(), command)])
    if len({repr(game_of(subject.config)) for subject in subjects}) > 1 or len(subjects) > MOST_ENTRANTS:
        return Section("meetings", title)
    payoff = play_meetings(meeting_players(subjects), subjects[0].config, episodes)
    caption = (
        f"Mean return of the hiders with its 95 % interval, {episodes} matches of each pair in the same worlds: cyan "
        "where hiders have the better of it, red where seekers do. "
    )
    if len(subjects) == 1:
        caption += (
            "If both sides improve for good, hiders gain downwards in every column and seekers to the right in every "
            "row; a column or row that turns back is something forgotten."
        )
    return Section("meetings", title, [heat_of(payoff, caption, subjects[0].most)])


def meeting_players(subjects: Sequence[Subject]) -> dict[str, tuple[str, str]]:
    """Who meets: addresses of a hider and a seeker by a short name."""
    if len(subjects) > 1:
        return {s.name: (f"{s.path}:hiders/last", f"{s.path}:seekers/last") for s in subjects}
    [subject] = subjects
    chosen = subject.spread(NUM_GENERATIONS)
    return {f"generation {g}": (f"{subject.path}:hiders/{g}", f"{subject.path}:seekers/{g}") for g in chosen}


def play_meetings(players: Mapping[str, tuple[str, str]], game: RunConfig, episodes: int) -> Payoff:
    """Play all pairs.

    Args:
        players: addresses of a hider and a seeker by a name.
        game: that all of them play.
        episodes: of each pair, in the same worlds.
    """
    evaluator = build_evaluator(game)
    spec, seeds = evaluator.session.spec, fresh_seeds(episodes, _SEED)
    rosters = {
        side: [find_player(parse_address(pair[side], side), side, spec) for pair in players.values()] for side in Side
    }
    scores = np.full((2, len(players), len(players), episodes), np.nan)
    for row, hider in enumerate(rosters[Side.HIDERS]):
        for column, seeker in enumerate(rosters[Side.SEEKERS]):
            played = meet(evaluator, hider, seeker, seeds)
            scores[:, row, column] = [team_return(played, spec, side).numpy() for side in Side]
    size = len(players) ** 2
    cells = Cells.empty(len(players), len(players)).with_played(
        np.repeat(np.arange(size), episodes), {side: scores[side].ravel() for side in Side}
    )
    names, moments = tuple(players), {side: cells.moments(side) for side in Side}
    return Payoff.of_moments(names, names, moments, game.rules.return_range)


def heat_of(payoff: Payoff, caption: str, most: float, *, in_short: bool = False) -> Heat:
    """A table of what hiders have against seekers, coloured; in short: without intervals."""
    mean = payoff.mean[Side.HIDERS]
    half = payoff.half_widths(Side.HIDERS)
    cells = [
        [
            HeatCell(_cell(value, width, in_short=in_short), float(value / (most or 1.0)))
            if np.isfinite(value)
            else HeatCell("–", 0.0)
            for value, width in zip(*pair, strict=True)
        ]
        for pair in zip(mean, half, strict=True)
    ]
    return Heat("hiders of", "seekers of", payoff.hiders, payoff.seekers, cells, caption)


def _cell(value: float, half_width: float, *, in_short: bool) -> str:
    if in_short or not np.isfinite(half_width):
        return with_minus(f"{value:+.0f}")
    return with_minus(str(Estimate(value, half_width, 0)))
