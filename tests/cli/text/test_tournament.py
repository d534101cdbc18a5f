"""A tournament as text, small and large, with cells in which every episode failed."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from evo_hns.archive import provenance
from evo_hns.archive.tournament import Cells, Participant, Precision, Tournament
from evo_hns.archive.tournament_file import TOURNAMENT_SCHEMA
from evo_hns.cli.progress import bar
from evo_hns.cli.text.tournament import MOST_IN_A_LIST, Steps, tournament_dict, tournament_text
from evo_hns.config import RunConfig
from evo_hns.spec import Side


def tournament(means: list[list[float]] | np.ndarray, wanted: int = 2) -> Tournament:
    """Two episodes in each cell, one above and one below its mean, or both failed."""
    values = np.array(means, dtype=np.float64)
    scores = (values[:, :, None] + [-1.0, 1.0]).ravel()
    cell_of = np.repeat(np.arange(values.size), 2)
    cells = Cells.empty(*values.shape).with_played(cell_of, {Side.HIDERS: scores, Side.SEEKERS: -scores})
    participants = {
        side: tuple(Participant(f"a.h5:{side.label}/{k}", "a.h5", 0, k, 10 * k) for k in range(count))
        for side, count in zip(Side, values.shape, strict=True)
    }
    cells = Cells(np.full(values.shape, wanted), cells.count, cells.scores)
    meta = provenance.describe(RunConfig(seed=3), TOURNAMENT_SCHEMA)
    return Tournament(meta, "", Precision(2.5, 2, 8), participants, cells)


def test_a_small_table_is_a_map_with_means() -> None:
    said = tournament_text(tournament([[-10.0, 10.0, np.nan], [0.0, 30.0, np.nan]])).splitlines()
    assert said[0].split() == ["mean", "return", "of", "hiders", "001122", "mean"]
    assert said[1] == f"hiders/0               {'  ▒▒??'}   +0.0"
    assert said[2] == f"hiders/1               {'░░██??'}  +15.0"
    assert said[3] == "' ░▒▓█': from -10.0 to +30.0"
    assert said[4] == "against 0 seekers/0 -5.0, 1 seekers/1 +20.0, 2 seekers/2 +nan"
    assert said[6].endswith("2 to 2 episodes a cell, 960 env steps, 4 failed")


def test_a_large_table_is_two_lists_of_means() -> None:
    means = np.arange(50.0)[:, None] - np.zeros(40)
    means[0] = np.nan
    hiders, seekers, _ = tournament_text(tournament(means)).split("\n\n")
    assert hiders.splitlines()[0].split() == ["hiders,", "mean", "return", "of", "all", "least", "most"]
    assert len(hiders.splitlines()) == len(seekers.splitlines()) == MOST_IN_A_LIST + 1
    assert hiders.splitlines()[1].split() == ["hiders/0", "+nan", "+nan", "+nan"]
    assert hiders.splitlines()[-1].split() == ["hiders/49", "+49.0", "+49.0", "+49.0"]
    assert seekers.splitlines()[-1].split() == ["seekers/39", "-25.0", "-49.0", "-1.0"]


def test_figures_are_those_of_the_table() -> None:
    told = tournament_dict(tournament([[1.0, np.nan]]))
    np.testing.assert_array_equal(told["mean_returns"]["hiders"], [[1.0, np.nan]])
    np.testing.assert_array_equal(told["mean_returns"]["seekers"], [[-1.0, np.nan]])
    assert np.isinf(told["ci95_half_widths"]["hiders"][0][1])
    assert (told["episodes"], told["failed"], told["env_steps"], told["seed"]) == ([[2, 2]], 2, 320, 3)
    assert told["hiders"][0]["generation"] == 0


def test_steps_are_plain_lines_in_a_log() -> None:
    log = io.StringIO()
    console = Console(file=log, highlight=False, markup=False, soft_wrap=True)
    with bar(console) as shown:
        steps = Steps(console, shown)
        for wanted, of in ((8, tournament([[0.0]], 8)), (2, tournament([[0.0]], 2))):
            assert of.cells.wanted[0, 0] == wanted
            steps.observe(of)
    assert log.getvalue().splitlines() == [
        "1 hiders x 1 seekers, 2 episodes are there",
        "1 cells go on, to 8 episodes at most: 480 env steps",
    ]
