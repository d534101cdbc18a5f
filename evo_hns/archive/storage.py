"""How bytes reach the disk: one writer, whole files only.

A file is replaced as a whole (temporary file beside it, fsync, rename), so that what opens or
copies it at any moment, also after a SIGKILL or a power failure, has a complete version. A lock
file beside it keeps a second writer out; the kernel frees the lock when its holder dies. Where a file system
knows no locks (Lustre without `flock`, some NFS), that is said once, and the file is written all the same.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import mmap
import os
import socket
import struct
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from evo_hns.system import interrupt

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\x01\0\0\0"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

_UNLOCKED: set[int] = set()  #: file systems of which it was said that they know no locks


class RunFileError(ValueError):
    """A run file cannot be used; the message is one line for the user: what is wrong and what to do."""


class WriterLock:
    """The right to write one file, until `release` or the end of the process.

    A child process that is forked while the lock is held shares it.

    Args:
        path: the file; the lock is a small file beside it, `<name>.lock`.

    Raises:
        RunFileError: somebody else holds the lock, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self.is_exclusive = True  #: nobody else can have it; false on a file system without locks
        with explaining(path):
            self._file = self._acquire(path)
        self._at_end = interrupt.undo_at_end(self._path.unlink)

    def _acquire(self, path: Path) -> IO[str]:
        while True:
            file = self._path.open("a+", encoding="utf-8")
            try:
                self.is_exclusive = _lock(file, path.parent)
            except BlockingIOError:
                file.seek(0)
                holder = file.read() or "another process"
                file.close()
                raise RunFileError(f"{path} is being written by {holder}: wait for it or take another name") from None
            except OSError:
                file.close()
                self._path.unlink(missing_ok=True)
                raise
            if self._is_current(file):
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}")
                file.flush()
                return file
            file.close()

    def _is_current(self, file: IO[str]) -> bool:
        """Whether the locked file is still the one with the name: its last holder removes it."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    @property
    def released(self) -> bool:
        """Whether the right to write was given up."""
        return self._file.closed

    def release(self) -> None:
        """Let others write; harmless when done twice."""
        if not self.released:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._file.close()
            interrupt.done(self._at_end)


def _lock(file: IO[Any], folder: Path) -> bool:
    """Lock a file, or say that its file system cannot.

    Raises:
        BlockingIOError: somebody else has locked it.
        OSError: it cannot be locked, for another reason.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _say_unlocked(os.fstat(file.fileno()).st_dev, folder, os.strerror(error.errno))
        return False
    return True


def _say_unlocked(device: int, folder: Path, reason: str) -> None:
    """Say it once for each file system."""
    if device in _UNLOCKED:
        return
    _UNLOCKED.add(device)
    logging.getLogger(__name__).warning(
        "evo-hns: files in %s cannot be locked (%s) and are written all the same: see to it that no two processes write"
        " the same one",
        folder,
        reason,
    )


def write_whole(path: Path, content: memoryview) -> None:
    """Replace a file, or create it, in one step.

    Args:
        path: the file; the caller holds its `WriterLock`.
        content: all of its bytes.

    Raises:
        RunFileError: disk full, not allowed, no such folder; the old file is then intact.
    """
    with explaining(path), interrupt.coming_to_its_end(), interrupt.temporary(_temporary(path)) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def taking(path: Path) -> Iterator[WriterLock]:
    """The right to write a file; it is given back if what is done inside fails, and else kept.

    Raises:
        RunFileError: somebody else has it, or the file cannot be locked.
    """
    lock = WriterLock(path)
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def make_folder(path: Path) -> None:
    """Make the folder of a new file, if it is not there.

    Raises:
        RunFileError: it cannot be made.
    """
    with explaining(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def check_place(path: Path) -> None:
    """Refuse a file that could not be written, before anything that takes seconds; nothing is left behind.

    Args:
        path: the file; if it is not there, its folder need not be either.

    Raises:
        RunFileError: it may not be written, or not be locked, or somebody else is writing it.
    """
    path = path.resolve()
    with explaining(path):
        if path.exists():
            WriterLock(path).release()
            return
        folder = next(each for each in path.parents if each.exists())
        with tempfile.TemporaryFile(dir=folder, prefix=".evo-hns-") as file:
            _lock(file, folder)


class Closing(ABC):
    """Something that is closed when a `with` ends."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def remove_stale(path: Path) -> None:
    """Remove what a killed writer left behind; the caller holds the `WriterLock`."""
    _temporary(path).unlink(missing_ok=True)


def check_hdf5(path: Path, kind: str = "run") -> None:
    """Refuse what is not an HDF5 file that may be read.

    Args:
        path: the file.
        kind: what it should be a file of.

    Raises:
        RunFileError: no such file, a folder, permission denied, another kind of file, a heap that HDF5 cannot leave.
    """
    try:
        with path.open("rb") as file:
            signature = file.read(len(_HDF5_SIGNATURE))
            endless = signature == _HDF5_SIGNATURE and _has_endless_heap(file)
    except FileNotFoundError:
        raise RunFileError(f"{path} does not exist: check the name, or start a new {kind}") from None
    except IsADirectoryError:
        raise RunFileError(f"{path} is a folder, expected a {kind} file") from None
    except OSError as error:
        raise RunFileError(f"{path} cannot be read: {error.strerror}") from error
    if signature != _HDF5_SIGNATURE:
        raise RunFileError(f"{path} is not an HDF5 file, expected a {kind} file of evo_hns")
    if endless:
        raise RunFileError(_damaged(path))


def _has_endless_heap(file: IO[bytes]) -> bool:
    """Whether HDF5 would read a heap of texts for ever.

    Of all its metadata only these have no checksum, and HDF5 steps from object to object by sizes that it does not
    check: where a damaged heap says 0, it stands still, with Python's lock in its hands. Layout: HDF5 File Format
    Specification 3.0, III.E.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        heap = content.find(_HEAP)
        while heap >= 0:
            place, end = heap + 16, min(heap + int.from_bytes(content[heap + 8 : heap + 16], "little"), len(content))
            while place + 16 <= end:
                index, size = struct.unpack_from("<H6xQ", content, place)
                step = 16 + (size + 7) // 8 * 8 if index else size
                if step == 0:
                    return True
                place += step
            heap = content.find(_HEAP, heap + 1)
    return False


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong inside is said in one line: a damaged file makes HDF5 and numpy raise anything.

    Raises:
        RunFileError: the file is damaged; or what was raised inside as such.
    """
    try:
        yield
    except RunFileError:
        raise
    except Exception as error:
        raise RunFileError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return f"{path} is damaged or cut short: use a copy of it"


@contextlib.contextmanager
def explaining(path: Path) -> Iterator[None]:
    """What cannot be written is said in one line.

    Raises:
        RunFileError: an `OSError` was raised inside.
    """
    try:
        yield
    except OSError as error:
        raise RunFileError(_explain_write_error(error, path)) from error


def _explain_write_error(error: OSError, path: Path) -> str:
    """One line for the user: what happened and what to do."""
    if error.errno in _FULL:
        return f"no room to write {path} ({error.strerror}): make room; what was committed before is intact"
    if error.errno in _FORBIDDEN:
        return f"{path} cannot be written ({error.strerror}): take a folder and files that you may write"
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EEXIST}:
        return f"{path} cannot be written: the folder {path.parent} cannot be made; take another one"
    return f"{path} cannot be written: {error.strerror}"


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".tmp")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
