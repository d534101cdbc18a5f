"""The part of a page on what the fitness was worth says what the run recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np

from evo_hns.reports.fitness import fitness_section
from evo_hns.reports.kit.blocks import Figures, Table
from evo_hns.reports.subject import read_subjects


def test_the_table_has_the_means_of_the_last_generations(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        for name, values in {
            "reliability": (0.1, 0.3, 0.5),
            "variance_candidate": (0.02, np.nan, 0.04),
            "alike_share": (1.0, 0.5, 0.0),
        }.items():
            del file["metrics"][f"hiders.{name}"]
            file["metrics"][f"hiders.{name}"] = np.array(values)
    table, figures = fitness_section(read_subjects([path])).blocks
    assert isinstance(table, Table)
    assert isinstance(figures, Figures)
    [hiders, seekers] = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    assert hiders["reliability"] == "0.30"
    assert hiders["candidate"] == "3%"
    assert hiders["all alike"] == "50%"
    assert hiders["matches"] == seekers["matches"] == "1.0"
    assert seekers["reliability"] == "–"  # of a single match nothing is known
    assert "Hiders: reliability of the fitness" in [figure.title for figure in figures.figures]
    assert not [figure for figure in figures.figures if "matches" in figure.title]


def test_runs_of_older_versions_have_no_such_part(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        for name in [name for name in file["metrics"] if name.endswith("reliability")]:
            del file["metrics"][name]
    assert not fitness_section(read_subjects([path])).blocks
