"""OpenAI's network: an encoder of what is seen, a memory, and heads; the critic beside it is made alike.

Parameters are drawn as TensorFlow's layers draw them (Glorot and Bengio 2010, zero biases).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evo_hns.policies.entity.attention import layer_norm
from evo_hns.policies.entity.encoder import EntityEncoder, Sight
from evo_hns.policies.entity.form import HEAD_SIZES, EntityForm
from evo_hns.policies.entity.statistics import RunningStatistics

Memory = tuple[Tensor, Tensor]
"""`(c, h)`, each `(B, num_cells)`: zero at the start of an episode."""

FORGET_BIAS = 1.0


class LSTMCell(nn.Module):
    """TensorFlow's `BasicLSTMCell`; gates in the order input, candidate, forget, output.

    Args:
        num_inputs: D.
        num_cells: C.
    """

    def __init__(self, num_inputs: int, num_cells: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(num_inputs + num_cells, 4 * num_cells))
        self.bias = nn.Parameter(torch.zeros(4 * num_cells))
        nn.init.xavier_uniform_(self.kernel)

    def forward(self, inputs: Tensor, memory: Memory) -> Memory:
        """`(c, h)` after a step with inputs `(B, D)`."""
        c, h = memory
        i, j, f, o = torch.addmm(self.bias, torch.cat([inputs, h], 1), self.kernel).chunk(4, 1)
        c = torch.sigmoid(f + FORGET_BIAS) * c + torch.sigmoid(i) * torch.tanh(j)
        return c, torch.tanh(c) * torch.sigmoid(o)


class EntityTower(nn.Module):
    """Encoder and memory.

    Args:
        form: sizes and entity types.
    """

    def __init__(self, form: EntityForm) -> None:
        super().__init__()
        self.form = form
        self.encoder = EntityEncoder(form)
        self.cell = LSTMCell(form.dense_size, form.num_cells)
        self.last_norm = layer_norm(form.num_cells)
        draw_linear_layers(self)

    def think(self, sight: Sight, memory: Memory, *, omniscient: bool = False) -> tuple[Tensor, Memory]:
        """`(B, num_cells)` for the heads, and the memory after the step."""
        c, h = self.cell(self.encoder(sight, omniscient=omniscient), memory)
        return self.last_norm(h), (c, h)

    def blank_memory(self, num_rows: int) -> Memory:
        """The memory of B agents at the start of an episode."""
        zeros = self.cell.bias.new_zeros(num_rows, self.form.num_cells)
        return zeros, zeros


class EntityNetwork(EntityTower):
    """A policy: how likely each action is."""

    def __init__(self, form: EntityForm) -> None:
        super().__init__(form)
        self.heads = nn.ModuleDict({name: nn.Linear(form.num_cells, size) for name, size in HEAD_SIZES.items()})
        draw_linear_layers(self.heads)

    def forward(self, sight: Sight, memory: Memory) -> tuple[Tensor, Memory]:
        """One step of B agents.

        Returns:
            Logits `(B, 37)`: 3 x 11 of movement, 2 of pull, 2 of glueall; and the memory after the step.
        """
        row, memory = self.think(sight, memory)
        return torch.cat([head(row) for head in self.heads.values()], 1), memory


class EntityCritic(EntityTower):
    """What a policy's episode will come to, estimated by one who knows everything that there is."""

    def __init__(self, form: EntityForm) -> None:
        super().__init__(form)
        self.value = nn.Linear(form.num_cells, 1)
        self.scale = RunningStatistics(())
        draw_linear_layers(self.value)

    def forward(self, sight: Sight, memory: Memory) -> tuple[Tensor, Memory]:
        """Values `(B,)` of B agents in units of the return, and the memory after the step."""
        row, memory = self.think(sight, memory, omniscient=True)
        return self.scale.denormalise(self.value(row)[:, 0]), memory


def draw_linear_layers(module: nn.Module) -> None:
    """Draw the weights of all dense layers of a module, and set their biases to zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
