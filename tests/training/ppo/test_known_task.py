"""PPO as it is used here learns a task that everybody knows."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import PPOConfig
from evo_hns.training.ppo import cart_pole
from evo_hns.training.ppo.cart_pole import HORIZON, CartPoles, learn_to_balance


def test_a_return_is_how_long_the_pole_stood() -> None:
    carts = CartPoles(3, seed=0)
    carts.reset()
    stood = np.zeros(3)
    for step in range(HORIZON):
        observed, rewards, dones, _ = carts.step(np.array([0, 0, step % 2]))
        stood += rewards
        assert observed["observed"].shape == (3, 2)
        assert dones.all() == (step == HORIZON - 1)
    assert np.array_equal(carts.returns, stood)
    assert (stood[:2] < 15).all()  # a push to one side always fells it within a few steps
    assert stood[2] > stood[0]
    assert (np.abs(observed["observed"]) < 0.5).all()  # of the next episode, which has begun


def test_the_class_that_the_game_is_learnt_with_learns_to_balance_a_pole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cart_pole, "SEEN", [0, 1, 2, 3])  # with velocities: what can be learnt in seconds
    monkeypatch.setattr(cart_pole, "LIMITS", np.array([2.4, 2.0, 0.2095, 2.0], dtype=np.float32))
    returns = learn_to_balance(PPOConfig(num_worlds=16), 20, seed=0).returns
    assert np.mean(returns[:3]) < 30.0
    assert np.mean(returns[-3:]) > 60.0


@pytest.mark.release
def test_its_memory_stands_in_for_velocities_that_it_does_not_observe() -> None:
    returns = learn_to_balance(PPOConfig(num_worlds=16), 60, seed=0).returns
    assert np.mean(returns[:3]) < 30.0
    assert np.mean(returns[-3:]) > 60.0


def test_a_seed_decides_everything() -> None:
    settings = PPOConfig(num_worlds=4, epochs=1)
    one, again, other = (learn_to_balance(settings, 2, seed) for seed in (0, 0, 1))
    assert one == again
    assert one.returns != other.returns
