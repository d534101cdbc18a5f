"""Curves as text: where their dots and names are, and when they are drawn at all."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evo_hns.archive.records import HeldOutRow
from evo_hns.cli.text.chart import can_draw, learning_chart
from evo_hns.spec import Side


def rows_of(side: Side, opponent: str, *means: float) -> list[HeldOutRow]:
    return [HeldOutRow(generation, side, opponent, mean, 1.0, 8) for generation, mean in enumerate(means)]


def drawn(rows: list[HeldOutRow], generations: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=80).print(learning_chart(rows, generations, 48.0))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_curve_is_where_its_returns_are_and_has_its_name_at_its_end() -> None:
    lines = drawn([*rows_of(Side.HIDERS, "still", 48, 48, 48), *rows_of(Side.HIDERS, "chaser", -48, -48, -48)], 3)
    assert lines == [
        "hiders' mean return against",
        " +48 " + 20 * "⠉" + " still +48",
        "     " + 20 * "⠀",
        "     " + 20 * "⠀",
        "   0 " + 20 * "⠀",
        "     " + 20 * "⠀",
        "     " + 20 * "⠀",
        " -48 " + 20 * "⣀" + " chaser -48",
        "     0       generation 2",
    ]


def test_a_run_that_is_half_way_fills_half_of_the_panel_and_rises() -> None:
    lines = drawn(rows_of(Side.SEEKERS, "random", -48, 48), 3)
    dots = [line[5:25].ljust(20, "⠀") for line in lines[1:8]]
    columns = [[row for row, line in enumerate(dots) if line[column] != "⠀"] for column in range(20)]
    assert all(columns[:10]) and not any(columns[11:])
    assert columns[0] == [6] and 0 in columns[9]


def test_names_of_curves_that_end_at_the_same_place_stand_one_below_the_other() -> None:
    lines = drawn([row for name in "abc" for row in rows_of(Side.HIDERS, name, 0, 0)], 2)
    assert sorted(line.split()[-2] for line in lines[1:8] if line.endswith("+0")) == ["a", "b", "c"]


def test_names_stand_in_the_order_of_their_values_whoever_was_measured_first() -> None:
    lines = drawn([*rows_of(Side.SEEKERS, "random", 0, 11), *rows_of(Side.SEEKERS, "still", 0, 19)], 2)
    named = [line.split()[-2] for line in lines[1:8] if line.endswith(("+11", "+19"))]
    assert named == ["still", "random"]
    many = [row for number in range(9) for row in rows_of(Side.HIDERS, f"p{number}", 0, number)]
    assert [line.split()[-2] for line in drawn(many, 2)[1:8]] == [f"p{number}" for number in range(8, 1, -1)]


def test_measurements_without_an_episode_that_counts_and_games_that_pay_nothing_are_no_fault() -> None:
    nan = float("nan")
    lines = drawn([*rows_of(Side.HIDERS, "still", 48, nan, 48), *rows_of(Side.SEEKERS, "still", nan, nan)], 3)
    assert lines[1] == " +48 " + 20 * "⠉" + " still +48"
    assert not any("seekers" in line for line in lines)
    file = io.StringIO()
    Console(file=file, width=80).print(learning_chart(rows_of(Side.HIDERS, "still", 0, 0), 2, 0.0))
    assert "still +0" in file.getvalue()


@pytest.mark.parametrize(
    ("width", "is_terminal", "encoding", "generations", "expected"),
    [
        (80, True, "utf-8", 2, True),
        (60, True, "utf-8", 2, False),
        (80, False, "utf-8", 2, False),
        (80, True, "ascii", 2, False),
        (80, True, "utf-8", 1, False),
    ],
)
def test_it_is_drawn_on_a_terminal_that_can_show_it_once_there_are_two_points(
    width: int, is_terminal: bool, encoding: str, generations: int, expected: bool
) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, force_terminal=is_terminal)
    assert can_draw(console, rows_of(Side.HIDERS, "still", *[0.0] * generations)) is expected
