"""What was learnt, and when: held-out measurements of one or many runs against env steps.

One panel for each side and held-out player (mean return of the champion's team), one for each side
and kind of progress, and one for each of the game's statistics of hiders and boxes
and ramps. Runs that differ only in their seed are one mean with its 95 % t-interval over seeds, and thin lines; the
band of a single run is the 95 % interval of one measurement. Several settings have a colour each, one has those of the
teams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.records import HeldOutRow, RunFacts, env_steps_so_far
from evo_hns.config import ConfigError
from evo_hns.evaluation.intervals import Estimate, estimate_few
from evo_hns.figure import KIND_COLOURS, SIDE_COLOURS, panel_grid, save
from evo_hns.reports.progress import progress
from evo_hns.reports.seed_means import Track, area, common_budget, condition_curve, score_at
from evo_hns.reports.subject import described, differing_settings, kind_of
from evo_hns.spec import Side
from evo_hns.training.measurement import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawing = Callable[[Mapping[str, RunFacts]], "Figure"]

STATISTICS = (
    "hiders_in_room_prep",
    "box_at_door_prep",
    "max_box_move_prep",
    "num_box_lock_prep",
    "max_ramp_move_prep",
    "hider_seen_share",
)
"""Shown of the hiders' champions against the chaser (or the tracker)."""

_TELLING = ("trainer", "search.algorithm", "policy.network")  # what runs are called by, if it sets them apart
_MOST_DOTS = 40  # a line of more points is drawn without them


@dataclass(frozen=True, eq=False)
class Kind:
    """Runs with the same settings but for their seed."""

    name: str  #: what sets them apart from the others; empty if there are no others
    number: int  #: from 0, in the order of the first run of each
    runs: Mapping[str, RunFacts]  #: by name
    settings: Mapping[str, object]  #: all in which kinds differ

    def colour(self, side: Side) -> str:
        """Of the team if there is no other kind, else of the kind."""
        return KIND_COLOURS[self.number % len(KIND_COLOURS)] if self.name else SIDE_COLOURS[side]

    def tracks(self, of: Callable[[RunFacts], Track | None]) -> list[Track]:
        """Of the runs in which it was measured."""
        return [track for run in self.runs.values() if (track := of(run)) is not None]


@dataclass(frozen=True)
class End:
    """What a kind of run had come to at the last measurement that all runs have in common."""

    kind: str
    side: Side
    opponent: str
    env_steps: float  #: of training, by then; the same for all kinds
    end: Estimate  #: mean return over seeds; of one seed over worlds
    area: Estimate  #: under the curve until then, divided by the env steps: the mean return on the way

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "kind": self.kind,
            "side": self.side.label,
            "opponent": self.opponent,
            "env_steps": self.env_steps,
            "seeds": self.end.num_samples,
            "mean": self.end.mean,
            "ci95": self.end.half_width,
            "interval_over": "seeds" if self.end.num_samples > 1 else "worlds",
            "area": self.area.mean,
            "area_ci95": self.area.half_width,
        }


def kinds_of_runs(runs: Mapping[str, RunFacts]) -> list[Kind]:
    """Runs by their settings.

    Args:
        runs: by name.

    Raises:
        ConfigError: two with the same settings have the same seed, so that they are one sample.
    """
    groups: dict[str, dict[str, RunFacts]] = {}
    for name, run in runs.items():
        group = groups.setdefault(repr(kind_of(run.config)), {})
        for other, before in group.items():
            if before.config.seed == run.config.seed:
                raise ConfigError(
                    f"{other} and {name} have the same settings and the same seed, {run.config.seed}, so they are one "
                    "sample: leave one out"
                )
        group[name] = run
    firsts = [next(iter(group.values())).config for group in groups.values()]
    differing = differing_settings(firsts)
    settings = [kind_of(config) for config in firsts]
    names = _names(settings, sorted(differing, key=_rank))
    return [
        Kind(name, number, group, {key: values[number] for key, values in differing.items()})
        for number, (name, group) in enumerate(zip(names, groups.values(), strict=True))
    ]


def _rank(setting: str) -> int:
    rest = setting.removeprefix("hiders.").removeprefix("seekers.")
    return _TELLING.index(rest) if rest in _TELLING else len(_TELLING)


def _names(settings: Sequence[Mapping[str, object]], differing: Sequence[str]) -> list[str]:
    """What sets kinds apart, by as few of their settings as do."""
    names, used = [""] * len(settings), list[str]()
    for setting in differing:
        longer = [", ".join(described(each, [*used, setting])) or "otherwise" for each in settings]
        if len(set(longer)) > len(set(names)):
            names, used = longer, [*used, setting]
    return names


def ends(runs: Mapping[str, RunFacts]) -> list[End]:
    """What runs had come to, by side, held-out player and kind; players that kinds did not meet in common are left out.

    Args:
        runs: by name.

    Raises:
        ConfigError: no run has a measurement.
    """
    kinds, found = kinds_of_runs(runs), list[End]()
    for side, opponent in _panels(runs):
        tracks = {kind.name: each for kind in kinds if (each := kind.tracks(_held_out(side, opponent)))}
        if (at := common_budget(tracks, "env_steps")) is None:
            continue
        for name, each in tracks.items():
            _, end = score_at(each, "env_steps", at)
            areas = estimate_few(np.array([area(track, at) for track in each]))
            found.append(End(name, side, opponent, at, end, areas))
    return found


def plot(draw: Drawing, runs: Mapping[str, RunFacts], path: Path) -> None:
    """Draw runs into a picture.

    Args:
        draw: one of `DRAWINGS`.
        runs: by name.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: as the drawing; or it cannot be written there.
    """
    save(draw(runs), path)


def draw_returns(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw mean returns against every held-out player.

    Args:
        runs: by name.

    Raises:
        ConfigError: matplotlib is missing, or no run has a measurement.
    """
    panels = _panels(runs)
    columns = len({opponent for side, opponent in panels if side is Side.HIDERS}) or len(panels)
    figure, axes = panel_grid(-(-len(panels) // columns), columns, sharex=True)
    kinds = kinds_of_runs(runs)
    for axis, (side, opponent) in zip(axes, panels, strict=True):
        _draw(axis, kinds, side, _held_out(side, opponent), _unit(runs))
        axis.set_title(f"{side.label} against {opponent}", color=SIDE_COLOURS[side])
        axis.set_ylim(*_limits(runs))
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    return _finish(figure, kinds, runs, "mean return of the champion's team")


def draw_progress(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw the three kinds of progress of both sides, a row of panels each; errors as `draw_returns`.

    In a game of equals a local curve stays where it is, however much both sides learn; a historical one rises if what
    was learnt is not forgotten; only the global one shows strength against unseen opponents.
    """
    if not any(len(each) for run in runs.values() for each in progress(run)):
        raise ConfigError("in none of these runs was progress measured: they need coevolution.progress_episodes")
    figure, axes = panel_grid(len(Side), len(KINDS), sharex=True)
    kinds, panels = kinds_of_runs(runs), [(side, kind) for side in Side for kind in KINDS]
    for axis, (side, name) in zip(axes, panels, strict=True):
        _draw(axis, kinds, side, _progress(side, name), _unit(runs))
        axis.set_title(f"{side.label}: {name}\nagainst {KINDS[name]}", fontsize=10, color=SIDE_COLOURS[side])
        axis.set_ylim(*_limits(runs))
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    return _finish(figure, kinds, runs, "mean return of the champion's team")


def _limits(runs: Mapping[str, RunFacts]) -> tuple[float | None, float | None]:
    """The least and the most that hiding and seeking pay in an episode, with a margin; other tasks: as drawn."""
    rules = [run.config.rules for run in runs.values()]
    most = 1.05 * max(rule.most_return for rule in rules)
    return (-most, most) if most and all(rule.task == "hide-and-seek" for rule in rules) else (None, None)


def draw_statistics(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw the game's statistics of the hiders' champions against the seeker with a plan; errors as `draw_returns`."""
    _panels(runs)  # refuses runs without any
    figure, axes = panel_grid(-(-len(STATISTICS) // 3), 3, sharex=True)
    kinds = kinds_of_runs(runs)
    for axis, name in zip(axes, STATISTICS, strict=True):
        _draw(axis, kinds, Side.HIDERS, _statistic(name), _unit(runs))
        axis.set_title(name)
        axis.set_ylim(bottom=0)
    return _finish(figure, kinds, runs, "mean over the held-out worlds")


DRAWINGS: dict[str, Drawing] = {"returns": draw_returns, "progress": draw_progress, "statistics": draw_statistics}
"""What can be drawn of runs."""


def _panels(runs: Mapping[str, RunFacts]) -> list[tuple[Side, str]]:
    """Which side met whom, in any of the runs: hiders first, opponents in the order of their first measurement."""
    met = dict.fromkeys((row.side, row.opponent) for run in runs.values() for row in run.held_out)
    if not met:
        raise ConfigError("none of these runs has a held-out measurement yet; let a generation finish")
    return sorted(met, key=lambda panel: panel[0])


def _planner(run: RunFacts) -> str:
    """The held-out seeker with a plan, whom hiders meet last."""
    met = [row.opponent for row in run.held_out if row.side is Side.HIDERS]
    return met[-1] if met else ""


def _rows(run: RunFacts, side: Side, opponent: str) -> list[HeldOutRow]:
    return [row for row in run.held_out if row.side is side and row.opponent == opponent]


def _held_out(side: Side, opponent: str) -> Callable[[RunFacts], Track | None]:
    def of(run: RunFacts) -> Track | None:
        rows = _rows(run, side, opponent)
        return _track(run, [r.generation for r in rows], [r.mean for r in rows], [r.ci_half_width for r in rows])

    return of


def _progress(side: Side, kind: str) -> Callable[[RunFacts], Track | None]:
    def of(run: RunFacts) -> Track | None:
        found = next(each for each in progress(run) if (each.side, each.kind) == (side, kind))
        return _track(run, found.generations, found.means, found.half_widths)

    return of


def _statistic(name: str) -> Callable[[RunFacts], Track | None]:
    def of(run: RunFacts) -> Track | None:
        rows = _rows(run, Side.HIDERS, _planner(run))
        values = [r.statistics.get(name, np.nan) for r in rows]
        return _track(run, [r.generation for r in rows], values, np.zeros(len(rows)))

    return of


def _track(
    run: RunFacts,
    generations: Sequence[int] | IntArray,
    values: Sequence[float] | FloatArray,
    half_widths: Sequence[float] | FloatArray,
) -> Track | None:
    """What was measured of a run; None if nothing was."""
    numbers, means, half = np.asarray(generations, dtype=np.int64), np.asarray(values), np.asarray(half_widths)
    kept = np.isfinite(means)
    if not kept.any():
        return None
    steps = env_steps_so_far(run)[numbers[kept]]
    return Track(numbers[kept], means[kept], half[kept], {"env_steps": steps})


def _unit(runs: Mapping[str, RunFacts]) -> float:
    """By what env steps are divided."""
    most = max((float(env_steps_so_far(run)[-1]) for run in runs.values() if run.num_generations), default=0.0)
    return 1e6 if most >= 1e6 else 1e3


def _draw(axis: Axes, kinds: Sequence[Kind], side: Side, of: Callable[[RunFacts], Track | None], unit: float) -> None:
    for kind in kinds:
        tracks, colour = kind.tracks(of), kind.colour(side)
        if len(tracks) > 1:
            for track in tracks:
                axis.plot(track.budgets["env_steps"] / unit, track.values, color=colour, linewidth=0.7, alpha=0.35)
        if (curve := condition_curve(tracks, "env_steps")) is None:
            continue
        x, half = curve.x / unit, np.where(np.isfinite(curve.half_widths), curve.half_widths, 0.0)
        marker = "o" if len(x) <= _MOST_DOTS else ""
        axis.plot(x, curve.mean, color=colour, linewidth=1.6, marker=marker, markersize=2.6)
        axis.fill_between(x, curve.mean - half, curve.mean + half, color=colour, alpha=0.18, linewidth=0)


def _finish(figure: Figure, kinds: Sequence[Kind], runs: Mapping[str, RunFacts], ylabel: str) -> Figure:
    from matplotlib.lines import Line2D

    figure.set_layout_engine("constrained")
    counts = {len(kind.runs) for kind in kinds}
    bands = [
        *(["mean over seeds with its 95 % t-interval; thin lines: seeds"] if max(counts) > 1 else []),
        *([f"{'one seed' if max(counts) > 1 else 'bands'}: 95 % intervals over worlds"] if min(counts) == 1 else []),
    ]
    unit = "million" if _unit(runs) == 1e6 else "thousand"
    figure.supxlabel(f"{unit} env steps of training ({'; '.join(bands)})", fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    if len(kinds) > 1:
        lines = [Line2D([], [], color=kind.colour(Side.HIDERS), linewidth=1.6) for kind in kinds]
        labels = [f"{kind.name} ({num_seeds(len(kind.runs))})" for kind in kinds]
        columns = max(1, int(figure.get_size_inches()[0] * 12) // max(map(len, labels)))
        figure.legend(lines, labels, loc="outside upper center", fontsize=8, frameon=False, ncols=columns)
    return figure


def num_seeds(count: int) -> str:
    """`3 seeds`."""
    return f"{count} seed{'s' * (count != 1)}"
