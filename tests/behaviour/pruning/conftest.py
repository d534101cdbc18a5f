"""Networks and what they are told, without a game."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from evo_hns.behaviour.pruning.activity import Sight
from evo_hns.config import SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.network import NetworkPolicy
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

    def sight(self, seed: int, memory: np.ndarray | None = None) -> Sight:
        """Decisions; in some of them nothing is seen, and what is hidden is not a number."""
        rng = np.random.default_rng(seed)
        widths = self.policy.row_widths
        kinds = rng.integers(-1, len(widths), (DECISIONS, ENTITIES)).astype(np.int8)
        kinds[:5] = -1
        rows = rng.normal(size=(DECISIONS, ENTITIES, max(widths))).astype(np.float32)
        rows[kinds < 0] = np.nan
        own = rng.normal(size=(DECISIONS, self.policy.wiring.rows["own"].size)).astype(np.float32)
        if memory is None:
            memory = np.zeros((DECISIONS, self.policy.num_cells), np.float32)
        return Sight(own, rows, kinds, memory)

    def decide(self, genome: np.ndarray, sight: Sight) -> tuple[np.ndarray, np.ndarray]:
        """Intents and memory of the kernel, `(S, 5)` and `(S, G)`."""
        intents = np.empty((DECISIONS, 1, 5), np.float32)
        renewed = np.empty((DECISIONS, 1, self.policy.num_cells), np.float32)
        self.policy.forward(
            np.ones((DECISIONS, 1), np.bool_),
            np.ascontiguousarray(np.broadcast_to(genome, (DECISIONS, 1, len(genome)))),
            sight.own[:, None],
            sight.rows[:, None],
            sight.kinds[:, None],
            self.policy.row_widths,
            (self.policy.hidden_size, self.policy.num_cells),
            sight.memory[:, None],
            renewed,
            intents,
        )
        return intents[:, 0], renewed[:, 0]

    def episode(self, genome: np.ndarray, steps: int = 4) -> np.ndarray:
        """`(steps, S, 5)` intents from a blank memory on."""
        shown, memory = [], None
        for step in range(steps):
            intents, memory = self.decide(genome, self.sight(step, memory))
            shown.append(intents)
        return np.stack(shown)


def build_subjects(network: str, cells: int, hidden: int = 6) -> Subjects:
    settings = {"network": network, "hidden_size": hidden, "gru_size": cells}
    policy = build_policy(SmallPolicyConfig.model_validate(settings), SPEC)
    assert isinstance(policy, NetworkPolicy)
    return Subjects(policy)


@pytest.fixture(
    params=[(name, cells) for name in ("mlp", "attention") for cells in (0, 5)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def subjects(request: pytest.FixtureRequest) -> Subjects:
    return build_subjects(*request.param)


@pytest.fixture(name="build_subjects")
def _build_subjects() -> Callable[..., Subjects]:
    return build_subjects
