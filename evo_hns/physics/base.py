"""The contract of a physics engine that steps many worlds of one model.

Fields are torch tensors that lead with W (worlds) and keep MuJoCo's names. State fields (`qpos`,
`qvel`, `ctrl`, `eq_active`, `qacc_warmstart`) are live: a write is the world's state at the next
call. Derived fields (`xpos`, `xmat`, `geom_xpos`, ...) are read only and *current* after `step`
and `forward`. Model fields (`model_field`) are per world and writable.

The order of a new episode is fixed, because static geoms are posed by `reset` alone: write model
fields, then `reset`, then state fields, then `forward`.
"""

from __future__ import annotations

from typing import Protocol

import mujoco
import torch
from torch import Tensor


class Physics(Protocol):
    """W worlds of one compiled model."""

    model: mujoco.MjModel
    num_worlds: int
    device: torch.device
    dtype: torch.dtype

    def field(self, name: str) -> Tensor:
        """Live `(W, ...)` view of a field of `MjData`; derived fields must not be written."""

    def model_field(self, name: str) -> Tensor:
        """Per-world `(W, ...)` values of a field of `MjModel`, writable between episodes or steps."""

    def reset(self, worlds: Tensor | None = None) -> None:
        """Return worlds (int64 indices; None: all) to the model's default state.

        Nothing of their past remains but their model fields.
        """

    def forward(self, worlds: Tensor | None = None) -> None:
        """Bring derived fields of worlds up to their state; call after writing state or model fields."""

    def step(self, num_substeps: int, worlds: Tensor | None = None) -> Tensor:
        """Advance the worlds (int64 indices; None: all) by `num_substeps` timesteps.

        Returns:
            `(W,)` bool, worlds in which this call failed (an error, a warning counter, a number
            that is not finite). A failed world never disturbs another; what it holds is undefined.
        """

    @property
    def can_branch(self) -> bool:
        """Whether `branch` works here."""

    def branch(self, sources: Tensor) -> None:
        """Let the first worlds go on as others do, to the bit: state, derived fields and model fields.

        Args:
            sources: `(W,)` int64, the world that world w becomes; itself, or one that stays as it is.
        """

    def cast_rays(self, origins: Tensor, directions: Tensor, *, exclude_body: Tensor) -> tuple[Tensor, Tensor]:
        """Distance along each ray to the first surface of another body, and the geom it belongs to.

        Args:
            origins: `(W, R, 3)` world frame, metres; W may stop short, then only the first worlds are looked at.
            directions: `(W, R, 3)`, any length; distances are in multiples of it. One without length
                hits nothing and costs nothing.
            exclude_body: `(R,)` int64, the body whose geoms a ray ignores. Floor planes are never hit.
                Rays that share origin and excluded body are cheapest side by side.

        Returns:
            `(W, R)` distance (-1 for a miss) and `(W, R)` int64 geom id (-1 for a miss).
        """
