"""Every setting of the project, as nested frozen models.

Owns names, defaults, ranges and one-line meanings; the defaults are OpenAI's quadrant example to
the number. An experiment file (TOML) holds only what differs; unknown keys are refused. The
resolved `RunConfig` is stored in the run file, and a run can be started again from it.
The tables `[policy]` and `[search]` of a file fill both sides; `[hiders.search]` and the like refine one.
"""

from evo_hns.config.base import ConfigError, Settings, highest, lowest
from evo_hns.config.physics import PhysicsConfig
from evo_hns.config.ppo import PPOConfig
from evo_hns.config.rules import BoxLockingConfig, FoodConfig, RulesConfig
from evo_hns.config.run import CoevolutionConfig, RunConfig, merge, spread
from evo_hns.config.search import (
    CMAESConfig,
    EntityConfig,
    GeneticConfig,
    PGPEConfig,
    PolicyConfig,
    SearchConfig,
    SideConfig,
)
from evo_hns.config.world import WorldConfig

__all__ = [
    "BoxLockingConfig",
    "CMAESConfig",
    "CoevolutionConfig",
    "ConfigError",
    "EntityConfig",
    "FoodConfig",
    "GeneticConfig",
    "PGPEConfig",
    "PPOConfig",
    "PhysicsConfig",
    "PolicyConfig",
    "RulesConfig",
    "RunConfig",
    "SearchConfig",
    "Settings",
    "SideConfig",
    "WorldConfig",
    "highest",
    "lowest",
    "merge",
    "spread",
]
