"""What tests of PPO share."""

from __future__ import annotations

import pytest

from evo_hns.training.ppo.learner import Learner
from tests.training.ppo.learners import CROWDED, play_rollouts, tiny_ppo


@pytest.fixture(scope="module")
def learner() -> Learner:
    """One that has played rollouts of the game in which anything may be absent, and learnt nothing yet."""
    learner = Learner(tiny_ppo(**CROWDED))
    play_rollouts(learner, 2)
    return learner
