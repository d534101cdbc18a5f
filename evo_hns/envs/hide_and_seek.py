"""Hide-and-seek: preparation, rewards and food of Baker et al. 2020.

During the preparation seekers are frozen (they command nothing, but can be pushed, and they see) and nothing is
rewarded but food. Then hiders are rewarded for not being seen, seekers for seeing, and agents outside are penalised.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import ConfigError, RulesConfig, WorldConfig, lowest
from evo_hns.envs import food, rewards
from evo_hns.envs.draws import draw_uniform
from evo_hns.envs.entities import Entities
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState
from evo_hns.envs.statistics import EpisodeStatistics
from evo_hns.envs.task import Snapshot
from evo_hns.spec import ActionSpec

_NO_FORCE = ActionSpec().num_movement_bins // 2


class HideAndSeek:
    """The rules of the game (see `Task`).

    Args:
        world: how many of whom there are.
        rules: the rules.

    Raises:
        ConfigError: there may be nobody to seek.
    """

    def __init__(self, world: WorldConfig, rules: RulesConfig) -> None:
        if lowest(world.num_seekers) < 1:
            raise ConfigError(
                f"hide-and-seek is a game of hiders and seekers, got world.num_seekers {world.num_seekers}; "
                "have 1 or more, or choose a task of one team with rules.task"
            )
        self._rules, self._num_hiders, n = rules, world.max_hiders, world.max_agents
        self._prep_time = rules.prep_fraction * rules.horizon
        self._is_hider = torch.arange(n) < self._num_hiders
        self._seekers = torch.arange(self._num_hiders, n)[:, None]
        self._hider_columns = hider_columns(self._num_hiders, n)
        self._statistics = EpisodeStatistics(world, rules)

    def reset(self, start: Snapshot) -> None:
        """Begin new episodes."""
        self._statistics.reset(start.entities)

    def branch(self, sources: Tensor) -> None:
        """Follow the episodes of these worlds."""
        self._statistics.branch(sources)

    def prep_progress(self, t: int) -> float:
        """Share of the preparation that is over; 1 from the first step *after* it (the original's 1e-5)."""
        return min(1.0, t / (self._prep_time + 1e-5))

    def mask_actions(self, movement: Tensor, request: ActionRequest, state: GameState) -> tuple[Tensor, ActionRequest]:
        """Seekers command nothing during the preparation."""
        if not self._is_preparation(state.t):
            return movement, request
        hider = self._is_hider[:, None]
        return torch.where(hider, movement, _NO_FORCE), ActionRequest(request.grab & hider, request.lock & hider)

    def after_physics(self, now: Snapshot) -> None:
        """Hiders eat what they saw before and reach now."""
        rules, state, constants = self._rules.food, now.state, now.entities.constants
        if constants.food.shape[1] == 0 or now.t == 0:
            return
        eats = self._may_eat(now).view(-1, 1, 1) & state.sees_food & self._is_hider[:, None]
        qpos = now.entities.qpos[:, : len(self._is_hider), :3]
        bites, health = food.share_bites(
            eats & food.within_reach(qpos, constants.food, rules.radius), state.food_health
        )
        state.food_health, state.food_timer = food.come_back(health, state.food_timer, rules)
        state.eaten = rewards.sum_in_order(bites, 2)

    def reward(self, now: Snapshot) -> Tensor:
        """Hiding, seeking and staying inside, after the preparation; and eating, at any time."""
        agent_mask, prep_progress = now.entities.constants.agent_mask, self.prep_progress(now.t)
        if self._is_preparation(now.t - 1):
            reward = torch.zeros(agent_mask.shape, dtype=torch.float64)
            self._statistics.update(now, prep_progress, None)
        else:
            sees = self._sees_hiders(now.state)
            reward = rewards.hide_and_seek(sees, agent_mask, self._num_hiders, self._rules.reward_type)
            reward = self._penalize_leaving(reward * self._rules.reward_scale, now.entities)
            self._statistics.update(now, prep_progress, sees.flatten(1).any(1))
        return reward + self._food_reward(now) if now.state.food_health.shape[1] else reward

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """OpenAI's statistics and some of our own."""
        return self._statistics.metrics(now)

    def _is_preparation(self, done: int) -> bool:
        """Whether the env step after `done` belongs to the preparation; the first always does, as in the original."""
        return done <= 0 or done < self._prep_time

    def _sees_hiders(self, state: GameState) -> Tensor:
        """`(W, S, H)` bool, the seeker sees the hider."""
        return state.sees_agents[:, self._seekers, self._hider_columns]

    def _penalize_leaving(self, reward: Tensor, entities: Entities) -> Tensor:
        rect, by_objects = self._rules.restrict_rect, self._rules.penalize_objects_out
        if rect is None:
            return reward
        return rewards.penalize_leaving(reward, entities.pos, entities.constants.mask, rect, by_objects=by_objects)

    def _may_eat(self, now: Snapshot) -> Tensor:
        """`(W,)` bool, the rules let hiders eat in the step just done, by what was seen before it."""
        caught = self._sees_hiders(now.state).flatten(1).any(1)
        allowed = self._rules.food.in_preparation or not self._is_preparation(now.t - 1)
        return torch.full_like(caught, allowed) & (~caught | self._rules.food.when_caught)

    def _food_reward(self, now: Snapshot) -> Tensor:
        rules, constants = self._rules.food, now.entities.constants
        bites = now.state.eaten
        if rules.reward_type == "joint_mean":
            bites = rewards.team_means(bites, constants.agent_mask, self._num_hiders)
        if isinstance(rules.reward_scale, tuple):
            return bites * draw_uniform(constants.seeds, *rules.reward_scale).unsqueeze(1)
        return bites * rules.reward_scale


def hider_columns(num_hiders: int, num_agents: int) -> Tensor:
    """`(S, H)` int64, where each hider stands among the others of each seeker (`vision.circulant`)."""
    seeker = torch.arange(num_hiders, num_agents)[:, None]
    return (seeker - torch.arange(num_hiders)) % num_agents - 1
