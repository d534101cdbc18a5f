"""Networks and what they are told, without a game."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.features import Features, entity_widths
from evo_hns.policies.graph import SELF, SENSES
from evo_hns.policies.network import NetworkPolicy, NetworkTeam
from evo_hns.spec import ObjectColumns, ObservationSpec

SPEC = ObservationSpec(1, 1, 2, 1, 6, box_columns=ObjectColumns(has_size=True), num_food=2)
DECISIONS, ENTITIES = 40, 5


@dataclass(frozen=True)
class Subjects:
    """One network, and things it may be told."""

    policy: NetworkPolicy

    def genome(self, seed: int, share: float = 1.0) -> np.ndarray:
        """`(N,)` random weights, of which a share is not zero."""
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=self.policy.num_params) * (rng.random(self.policy.num_params) < share)
        return numbers.astype(np.float32)

    def features(self, seed: int) -> Features:
        """Decisions `(S, 1, ...)`; in some of them nothing is seen, and what is hidden is not a number."""
        rng = np.random.default_rng(seed)
        widths = entity_widths(SPEC)
        types = rng.integers(-1, len(widths), (DECISIONS, ENTITIES)).astype(np.int8)
        types[:5] = -1
        entities = rng.normal(size=(DECISIONS, ENTITIES, max(widths))).astype(np.float32)
        entities[types < 0] = np.nan
        nodes = self.policy.graph.nodes
        width = sum(nodes[name].size for name in (SELF, *SENSES) if name in nodes)
        of_self = rng.normal(size=(DECISIONS, width)).astype(np.float32)
        present, heading = np.ones((DECISIONS, 1), np.bool_), np.zeros((DECISIONS, 1, 2))
        return Features(present, of_self[:, None], entities[:, None], types[:, None], heading)

    def team(self, genome: np.ndarray) -> NetworkTeam:
        """Of one agent in each of S worlds."""
        return self.policy.bind(torch.from_numpy(genome).expand(DECISIONS, 1, -1), 1)

    def decide(self, genome: np.ndarray, features: Features, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Action outputs and memory after the step, `(S, 1, 5)` and `(S, 1, G)`."""
        return self.team(genome).forward(features, memory, np.empty((1, self.policy.graph.num_values), np.float32))

    def episode(self, genome: np.ndarray, steps: int = 4) -> np.ndarray:
        """`(steps, S, 1, 5)` action outputs from a blank memory on."""
        shown, memory = [], np.zeros((DECISIONS, 1, self.policy.graph.num_cells), np.float32)
        for step in range(steps):
            outputs, memory = self.decide(genome, self.features(step), memory)
            shown.append(outputs)
        return np.stack(shown)


def build_subjects(network: str, cells: int, hidden: int = 6, **options: object) -> Subjects:
    settings = {"network": network, "hidden_size": hidden, "gru_size": cells, **options}
    policy = build_policy(SmallPolicyConfig.model_validate(settings), SPEC)
    assert isinstance(policy, NetworkPolicy)
    return Subjects(policy)


@pytest.fixture(
    params=[(name, cells) for name in ("mlp", "attention") for cells in (0, 5)] + [("mlp", "leaky"), ("mlp", "senses")],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def subjects(request: pytest.FixtureRequest) -> Subjects:
    network, cells = request.param
    options = {"leaky": {"leaky_size": 5}, "senses": {"doors": 1, "openings": 1}}.get(cells)
    return build_subjects(network, cells) if options is None else build_subjects(network, 0, **options)


@pytest.fixture(name="build_subjects")
def _build_subjects() -> Callable[..., Subjects]:
    return build_subjects
