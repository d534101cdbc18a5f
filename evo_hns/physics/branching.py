"""Lets simulations of a batch go on as others do, to the bit.

The state rows that a user may write lack what sleeps, and since when it has been at rest, so the whole `MjData` is
copied. MuJoCo's C library reaches it (`mjb_apply` in `mjbatch.h`); its Python binding does not, nor does it tell
where its C batch is. That is read from the binding's object, as it is in the versions named here; in others nothing
can be branched, and callers play everything.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

_KNOWN_VERSIONS = ("4.0.",)
_HEAD = object.__basicsize__  # bytes of a Python object, after which pybind11 keeps the C++ one

_Visit = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
"""`mjfBatchFunc`: model, data, simulation, nothing."""


def can_branch() -> bool:
    """Whether this version of MuJoCo is known, as it is built for Linux."""
    return sys.platform == "linux" and str(mujoco.__version__).startswith(_KNOWN_VERSIONS)


def branch(batch: Batch, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> None:
    """Make targets what sources are: their state, what was computed of it, and what sleeps.

    Bound outputs and expanded model fields are the caller's to copy.

    Args:
        batch: persistent.
        sources: `(K,)` simulations.
        targets: `(K,)` simulations, none of which is a source.
    """
    source_of = dict(zip(targets.tolist(), sources.tolist(), strict=True))
    place: dict[int, int] = {}  # of each source's MjData

    def find(model: int, data: int, simulation: int, nothing: int) -> None:
        place[simulation] = data

    def copy(model: int, data: int, simulation: int, nothing: int) -> None:
        _library().mj_copyData(data, model, place[source_of[simulation]])

    _visit(batch, np.unique(sources), find, save=False)
    _visit(batch, targets, copy, save=True)


def _visit(batch: Batch, simulations: NDArray[np.int64], function: Callable[..., None], *, save: bool) -> None:
    ids = simulations.astype(np.int32)
    _library().mjb_apply(_address(batch), ids.ctypes.data, len(ids), _Visit(function), None, save)


def _address(batch: Batch) -> int | None:
    """Of the C batch, the first member of the binding's object."""
    wrapper = ctypes.c_void_p.from_address(id(batch._b) + _HEAD).value or 0
    return ctypes.c_void_p.from_address(wrapper).value


@functools.cache
def _library() -> ctypes.CDLL:
    """MuJoCo, as Python has loaded it."""
    (path,) = Path(mujoco.__file__).parent.glob("libmujoco*.4.*")
    library = ctypes.CDLL(str(path))
    library.mj_copyData.argtypes = [ctypes.c_void_p] * 3
    library.mj_copyData.restype = ctypes.c_void_p
    batch, ids, arg = [ctypes.c_void_p] * 3
    library.mjb_apply.argtypes = (batch, ids, ctypes.c_int, _Visit, arg, ctypes.c_int)
    return library
