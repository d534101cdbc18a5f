"""Masked self-attention between entities, with a way round it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from evo_hns.policies.entity.form import EntityForm

LAYER_NORM_EPSILON = 1e-12
HIDDEN_LOGIT = 1e10
LEAST_SUM = 1e-10


def inner_norm(form: EntityForm, size: int) -> nn.Module:
    """The normalisation of a layer before the memory: nothing in a form without."""
    return layer_norm(size) if form.layer_norm else nn.Identity()


def layer_norm(size: int) -> nn.Module:
    """The normalisation of a layer."""
    return nn.LayerNorm(size, eps=LAYER_NORM_EPSILON)


class ResidualAttention(nn.Module):
    """Each entity adds what it gathers from all that are visible.

    Args:
        form: sizes and heads.
    """

    def __init__(self, form: EntityForm) -> None:
        super().__init__()
        size = form.embed_size
        self.num_heads = form.num_heads
        self.input_norm = inner_norm(form, size)
        self.query_key = nn.Linear(size, 2 * size)  # columns (heads, size of a head, query and key)
        self.value = nn.Linear(size, size)
        self.mix = nn.Linear(size, size)
        self.output_norm = inner_norm(form, size)

    def forward(self, entities: Tensor, mask: Tensor) -> Tensor:
        """Look around.

        Args:
            entities: `(B, E, embed_size)`.
            mask: `(B, E)` float, 1 of what is visible.

        Returns:
            `(B, E, embed_size)`, of the invisible ones without meaning.
        """
        heads = (*entities.shape[:2], self.num_heads, -1)
        normed = self.input_norm(entities)
        query, key = self.query_key(normed).reshape(*heads, 2).permute(4, 0, 2, 1, 3).unbind()  # (B, heads, E, size)
        value = self.value(normed).reshape(heads).transpose(1, 2)
        weights = self._weights(query, key, mask[:, None, None, :])
        gathered = (weights @ value).transpose(1, 2).reshape(entities.shape)
        mixed: Tensor = self.output_norm(entities + self.mix(gathered))
        return mixed

    def _weights(self, query: Tensor, key: Tensor, mask: Tensor) -> Tensor:
        logits = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        logits = logits - (1.0 - mask) * HIDDEN_LOGIT
        weights = torch.exp(logits - logits.amax(-1, keepdim=True)) * mask
        return weights / (weights.sum(-1, keepdim=True) + LEAST_SUM)
