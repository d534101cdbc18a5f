"""Boxes that end where boxes have seldom ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.session import build_session
from evo_hns.spec import Side
from evo_hns.training.evolution import Evolution
from evo_hns.training.novelty import BOX_NOVELTY, CELL, novelty
from tests.runs import assert_same_bits, run_whole_and_broken_without, tiny


@pytest.fixture(scope="module")
def episodes() -> Episodes:
    session = build_session(tiny(), 4)
    rosters = {s: session.roster(s, torch.zeros(1, session.genome_lengths[s])) for s in Side}
    rows = np.zeros(4, np.int64)
    return session.play(MatchTable(rows, rows, np.arange(4)), rosters, keep=("trajectory",))


def test_an_episode_is_worth_how_seldom_boxes_ended_in_its_cells(episodes: Episodes) -> None:
    assert episodes.trajectory is not None
    counts = np.zeros((64, 64), dtype=np.int64)
    assert novelty(episodes, counts).tolist() == [1.0] * 4
    ends = episodes.trajectory.objects[:, -1, :2, :2]
    for world, box, count in ((0, 0, 3), (1, 1, 8)):
        x, y = (int(value // CELL) for value in ends[world, box])
        counts[x, y] = count
    expected = [
        np.mean([1 / np.sqrt(1 + counts[int(x // CELL), int(y // CELL)]) for x, y in of_world]) for of_world in ends
    ]
    assert min(expected) < 1.0
    np.testing.assert_allclose(novelty(episodes, counts), expected)


def test_a_run_counts_all_boxes_of_its_candidates_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = tiny(hiders={"fitness": BOX_NOVELTY, "opponents": ["still"]})
    (unused := tmp_path / "unused").touch()
    unbroken, broken = run_whole_and_broken_without(unused, config, tmp_path)
    assert_same_bits(broken, unbroken)
    counts = cast(dict[str, Any], unbroken.state[BOX_NOVELTY])
    assert list(counts) == ["hiders"]
    assert counts["hiders"].sum() == 4 * 4 * 2 * 2  # generations, candidates, matches, boxes


def test_a_game_without_boxes_has_no_novelty() -> None:
    config = tiny(hiders={"fitness": BOX_NOVELTY, "opponents": ["still"]}, world={"num_boxes": 0})
    from evo_hns.evaluation.evaluators import build_evaluator

    with pytest.raises(ValueError, match=r"hiders\.fitness: got 'box_novelty' in a game without boxes"):
        Evolution(config, build_evaluator(config))
