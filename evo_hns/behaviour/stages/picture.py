"""A timeline as a picture: the share of episodes that show each stage, against env steps of training."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.paper import PUBLISHED, Published
from evo_hns.behaviour.stages.timeline import Timeline
from evo_hns.figure import SIDE_COLOURS, panel_grid, save
from evo_hns.spec import Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = dict[Side | None, str](SIDE_COLOURS.items()) | {None: "0.4"}
COLUMNS = 4


def plot_timeline(timeline: Timeline, path: Path) -> None:
    """Draw a panel for each stage: share and 95 % interval, the onset as a line, the paper's onset if it is in reach.

    Args:
        timeline: what was measured.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: matplotlib is missing, or the picture cannot be written.
    """
    published = PUBLISHED[timeline.scenario]
    rows = -(-len(DETECTORS) // COLUMNS)
    figure, axes = panel_grid(rows, COLUMNS, width=3.0, height=2.4, sharex=True, sharey=True)
    for axis, stage in zip(axes, DETECTORS, strict=False):
        _draw(axis, timeline, stage, published)
    for axis in axes[len(DETECTORS) :]:
        axis.axis("off")
    figure.supylabel("share of episodes", fontsize=9)
    figure.supxlabel("\n".join(["million env steps of training", "", *_caption(timeline, published)]), fontsize=8)
    save(figure, path)


def _draw(axis: Axes, timeline: Timeline, stage: str, published: Published) -> None:
    steps = [each.env_steps / 1e6 for each in timeline.measurements]
    shares, colour = timeline.shares(stage), COLOURS[DETECTORS[stage].side]
    axis.plot(steps, [share.value for share in shares], color=colour, linewidth=1.2, marker=".")
    axis.fill_between(steps, [s.low for s in shares], [s.high for s in shares], color=colour, alpha=0.15, linewidth=0)
    axis.axhline(timeline.chance_level[stage].value, color="0.5", linestyle=":", linewidth=0.9, zorder=0)
    if (onset := timeline.onset(stage)) is not None:
        axis.axvline(onset.env_steps / 1e6, color=colour, linestyle="--", linewidth=0.9)
    theirs = published.million_env_steps(stage)
    if theirs is not None and theirs <= steps[-1]:
        axis.axvline(theirs, color="C1", linestyle=":", linewidth=1.2)
    axis.set_title(f"{stage.replace('_', ' ')}\n{DETECTORS[stage].meaning}", fontsize=8)
    axis.set_ylim(-0.03, 1.03)
    axis.tick_params(labelsize=8)


def _caption(timeline: Timeline, published: Published) -> list[str]:
    last = timeline.measurements[-1].env_steps
    reach = all(onset * published.env_steps * 1e6 > last for onset in published.onsets.values())
    text = (
        "Bands: 95 % intervals. Dashed: onset. Dotted grey: random players. "
        "Cyan: hiders' doing, red: seekers', grey: anybody's. "
        f"{published}{' (all beyond this picture)' if reach else ' (orange)'}."
    )
    return textwrap.wrap(text, 150)
