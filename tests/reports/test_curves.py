"""Pictures of runs are drawn, and what cannot be drawn is said in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evo_hns.archive import RunFile, RunView
from evo_hns.cli import main
from evo_hns.config import ConfigError
from evo_hns.figure import KIND_COLOURS, SIDE_COLOURS
from evo_hns.reports.curves import DRAWINGS, Drawing, draw_progress, draw_returns, ends, kinds_of_runs, plot
from evo_hns.spec import Side
from tests.comparison.made import config, make_run

pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_picture_shows_something(draw: Drawing, run_path: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "picture.png"
    plot(draw, {"run": RunFile.read(run_path)}, picture)
    pixels = imread(picture)
    assert pixels.shape[0] > 300
    assert pixels.std() > 0.02  # not an empty page


def test_runs_without_a_measurement_are_refused(run_path: Path, tmp_path: Path) -> None:
    blank = replace(RunFile.read(run_path), held_out=())
    with pytest.raises(ConfigError, match="none of these runs has a held-out measurement"):
        plot(draw_returns, {"run": blank}, tmp_path / "picture.png")


def test_runs_without_progress_are_refused(run_path: Path, tmp_path: Path) -> None:
    blank = replace(RunFile.read(run_path), metrics={})
    with pytest.raises(ConfigError, match=r"progress measured: they need coevolution\.progress_episodes"):
        plot(draw_progress, {"run": blank}, tmp_path / "picture.png")


def test_an_impossible_picture_is_refused(run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*picture\.png: No such file"):
        plot(draw_returns, {"run": RunFile.read(run_path)}, tmp_path / "missing" / "picture.png")


@pytest.fixture
def made(tmp_path: Path) -> list[Path]:
    """Three seeds of CMA-ES that end with 4, 7 and 10, and one of a genetic algorithm that ends with 4."""
    runs = []
    for seed in range(3):
        path, offset = tmp_path / f"cma-{seed}.h5", 3.0 * seed
        runs.append(make_run(path, config(seed), lambda _, generation, more=offset: generation + more))  # type: ignore[misc]
    return [*runs, make_run(tmp_path / "ga-0.h5", config(search={"algorithm": "ga"}))]


def test_seeds_of_the_same_settings_are_one_mean_with_its_interval_over_seeds(
    made: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "picture.svg"
    assert main(["diagnose", "curves", *map(str, made), "--output", str(picture), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(kind["name"], len(kind["runs"])) for kind in told["kinds"]] == [
        (f"search.algorithm={config().hiders.search.algorithm}", 3),
        ("search.algorithm=ga", 1),
    ]
    assert len(told["ends"]) == 2 * 2 * 2  # sides, opponents, kinds
    first, second = (told["ends"][row] for row in (0, 1))
    t = 4.302653 * 3 / 3**0.5  # Student's quantile of two degrees of freedom, times the error of the mean
    assert (first["mean"], first["area"], first["env_steps"], first["seeds"]) == pytest.approx((7, 5, 5000, 3))
    assert (first["ci95"], first["area_ci95"]) == pytest.approx((t, t), rel=1e-5)
    assert first["interval_over"] == "seeds"
    assert (second["mean"], second["area"], second["ci95"], second["area_ci95"]) == (4, 2, 1, None)
    assert second["interval_over"] == "worlds"
    assert "search.algorithm=ga (1 seed)" in picture.read_text()


def test_the_table_of_curves_fits_a_terminal_and_numbers_the_settings(
    made: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "curves", *map(str, made), "--output", str(tmp_path / "picture.pdf")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert lines[1].split() == ["hiders", "still", "[1]", "3", "5,000", "+7.0", "±", "7.5", "+5.0", "±", "7.5"]
    assert lines[2].split() == ["hiders", "still", "[2]", "1", "5,000", "+4.0", "±", "1.0", "+2.0"]
    assert "[2] search.algorithm=ga" in lines
    assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")


def test_runs_of_other_lengths_are_compared_where_all_have_been(made: list[Path], tmp_path: Path) -> None:
    settings = config(1, search={"algorithm": "ga"})
    settings = settings.model_copy(update={"coevolution": settings.coevolution.model_copy(update={"generations": 3})})
    short = replace(RunFile.read(made[3]), num_generations=3)
    short = replace(
        short,
        meta=replace(short.meta, seed=1, config_json=settings.model_dump_json()),
        held_out=tuple(row for row in short.held_out if row.generation < 3),
        metrics={name: values[:3] for name, values in short.metrics.items()},
    )
    runs = {"long": RunFile.read(made[3]), "short": short}
    assert [kind.name for kind in kinds_of_runs(runs)] == [""]  # their length is no other setting
    assert {(each.env_steps, each.end.mean, each.area.mean) for each in ends(runs)} == {(3000.0, 2.0, 1.0)}


def test_one_setting_has_the_colours_of_the_teams_and_several_their_own(made: list[Path]) -> None:
    runs = {str(path): RunFile.read(path) for path in made}
    [cma, ga] = kinds_of_runs(runs)
    assert (cma.colour(Side.HIDERS), ga.colour(Side.SEEKERS)) == KIND_COLOURS[:2]
    [alone] = kinds_of_runs({"alone": runs[str(made[3])]})
    axes = draw_returns({"alone": alone.runs["alone"]}).get_axes()
    assert [axis.get_lines()[0].get_color() for axis in axes] == [SIDE_COLOURS[side] for side in Side for _ in range(2)]
    page = (Path(__file__).parents[2] / "evo_hns/reports/kit/page.html").read_text()
    assert all(colour in page for colour in (*SIDE_COLOURS.values(), *KIND_COLOURS))


def test_the_same_seed_twice_is_no_second_sample(made: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.h5"
    copy.write_bytes(made[0].read_bytes())
    with (
        RunView(made[0]) as one,
        RunView(copy) as other,
        pytest.raises(ConfigError, match=r"copy have the same settings and the same seed, 0, so they are one sample"),
    ):
        plot(draw_returns, {"one": one, "copy": other}, tmp_path / "picture.png")
