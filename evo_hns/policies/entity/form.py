"""The form of an entity network: what entities it observes, how wide its layers are, whether they are normalised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from evo_hns.config import EntityConfig
from evo_hns.spec import ObservationSpec

SELF_WIDTH = 10
"""Columns of `observation_self`, and of a row of `agent_qpos_qvel`."""
FOOD_WIDTH, SITE_WIDTH = 4, 15
KERNEL_SIZE = 3
"""Neighbouring lidar rays that a filter reads."""
HEAD_SIZES = {"movement": 33, "pull": 2, "glueall": 2}
"""Logits of each part of an action, in their order; movement has three axes of 11 bins."""
NUM_LOGITS = sum(HEAD_SIZES.values())


class Fields(NamedTuple):
    """The fields of an `Observation` that tell of an entity type."""

    rows: str
    mask: str  #: what the agent sees
    exists: str  #: what there is


ENTITY_TYPES: Mapping[str, Fields] = {
    "agents": Fields("agent_qpos_qvel", "mask_aa_obs", "mask_aa_obs_spoof"),
    "boxes": Fields("box_obs", "mask_ab_obs", "mask_ab_obs_spoof"),
    "ramps": Fields("ramp_obs", "mask_ar_obs", "mask_ar_obs_spoof"),
    "food": Fields("food_obs", "mask_af_obs", "mask_af_obs_spoof"),
    "sites": Fields("construction_site_obs", "mask_acs_obs", "mask_acs_obs"),
}
"""All of them, in the order in which a network embeds those that its game has; the agent itself comes after them."""


@dataclass(frozen=True)
class EntityForm:
    """Everything that decides the shapes of a network's parameters, and what is done with them."""

    widths: tuple[tuple[str, int], ...]  #: entity types and columns of their rows, in the order of `ENTITY_TYPES`
    num_rays: int  #: of the lidar
    embed_size: int
    num_heads: int
    dense_size: int
    num_cells: int
    num_filters: int
    layer_norm: bool  #: not only what the LSTM gives is normalised, but what is in and around attention and dense layer

    @classmethod
    def of(cls, config: EntityConfig, spec: ObservationSpec) -> EntityForm:
        """The form that a configuration has in a game."""
        return cls(
            widths=game_widths(spec),
            num_rays=spec.num_lidar_rays,
            embed_size=config.embed_size,
            num_heads=config.num_heads,
            dense_size=config.dense_size,
            num_cells=config.num_cells,
            num_filters=config.num_filters,
            layer_norm=config.layer_norm,
        )

    @property
    def entity_types(self) -> tuple[str, ...]:
        """Entity types."""
        return tuple(entity_type for entity_type, _ in self.widths)

    @property
    def main_size(self) -> int:
        """Width of what an agent knows of itself: its own row, and the filtered lidar."""
        return SELF_WIDTH + self.num_rays * self.num_filters

    @property
    def input_widths(self) -> dict[str, int]:
        """Columns of all that is normalised before it is read, by field of the observation."""
        rows = {ENTITY_TYPES[entity_type].rows: width for entity_type, width in self.widths}
        lidar = {"lidar": 1} if self.num_rays else {}
        return {"observation_self": SELF_WIDTH} | rows | lidar


def game_widths(spec: ObservationSpec) -> tuple[tuple[str, int], ...]:
    """The entity types that a game has, and the columns of their rows."""
    counts = {
        "agents": (spec.num_agents - 1, SELF_WIDTH),
        "boxes": (spec.num_boxes, spec.box_columns.width),
        "ramps": (spec.num_ramps, spec.ramp_columns.width),
        "food": (spec.num_food, FOOD_WIDTH),
        "sites": (spec.num_sites, SITE_WIDTH),
    }
    return tuple((entity_type, width) for entity_type, (count, width) in counts.items() if count)
