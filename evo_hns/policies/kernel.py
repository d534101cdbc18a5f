"""How the policies' loops are compiled.

Without fast-math: LLVM neither reorders sums nor fuses operations, so vector and scalar code give the same
bits. Without the GIL: games in several threads decide at the same time.

Numba's cache on disk is stale only when the file of a function changes, although its callees in other files
are compiled into it. Here it is stale when any file of this package changes. Numba looks up a kernel that encloses
others by their pickles, which no two processes share: each start would compile it and leave another file. Here it is
looked up by their names.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a function of scalars and arrays, once per machine and state of this package."""
    compiled: _Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    cache = compiled._cache  # type: ignore[attr-defined]
    cache._cache_file._source_stamp = _package_digest()
    cache._index_key = functools.partial(_index_key, _enclosed(function))
    return compiled


def _enclosed(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of the kernels that a kernel encloses."""
    contents = [cell.cell_contents for cell in function.__closure__ or ()]
    return tuple(f"{content.__module__}.{content.__qualname__}" for content in contents)


def _index_key(enclosed: tuple[str, ...], signature: object, codegen: Any) -> tuple[object, ...]:
    """What a compiled kernel is kept under, with its file and line in the file's name."""
    return signature, codegen.magic_tuple(), enclosed


@functools.cache
def _package_digest() -> str:
    """Hash of all sources beside and below this file."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
