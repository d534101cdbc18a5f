"""Progress as a table: first and last measurement of each kind, never mixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from evo_hns.archive import Run, RunFile
from evo_hns.cli.text.tables import gains_table, progress_table
from evo_hns.evaluation.intervals import Estimate
from evo_hns.reports.info import Gain
from evo_hns.spec import Side
from tests.runs import tiny


def test_each_kind_has_a_row_of_its_first_and_last_measurement(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run.h5", tiny(), dict.fromkeys(Side, 3)) as file:
        blank: Run = file.run
    assert progress_table(blank) == ""
    nan = np.nan
    metrics = {
        "hiders.local": np.array([1.0, nan, 3.0]),
        "hiders.local_ci95": np.array([0.5, nan, 0.25]),
        "seekers.global": np.array([nan, -2.0, nan]),
        "seekers.global_ci95": np.array([nan, 1.0, nan]),
    }
    header, local, world, *kinds = progress_table(replace(blank, num_generations=3, metrics=metrics)).splitlines()
    assert header.split() == ["mean", "return", "first,", "in", "generation", "last"]
    assert kinds == ["local: against the other side's champion of the time", "global: against held-out players"]
    assert local.startswith("hiders: local  ")
    assert local.endswith("+1.0 ± 0.5 in 0  +3.0 ± 0.2 in 2")
    assert world.startswith("seekers: global  ")
    assert world.endswith("-2.0 ± 1.0 in 1  -2.0 ± 1.0 in 1")


def gain(side: Side, opponent: str, mean: float, half_width: float) -> Gain:
    before, after = Estimate(-10.0, 1.0, 256), Estimate(-10.0 + mean, 1.0, 256)
    return Gain(side, opponent, 0, 30, before, after, Estimate(mean, half_width, 256))


def test_what_was_learnt_is_said_in_words_and_only_what_is_certain() -> None:
    gains = [
        gain(Side.HIDERS, "still", 3.0, 3.5),
        gain(Side.HIDERS, "chaser", 5.75, 2.5),
        gain(Side.SEEKERS, "random", -6.5, 2.0),
        gain(Side.SEEKERS, "a player with a long name", 2.0, 1.0),
    ]
    _, said = gains_table(gains).split("\n\n")
    assert said.splitlines() == [
        "hiders: better than at generation 0 against chaser (+5.8 ± 2.5); no change that",
        "  chance could not bring against still.",
        "seekers: better than at generation 0 against a player with a long name",
        "  (+2.0 ± 1.0); worse than at generation 0 against random (-6.5 ± 2.0).",
    ]
    assert gains_table(gains[:1]).endswith("hiders: no change that chance could not bring against still.")
