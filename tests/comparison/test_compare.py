"""The whole comparison: page, table, JSON and what is said on the terminal, true to the runs."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.timeline import Measurement, Timeline
from evo_hns.cli import main
from evo_hns.comparison import emergence
from evo_hns.comparison.compare import Comparison, ComparisonOptions, compare
from evo_hns.comparison.conditions import read_conditions
from evo_hns.comparison.pages.drawing import onset_drawing
from evo_hns.comparison.pages.page import write_page
from evo_hns.comparison.pages.table import Column, Figure, PaperTable, paper_table
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from tests.comparison.made import config, make_run
from tests.reports.test_page import assert_asks_nothing, read


def made(folder: Path) -> list[str]:
    """Two conditions of two seeds: small networks that learn nothing, large ones that do."""
    return [
        *(
            str(make_run(folder / f"small-{seed}.h5", config(seed, policy={"hidden_size": 4}), lambda _, g, s=seed: s))
            for seed in range(2)
        ),
        *(
            str(make_run(folder / f"large-{seed}.h5", config(seed), lambda _, g, s=seed: s + g, num_params=900))
            for seed in range(2)
        ),
    ]


@pytest.fixture
def told(tmp_path: Path) -> Comparison:
    return compare(read_conditions(made(tmp_path)), ComparisonOptions(tmp_path / "cross.h5", is_played=False))


def test_what_is_in_the_runs_is_told_without_playing(told: Comparison, tmp_path: Path) -> None:
    standing = told.standing("hiders")
    assert standing is not None
    assert (standing.at, [each.estimate.mean for each in standing.standings]) == (5000.0, [0.5, 4.5])
    assert told.thresholds[0].value == pytest.approx((0.5 + 4.5) / 2)
    assert [each.core_hours for each in told.expenses] == [(0.1, 0.1)] * 2
    assert told.expenses[1].genome_bytes == dict.fromkeys(Side, 3600)
    assert told.expenses[0].discards_per_million == pytest.approx(4 / 0.01)
    assert told.expenses[0].env_steps_per_core_second == pytest.approx(5000 / 360)
    assert told.crossplay is None
    assert not (tmp_path / "cross.h5").exists()


def test_a_page_has_all_that_was_not_left_out_and_asks_nothing_of_the_network(told: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    num_bytes, _ = write_page(told, path)
    found = read(path)
    assert_asks_nothing(path, found)
    assert num_bytes == path.stat().st_size < 200_000
    parts = ["introduction", "results", "curves", "faster", "sizes", "costs", "settings", "missing"]
    assert found.sections == parts
    text = " ".join(found.text.split())
    for words in (
        "mlp 7 parameters and mlp 900 parameters",
        "(seeds 0, 1)",
        "after 5k env steps of training, the most that every run had",
        "12.7 / √2 = 9.0 standard deviations of seeds",
        "the same command without --no-play",
        "policy.hidden_size",
    ):
        assert words in text, words
    assert "nan" not in path.read_text().lower().replace("nano", "")


def test_arms_of_one_size_are_not_drawn_against_their_size(tmp_path: Path) -> None:
    one = make_run(tmp_path / "a.h5", config())
    two = make_run(tmp_path / "b.h5", config(search={"algorithm": "ga"}))
    found = compare(read_conditions([str(one), str(two)]), ComparisonOptions(tmp_path / "cross.h5", is_played=False))
    write_page(found, tmp_path / "page.html")
    assert "sizes" not in read(tmp_path / "page.html").sections
    assert "One seed only: sep-CMA-ES, GA" in found.notes[0]


def test_worlds_that_differ_in_number_are_told(tmp_path: Path) -> None:
    one = make_run(tmp_path / "a.h5", config())
    two = make_run(tmp_path / "b.h5", config(search={"algorithm": "ga"}), worlds=8)
    found = compare(read_conditions([str(one), str(two)]), ComparisonOptions(tmp_path / "cross.h5", is_played=False))
    assert any("Held-out measurements have 4 to 8 worlds" in note for note in found.notes)


def test_core_hours_that_were_not_recorded_are_said_to_be_missing(tmp_path: Path) -> None:
    settings = config(physics={"num_threads": 0})
    one = make_run(tmp_path / "a.h5", settings, metrics={"cpu_seconds": float("nan")})
    found = compare(read_conditions([str(one)]), ComparisonOptions(tmp_path / "cross.h5", is_played=False))
    assert found.standing("hiders", "core_hours") is None
    write_page(found, tmp_path / "page.html")
    assert (
        "Scores at equal core-hours, which the runs of sep-CMA-ES did not record" in read(tmp_path / "page.html").text
    )
    assert "not recorded" in read(tmp_path / "page.html").text


def test_the_table_has_a_row_for_each_arm_in_all_three_forms(told: Comparison) -> None:
    table = paper_table(told)
    rows = list(csv.DictReader(io.StringIO(table.text(".csv"))))
    assert [row["condition"] for row in rows] == ["mlp 7 parameters", "mlp 900 parameters"]
    assert (rows[1]["score, hiders"], rows[1]["score, hiders ci95"]) == ("4.5", "6.3531")  # 12.7062 * 0.7071 / sqrt(2)
    assert (rows[1]["parameters"], rows[1]["genome, bytes"], rows[1]["core-hours"]) == ("900", "3600", "0.1")
    assert rows[0]["env steps to half-way"] == "not reached"
    markdown = table.text(".md").splitlines()
    assert markdown[0].count("|") == markdown[3].count("|") == len(table.columns) + 1
    assert "+4.5 ± 6.4" in markdown[3]
    latex = table.text(".tex")
    assert "$+4.5 \\pm 6.4$" in latex
    assert latex.count(r"\\") == 3
    assert r"\toprule" in latex


def test_latex_has_no_letter_that_it_would_take_for_an_order() -> None:
    table = PaperTable(
        [Column("condition", ["a_b & 5 %", "x"]), Column("µs", [Figure(float("inf")), Figure(-2.0, 1.0)])], "#1"
    )
    latex = table.text(".tex")
    assert r"a\_b \& 5 \% & --" in latex
    assert r"x & $-2.0 \pm 1.0$" in latex
    assert r"\caption{\#1}" in latex
    assert table.text(".csv").splitlines()[1] == "a_b & 5 %,,"


def line(shown: list[int], steps: int) -> Timeline:
    """A run in which door blocking was shown in so many of 100 episodes, in generations that are `steps` apart."""
    nothing = dict.fromkeys(DETECTORS, Share(0, 100))
    measured = tuple(
        Measurement(number, steps * (number + 1), {**nothing, "door_blocking": Share(count, 100)}, 100, 0, {})
        for number, count in enumerate(shown)
    )
    return Timeline("quadrant", "self", nothing, measured)


def test_onsets_are_told_for_each_seed_beside_the_papers(told: Comparison) -> None:
    small, large = (condition.name for condition in told.conditions)
    lines = {small: (line([0, 0, 0, 50], 1000), line([40, 40, 40, 40], 1000)), large: (line([0, 0, 40, 50], 1000),) * 2}
    found = emergence.Emergence(lines, {small: (0, 1), large: (0, 1)}, 100, "quadrant")
    onsets = found.onsets("door_blocking", small)
    assert [(each.env_steps, each.remark, each.is_reached) for each in onsets] == [
        (4000, "unconfirmed", False),
        (None, "start", False),
    ]
    assert [each.env_steps for each in found.onsets("door_blocking", large)] == [3000, 3000]
    assert (found.reached(small), found.reached(large)) == ([0, 0], [1, 1])
    drawing = onset_drawing(told.conditions, found)
    assert drawing.count("</title>") == 4 + 1  # seeds that show it, and the paper
    assert "2.69M episodes" in drawing  # of 80 env steps each: far beyond what was trained
    assert "seed 0: unconfirmed" in drawing
    places = {told: float(x) for x, told in re.findall(r'<use [^>]*x="([\d.]+)"[^>]*><title>([^<]*)</title>', drawing)}
    assert places[f"{small}, seed 1: start"] < places[f"{large}, seed 0: from here on"] < places["2.69M episodes"]


def test_the_command_plays_writes_and_tells(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(trained / f"{name}.h5") for name in ("a0", "b0")]
    page, table = tmp_path / "c.html", tmp_path / "c.tex"
    typed = ["compare", f"first={paths[0]}", paths[1], "--output", str(page), "--table", str(table)]
    typed += [
        "--stage-episodes",
        "2",
        "--stage-champions",
        "2",
        "--min-episodes",
        "2",
        "--max-episodes",
        "4",
        "--player",
        "scripted:chaser",
    ]
    assert main(typed) == 0
    said = capsys.readouterr()
    assert "held-out score after" in said.out
    assert "stages of a0, generation 1: 2 episodes" in said.err
    assert f"The page is {page}" in said.out
    assert (tmp_path / "c-tournament.h5").exists()
    found = read(page)
    assert_asks_nothing(page, found)
    assert {"cross-play", "stages"} <= set(found.sections)
    assert "2.69M episodes" in found.text
    assert main([*typed, "--stage-episodes", "0", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["cross_play"]["hiders"] == ["first", "GA", "chaser"]
    assert answer["stages"] is None
    assert answer["costs"]["GA"]["microseconds"]["hiders"] > 0
    assert answer["curves"]["both sides"]["env_steps"]["first"]["interval_over"] == "worlds"


def test_places_that_are_none_are_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [one, *_] = made(tmp_path)
    assert main(["compare", one, "--output", str(tmp_path / "page.pdf")]) == 2
    assert "expected a name that ends with .html" in capsys.readouterr().err
    assert main(["compare", one, "--output", str(tmp_path / "p.html"), "--table", str(tmp_path / "t.doc")]) == 2
    assert "--table: got" in capsys.readouterr().err
    assert main(["compare", one, "--output", str(tmp_path / "p.html"), "--stage-episodes", "-1"]) == 2
    assert "--stage-episodes: got -1, expected 0 or more" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="there is no folder"):
        write_page(
            compare(read_conditions([one]), ComparisonOptions(tmp_path / "c.h5", is_played=False)),
            tmp_path / "no" / "page.html",
        )
