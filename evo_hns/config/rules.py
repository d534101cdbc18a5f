"""Settings of the rules: what agents can do, observe and are rewarded for."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from evo_hns.config.base import Settings, ranged


class FoodConfig(Settings):
    """Eating: what it takes and what it gives. Only hiders eat."""

    radius: float | None = Field(None, gt=0.0)
    """Distance within which a hider eats what it sees, metres; none: from anywhere."""
    max_health: float = Field(1.0, gt=0.0)
    """Bites that an item gives before it is gone."""
    respawn_time: int | None = Field(None, ge=1)
    """Env steps after which an item that is gone is back; none: never."""
    reward_type: Literal["selfish", "joint_mean"] = "selfish"
    """`selfish` pays who eats, `joint_mean` everyone the mean of the team."""
    reward_scale: Annotated[float | tuple[float, float], ranged(float, -100.0, 100.0)] = 1.0
    """Reward of a bite; a range is drawn from for each episode."""
    when_caught: bool = False
    """Hiders also eat while a seeker sees one of them."""
    in_preparation: bool = False
    """Hiders also eat during the preparation."""


class BoxLockingConfig(Settings):
    """The box-locking tasks: one agent that locks all boxes."""

    goal: Literal["all", "order", "all-return", "order-return"] = "all"
    """In any or in a given order; `return` also asks the agent back to where it started."""
    lock_reward: float = 5.0
    """For each box that gets locked."""
    unlock_penalty: float = 7.0
    """For each box that gets unlocked."""
    shaped_reward_scale: float = 0.25
    """For each metre nearer to the next box (or the start)."""
    success_reward: float = 1.0
    """For each env step in which the goal is reached."""
    return_threshold: float = Field(0.1, gt=0.0)
    """Distance from the start at which the agent has returned, metres."""


CONSTRUCTION = frozenset({"blueprint", "shelter"})
"""Tasks whose one agent builds something, and is told that it is no hider."""


class RulesConfig(Settings):
    """The rules of a task: hide-and-seek (Baker et al. 2020) or one of its relatives."""

    task: Literal["hide-and-seek", "box-locking", "blueprint", "shelter"] = "hide-and-seek"
    """What is rewarded."""
    horizon: int = Field(80, ge=1)
    """Env steps of an episode."""
    prep_fraction: float = Field(0.4, ge=0.0, lt=1.0)
    """Share of the episode in which seekers are frozen and nothing is rewarded."""
    restrict_rect: tuple[float, float, float, float] | None = (0.1, 0.1, 5.9, 5.9)
    """x0, y0, x1, y1: an agent outside gets -10 instead of the reward."""
    penalize_objects_out: bool = True
    """Everyone gets -10 while a box or ramp is outside `restrict_rect`."""
    lock_box: bool = True
    """Agents can lock boxes."""
    lock_ramp: bool = False
    """Agents can lock ramps."""
    grab_box: bool = True
    """Agents can grab boxes."""
    grab_ramp: bool = True
    """Agents can grab ramps."""
    lock_type: Literal["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"] = "all_lock_team_specific"
    """Whose refusal unlocks: anybody's unless someone asks, anybody's, the owner's, or that of the owner's team."""
    lock_out_of_vision: bool = False
    """Agents can lock what they do not see."""
    grab_out_of_vision: bool = False
    """Agents can grab what they do not see."""
    grab_exclusive: bool = False
    """An object can be held by one agent only, the nearest."""
    grab_selective: bool = False
    """Agents say which object to grab; otherwise it is the nearest."""
    grab_distance: float | None = Field(None, ge=0.0)
    """Distance at which what is grabbed is held, metres; none: where it was grabbed."""
    lock_grab_radius: float = Field(0.25, gt=0.0)
    """Reach from an agent's centre to an object's surface, metres."""
    reward_type: Literal["selfish", "joint_mean", "joint_zero_sum"] = "joint_zero_sum"
    """Each for itself, the mean of the team, or one seen hider counts for the whole team."""
    reward_scale: float = 1.0
    """Factor on the reward for hiding and seeking."""
    num_lidar_rays: int = Field(30, ge=0, le=360)
    """Rays of each agent's lidar."""
    lidar_compression: float | None = Field(None, gt=0.0)
    """Scale s at which lidar distances d saturate, s tanh(d / s), metres; none: observed as they are."""
    tell_box_size: bool = False
    """Agents observe the size of boxes; always so where boxes may be elongated."""
    tell_box_index: bool = False
    """Agents observe the index of boxes."""
    polar_angles: bool = True
    """Agents observe angles of objects as cosine and sine."""
    action_limit: float = Field(0.9, gt=0.0, le=1.0)
    """Control at the outermost movement bin."""
    food: FoodConfig = FoodConfig()
    box_locking: BoxLockingConfig = BoxLockingConfig()

    @property
    def num_prep_steps(self) -> int:
        """Env steps of the preparation: the first always belongs to it, as in the original; 0 in other tasks."""
        return max(1, ceil(self.prep_fraction * self.horizon)) if self.task == "hide-and-seek" else 0

    @property
    def most_return(self) -> float:
        """The most that hiding, or seeking, pays a team in an episode; food and penalties come on top."""
        return (self.horizon - self.num_prep_steps) * abs(self.reward_scale)

    @property
    def return_range(self) -> float:
        """From the least to the most that hiding and seeking pay."""
        return 2.0 * self.most_return
