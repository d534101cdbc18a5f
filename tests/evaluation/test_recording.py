"""What was done in a match brings it back to the same bits, wherever it is played again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.matches import FRESH_SEED, HELD_OUT_SEED, MatchTable, fresh_seeds, held_out_seeds
from evo_hns.evaluation.recording import ActionRecorder, rows_of, steps_of
from evo_hns.evaluation.rollout import Episodes
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Action, Side

MATCHES = 7
TABLE = MatchTable(np.zeros(MATCHES, dtype=np.int64), np.arange(MATCHES) % 3, np.arange(MATCHES) * 11 + 5)


def evaluator(**physics: int) -> LocalEvaluator:
    settings: dict[str, Any] = {
        "rules": {"horizon": 30, "prep_fraction": 0.2, "lock_ramp": True},
        "physics": {"num_worlds": 4, "num_threads": 1, **physics},
        "policy": {"hidden_size": 4},
    }
    return build_evaluator(RunConfig.model_validate(settings))


def rosters(played_in: LocalEvaluator) -> dict[Side, Any]:
    session = played_in.session
    genomes = torch.randn(3, session.genome_lengths[Side.SEEKERS], generator=torch.Generator().manual_seed(0))
    return {Side.HIDERS: scripted_roster("random"), Side.SEEKERS: session.roster(Side.SEEKERS, genomes)}


def bits(episodes: Episodes) -> list[bytes]:
    values = [episodes.returns, episodes.failed, *(episodes.metrics[name] for name in sorted(episodes.metrics))]
    return [value.numpy().tobytes() for value in values]


@pytest.fixture(scope="module")
def recorded() -> tuple[Episodes, Any]:
    first = evaluator()
    episodes = first.evaluate(TABLE, rosters(first), keep=["actions"])
    return episodes, episodes.actions


def test_recording_changes_nothing(recorded: tuple[Episodes, Any]) -> None:
    other = evaluator()
    assert bits(other.evaluate(TABLE, rosters(other))) == bits(recorded[0])


def test_everything_that_is_done_is_kept_in_bytes(recorded: tuple[Episodes, Any]) -> None:
    _, actions = recorded
    assert {name: (array.shape, array.dtype) for name, array in actions.items()} == {
        "movement": ((MATCHES, 30, 4, 3), np.uint8),
        "pull": ((MATCHES, 30, 4), np.uint8),
        "glueall": ((MATCHES, 30, 4), np.uint8),
    }
    assert set(np.unique(actions["movement"])) == set(range(11))
    assert set(np.unique(actions["pull"])) == set(np.unique(actions["glueall"])) == {0, 1}


@pytest.mark.parametrize("physics", [{}, {"num_worlds": 1}, {"num_worlds": 64}, {"num_threads": 3}])
def test_threads_and_batch_size_change_no_recording_and_no_replay(
    physics: dict[str, int], recorded: tuple[Episodes, Any]
) -> None:
    episodes, actions = recorded
    other = evaluator(**physics)
    again = other.evaluate(TABLE, rosters(other), keep=["actions"])
    assert bits(again) == bits(episodes)
    assert all(np.array_equal(again.actions[name], array) for name, array in actions.items())
    assert bits(other.replay(actions, TABLE.seed)) == bits(episodes)


def test_a_match_is_replayed_without_the_others(recorded: tuple[Episodes, Any]) -> None:
    episodes, actions = recorded
    rows = np.array([5, 2])
    alone = evaluator().replay(rows_of(actions, rows), TABLE.seed[rows])
    assert np.array_equal(alone.returns, episodes.returns[rows])
    assert all(np.array_equal(alone.metrics[name], values[rows]) for name, values in episodes.metrics.items())


def test_a_replay_depends_on_what_was_done(recorded: tuple[Episodes, Any]) -> None:
    episodes, actions = recorded
    still = {**actions, "movement": np.full_like(actions["movement"], 5)}
    assert bits(evaluator().replay(still, TABLE.seed)) != bits(episodes)


@pytest.mark.parametrize("objects", [(), (3,), (0,)])
def test_a_pull_may_name_objects(objects: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    done = [
        Action(
            movement=torch.randint(0, 11, (2, 4, 3), generator=generator),
            pull=torch.rand(2, 4, *objects, generator=generator) < 0.5,
            glueall=torch.rand(2, 4, generator=generator) < 0.5,
        )
        for _ in range(5)
    ]
    recorder = ActionRecorder()
    for action in done:
        recorder.record(None, action, None)
    for action, back in zip(done, steps_of(recorder.actions), strict=True):
        for name, expected in vars(action).items():
            assert torch.equal(getattr(back, name), expected)
            assert getattr(back, name).dtype == expected.dtype


def test_fresh_worlds_are_neither_those_of_training_nor_the_held_out_ones() -> None:
    seeds = fresh_seeds(10_000, 3, 4)
    assert seeds.min() >= FRESH_SEED > held_out_seeds(4096).max() >= HELD_OUT_SEED
    assert seeds.max() < 2**32
    assert np.array_equal(fresh_seeds(100, 3, 4), seeds[:100])
    assert not np.array_equal(fresh_seeds(100, 4, 3), seeds[:100])


@pytest.mark.parametrize(("num", "seed", "match"), [(0, 0, "got 0 episodes"), (1, -1, "got the seed -1, expected at")])
def test_worlds_that_cannot_be_drawn_are_refused(num: int, seed: int, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        fresh_seeds(num, seed)
