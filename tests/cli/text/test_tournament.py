"""A tournament as text, small and large, with cells in which every episode failed."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evo_hns.archive import provenance
from evo_hns.archive.tournament import Cells, Participant, Precision, Tournament
from evo_hns.archive.tournament_file import TOURNAMENT_SCHEMA, TournamentFile
from evo_hns.cli.progress import bar
from evo_hns.cli.text.measures import summary_text
from evo_hns.cli.text.tables import json_text
from evo_hns.cli.text.tournament import MOST_IN_A_LIST, Steps, tournament_dict, tournament_text
from evo_hns.config import RunConfig
from evo_hns.reports.kit.blocks import Heat, Prose, Section, Table
from evo_hns.reports.tournament import tournament_section
from evo_hns.spec import Side
from evo_hns.tournament.answers import WHOLE, ask


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


def test_a_table_of_four_seekers_or_fewer_shows_every_cell_with_its_interval() -> None:
    said = tournament_text(tournament([[-10.0, 10.0, np.nan], [0.0, 30.0, np.nan]])).splitlines()
    assert said[:2] == [
        "mean return of hiders, 95 % intervals",
        "             seekers/0     seekers/1  seekers/2   mean",
    ]
    assert re.split("  +", said[2]) == ["hiders/0", "-10.0 ± 32.4", "+10.0 ± 32.4", "-", "+0.0"]
    assert said[4].split() == ["mean", "-5.0", "+20.0", "+nan"]
    assert said[6].endswith("2 to 2 episodes a cell, 960 env steps, 4 failed")


def test_a_larger_table_is_a_map_with_means() -> None:
    more = [np.nan, 10.0, 10.0]
    said = tournament_text(tournament([[-10.0, 10.0, *more], [0.0, 30.0, *more]])).splitlines()
    assert said[0].split() == ["mean", "return", "of", "hiders", "0011223344", "mean"]
    assert said[1] == f"hiders/0               {'  ▒▒??▒▒▒▒'}   +5.0"
    assert said[2] == f"hiders/1               {'░░██??▒▒▒▒'}  +12.5"
    assert said[3] == "' ░▒▓█': from -10.0 to +30.0"
    assert said[4].startswith("against 0 seekers/0 -5.0, 1 seekers/1 +20.0, 2 seekers/2 +nan, 3 seekers/3 +10.0")


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


def circling() -> Tournament:
    """Six hiders and four seekers that go round in a circle, nine episodes of each pair."""
    angle = 2 * np.pi / 3.5 * (np.arange(6.0)[:, None] - 2 * np.arange(4.0)[None, :])
    rng = np.random.default_rng(0)
    scores = (20 * np.sin(angle)[:, :, None] + 12 * rng.standard_normal((6, 4, 9))).ravel()
    bare = tournament(np.zeros((6, 4)))
    played = {Side.HIDERS: scores, Side.SEEKERS: -scores}
    cells = Cells.empty(6, 4).with_played(np.repeat(np.arange(24), 9), played)
    return replace(bare, cells=replace(cells, wanted=cells.count))


def test_terminal_page_and_json_tell_a_tournament_in_the_same_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played, path = circling(), tmp_path / "t.h5"
    with TournamentFile.create(path, played):
        pass
    monkeypatch.setattr("evo_hns.reports.tournament._pictures", lambda *_: Prose(""))
    answers = ask(played)[WHOLE]
    told = json.loads(json_text({**tournament_dict(played), "questions": answers.as_dict()}))
    terminal = f"{tournament_text(played)}\n{summary_text(answers)}"
    page = text_of(tournament_section([], path))

    means, halves = told["mean_returns"]["hiders"], told["ci95_half_widths"]["hiders"]
    cells = [f"{m:+.1f} ± {h:.1f}" for row in zip(means, halves, strict=True) for m, h in zip(*row, strict=True)]
    for surface in (terminal, page):
        assert re.findall(r"[+-]\d+\.\d ± \d+\.\d", surface) == cells
    assert f"the widest ± {np.max(halves):.1f}" in terminal

    asked = told["questions"]
    expected = [between(asked["nash"]["value"], "+.1f"), share(asked["interaction"]["share"])]
    for side in asked["sides"].values():
        rate = side["forgetting"]["regress"]
        expected += [
            f"{share(rate['share'])} of {rate['generations']} champions provably",
            f"chance alone gives {100 * rate['chance']:.2g} %",
            f"{between(side['history']['slope'], '+.3g')} a generation",
        ]
    for figure in expected:
        assert figure in terminal
        assert figure in page


def between(interval: dict[str, float], form: str) -> str:
    return "{} [{}, {}]".format(*(format(interval[name], form) for name in ("value", "low", "high")))


def share(interval: dict[str, float]) -> str:
    return "{:.0f} % [{:.0f}, {:.0f}]".format(*(100 * interval[name] for name in ("value", "low", "high")))


def text_of(section: Section) -> str:
    """All words of tables, with minus signs as a terminal has them."""
    heats = (cell.text for block in section.blocks if isinstance(block, Heat) for row in block.cells for cell in row)
    words = (cell for block in section.blocks if isinstance(block, Table) for row in block.rows for cell in row)
    return "\n".join([*heats, *words]).replace("\N{MINUS SIGN}", "-")
