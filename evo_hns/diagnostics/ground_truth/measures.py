"""How much the champions of a run went in circles, from the exact payoffs of an analytic game.

Nothing here is estimated: who beats whom is known. What a measure cannot tell in a game is left out there. In the disc
game every strategy loses to half of the others, so that some forgetting is inevitable; and on average over all
strategies it wins nothing, so that there is no generality.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evo_hns.diagnostics.ground_truth.analytic_games import AnalyticGame, DiscGame, NumberGame
from evo_hns.spec import Side

Champions = Mapping[Side, np.ndarray]
"""`(T, 2)` points of each side's champions, in the order of generations."""

MEASURES: dict[str, str] = {
    "turns": "turns of the pursuit per 100 generations",
    "forgotten": "share of the opponents beaten before to whom a champion loses",
    "forgetful": "share of generations whose champion loses to any opponent beaten before",
    "exploit_last": "the most that anybody wins against the champion of one generation",
    "exploit_all": "the most that anybody wins against all champions mixed",
    "generality": "mean payoff of a champion against all strategies",
    "sum": "sum of a champion's numbers",
    "smaller": "the smaller of a champion's numbers",
}
"""What is measured, by name; means over both sides."""

LATE = 0.25
"""Share of the generations, the last ones, over whose champions some measures are means."""


def measure(game: AnalyticGame, champions: Champions) -> dict[str, float]:
    """All measures that say something in a game.

    Args:
        game: what was played.
        champions: of a run of two generations or more.
    """
    sides = [_measure_side(game, champions[side], champions[side.other]) for side in Side]
    values = {name: float(np.mean([each[name] for each in sides])) for name in sides[0]}
    if isinstance(game, DiscGame):
        turns = pursuit_turns(champions)
        values["turns"] = float(100.0 * turns[-1] / (len(turns) - 1))
    return {name: values[name] for name in MEASURES if name in values}


def _measure_side(game: AnalyticGame, own: np.ndarray, other: np.ndarray) -> dict[str, float]:
    forgotten = forgotten_shares(game.payoff(own[:, None], other[None]))
    known = forgotten[np.isfinite(forgotten)]
    late = own[-max(1, round(LATE * len(own))) :]
    values = {
        "forgotten": float(known.mean()) if len(known) else 0.0,
        "forgetful": float((known > 0).mean()) if len(known) else 0.0,
        "exploit_last": float(np.mean([game.exploitability(point[None]) for point in late])),
        "exploit_all": game.exploitability(own),
    }
    if not (isinstance(game, DiscGame) and game.tilt == 0.0):
        values["generality"] = float(game.generality(late).mean())
    if isinstance(game, NumberGame):
        values |= {"sum": float(late.sum(1).mean()), "smaller": float(late.min(1).mean())}
    return values


def pursuit_turns(champions: Champions) -> np.ndarray:
    """`(T,)` full turns around the origin that the pursuit has made, 0 at first; against the clock is positive.

    The pursuit goes from a champion to the one who answered it: the other side's of the next generation, then back to
    the first side's, and so on. In the disc game the best answer is a quarter of a turn ahead, so that the fastest
    pursuit makes 0.25 turns in a generation. The angle of one side alone would not do: quick answers turn it by half a
    turn every other generation, which could be in either direction.
    """
    angles = {side: np.arctan2(champions[side][:, 1], champions[side][:, 0]) for side in Side}
    steps = [wrapped(angles[side][1:] - angles[side.other][:-1]) for side in Side]
    turns: np.ndarray = np.concatenate([[0.0], np.cumsum(np.mean(steps, axis=0))]) / (2.0 * np.pi)
    return turns


def wrapped(angles: np.ndarray) -> np.ndarray:
    """The same angles from -pi to pi, radians."""
    inside: np.ndarray = (angles + np.pi) % (2.0 * np.pi) - np.pi
    return inside


def forgotten_shares(payoff: np.ndarray) -> np.ndarray:
    """`(T,)` share of the opponents beaten before to whom the champion of each generation loses.

    An opponent of an earlier generation was beaten before if any champion of an earlier generation beats it.

    Args:
        payoff: `(T, T)` what a side's champions win against the other's; rows are its own generations.

    Returns:
        NaN for a generation before which nobody was beaten.
    """
    num_generations = len(payoff)
    shares = np.full(num_generations, np.nan)
    for t in range(1, num_generations):
        beaten = (payoff[:t, :t] > 0).any(0)
        if beaten.any():
            shares[t] = (payoff[t, :t] < 0)[beaten].mean()
    return shares
