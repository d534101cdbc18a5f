"""What other programs are told of a run."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive import Champion, Generation, HeldOutRow
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.cli.trackers import TrackerOptions, points, trackers
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from tests.runs import as_toml, tiny

RECORD = Generation(
    number=7,
    champions={Side.HIDERS: Champion(np.zeros(3, dtype=np.float32), 12.5)},
    metrics={"env_steps": 640.0, "hiders.sigma": 0.25, "hiders.champion_score": 12.5, "time_search": 2.0},
    state={},
    held_out=(HeldOutRow(7, Side.HIDERS, "chaser", -3.0, 1.0, 8),),
    discards={"physics": 2},
)


def test_every_figure_of_a_generation_is_a_point_under_a_tag_that_groups() -> None:
    assert points(RECORD) == {
        "cost/env_steps": 640.0,
        "hiders/sigma": 0.25,
        "time/search": 2.0,
        "hiders/return": 12.5,
        "held_out/hiders/chaser": -3.0,
        "discards/physics": 2.0,
    }


def test_tensorboard_reads_curves_settings_and_hyperparameters_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    with trackers(TrackerOptions(tensorboard=tmp_path), Path("run.h5"), tiny()) as [shown]:
        shown.observe(RECORD)
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    [point] = events.Scalars("hiders/return")
    assert (point.step, point.value) == (7, 12.5)
    [table] = events.Tensors("settings/text_summary")
    assert b"| rules.horizon | 6 |" in table.tensor_proto.string_val[0]
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = HParamsPluginData.FromString(content).session_start_info
    assert started.hparams["hiders.search.popsize"].number_value == 4
    assert started.hparams["seed"].number_value == 3


def test_weights_and_biases_keeps_curves_and_settings_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb", reason="needs the extra `wandb`")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    Path("small.toml").write_text(as_toml(tiny(coevolution={"generations": 1, "held_out_episodes": 0})))
    assert main(["train", "small.toml", "--run", "run.h5", "--wandb", "hide-and-seek", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"run": "run.h5"}
    [kept] = Path("wandb").glob("offline-run-*/run-*.wandb")
    wanted = {b"hide-and-seek", b"hiders/return", b"seekers/fitness_mean", b"hiders.search.popsize"}
    end = time.monotonic() + 30
    while (missing := {words for words in wanted if words not in kept.read_bytes()}) and time.monotonic() < end:
        time.sleep(0.1)  # another process writes
    assert not missing


@pytest.mark.parametrize(
    ("library", "options", "extra"),
    [
        ("torch.utils.tensorboard", TrackerOptions(tensorboard=Path("events")), "tensorboard"),
        ("wandb", TrackerOptions(wandb="project"), "wandb"),
    ],
)
def test_a_program_that_is_not_installed_is_asked_for(
    library: str, options: TrackerOptions, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with (
        pytest.raises(ConfigError, match=rf"^--{extra} needs .*pip install .*{extra}"),
        trackers(options, Path("run.h5"), tiny()),
    ):
        pass


def test_a_project_that_cannot_be_is_refused_in_one_line_before_a_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb", reason="needs the extra `wandb`")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(["train", "quickstart", "--run", "run.h5", "--wandb", "a/b"]) == USER_ERROR
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("evo-hns")]
    assert line.startswith("evo-hns: --wandb: ")
    assert not Path("run.h5").exists()


def test_each_of_several_runs_has_event_files_of_its_own() -> None:
    options = TrackerOptions(Path("events"), "project").of_run(Path("runs/a-3.h5"))
    assert options == TrackerOptions(Path("events/a-3"), "project")
    assert TrackerOptions().of_run(Path("a.h5")) == TrackerOptions()
