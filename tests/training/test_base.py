"""The trainers there are: what each takes and needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from evo_hns.config import ConfigError, RunConfig
from evo_hns.experiment import setting_names
from evo_hns.training.base import TRAINERS
from evo_hns.training.context import RunContext
from evo_hns.training.driver import build_trainer, train
from tests.runs import ignore, tiny

PPO = tiny(policy={"network": "entity"}, trainer="ppo")


def test_every_trainer_can_be_named_in_settings() -> None:
    assert set(get_args(RunConfig.model_fields["trainer"].annotation)) == TRAINERS.keys()


def test_ppo_takes_of_coevolution_only_the_length_and_what_is_measured_and_recorded() -> None:
    names = [name for name in setting_names() if not name.startswith(("hiders.", "seekers."))]
    assert all(map(TRAINERS["evolution"].takes, names))
    assert [name for name in names if name.startswith(("search.", "coevolution.")) and TRAINERS["ppo"].takes(name)] == [
        *("coevolution.generations", "coevolution.held_out_every", "coevolution.held_out_episodes"),
        *("coevolution.held_out_runs", "coevolution.progress_every", "coevolution.progress_episodes"),
        "coevolution.recorded_matches",
    ]


def test_a_trainer_whose_library_is_absent_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRAINERS, "ppo", replace(TRAINERS["ppo"], library="no_such_library"))
    with pytest.raises(ConfigError, match=r"PPO needs no_such_library: pip install "):
        train(PPO, tmp_path / "run.h5", announce=ignore, observers=[])
    assert list(tmp_path.iterdir()) == []


def test_ppo_refuses_several_ranks() -> None:
    context = RunContext(ranks=cast(Any, SimpleNamespace(size=4)))
    with pytest.raises(ConfigError, match="PPO trains in one process, got 4: run it without ranks"):
        build_trainer(PPO, cast(Any, None), context, None)
