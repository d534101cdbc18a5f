"""What plays a side: networks read from a genome, scripted players to measure them with, and players of your own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evo_hns.config import ConfigError, PolicyConfig
from evo_hns.policies.attention import build_attention
from evo_hns.policies.base import Policy, Team, TeamState
from evo_hns.policies.entity.policy import build_entity
from evo_hns.policies.mlp import build_mlp
from evo_hns.policies.scripted import SCRIPTED
from evo_hns.spec import ObservationSpec

POLICIES: dict[str, Callable[[Any, ObservationSpec], Policy]] = {
    "mlp": build_mlp,
    "attention": build_attention,
    "entity": build_entity,
}
"""Networks by `PolicyConfig.network`, each from the settings of its kind (`config.POLICY_KINDS`)."""


def build_policy(config: PolicyConfig, spec: ObservationSpec) -> Policy:
    """The network of a configuration, for a game.

    Args:
        config: its form. One network is built, also where each member of a team has a genome of its own.
        spec: sizes of the game; the number of parameters depends on its lidar, on what is observed of objects
            and on whether there is food, not on how many there are.

    Raises:
        ConfigError: no network has this name.
    """
    if config.network not in POLICIES:
        raise ConfigError(f"got network {config.network!r}, expected one of {', '.join(POLICIES)}")
    return POLICIES[config.network](config, spec)


__all__ = ["POLICIES", "SCRIPTED", "Policy", "Team", "TeamState", "build_policy"]
