"""The score against the number of weights, one panel for each held-out opponent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo_hns.behaviour.pruning.curve import Pruning, Trail
from evo_hns.behaviour.pruning.orders import CONTROL
from evo_hns.figure import panel_grid, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(pruning: Pruning, path: Path) -> None:
    """Draw every trail with the bands of its 95 % intervals, the original and its interval, and no weights at all.

    Args:
        pruning: what was measured.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    opponents = list(pruning.original.against)
    figure, axes = panel_grid(1, len(opponents), width=max(4.6 / len(opponents), 3.5), height=3.2, sharey=True)
    for axis, opponent in zip(axes, opponents, strict=True):
        _panel(axis, pruning, opponent)
    axes[0].legend(fontsize=7)
    figure.suptitle(f"{pruning.side.label}, generation {pruning.generation}: {pruning.episodes} held-out worlds each")
    figure.supxlabel("weights that are left", fontsize=9)
    figure.supylabel("mean return of the team", fontsize=9)
    save(figure, path)


def _panel(axis: Axes, pruning: Pruning, opponent: str) -> None:
    original = pruning.original.against[opponent].score
    axis.axhspan(original.low, original.high, color="0.5", alpha=0.2, linewidth=0)
    axis.axhline(original.mean, color="0.4", linewidth=0.8, label="the original, all weights")
    none = pruning.trails[0].sizes[-1].against[opponent].score.mean
    axis.axhline(none, color="0.4", linewidth=0.8, linestyle=":", label="no weights: stands still")
    for number, trail in enumerate(pruning.trails):
        _trail(axis, trail, opponent, "0.6" if trail.order == CONTROL else f"C{number}")
    axis.set_xscale("log")
    axis.set_title(f"against {opponent}", fontsize=9)


def _trail(axis: Axes, trail: Trail, opponent: str, colour: str) -> None:
    """Sizes with weights, a ring at the smallest one within the margin, filled at the one that fresh worlds confirm."""
    sizes = [size for size in trail.sizes if size.weights]
    weights, scores = [size.weights for size in sizes], [size.against[opponent].score for size in sizes]
    means, half = np.array([s.mean for s in scores]), np.array([s.half_width for s in scores])
    axis.plot(weights, means, color=colour, linewidth=1.2, marker=".", markersize=3, label=trail.order)
    axis.fill_between(weights, means - half, means + half, color=colour, alpha=0.15, linewidth=0)
    if trail.smallest < len(sizes):
        axis.plot(weights[trail.smallest], means[trail.smallest], "o", color=colour, markersize=7, fillstyle="none")
    if 0 < trail.confirmed < len(sizes):
        axis.plot(weights[trail.confirmed], means[trail.confirmed], "o", color=colour, markersize=7)
