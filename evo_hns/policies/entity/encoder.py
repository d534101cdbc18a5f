"""What an agent sees as one row of numbers: lidar filtered, entities embedded, related to each other and averaged.

The masks decide what an agent knows: rows of hidden entities are not even read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evo_hns.policies.entity.attention import ResidualAttention, inner_norm
from evo_hns.policies.entity.form import ENTITY_TYPES, KERNEL_SIZE, EntityForm
from evo_hns.policies.entity.statistics import RunningStatistics

Sight = Mapping[str, Tensor]
"""Fields of an `Observation` by name, with one leading axis: `(B, ...)` for B agents, whichever world they are in."""

LEAST_COUNT = 1e-5


class EntityEncoder(nn.Module):
    """From the observations of B agents to B rows of numbers.

    Args:
        form: sizes and entity types.
    """

    def __init__(self, form: EntityForm) -> None:
        super().__init__()
        self.form = form
        widths = form.input_widths
        self.statistics = nn.ModuleDict({name: RunningStatistics((width,)) for name, width in widths.items()})
        self.convolution = nn.Linear(KERNEL_SIZE, form.num_filters) if form.num_rays else None
        embeddings = {name: nn.Linear(form.main_size + width, form.embed_size) for name, width in form.widths}
        self.embeddings = nn.ModuleDict(embeddings)
        self.main_embedding = nn.Linear(form.main_size, form.embed_size)
        self.attention = ResidualAttention(form)
        self.joined_norm = inner_norm(form, 2 * form.embed_size)
        self.dense = nn.Linear(2 * form.embed_size, form.dense_size)
        self.dense_norm = inner_norm(form, form.dense_size)

    def forward(self, sight: Sight, *, omniscient: bool = False) -> Tensor:
        """Encode the observations of B agents.

        Args:
            sight: of B agents.
            omniscient: know all entities that there are, not only those that the agent sees: for a critic.

        Returns:
            `(B, dense_size)`.
        """
        normed = {name: self._statistics(name).normalise(sight[name].float()) for name in self.form.input_widths}
        main = torch.cat([normed["observation_self"], *self._filtered(normed)], -1)
        main_entity = F.relu(self.main_embedding(main))
        fields = {name: ENTITY_TYPES[name] for name in self.form.entity_types}
        masks = {name: sight[field.exists if omniscient else field.mask].bool() for name, field in fields.items()}
        embedded = [self._embed(name, main, normed[fields[name].rows], mask) for name, mask in masks.items()]
        mask = torch.cat([*masks.values(), torch.ones_like(main[:, :1], dtype=torch.bool)], 1).to(main.dtype)
        entities = self.attention(torch.cat([*embedded, main_entity[:, None]], 1), mask)
        pooled = (entities * mask[..., None]).sum(1) / (mask.sum(1, keepdim=True) + LEAST_COUNT)
        joined = self.joined_norm(torch.cat([main_entity, pooled], -1))
        encoded: Tensor = self.dense_norm(F.relu(self.dense(joined)))
        return encoded

    def update_statistics(self, sight: Sight) -> None:
        """Update the running statistics with B agents' observations: their own rows, the lidar, every entity's row."""
        for name in self.form.input_widths:
            self._statistics(name).update(sight[name])

    def _statistics(self, name: str) -> RunningStatistics:
        return cast(RunningStatistics, self.statistics[name])

    def _filtered(self, normed: Mapping[str, Tensor]) -> list[Tensor]:
        """The lidar `(B, rays * filters)`, each ray with its neighbours in the ring; nothing where there is none."""
        if self.convolution is None:
            return []
        ring = normed["lidar"][..., 0]
        neighbours = torch.stack([ring.roll(1, 1), ring, ring.roll(-1, 1)], -1)
        return [F.relu(self.convolution(neighbours)).flatten(1)]

    def _embed(self, entity_type: str, main: Tensor, rows: Tensor, mask: Tensor) -> Tensor:
        """Entities `(B, n, embed_size)` of a type: a dense layer on the main row and the entity's own.

        The main row's share of the sum is the same for all of them, and is computed once.
        """
        rows = rows.masked_fill(~mask[..., None], 0.0)
        layer = cast(nn.Linear, self.embeddings[entity_type])
        of_main, of_rows = layer.weight.split_with_sizes([main.shape[1], rows.shape[2]], 1)
        return F.relu(F.linear(rows, of_rows, layer.bias) + F.linear(main, of_main)[:, None])
