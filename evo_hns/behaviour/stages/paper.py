"""When the stages came with OpenAI's trainer: what was published, to set a timeline beside.

Baker et al. 2020 count episodes in which PPO trained 1.6 million parameters; their onsets are given as "about".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Onsets of one of OpenAI's games."""

    source: str  #: whose, and of which game
    env_steps: int  #: of an episode
    onsets: Mapping[str, float]  #: stage -> million episodes

    def million_env_steps(self, stage: str) -> float | None:
        """When a stage came, or None if nothing was published."""
        return self.onsets[stage] * self.env_steps if stage in self.onsets else None

    def __str__(self) -> str:
        onsets = ", ".join(
            f"{stage.replace('_', ' ')} after {onset:g} million episodes "
            f"({onset * self.env_steps / 1000:.2g} billion env steps)"
            for stage, onset in self.onsets.items()
        )
        return f"{self.source}: {onsets or 'nothing was published'}"


PUBLISHED: Mapping[str, Published] = {
    "quadrant": Published("PPO on the quadrant game, as quoted from OpenAI", 80, {"door_blocking": 2.69}),
    "three-rooms": Published("hide-and-seek in three rooms", 80, {}),
    "randomwalls": Published(
        "PPO on the full game, Baker et al. 2020",
        240,
        {"fort": 25.0, "ramp_use": 100.0, "ramp_defence": 110.0, "box_surfing": 380.0},
    ),
}
"""By scenario. Running and chasing were there from the start in both, surf defence came some time after box surfing."""
