"""A picture of how quickly a known task was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evo_hns.figure import panel_grid, save


def plot_check(
    steps: Sequence[int], returns: Mapping[str, Sequence[float]], marks: Mapping[str, float], path: Path
) -> None:
    """Draw returns against steps, a line for each of several learners.

    Args:
        steps: `(K,)` that were played when each rollout had ended.
        returns: by name, `(K,)` mean returns of the rollouts.
        marks: levels that mean something, by name.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: matplotlib is missing, or the picture cannot be written.
    """
    figure, [axis] = panel_grid(1, 1, width=6.0, height=3.4)
    for number, (name, values) in enumerate(returns.items()):
        axis.plot(steps, values, color=f"C{number}", linewidth=1.2, label=name)
    for name, level in marks.items():
        axis.axhline(level, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        axis.annotate(name, (steps[-1], level), ha="right", va="bottom", fontsize=8, color="0.4")
    axis.set_xlabel("env steps", fontsize=9)
    axis.set_ylabel("mean return of a rollout", fontsize=9)
    axis.legend(fontsize=8)
    save(figure, path)
