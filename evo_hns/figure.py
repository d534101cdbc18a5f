"""Pages of panels that are drawn without a screen, and what can go wrong with them said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.system.installation import how_to_install
from evo_hns.system.output_file import check_output, output_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SIDE_COLOURS = {Side.HIDERS: "#0b8494", Side.SEEKERS: "#c53b2c"}
"""Of the teams, as in the pages (`reports/kit/page.html`): cyan hides, red seeks."""

KIND_COLOURS = ("#2b6cb0", "#c2641e", "#2f855a", "#8651a5", "#a67c00", "#0f8a8a", "#b83a6b", "#6b6f76")
"""Of kinds of runs beside each other, as in the pages."""


def panel_grid(
    rows: int, columns: int, *, width: float = 3.6, height: float = 2.7, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """An empty page.

    Args:
        rows: of panels.
        columns: of panels.
        width: of a panel, inches.
        height: of a panel, inches.
        sharex: all panels have the same horizontal axis.
        sharey: all panels have the same vertical axis.

    Returns:
        The page, and its panels row by row.

    Raises:
        ConfigError: matplotlib is missing.
    """
    figure = _figure_class()(figsize=(width * columns, height * rows))
    grid = figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)
    return figure, list(grid.ravel())


def check_picture(path: Path) -> None:
    """Refuse a picture that could not be drawn, before the work for it is done.

    Raises:
        ConfigError: matplotlib is missing, the format is unknown, or it cannot be written there.
    """
    if path.suffix.removeprefix(".") not in _figure_class()().canvas.get_supported_filetypes():
        raise ConfigError(f"cannot write the picture {path}: expected a name that ends in .png, .pdf or .svg")
    check_output(path)


def save(figure: Figure, path: Path) -> None:
    """Write a page.

    Args:
        figure: from `panel_grid`.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: it cannot be written there.
    """
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    try:
        with output_file(path) as partial:
            figure.savefig(partial, dpi=130)
    except ValueError as error:  # an ending that matplotlib does not know
        raise error if isinstance(error, ConfigError) else ConfigError(f"cannot write {path}: {error}") from None


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure  # without pyplot, which has a state and a window
    except ImportError:
        raise ConfigError(f"pictures need matplotlib: {how_to_install('plot')}") from None
    return Figure
