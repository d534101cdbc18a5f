"""How the loops of the game and of the policies are compiled, and how their machine code is kept on disk.

Without fast-math: LLVM neither reorders sums nor fuses operations, so a world gives the same bits in any place of any
batch. Without the GIL: games in several threads run at the same time.

The machine code is kept by Numba, in `__pycache__` beside the sources, in the user's cache folder where that cannot be
written, or where NUMBA_CACHE_DIR says. To Numba a kept kernel is stale only when the file of its function changes,
although its callees in other files are compiled into it; and files that are cut, or mixed up by two processes that
write at the same time, are errors or wrong code. Here

- a kernel is stale when any file of its room changes: it calls kernels of its own room alone;
- whatever cannot be read whole, or is another kernel's, counts as missing: compiled and written again;
- a kernel that encloses others is known by their names: Numba knows it by their pickles, which no two processes share,
  so that every start would compile it and leave another file;
- where nothing can be kept, that is said once, and every start compiles.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.serialize import dumps

from evo_hns.system.absent import absent
from evo_hns.system.machine import launched_rank

with absent("scipy.linalg"):  # Numba tries whether it is there, which takes as long as to import Numba
    from numba.np import arraymath

arraymath._HAVE_BLAS = True  # np.dot and np.cov look for SciPy when somebody uses them

_Result = TypeVar("_Result")

REMEDY = "set NUMBA_CACHE_DIR to a folder that can be written and has room"

_PACKAGE = Path(__file__).parents[1]
_FOLDERS: set[str] = set()
_COMPLAINTS: list[str] = []


def kernel(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """Compile a function of scalars and arrays, once per machine and state of its room."""
    return _compiled(function)


def inlined_kernel(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """A `kernel` whose body stands in its callers, for the shortest ones: a call costs more than they do."""
    return _compiled(function, inline="always")


def kept_in() -> str:
    """The folder that all kernels so far are kept in or below; empty if it cannot be written."""
    return os.path.commonpath(_FOLDERS) if _FOLDERS else ""


def complaint() -> str:
    """Why a kernel could not be kept by this process; empty if all could so far."""
    return _COMPLAINTS[0] if _COMPLAINTS else ""


def _compiled(function: Callable[..., _Result], **options: str) -> Callable[..., _Result]:
    # Division by zero is tested for where it can happen; Python's own check costs more than the division.
    compiled: Any = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options)(function)
    try:
        compiled._cache = _Cache(function)
    except (OSError, RuntimeError):  # Numba's word for: no folder can be written
        compiled._cache = _NoCache()
    return compiled  # type: ignore[no-any-return]


class _Files(IndexDataCacheFile):  # type: ignore[misc]
    """The files of a kernel; what is kept says which kernel it is, and by a checksum that it is whole."""

    def save(self, key: object, data: object) -> None:
        content = dumps((key, data))
        super().save(key, (hashlib.sha256(content).digest(), content))

    def load(self, key: object) -> object:
        kept = super().load(key)
        if kept is None:
            return None
        checksum, content = kept
        if hashlib.sha256(content).digest() != checksum:
            return None
        of, data = pickle.loads(content)
        return data if of == key else None

    def _load_index(self) -> dict[object, str]:
        try:
            return super()._load_index()  # type: ignore[no-any-return]
        except Exception:  # a pickle that is cut raises anything
            return {}


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a kernel, without its errors.

    Raises:
        RuntimeError: no folder can be written.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        stamp = _digest(_room(Path(function.__code__.co_filename)))
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, stamp)
        self._enclosed = _enclosed(function)
        _FOLDERS.add(self.cache_path)

    def _index_key(self, sig: object, codegen: Any) -> tuple[object, ...]:
        return sig, codegen.magic_tuple(), self._enclosed

    def load_overload(self, sig: object, target_context: object) -> object:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever it is, compiling helps
            return None

    def save_overload(self, sig: object, data: object) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _complain(f"{self.cache_path}: {error.strerror or error}")


def _enclosed(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of the kernels that a kernel encloses."""
    contents = [cell.cell_contents for cell in function.__closure__ or ()]
    return tuple(f"{content.__module__}.{content.__qualname__}" for content in contents)


class _NoCache(NullCache):  # type: ignore[misc]
    """Keeps nothing and says so, but only when something is compiled."""

    def load_overload(self, sig: object, target_context: object) -> None:
        _complain("neither the package's folder nor the user's cache folder can be written")


def _complain(reason: str) -> None:
    """Say it once, of all ranks on the first."""
    if _COMPLAINTS:
        return
    _COMPLAINTS.append(reason)
    if launched_rank() == 0:
        logging.getLogger(__name__).warning(
            "evo-hns: compiled kernels cannot be kept (%s), so every start compiles them again: %s", reason, REMEDY
        )


def _room(file: Path) -> Path:
    """Where the callees of a file's kernels are: its room of this package; the folder of a file from elsewhere."""
    return _PACKAGE / file.relative_to(_PACKAGE).parts[0] if file.is_relative_to(_PACKAGE) else file.parent


@functools.cache
def _digest(room: Path) -> str:
    """Hash of all sources of a room, and of how they are compiled."""
    sources = [Path(__file__), *sorted(room.rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
