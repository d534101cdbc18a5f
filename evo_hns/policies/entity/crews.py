"""Who plays with the same genome: they are computed together, and a genome is read once for an episode."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.entity.form import EntityForm
from evo_hns.policies.entity.genome import network_of
from evo_hns.policies.entity.network import EntityNetwork


@dataclass(frozen=True, eq=False)
class Crew:
    """The agents that play with one genome."""

    network: EntityNetwork
    rows: Tensor  #: int64, their places among the `W * A` agents


@dataclass(frozen=True, eq=False)
class _Known:
    genomes: weakref.ref[Tensor]
    version: int
    crews: list[Crew]


class Crews:
    """Finds crews once for each tensor of genomes, as long as that lives and is not written to.

    Games in several threads may ask at the same time, each for its own tensor.

    Args:
        form: of all networks.
    """

    def __init__(self, form: EntityForm) -> None:
        self.form = form
        self._known: dict[tuple[int, int], _Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, params: Tensor, num_agents: int) -> list[Crew]:
        """The crews of W worlds.

        Args:
            params: `(W, M, N)`, M = 1 or A.
            num_agents: A.
        """
        key, version = (id(params), num_agents), 0 if params.is_inference() else params._version
        known = self._known.get(key)
        if known is None or known.genomes() is not params or known.version != version:
            forget = weakref.ref(params, lambda _: self._known.pop(key, None))
            known = self._known[key] = _Known(forget, version, self._find(params, num_agents))
        return known.crews

    def _find(self, params: Tensor, num_agents: int) -> list[Crew]:
        first = _first_of_each(params)
        number = torch.from_numpy(first).reshape(params.shape[:2]).expand(-1, num_agents).flatten()
        genomes = params.flatten(0, 1) if params.shape[1] > 1 else params[:, 0]
        return [
            Crew(network_of(self.form, genomes[row]), torch.nonzero(number == row)[:, 0])
            for row in np.unique(first).tolist()
        ]


def _first_of_each(params: Tensor) -> np.ndarray:
    """`(W * M,)` of each genome the place of the first that is equal to it."""
    count = params.shape[0] * params.shape[1]
    if all(stride == 0 or size == 1 for stride, size in zip(params.stride()[:2], params.shape[:2], strict=True)):
        return np.zeros(count, dtype=np.int64)
    first: dict[bytes, int] = {}
    digests = (hashlib.blake2b(row.tobytes()).digest() for row in params.numpy().reshape(count, -1))
    return np.array([first.setdefault(digest, place) for place, digest in enumerate(digests)], dtype=np.int64)
