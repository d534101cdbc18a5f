"""Every setting of the project, as nested frozen models.

Owns names, defaults, ranges and one-line meanings; the defaults are OpenAI's quadrant example to
the number. An experiment file (TOML) holds only what differs; unknown keys are refused. The
resolved `RunConfig` is stored in the run file, and a run can be started again from it.
A network or search has only the settings of its kind.
The tables `[policy]` and `[search]` of a file fill both sides; `[hiders.search]` and the like refine one.
"""

from evo_hns.config.base import ConfigError, Settings, highest, lowest
from evo_hns.config.physics import PhysicsConfig
from evo_hns.config.ppo import PPOConfig
from evo_hns.config.rules import CONSTRUCTION, BoxLockingConfig, FoodConfig, RulesConfig
from evo_hns.config.run import LEAST_RAYS, CoevolutionConfig, RunConfig, merge, spread
from evo_hns.config.search import (
    KINDS,
    POLICY_KINDS,
    SEARCH_KINDS,
    CMAESConfig,
    CMAESSearchConfig,
    DemonstrationConfig,
    EntityConfig,
    EntityPolicyConfig,
    GeneticConfig,
    GeneticSearchConfig,
    OpenAIESConfig,
    OpenAIESSearchConfig,
    PGPEConfig,
    PGPESearchConfig,
    PolicyConfig,
    RungConfig,
    SearchConfig,
    SideConfig,
    SmallPolicyConfig,
    SNESSearchConfig,
    is_of_one_kind,
    read_policy,
)
from evo_hns.config.world import WorldConfig

__all__ = [
    "CONSTRUCTION",
    "KINDS",
    "LEAST_RAYS",
    "POLICY_KINDS",
    "SEARCH_KINDS",
    "BoxLockingConfig",
    "CMAESConfig",
    "CMAESSearchConfig",
    "CoevolutionConfig",
    "ConfigError",
    "DemonstrationConfig",
    "EntityConfig",
    "EntityPolicyConfig",
    "FoodConfig",
    "GeneticConfig",
    "GeneticSearchConfig",
    "OpenAIESConfig",
    "OpenAIESSearchConfig",
    "PGPEConfig",
    "PGPESearchConfig",
    "PPOConfig",
    "PhysicsConfig",
    "PolicyConfig",
    "RulesConfig",
    "RunConfig",
    "RungConfig",
    "SNESSearchConfig",
    "SearchConfig",
    "Settings",
    "SideConfig",
    "SmallPolicyConfig",
    "WorldConfig",
    "highest",
    "is_of_one_kind",
    "lowest",
    "merge",
    "read_policy",
    "spread",
]
