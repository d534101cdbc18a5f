"""What a run file tells about itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.archive import RunFile
from evo_hns.cli import main
from evo_hns.cli.text.tables import info_text
from evo_hns.config import PPOConfig, RunConfig
from evo_hns.experiment import load_experiment, parse_config
from evo_hns.reports.info import Sharing, changed_settings, describe_run, env_steps, gains, sharing
from evo_hns.spec import Side


def test_gains_compare_the_first_with_the_last_measurement_world_by_world(run_path: Path) -> None:
    run = RunFile.read(run_path)
    found = {(gain.side, gain.opponent): gain for gain in gains(run)}
    assert len(found) == 6
    rows = [row for row in run.held_out if (row.side, row.opponent) == (Side.SEEKERS, "random")]
    gain = found[Side.SEEKERS, "random"]
    assert (gain.first_generation, gain.last_generation) == (0, 2)
    assert gain.gain.mean == pytest.approx(np.mean(rows[-1].scores - rows[0].scores))


def test_env_steps_count_all_matches_of_training(run_path: Path) -> None:
    # 2 sides x (4 candidates x 1 match + 2 finalists x 1 match) x 6 env steps x 3 generations
    assert env_steps(RunFile.read(run_path)) == 2 * (4 + 2) * 6 * 3


def test_the_description_is_json_and_complete(run_path: Path) -> None:
    told = json.loads(json.dumps(describe_run(RunFile.read(run_path)), allow_nan=False))
    assert told["generations"] == {"done": 3, "planned": 3}
    assert told["halls"]["hiders"]["champions"] == 3
    assert told["settings"]["hiders"]["search"]["algorithm"] == "snes"
    assert {"versions", "seed", "platform", "held_out", "metrics", "discards"} <= told.keys()


def test_the_last_words_of_info_are_whose_champions_did_best_against_held_out_players(run_path: Path) -> None:
    run = RunFile.read(run_path)
    row = run.held_out[0]
    rows = [
        replace(row, side=side, generation=g, mean=mean) for side in Side for g, mean in ((0, 3.0), (2, 1.25 - side))
    ]
    rows.append(replace(rows[0], opponent="another", mean=-3.0))  # hiders 0: 0 on average
    told = info_text(replace(run, held_out=tuple(rows)))
    best = "best by mean return over held-out players: hiders/2 +1.2; seekers/0 +3.0"
    assert told.endswith(f"\n\n{best}")
    assert "best by" not in info_text(replace(run, held_out=()))


def test_what_single_matches_cannot_tell_of_a_fitness_is_called_unknown(run_path: Path) -> None:
    told = info_text(RunFile.read(run_path))
    assert "nan" not in told
    assert "reliability unknown by 1.0 matches\n" in told


def test_only_settings_that_differ_from_the_defaults_are_listed() -> None:
    config = RunConfig.model_validate({"search": {"popsize": 12}, "world": {"num_hiders": 1}})
    assert changed_settings(config) == {
        "world.num_hiders": 1,
        "hiders.search.popsize": 12,
        "seekers.search.popsize": 12,
    }


RUNGS = [{"skill": "-door_gap_prep", "weight": 10, "start": -25, "target": 25.5}]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hiders": {"opponents": ["scripted:chaser", 'runs/a "b".h5:seekers/3'], "rungs": RUNGS}},
        {"search": {"algorithm": "ga", "ga": {"mutation_sigma": 1e-05}}, "policy": {"network": "entity"}},
        {"policy": {"network": "entity"}, "ppo": {"epochs": 3}},
        {"world": {"num_hiders": [1, 3]}, "coevolution": {"fitness": "wins", "virulence": "auto", "hall_size": 7}},
    ],
)
def test_the_experiment_of_a_run_gives_its_settings_back(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, run, path = parse_config(settings), tmp_path / "run.h5", tmp_path / "again.toml"
    with RunFile.create(run, config, dict.fromkeys(Side, 5)):
        pass
    assert main(["info", str(run), "--toml"]) == 0
    path.write_text(capsys.readouterr().out)
    assert load_experiment(str(path)) == config


def test_all_settings_of_ppo_are_listed_where_it_trains() -> None:
    config = RunConfig.model_validate({"policy": {"network": "entity"}, "ppo": {"epochs": 7}})
    changed = changed_settings(config)
    assert changed["ppo.epochs"] == 7
    assert {name for name in changed if name.startswith("ppo.")} == {f"ppo.{name}" for name in PPOConfig.model_fields}


def test_what_ranks_cost_is_told_of_the_generations_that_they_played(run_path: Path) -> None:
    run = RunFile.read(run_path)
    assert sharing(run) is None
    alone = np.full(run.num_generations - 2, np.nan)
    figures = {"ranks": (4, 2), "ranks_idle_share": (0.1, 0.3)}
    figures |= {f"ranks_{name}_bytes": (1e6, 3e6) for name in ("broadcast", "sent", "received")}
    told = {name: np.array([*alone, *values], dtype=float) for name, values in figures.items()}
    assert sharing(replace(run, metrics={**run.metrics, **told})) == Sharing(2, pytest.approx(0.2), pytest.approx(6.0))
