"""Searches that begin at champions of another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.policies.actions import NUM_OUTPUTS
from evo_hns.reports.info import of_diagnosis
from evo_hns.spec import Side
from evo_hns.training.evolution import Evolution
from evo_hns.training.external_players import ORIGINS, begin_at, players_of_run
from tests.runs import assert_same_bits, run_whole, run_whole_and_broken_without, tiny


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of another game and another search, whose champions are gone on from."""
    path = tmp_path_factory.mktemp("earlier") / "earlier.h5"
    run_whole(path, tiny(seed=11, rules={"horizon": 8}, search={"algorithm": "snes"}, coevolution={"generations": 2}))
    return path


def gone_on(earlier: Path, **changes: Any) -> RunConfig:
    return tiny(hiders={"init_from": f"{earlier}:hiders/0", **changes})


def test_a_search_begins_at_the_champion_and_the_other_side_as_ever(earlier: Path) -> None:
    populations = Evolution(gone_on(earlier), build_evaluator(tiny())).populations
    champion = RunFile.read(earlier).halls[Side.HIDERS].genomes[0]
    assert torch.equal(populations[Side.HIDERS].searcher.center, torch.tensor(champion).double())
    afresh = Evolution(tiny(), build_evaluator(tiny())).populations[Side.SEEKERS].searcher.center
    assert torch.equal(populations[Side.SEEKERS].searcher.center, afresh)


def test_a_champion_of_a_game_of_other_observations_keeps_what_both_games_observe(
    earlier: Path, tmp_path: Path
) -> None:
    config = tiny(hiders={"init_from": f"{earlier}:hiders/0"}, rules={"tell_box_size": True})
    evaluator = build_evaluator(config)
    center = Evolution(config, evaluator).populations[Side.HIDERS].searcher.center
    champion = RunFile.read(earlier).halls[Side.HIDERS].genomes[0]
    assert len(center) == evaluator.session.genome_lengths[Side.HIDERS] > len(champion)
    assert torch.count_nonzero(center) == np.count_nonzero(champion)


def test_a_search_can_begin_with_a_new_last_layer_and_search_that_alone(earlier: Path, tmp_path: Path) -> None:
    champion = torch.tensor(RunFile.read(earlier).halls[Side.HIDERS].genomes[0]).double()
    last = slice(len(champion) - 3 * NUM_OUTPUTS, len(champion))  # of two hidden units and a bias
    changes = {"fresh_output": True, "trained_layers": "last"}
    unbroken, broken = run_whole_and_broken_without(earlier, gone_on(earlier, **changes), tmp_path)
    assert_same_bits(broken, unbroken)
    for genome in torch.tensor(unbroken.halls[Side.HIDERS].genomes).double():
        assert torch.equal(genome[: last.start], champion[: last.start])
        assert not torch.equal(genome[last], champion[last])
    fresh = Evolution(gone_on(earlier, fresh_output=True), build_evaluator(tiny())).populations[Side.HIDERS].searcher
    assert torch.equal(fresh.center[: last.start], champion[: last.start])
    assert 0.2 < float(fresh.center[last].std()) < 1.0  # as where nothing is taken over
    kept = Evolution(gone_on(earlier, trained_layers="last"), build_evaluator(tiny())).populations[Side.HIDERS].searcher
    assert torch.equal(kept.center, champion)
    candidates = kept.ask()
    assert torch.equal(candidates[:, : last.start], champion[: last.start].expand(len(candidates), -1))
    with pytest.raises(ValueError, match="expected one of the last"):
        kept.load_state_dict(fresh.state_dict())


def test_a_last_layer_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hiders\.trained_layers without hiders\.init_from: say where it begins"):
        tiny(hiders={"trained_layers": "last"})


def test_such_a_run_goes_on_to_the_same_bits_without_the_other_file(earlier: Path, tmp_path: Path) -> None:
    unbroken, broken = run_whole_and_broken_without(earlier, gone_on(earlier), tmp_path)
    assert_same_bits(broken, unbroken)
    (origin,) = players_of_run(unbroken, ORIGINS)
    assert (origin.name, origin.side) == (f"{earlier}:hiders/0", Side.HIDERS)
    np.testing.assert_array_equal(origin.genome, RunFile.read(earlier).halls[Side.HIDERS].genomes[0])
    assert of_diagnosis(unbroken.config) == [f"The search of the hiders began at {earlier}:hiders/0."]


def test_the_spread_of_that_generation_is_taken_over_where_the_search_has_one(earlier: Path) -> None:
    run = RunFile.read(earlier)
    both = begin_at(str(earlier), tiny())
    assert both == {
        f"{side.label}.{name}": value
        for side in Side
        for name, value in (
            ("init_from", f"{earlier}:{side.label}/1"),
            ("search.sigma", float(run.metrics[f"{side.label}.sigma"][1])),
        )
    }
    genetic = tiny(search={"algorithm": "ga"})
    assert begin_at(f"{earlier}:seekers/0", genetic) == {"seekers.init_from": f"{earlier}:seekers/0"}


def test_what_is_typed_of_the_spread_stands(earlier: Path, tmp_path: Path) -> None:
    path, experiment = tmp_path / "run.h5", tmp_path / "tiny.toml"
    experiment.write_text(
        "policy = {hidden_size = 2}\nrules = {horizon = 6}\nworld = {num_hiders = 1, num_seekers = 1}\n"
        "search = {popsize = 4}\ncoevolution = {generations = 1, episodes_per_candidate = 1, finalist_episodes = 1, "
        "held_out_episodes = 0}\n"
    )
    words = [
        "train",
        str(experiment),
        "--run",
        str(path),
        "--init-from",
        str(earlier),
        "--hiders.search.sigma",
        "0.125",
    ]
    assert main(words) == 0
    config = RunFile.read(path).config
    assert (config.hiders.init_from, config.seekers.init_from) == tuple(f"{earlier}:{s.label}/1" for s in Side)
    assert config.hiders.search.model_dump()["sigma"] == 0.125
    recorded = RunFile.read(earlier).metrics["seekers.sigma"][1]
    assert config.seekers.search.model_dump()["sigma"] == pytest.approx(recorded)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hiders": {"init_from": "scripted:chaser"}}, "^hiders.init_from: got 'scripted:chaser', expected a champion"),
        ({"hiders": {"init_from": "{run}:seekers/0"}}, "one of the seekers, expected one of the hiders"),
        ({"hiders": {"init_from": "{run}:hiders/7"}}, "no champion of generation 7"),
        (
            {"hiders": {"init_from": "{run}:hiders/0", "policy": {"hidden_size": 3}}},
            r"hiders.init_from: .* is another network \(hiders.policy.hidden_size = 2, expected 3\): set it alike",
        ),
        (
            {"hiders": {"init_from": "{run}:hiders/0"}, "seekers": {"opponents": ["still"]}},
            "the hiders are not trained in this run: leave it out",
        ),
    ],
)
def test_what_is_no_origin_is_refused(settings: dict[str, Any], message: str, earlier: Path) -> None:
    hiders = settings["hiders"]
    hiders = hiders | {"init_from": hiders["init_from"].format(run=earlier)}
    with pytest.raises(ConfigError, match=message):
        Evolution(tiny(**(settings | {"hiders": hiders})), build_evaluator(tiny()))
