"""A player of a user's own module: named like any other, nothing is registered."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

import evo_hns
from evo_hns.cli import main
from evo_hns.config import ConfigError, RunConfig
from evo_hns.players.addresses import Custom, parse_address
from evo_hns.players.evaluate import evaluate
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.tournament.participants import load_participants, make_batches, reload_participants, select
from evo_hns.viewer.browser.director import Director
from evo_hns.viewer.films.footage import new_footage

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


FAULTY = """
import torch
from evo_hns.spec import Action


class Team:
    def __init__(self, fault):
        self.fault = fault

    def initial_state(self, seeds):
        return None if self.fault == "state" else torch.zeros(len(seeds), 1, 0)

    def act(self, observation, state):
        if self.fault == "raises":
            raise RuntimeError("it is\\nbroken")
        worlds, agents = observation.agent_mask.shape
        movement = torch.full((worlds, agents, 3), 11 if self.fault == "bins" else 5)
        yes = observation.agent_mask
        action = Action(movement[:, :, :2] if self.fault == "shape" else movement, pull=yes, glueall=yes)
        return action if self.fault == "alone" else (action, state)


def nobody(spec, num_agents):
    return None


def few():
    return None


def build(fault):
    return lambda spec, num_agents: Team(fault)


state, raises, bins, shape, alone = map(build, ("state", "raises", "bins", "shape", "alone"))
"""


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nobody", "it gave NoneType without initial_state and act, expected a Team of policies/base.py"),
        ("few", r"it raised TypeError: few\(\) takes 0 positional arguments but 2 were given"),
        ("state", r"initial_state gave NoneType to remember, expected a tensor \(2, agents, \.\.\.\)"),
        ("raises", r"act raised RuntimeError: it is broken \(faulty_.*\.py, line 15\)"),
        ("bins", "act gave movements from 11 to 11, expected bins from 0 to 10"),
        ("shape", r"act gave movement as torch.int64 \(2, 2, 2\), expected a tensor torch.int64 \(2, 2, 3\)"),
        ("alone", "act raised TypeError: cannot unpack non-iterable Action object"),
    ],
)
def test_a_players_own_mistake_is_told_in_one_line(
    name: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"faulty_{abs(hash(tmp_path))}"
    (tmp_path / f"{module}.py").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)
    game = RunConfig.model_validate({"rules": {"horizon": 2}, "physics": {"num_worlds": 2, "num_threads": 1}})
    with pytest.raises(ConfigError, match=rf"^player {module}:{name}: {complaint}") as told:
        evaluate(f"{module}:{name}", "random", game, episodes=2)
    assert "\n" not in str(told.value)


def test_it_hides_wherever_a_player_is_named(module: str, run_path: Path, tmp_path: Path) -> None:
    address, run = f"{module}:build", str(shutil.copy(run_path, tmp_path / "run.h5"))
    assert main(["evaluate", address, f"{run}:seekers/last", "--episodes", "2"]) == 0
    assert main(["record", run, address, "random"]) == 0
    assert main(["diagnose", "replay", run]) == 0
    assert main(["tournament", run, "--hiders", address, "--min-episodes", "2", "--max-episodes", "2"]) == 0
    assert new_footage(Path(run), address).hider == address
    watched = Director(Path(run), {Side.HIDERS: address})
    watched.step(3)
    assert watched.view.players[Side.HIDERS] == address
    pytest.importorskip("gymnasium")
    env = evo_hns.make_gym_env(side="seekers", opponent=address, settings={"rules.horizon": 2})
    env.reset(seed=0)
    assert [env.step(env.action_space.sample())[3] for _ in range(2)] == [False, True]


def test_an_address_with_a_slash_is_one_of_a_run(module: str) -> None:
    assert parse_address(f"{module}:build", Side.SEEKERS) == Custom(f"{module}:build")
    assert parse_address("run.h5:hiders/last", Side.HIDERS) != Custom("run.h5:hiders/last")
