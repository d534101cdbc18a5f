"""MuJoCo's own engine on the CPU: a persistent `mujoco.batch.Batch` behind torch tensors.

Each world keeps its own `MjData`, which sleeping needs. Values are float64 and views, never copies.
A world gives the same bits in any slot, batch size and thread count.
"""

from __future__ import annotations

import contextlib

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray
from torch import Tensor

from evo_hns.physics.branching import branch, can_branch
from evo_hns.physics.rays import RayCaster
from evo_hns.physics.waking import Waker
from evo_hns.system.machine import usable_cores

_NONE = int(mujoco.mjtStage.mjSTAGE_NONE.value)
_VEL = int(mujoco.mjtStage.mjSTAGE_VEL.value)  # free after a step: the next one continues from it


class CpuPhysics:
    """`num_worlds` worlds of one model on `num_threads` threads (see `Physics`).

    Args:
        model: compiled; sleeping is as its options say. It is copied.
        num_worlds: W, at least 1.
        num_threads: threads of the simulation; 0 takes every core this process may use.

    Raises:
        ValueError: a count out of range, or a geom that rays do not know.
    """

    def __init__(self, model: mujoco.MjModel, num_worlds: int, num_threads: int = 0) -> None:
        if num_worlds < 1:
            raise ValueError(f"num_worlds is {num_worlds}; expected at least 1")
        if num_threads < 0:
            raise ValueError(f"num_threads is {num_threads}; expected a positive number, or 0 for every core")
        self.model = model
        self.num_worlds = num_worlds
        self.device = torch.device("cpu")
        self.dtype = torch.float64
        _silence_log()
        self._batch = Batch(model, num_worlds, num_threads or usable_cores(), persistent=True)
        self._caster = RayCaster(model)
        sleeps = model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP
        self._waker = Waker(self._batch, model) if sleeps else None
        self._fields: dict[str, Tensor] = {}
        self._model_fields: dict[str, Tensor] = {}
        self._geom_xpos, self._geom_xmat = (self.field(name).numpy() for name in ("geom_xpos", "geom_xmat"))
        self._geom_size = self.model_field("geom_size").numpy()
        self._warnings = self._batch.warning[:, :, 1]
        self.reset()

    def field(self, name: str) -> Tensor:
        """Live `(W, ...)` view of a field of `MjData`; derived fields must not be written.

        Raises:
            ValueError: `MjData` has no such field.
        """
        if name not in self._fields:
            self._fields[name] = _live(self._batch.bind(name))
        return self._fields[name]

    def model_field(self, name: str) -> Tensor:
        """Per-world `(W, ...)` values of a field of `MjModel`, live and writable.

        Constants that MuJoCo derives from a field (from masses or inertias, say) do not follow. The
        size, place and bounds of the world body's geoms, `jnt_range` and `eq_data` have none.

        Raises:
            ValueError: `MjModel` has no such field, or it cannot differ between worlds.
        """
        if name not in self._model_fields:
            self._model_fields[name] = _live(self._batch.expand(name))
        return self._model_fields[name]

    def reset(self, worlds: Tensor | None = None) -> None:
        """Return worlds (None: all) to the model's default state; model fields keep their values.

        Derived fields are undefined until `forward`.
        """
        self._batch.reset(_ids(worlds), stage=_NONE)
        if self._waker is not None:
            self._waker.remember(_ids(worlds))

    def forward(self, worlds: Tensor | None = None) -> None:
        """Bring derived fields of worlds (None: all) up to their state; call after writing state or model fields.

        A world that cannot be computed fails in the next `step`, which meets the same trouble.
        """
        with contextlib.suppress(SimulationError):
            self._batch.forward(_ids(worlds), _VEL)
        if self._waker is not None:
            self._waker.keep_awake(_ids(worlds))

    def step(self, num_substeps: int, worlds: Tensor | None = None) -> Tensor:
        """Advance worlds by `num_substeps` timesteps; derived fields are current afterwards.

        What sleeps wakes if a constraint on it was changed since the last step.

        Args:
            num_substeps: at least 1.
            worlds: `(K,)` int64, ascending; None for all.

        Returns:
            `(W,)` bool, worlds in which MuJoCo raised an error or a warning (a number that is not finite
            or beyond 1e10 raises one at the latest in the stages after the last substep); False for
            worlds that were not stepped.
        """
        ids = _ids(worlds)
        failed = np.zeros(self.num_worlds, np.bool_)
        if self._waker is not None:
            self._waker.wake(ids)
        try:
            self._batch.step(ids, num_substeps, _VEL)
        except SimulationError as error:
            failed[error.ids] = True
        if self._waker is not None:
            self._waker.let_sleep()
        stepped = slice(None) if ids is None else ids
        failed[stepped] |= self._warnings[stepped].any(axis=1)
        if failed.any():
            self._warnings[failed] = 0  # reported once; the next call reports its own
        return torch.from_numpy(failed)

    @property
    def can_branch(self) -> bool:
        """Whether `branch` works with this version of MuJoCo."""
        return can_branch()

    def branch(self, sources: Tensor) -> None:
        """Let the first worlds go on as others do, to the bit (see `Physics.branch`).

        Raises:
            ValueError: a source is to become another world.
        """
        rows = sources.numpy()
        if (rows[rows] != rows).any():
            raise ValueError("a world that others become is to become another one; let sources stay as they are")
        targets = np.flatnonzero(rows != np.arange(len(rows)))
        rows = rows[targets]
        branch(self._batch, rows, targets)
        for field in (*self._fields.values(), *self._model_fields.values()):
            field.numpy()[targets] = field.numpy()[rows]
        if self._waker is not None:
            self._waker.branch(rows, targets)

    def cast_rays(self, origins: Tensor, directions: Tensor, *, exclude_body: Tensor) -> tuple[Tensor, Tensor]:
        """First surface along each ray, as `Physics.cast_rays` says, at the poses of the last step or forward.

        Rays that share origin and excluded body are cheapest side by side. Rays may be given for the
        first worlds only.

        Raises:
            ValueError: there are rays for more worlds than there are.
        """
        if len(origins) > self.num_worlds:
            raise ValueError(f"got rays for {len(origins)} worlds; expected at most {self.num_worlds}")
        distance, geom = self._caster.cast(
            self._geom_xpos,
            self._geom_xmat,
            self._geom_size,
            origins.contiguous().numpy(),
            directions.contiguous().numpy(),
            exclude_body.numpy(),
        )
        return torch.from_numpy(distance), torch.from_numpy(geom)


def _ids(worlds: Tensor | None) -> NDArray[np.int64] | None:
    return None if worlds is None else worlds.numpy()


def _silence_log() -> None:
    """Stop MuJoCo from printing warnings on the console and in MUJOCO_LOG.TXT, in this whole process.

    `step` reports them; a long search would fill the working directory's log with worlds that blew up.
    """
    log = mujoco.MjLogConfig.get()
    log.logto_console = log.logto_file = False
    log.set()


def _live(array: NDArray[np.float64]) -> Tensor:
    """A tensor over the array's memory. Torch knows no read-only tensors, so derived arrays are passed as writable."""
    view = array.view()
    view.flags.writeable = True
    return torch.from_numpy(view)
