"""A tournament as one page: who beat whom, what time did, how much is a circle, and who weighs what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.figure import SIDE_COLOURS, panel_grid, save
from evo_hns.spec import Side
from evo_hns.tournament.equilibria.alpha_rank import AlphaRank
from evo_hns.tournament.equilibria.nash import Nash
from evo_hns.tournament.measures.certainty import largest_first
from evo_hns.tournament.measures.ciao import Ciao, ciao_grid
from evo_hns.tournament.measures.interaction import Interaction
from evo_hns.tournament.measures.score_table import Generations, ScoreTable, UnanswerableError, side_table
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.summary import Summary, Unanswered, summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN_WEIGHTS = 8
_SHOWN_VALUES = 12


def plot_tournament(
    payoff: Payoff,
    hider_generations: Generations,
    seeker_generations: Generations,
    path: Path,
    title: str = "",
    summary: Summary | None = None,
) -> None:
    """Draw all measures of a tournament.

    Top row: the master tournament of each side, and the interaction's singular values. Middle: each side's CIAO
    grid, and its champions' mean return by generation with the band of shuffled generations. Bottom: weights.

    Args:
        payoff: H hiders against S seekers.
        hider_generations: `(H,)`, None or negative: none.
        seeker_generations: `(S,)`.
        path: the picture; its ending decides the format.
        title: above all panels.
        summary: of the same tournament, if it is there already.

    Raises:
        ConfigError: matplotlib is missing, nothing can be drawn, or the picture cannot be written.
    """
    answers = summary or summarise(payoff, hider_generations, seeker_generations)
    try:
        tables = {side: side_table(payoff, side, hider_generations, seeker_generations) for side in Side}
    except UnanswerableError as error:
        raise ConfigError(f"this tournament cannot be drawn: {error}") from None
    figure, axes = panel_grid(3, 3, width=4.2, height=3.4)
    for place, side in enumerate(Side):
        _heat_map(axes[place], _in_order(tables[side]), f"{side.label}' mean return", side)
        _ciao(axes[3 + place], tables[side], side)
        _time(axes[5], answers.sides[side].ciao, side)
        _weights(axes[6 + place], answers, side)
    _spectrum(axes[2], answers.interaction)
    _forgotten(axes[8], answers)
    figure.suptitle(title, fontsize=11)
    save(figure, path)


def _in_order(table: ScoreTable) -> ScoreTable:
    """Champions oldest first, then the others as they came."""
    rows, columns = (
        np.argsort(np.where(generations < 0, np.iinfo(np.int64).max, generations), kind="stable")
        for generations in (table.generations, table.opponent_generations)
    )
    return table.take(rows, columns)


def _heat_map(axis: Axes, table: ScoreTable, title: str, side: Side) -> None:
    most = max(float(np.nanmax(np.abs(table.scores), initial=0.0)), 1e-12)
    image = axis.imshow(table.scores, cmap="RdBu", vmin=-most, vmax=most, origin="lower", aspect="auto")
    axis.set_facecolor("0.85")  # not played
    axis.figure.colorbar(image, ax=axis, shrink=0.85).ax.tick_params(labelsize=7)
    _ticks(axis, table)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(side.other.label, fontsize=8)
    axis.set_ylabel(side.label, fontsize=8)


def _ticks(axis: Axes, table: ScoreTable) -> None:
    """Generations, some of them; players without one by name."""
    for set_ticks, names, generations in (
        (axis.set_yticks, table.players, table.generations),
        (axis.set_xticks, table.opponents, table.opponent_generations),
    ):
        labels = [str(g) if g >= 0 else n.rpartition(":")[2][:9] for g, n in zip(generations, names, strict=True)]
        shown = range(0, len(labels), max(1, len(labels) // 8))
        set_ticks(list(shown), [labels[place] for place in shown], fontsize=7)


def _ciao(axis: Axes, table: ScoreTable, side: Side) -> None:
    title = f"CIAO: {side.label} against ancestral opponents"
    try:
        grid = ciao_grid(table)
    except UnanswerableError as error:
        _unanswered(axis, title, str(error))
        return
    champions = table.champions()
    _heat_map(axis, ScoreTable(**{**vars(champions), "scores": grid}), title, side)


def _time(axis: Axes, answer: Ciao | Unanswered, side: Side) -> None:
    title = "mean return against all"
    if isinstance(answer, Unanswered):
        _unanswered(axis, title, answer.reason)
        return
    colour = SIDE_COLOURS[side]
    axis.fill_between(answer.generations, answer.null_low, answer.null_high, color=colour, alpha=0.15, linewidth=0)
    axis.plot(answer.generations, answer.mean, color=colour, linewidth=1.4, label=side.label)
    axis.set_title(f"{title}; band: shuffled", fontsize=10)
    axis.set_xlabel("generation", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=8)


def _spectrum(axis: Axes, answer: Interaction | Unanswered) -> None:
    if isinstance(answer, Unanswered):
        _unanswered(axis, "interaction", answer.reason)
        return
    values = answer.singular_values[:_SHOWN_VALUES]
    axis.bar(range(1, 1 + len(values)), values, color="0.45")
    axis.axhline(answer.noise_singular_value, color="C1", linewidth=1.2, label="noise alone, 95 %")
    share = answer.share
    axis.set_title(
        f"interaction: {100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]", fontsize=10
    )
    axis.set_xlabel("singular value", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=8)


def _weights(axis: Axes, answers: Summary, side: Side) -> None:
    """Nash weights with the range of replays, alpha-rank masses beside them."""
    title = f"weights of {side.label}"
    nash, rank = answers.nash, answers.alpha_rank
    if isinstance(nash, Unanswered) or isinstance(rank, Unanswered):
        found = nash if isinstance(nash, Unanswered) else rank
        _unanswered(axis, title, found.reason if isinstance(found, Unanswered) else "")
        return
    names = _heaviest(nash, rank, side)
    places = np.arange(len(names))
    members = [nash.members[side][name] for name in names]
    masses = [rank.mass[side][name] for name in names]
    _bars(axis, places - 0.2, [(m.weight, m.low, m.high) for m in members], "C2", "Nash")
    _bars(axis, places + 0.2, [(m.value, m.low, m.high) for m in masses], "C4", "alpha-rank")
    axis.set_yticks(places, [name[-14:] for name in names], fontsize=7)
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.tick_params(axis="x", labelsize=7)
    axis.set_title(f"{title}; lines: 95 % of replays", fontsize=10)
    axis.legend(fontsize=8, loc="lower right")


def _heaviest(nash: Nash, rank: AlphaRank, side: Side) -> list[str]:
    weight: Mapping[str, float] = {
        name: member.weight + rank.mass[side][name].value for name, member in nash.members[side].items()
    }
    return largest_first(weight)[:_SHOWN_WEIGHTS]


def _bars(axis: Axes, places: np.ndarray, estimates: list[tuple[float, float, float]], colour: str, label: str) -> None:
    values, low, high = (np.array(column) for column in zip(*estimates, strict=True))
    axis.barh(places, values, height=0.35, color=colour, label=label)
    axis.hlines(places, low, high, color="0.2", linewidth=1.0)


def _forgotten(axis: Axes, answers: Summary) -> None:
    """Shares of champions that forgot, beside what chance gives."""
    names, places = [], 0
    for side in Side:
        found = answers.sides[side].forgetting
        if isinstance(found, Unanswered):
            _unanswered(axis, "forgetting", found.reason)
            return
        for name, rate in (("lost wins", found.lost_wins), ("regress", found.regress)):
            share = rate.share
            axis.barh(places, 100 * share.value, height=0.6, color=SIDE_COLOURS[side])
            axis.hlines(places, 100 * share.low, 100 * share.high, color="0.2", linewidth=1.0)
            axis.plot(100 * rate.chance, places, "|", color="C1", markersize=14, markeredgewidth=2)
            names.append(f"{side.label}: {name}")
            places += 1
    axis.set_yticks(range(places), names, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlim(-1, 100)
    axis.tick_params(axis="x", labelsize=7)
    axis.set_title("champions that forgot, %; orange: chance", fontsize=10)


def _unanswered(axis: Axes, title: str, reason: str) -> None:
    axis.set_title(title, fontsize=10)
    axis.text(0.5, 0.5, f"not answered:\n{reason}", ha="center", va="center", wrap=True, fontsize=8)
    axis.set_axis_off()
