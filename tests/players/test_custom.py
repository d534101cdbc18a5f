"""A player of a user's own module: named like any other, nothing is registered."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from evo_hns.config import ConfigError, RunConfig
from evo_hns.players.addresses import Custom, parse_address
from evo_hns.players.evaluate import evaluate
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.tournament.participants import load_participants, make_batches, reload_participants, select

DOCUMENT = Path(__file__).parents[2] / "docs" / "players.md"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module of the documentation, in the current folder, under a name of its own."""
    name = f"mine_{abs(hash(tmp_path))}"
    [code] = re.findall(r"```python\n# mine\.py\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    return name


def test_the_documented_player_plays(module: str) -> None:
    game = RunConfig.model_validate({"rules": {"horizon": 8}, "physics": {"num_worlds": 4, "num_threads": 1}})
    result = evaluate(f"{module}:build", "scripted:still", game, episodes=4)
    assert (result.hider, result.episodes, result.failed) == (f"{module}:build", 4, 0)


def test_it_turns_as_it_was_written(module: str) -> None:
    spec = ObservationSpec(1, 1, 2, 1, 30)
    team = Roster(PlayerSpec(factory=f"{module}:build"), torch.zeros(1, 0)).bind(
        spec, Side.HIDERS, torch.zeros(3, dtype=torch.int64)
    )
    assert team.initial_state(torch.arange(3)).shape == (3, 1, 0)


def test_a_tournament_knows_it_again_by_its_source(module: str, run_path: Path, tmp_path: Path) -> None:
    shutil.copy(run_path, tmp_path / "run.h5")
    asked = {Side.HIDERS: [f"{module}:build", "random"]}
    entry = load_participants(select([tmp_path / "run.h5"], 1, asked), tmp_path)
    specs = [squad.roster.spec for squad in make_batches(entry.loaded[Side.HIDERS])]
    assert specs == [PlayerSpec(factory=f"{module}:build"), PlayerSpec(scripted="random")]
    assert reload_participants(entry.participants, tmp_path).participants == entry.participants


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("nowhere_at_all:build", r"module nowhere_at_all cannot be imported from here \(ModuleNotFoundError"),
        ("broken:build", r"module broken cannot be imported from here \(ModuleNotFoundError: No module named 'nowhere"),
        ("MODULE:absent", r"has no function absent"),
    ],
)
def test_what_is_no_player_is_refused_in_one_line(address: str, complaint: str, module: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_address(address.replace("MODULE", module), Side.HIDERS)


def test_an_address_with_a_slash_is_one_of_a_run(module: str) -> None:
    assert parse_address(f"{module}:build", Side.SEEKERS) == Custom(f"{module}:build")
    assert parse_address("run.h5:hiders/last", Side.HIDERS) != Custom("run.h5:hiders/last")
