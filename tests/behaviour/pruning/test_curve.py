"""What is called within the margin, by made scores; and whole measurements of tiny runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive import RunFile
from evo_hns.archive.records import Champion, Generation
from evo_hns.behaviour.pruning.curve import margins_of, prune, trails_of
from evo_hns.behaviour.pruning.keep import keep
from evo_hns.behaviour.pruning.picture import draw
from evo_hns.cli import main
from evo_hns.config import ConfigError, RunConfig
from evo_hns.players.evaluate import evaluate
from evo_hns.policies.features import NUM_SELF
from evo_hns.policies.graph import SELF, ComputeGraph, Node, Op, action_outputs
from evo_hns.reports.curves import draw_returns, plot
from evo_hns.reports.info import describe_run
from evo_hns.spec import Side
from evo_hns.training.driver import resume, train
from tests.conftest import tiny

PLAIN = ComputeGraph({SELF: Node(Op.INPUT, NUM_SELF)} | action_outputs(SELF))


def cut_of(*weights: int) -> np.ndarray:
    """Genomes with so many weights."""
    return np.stack([np.arange(PLAIN.num_params) < count for count in weights]).astype(np.float32)


@pytest.fixture(scope="module")
def remembering_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two against two with memory, and a network for each member."""
    path = tmp_path_factory.mktemp("runs") / "run.h5"
    policy = {"hidden_size": 2, "gru_size": 2, "genome_per_member": True, "network": "attention"}
    config = tiny(world={"num_hiders": 2, "num_seekers": 2}, policy=policy)
    train(config, path, announce=lambda _: None, observers=[])
    return path


def test_differences_are_paired_and_a_margin_is_half_the_width_of_the_originals_interval() -> None:
    original = np.array([0.0, 10.0, 20.0, 30.0])
    scores = {"still": np.stack([original, original - 1, original - np.array([1, 1, 3, 3])])}
    margins = margins_of({"still": original}, None)
    half = 1.959964 * original.std(ddof=1) / 2
    assert margins["still"] == pytest.approx(half)
    (trail,) = trails_of(PLAIN, ["magnitude"], [cut_of(55, 40, 20)], scores, {"still": 1.0})
    first, steady, uneven = (size.against["still"] for size in trail.sizes)
    assert (first.gain.mean, first.gain.half_width) == (0, 0)
    assert (steady.score.mean, steady.gain.mean, steady.gain.half_width) == (14, -1, 0)
    assert uneven.gain.low == pytest.approx(-2 - 1.959964 * np.std([1, 1, 3, 3], ddof=1) / 2)
    assert [size.weights for size in trail.sizes] == [55, 40, 20]
    assert (first.within, steady.within, uneven.within) == (True, True, False)


def test_a_lucky_small_size_below_one_that_failed_is_not_the_smallest() -> None:
    drops = np.array([0, -1, -9, 0, 3])[:, None] * np.ones(6)
    (trail,) = trails_of(PLAIN, ["units"], [cut_of(50, 40, 30, 20, 10)], {"still": drops}, {"still": 2.0})
    assert [size.within for size in trail.sizes] == [True, True, False, True, True]
    assert trail.smallest == 1


def test_a_size_must_be_within_against_every_opponent() -> None:
    scores = {"still": np.zeros((3, 4)), "random": np.array([0, -1, -1])[:, None] * np.ones(4)}
    (trail,) = trails_of(PLAIN, ["units"], [cut_of(9, 5, 1)], scores, {"still": 0.5, "random": 0.5})
    assert trail.smallest == 0


def test_each_order_is_judged_by_its_own_scores_and_failed_worlds_are_left_out() -> None:
    scores = {"still": np.array([[1, 1, np.nan], [1, 2, 3], [1, 1, np.nan], [0, 0, 3.0]])}
    one, other = trails_of(PLAIN, ["units", "random"], [cut_of(9, 5), cut_of(9, 4)], scores, {"still": 0.1})
    assert one.sizes[1].against["still"].gain.mean == 0.5
    assert other.sizes[1].against["still"].gain.mean == -1
    assert other.sizes[1].against["still"].gain.num_samples == 2


def test_an_interval_that_cannot_be_told_gives_no_margin() -> None:
    with pytest.raises(ConfigError, match="the physics failed in all worlds but one"):
        margins_of({"still": np.array([1.0, np.nan])}, None)


def test_a_champion_is_pruned_drawn_kept_and_played(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, saved = tmp_path / "curve.png", tmp_path / "pruned.h5"
    words = [
        "diagnose",
        "prune",
        f"{run_path}:hiders/1",
        "--order",
        "importance",
        "units",
        "--episodes",
        "6",
        "--factor",
        "0.4",
    ]
    main([*words, "--output", str(picture), "--save", str(saved), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert [trail["order"] for trail in answer["trails"]] == ["importance", "units", "random"]
    sizes = answer["trails"][0]["sizes"]
    weights = [size["weights"] for size in sizes]
    assert weights == sorted(set(weights), reverse=True)
    assert (weights[0], weights[-1]) == (answer["parameters"], 0)
    assert sizes[0]["against"]["chaser"]["gain"] == 0
    again = [size["weights"] for size in answer["trails"][0]["again"]]
    assert again == weights[: answer["trails"][0]["smallest"] + 1]
    assert 0 <= answer["trails"][0]["confirmed"] < len(again)
    assert picture.stat().st_size > 5000
    run, original = RunFile.read(saved), RunFile.read(run_path)
    hall = run.halls[Side.HIDERS]
    np.testing.assert_array_equal(hall.genomes[0], original.halls[Side.HIDERS].genomes[1])
    assert [np.count_nonzero(genome) for genome in hall.genomes] == weights
    game = RunConfig()
    kept = evaluate(f"{saved}:hiders/0", "scripted:chaser", game, episodes=4).as_dict()
    assert kept | {"hider": ""} == evaluate(f"{run_path}:hiders/1", "scripted:chaser", game, episodes=4).as_dict() | {
        "hider": ""
    }
    assert describe_run(run)["generations"] == {"done": len(weights), "planned": len(weights)}
    plot(draw_returns, {"pruned": run}, picture)
    with pytest.raises(ConfigError, match="champions without the search that found them"):
        resume(saved, generations=99, announce=lambda _: None, observers=[])
    main([*words[:3], "--order", "magnitude", "--episodes", "2", "--factor", "0.1"])
    assert "smallest size up to which all are within, in fresh worlds" in capsys.readouterr().out


def test_networks_with_memory_and_one_for_each_member_are_pruned_together(remembering_path: Path) -> None:
    pruning = prune(f"{remembering_path}:seekers/last", ["importance", "units"], episodes=2, factor=0.3)
    assert pruning.original.weights == pruning.genome_lengths[Side.SEEKERS]
    assert pruning.original.units == 2 * (2 + 2 + 2 + 2)
    assert all(size.effective <= size.weights + 10 for trail in pruning.trails for size in trail.sizes)
    again = prune(f"{remembering_path}:seekers/last", ["importance", "units"], episodes=2, factor=0.3)
    assert again.as_dict() == pruning.as_dict()


def test_what_no_input_ever_drives_goes_first_and_changes_nothing(run_path: Path) -> None:
    pruning = prune(f"{run_path}:hiders/last", ["importance"], episodes=3, factor=0.9)
    size = pruning.trails[0].sizes[1]  # one against one: nobody ever sees a mate
    assert size.weights <= pruning.original.weights - 18
    assert all(measured.gain.mean == measured.gain.half_width == 0 for measured in size.against.values())


def test_a_task_of_one_team_is_pruned_and_the_side_that_nobody_plays_is_refused(tmp_path: Path) -> None:
    world = {"scenario": "randomwalls", "num_hiders": 1, "num_seekers": 0, "num_boxes": 1, "num_ramps": 0}
    path = tmp_path / "alone.h5"
    train(tiny(world=world, rules={"task": "box-locking", "horizon": 4}), path, announce=lambda _: None, observers=[])
    pruning = prune(f"{path}:hiders/last", episodes=2, factor=0.2)
    assert list(pruning.original.against) == ["still"]
    draw(pruning, tmp_path / "curve.png")
    with pytest.raises(ConfigError, match=r"has no champions yet|nobody plays the seekers"):
        prune(f"{path}:seekers/last", episodes=2)


@pytest.mark.parametrize(
    ("player", "options", "complaint"),
    [
        ("scripted:chaser", {}, "scripted:chaser has no weights to remove; expected a champion of a run"),
        ("random", {}, "random has no weights to remove"),
        ("RUN:foxes/1", {}, "expected RUN:hiders/GENERATION"),
        ("RUN:hiders/last", {"orders": ["luck"]}, "--order: got 'luck', expected magnitude, importance, units, random"),
        ("RUN:hiders/last", {"episodes": 1}, "--episodes: got 1, expected at least 2"),
        ("RUN:hiders/last", {"margin": -1.0}, "--margin: got -1, expected 0 or more"),
        ("RUN:hiders/last", {"factor": 1.0}, "--factor: got 1, expected a share between 0 and 1"),
    ],
)
def test_what_cannot_be_pruned_is_refused_in_one_line(player: str, options: dict, complaint: str, run_path) -> None:
    with pytest.raises(ConfigError, match=complaint):
        prune(player.replace("RUN", str(run_path)), **options)


def test_a_champion_whose_network_is_no_compute_graph_is_refused(tmp_path: Path) -> None:
    path, config = tmp_path / "entity.h5", tiny(policy={"network": "entity"})
    champions = {Side.HIDERS: Champion(np.zeros(3, np.float32), 0.0)}
    with RunFile.create(path, config, dict.fromkeys(Side, 3)) as file:
        file.commit(Generation(number=0, champions=champions, metrics={"env_steps": 0.0}, state={}))
    with pytest.raises(ConfigError, match=r"entity\.h5:hiders/last has a network without prunable unit groups"):
        prune(f"{path}:hiders/last")


def test_a_file_that_exists_is_not_written_over(run_path: Path) -> None:
    pruning = prune(f"{run_path}:hiders/last", episodes=2, factor=0.1)
    with pytest.raises(ValueError, match="exists: resume it, or take another name"):
        keep(pruning, run_path)
