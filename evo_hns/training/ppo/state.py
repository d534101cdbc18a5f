"""What PPO needs to go on to the same bits, as nested arrays.

Its random numbers are not among it: they are drawn anew for each generation (`ppo`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.records import State
from evo_hns.training.ppo.algorithm import EpisodicPPO

Arrays = Mapping[str, np.ndarray]

_REWARDS = ("mean", "var", "count")


def state_of(ppo: EpisodicPPO) -> State:
    """Parameters, statistics and moments of the optimiser: copies."""
    moments = ppo.policy.optimizer.state_dict()["state"]
    return {
        "policy": {name: _copied(tensor) for name, tensor in tensors_of(ppo).items()},
        "optimizer": {
            str(number): {name: _copied(value) for name, value in each.items()} for number, each in moments.items()
        },
        "rewards": {name: np.array(getattr(ppo.reward_statistics, name), dtype=np.float64) for name in _REWARDS},
    }


@torch.no_grad()
def load_state(ppo: EpisodicPPO, state: State) -> None:
    """Take up a state.

    Raises:
        ValueError: it is of another network, or damaged.
    """
    tensors, stored = tensors_of(ppo), cast(Arrays, state["policy"])
    if tensors.keys() != stored.keys():
        raise ValueError(f"the state has other parameters: {sorted(tensors.keys() ^ stored.keys())}")
    for name, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(np.asarray(stored[name])))
    optimizer = ppo.policy.optimizer
    moments = {
        int(number): {name: torch.from_numpy(np.array(value)) for name, value in each.items()}
        for number, each in cast(Mapping[str, Arrays], state["optimizer"]).items()
    }
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    for name, value in cast(Arrays, state["rewards"]).items():
        setattr(ppo.reward_statistics, name, float(value) if name == "count" else np.float64(value))


def tensors_of(ppo: EpisodicPPO) -> dict[str, Tensor]:
    """Parameters and running statistics of both networks, each once."""
    return {**dict(ppo.policy.named_parameters()), **dict(ppo.policy.named_buffers())}


def _copied(tensor: Tensor) -> np.ndarray:
    return np.array(tensor.detach().numpy())
