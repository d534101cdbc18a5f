"""Settings of PPO, the baseline that evolution is compared with."""

from __future__ import annotations

from pydantic import Field, model_validator

from evo_hns.config.base import Settings


class PPOConfig(Settings):
    """Proximal policy optimisation by self-play: one network, `policy.entity`, plays both sides."""

    num_worlds: int = Field(32, ge=2, le=65536)
    """Worlds of a rollout, each played from its start to its horizon."""
    rollouts_per_generation: int = Field(24, ge=1)
    """Rollouts, each with its update, in a generation: after it there is a champion."""
    epochs: int = Field(4, ge=1)
    """How often the steps of a rollout are used."""
    minibatches: int = Field(4, ge=1)
    """Parts of a rollout, each of whole worlds, that a gradient is taken of."""
    learning_rate: float = Field(1e-3, gt=0.0)
    """Of Adam."""
    clip_range: float = Field(0.2, gt=0.0, lt=1.0)
    """How far the chance of an action may move from what it was in the rollout."""
    target_kl: float | None = Field(0.05, gt=0.0)
    """End an update early where the policy has moved 1.5 times this far from that of the rollout; None: never."""
    entropy_weight: float = Field(0.01, ge=0.0)
    """Weight of the entropy of actions in the objective."""
    value_weight: float = Field(0.5, gt=0.0)
    """Weight of the critic's error in the objective."""
    gamma: float = Field(0.998, gt=0.0, le=1.0)
    """Discount of an env step."""
    gae_lambda: float = Field(0.95, ge=0.0, le=1.0)
    """Of generalised advantage estimation: 0 trusts the critic, 1 the return."""
    max_grad_norm: float = Field(5.0, gt=0.0)
    """Longest gradient; longer ones are shortened."""
    omniscient_critic: bool = True
    """Let the critic know everything that there is; else what the agent sees."""
    normalize_rewards: bool = True
    """Divide rewards by the deviation of discounted returns seen so far."""
    update_threads: int = Field(1, ge=1)
    """Threads of an update. Another number sums in another order, which gives other roundings."""

    @model_validator(mode="after")
    def _check_minibatches(self) -> PPOConfig:
        """Refuse parts without a world."""
        if self.minibatches > self.num_worlds:
            raise ValueError(
                f"got {self.minibatches} minibatches of {self.num_worlds} worlds, expected at least a world in each: "
                "lower ppo.minibatches"
            )
        return self
