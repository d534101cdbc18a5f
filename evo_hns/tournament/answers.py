"""All measures of a tournament; those over generations only if its champions are of one run.

Generations of different runs are no common time. Where champions of several runs met, the whole is asked what needs
no time, and the champions of each run are asked everything among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import IntArray
from evo_hns.archive.tournament import Tournament
from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.pictures import plot_tournament
from evo_hns.tournament.summary import Summary, summarise
from evo_hns.tournament.tournament import generations_of, payoff_of, runs_of

WHOLE = "all"
"""Name of the tournament as a whole."""


def ask(tournament: Tournament) -> Mapping[str, Summary]:
    """Everything that can be asked of the whole, and, where there are several, of each run among itself."""
    asked, runs = {WHOLE: tournament}, runs_of(tournament)
    if len(runs) > 1:
        asked |= {run: part for run in runs if 0 not in (part := only(tournament, run)).cells.shape}
    return {name: _ask(part) for name, part in asked.items()}


def draw(tournament: Tournament, summary: Summary, path: Path, title: str = "") -> None:
    """Draw the whole.

    Args:
        tournament: what was played.
        summary: of the whole.
        path: the picture; its ending decides the format.
        title: above all panels.

    Raises:
        ConfigError: matplotlib is missing, nothing can be drawn, or the picture cannot be written.
    """
    times = time_of(tournament)
    plot_tournament(payoff_of(tournament), times[Side.HIDERS], times[Side.SEEKERS], path, title, summary)


def only(tournament: Tournament, run: str) -> Tournament:
    """The champions of one run among themselves."""
    places = {
        side: np.array([k for k, who in enumerate(tournament.participants[side]) if who.run == run], dtype=np.int64)
        for side in Side
    }
    return replace(
        tournament,
        participants={side: tuple(tournament.participants[side][k] for k in places[side]) for side in Side},
        cells=tournament.cells.part(places[Side.HIDERS], places[Side.SEEKERS]),
    )


def time_of(tournament: Tournament) -> Mapping[Side, IntArray]:
    """The generation of each participant if all champions are of one run; else nobody has any (-1)."""
    generations = {side: generations_of(tournament, side) for side in Side}
    if len(runs_of(tournament)) > 1:
        return {side: np.full_like(each, -1) for side, each in generations.items()}
    return generations


def bounds_of(tournament: Tournament, payoff: Payoff) -> tuple[float, float] | None:
    """The least and the most that a match can pay the hiders; None if penalties or food went beyond."""
    most = tournament.meta.config.rules.most_return
    largest = np.nanmax(np.abs([payoff.mean[side] for side in Side]), initial=0.0)
    return (-most, most) if largest <= most else None


def _ask(tournament: Tournament) -> Summary:
    payoff, times = payoff_of(tournament), time_of(tournament)
    return summarise(
        payoff,
        times[Side.HIDERS],
        times[Side.SEEKERS],
        tournament.meta.config.seed,
        bounds=bounds_of(tournament, payoff),
    )
