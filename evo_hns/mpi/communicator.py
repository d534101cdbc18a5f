"""The MPI processes of a run: how they find each other, and how they talk.

Rank 0 is the coordinator, the others are workers. A launcher (`mpiexec`, `srun`) starts as many
processes as it is told; whether they are one world is checked here, since a launcher and an MPI library
that do not belong together silently make many worlds of one. A rank that waits sleeps in between, so that an idle
rank takes no processor time from its neighbours. Messages are pickles of plain data, and every byte is counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pickle
import socket
import stat
import sys
import termios
import time
import traceback
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.system.installation import how_to_install
from evo_hns.system.machine import THREAD_VARIABLES, cores_to_fill, launched_ranks

FAULT_TOLERANT = "OMPI_MCA_mpi_ft_enable"
"""Set by `mpiexec --with-ft ulfm` of Open MPI."""

COORDINATOR = 0
EXIT_DELAY = 0.2
"""Seconds that the coordinator has to print why all ranks stop, before they exit together."""
_LONGEST_PAUSE = 1e-3  # seconds: short beside a batch of matches, long beside a look at the network
_MESSAGE = 1


class RankLostError(RuntimeError):
    """A rank has died, and the others have closed their ranks; what was in flight must be done again."""


@dataclass(frozen=True)
class RankInfo:
    """The host of a rank, and what it may use there."""

    host: str
    cores: int  #: physical cores that it may use
    limits: tuple[str, ...]  #: thread limits in its environment that are not 1


@dataclass
class Traffic:
    """Bytes that a rank has sent and received."""

    broadcast: int = 0  #: sent to all others at once, counted once
    sent: int = 0
    received: int = 0


def join(*, shrink: bool = False, environ: Mapping[str, str] = os.environ) -> Ranks | None:
    """Find the other processes of this run.

    Args:
        shrink: go on without ranks that die (Open MPI with ULFM only).
        environ: the variables that the launcher has set.

    Returns:
        The ranks, or None where no launcher started several.

    Raises:
        ConfigError: several were started and MPI does not see them, there is no MPI, or no ULFM.
    """
    expected = launched_ranks(environ)
    if expected == 1:
        if shrink:
            raise ConfigError("--shrink needs ranks: start them with mpiexec --with-ft ulfm of Open MPI")
        return None
    if importlib.util.find_spec("mpi4py") is None:
        raise ConfigError(f"started as {expected} processes without mpi4py: {how_to_install('mpi')}")
    tolerant = shrink and environ.get(FAULT_TOLERANT, "").lower() in ("1", "true")
    try:
        import mpi4py

        mpi4py.rc.finalize = not tolerant  # at the end of the process; see `Ranks.leave`
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            f"started as {expected} processes, but no MPI library can be loaded ({str(error).splitlines()[0]}): "
            f"load your cluster's MPI module, or {how_to_install('mpi')}"
        ) from None
    library = " ".join(MPI.Get_library_version().split("\n")[0].replace("\x00", "").split())
    if MPI.COMM_WORLD.size != expected:
        raise ConfigError(
            f"the launcher started {expected} processes, but {library} sees {MPI.COMM_WORLD.size}: they do not belong "
            "together; take the mpiexec of that library, or under Slurm srun --mpi=pmi2 for MPICH and its kin and "
            "srun --mpi=pmix for Open MPI (python -m mpi4py --mpi-library says which library is loaded)"
        )
    if shrink and not tolerant:
        raise ConfigError(f"--shrink needs Open MPI's mpiexec --with-ft ulfm; this is {library} without it")
    return Ranks(MPI, library, shrink=shrink)


class Pause:
    """Exponential backoff: a message that comes soon is seen soon, and a long wait costs no processor time."""

    def __init__(self) -> None:
        self._seconds = 1e-5

    def __call__(self) -> None:
        """Sleep."""
        time.sleep(self._seconds)
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE)


class Ranks:
    """All processes of a run, as one of them sees them.

    Args:
        mpi: the module `mpi4py.MPI`.
        library: name and version of the MPI library.
        shrink: go on without ranks that die.
    """

    def __init__(self, mpi: Any, library: str, *, shrink: bool) -> None:
        self._mpi = mpi
        self._comm = mpi.COMM_WORLD.Dup()  # errors as exceptions, apart from other libraries' messages
        self._shrink = shrink
        self.library = library
        self.traffic = Traffic()
        self.num_lost = 0
        limits = tuple(f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if os.environ.get(name, "1") != "1")
        self._info = RankInfo(socket.gethostname(), cores_to_fill(), limits)
        self.infos: tuple[RankInfo, ...] = tuple(self._comm.allgather(self._info))

    @property
    def rank(self) -> int:
        """The number of this rank; it may change when ranks have died."""
        return int(self._comm.rank)

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self._comm.size)

    @property
    def is_coordinator(self) -> bool:
        """Whether this rank is the coordinator."""
        return self.rank == COORDINATOR

    @property
    def hosts(self) -> tuple[str, ...]:
        """The different hosts, in order of their first rank."""
        return tuple(dict.fromkeys(info.host for info in self.infos))

    def describe(self) -> str:
        """Ranks, hosts and MPI library in a line."""
        counts = Counter(info.host for info in self.infos)
        where = ", ".join(f"{host}: {count}" for host, count in list(counts.items())[:8])
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        return f"{self.size} ranks on {len(counts)} host{'s' * (len(counts) != 1)} ({where}{more}), {self.library}"

    def warnings(self) -> list[str]:
        """Causes of slow ranks, a line each."""
        found = []
        for host, count in Counter(info.host for info in self.infos).items():
            # A bound rank may use one core, an unbound one all cores of its host.
            cores = max(info.cores for info in self.infos if info.host == host)
            if 1 < cores < count:
                found.append(f"{count} ranks share {cores} cores on {host}: start one rank for each physical core")
        limits = sorted({limit for info in self.infos for limit in info.limits})
        if limits:
            found.append(f"ranks play on one thread each, but {', '.join(limits)}: set to 1 on all hosts")
        return found

    def broadcast(self, message: object = None) -> Any:
        """Send a message to all ranks (coordinator), or receive it (workers); None is the last one.

        Raises:
            RankLostError: a rank has died; the others are informed.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL) if self.is_coordinator else b""
        try:
            length = bytearray(len(data).to_bytes(8, "little"))
            self._wait(self._comm.Ibcast([length, self._mpi.BYTE], COORDINATOR))
            buffer = bytearray(data) if self.is_coordinator else bytearray(int.from_bytes(length, "little"))
            self._wait(self._comm.Ibcast([buffer, self._mpi.BYTE], COORDINATOR))
        except self._mpi.Exception as error:
            self._close_ranks(error)
        self.traffic.broadcast += len(buffer)
        return message if self.is_coordinator else pickle.loads(buffer)

    def send(self, message: object, rank: int) -> None:
        """Send a message to one rank.

        Raises:
            RankLostError: a rank has died.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            self._wait(self._comm.Isend([data, self._mpi.BYTE], rank, _MESSAGE))
        except self._mpi.Exception as error:
            self._close_ranks(error)
        self.traffic.sent += len(data)

    def poll(self) -> tuple[int, Any] | None:
        """The sender and the content of a message that has arrived; None if there is none.

        Raises:
            RankLostError: a rank has died.
        """
        status = self._mpi.Status()
        try:
            if not self._comm.Iprobe(self._mpi.ANY_SOURCE, _MESSAGE, status):
                return None
            buffer = bytearray(status.Get_count(self._mpi.BYTE))
            self._comm.Recv([buffer, self._mpi.BYTE], status.source, _MESSAGE)
        except self._mpi.Exception as error:
            self._close_ranks(error)
        self.traffic.received += len(buffer)
        return status.source, pickle.loads(buffer)

    def receive(self) -> tuple[int, Any]:
        """Wait for the next message: its sender and its content.

        Raises:
            RankLostError: a rank has died.
        """
        pause = Pause()
        while (message := self.poll()) is None:
            pause()
        return message

    def leave(self, code: int) -> tuple[int, float]:
        """End MPI together with the others; only then can the coordinator give an exit code to the launcher.

        Args:
            code: with which the process will exit.

        Returns:
            The coordinator's code, and the time (`time.time()`) at which stopped ranks exit together.
        """
        is_coordinator, agreed = self.is_coordinator, np.array([code, time.time() + EXIT_DELAY])
        with contextlib.suppress(RankLostError):
            if is_coordinator:
                self.broadcast(None)  # the last message
            self._comm.Barrier()
            self._comm.Bcast(agreed, root=COORDINATOR)
        if self.num_lost == 0:
            self._mpi.Finalize()  # which may wait for dead ranks for ever: Open MPI 5.0.11 did so in 3 of 20 jobs
        if is_coordinator and "SLURM_STEP_ID" in os.environ:
            time.sleep(1.0)  # for the others to leave first (`cli.run_context`)
        return int(agreed[0]), float(agreed[1])

    def abort(self, error: BaseException) -> None:
        """End all ranks at once, with the traceback of this one."""
        text = "".join(traceback.format_exception(error))
        where = f"rank {self.rank} of {self.size} on {socket.gethostname()}"
        sys.stderr.write(f"evo-hns: {where} failed, and all ranks end:\n{text}")
        sys.stderr.flush()
        _wait_until_read(sys.stderr)
        self._mpi.COMM_WORLD.Abort(1)

    def _wait(self, request: Any) -> None:
        pause = Pause()
        while not request.Test():
            pause()

    def _close_ranks(self, error: Exception) -> None:
        """Go on without the ranks that died, or raise.

        Raises:
            RankLostError: the communicator now has the survivors alone.
            MPI.Exception: any other error, or `shrink` is off.
        """
        lost = (self._mpi.ERR_PROC_FAILED, self._mpi.ERR_PROC_FAILED_PENDING, self._mpi.ERR_REVOKED)
        if not self._shrink or error.Get_error_class() not in lost:  # type: ignore[attr-defined]
            raise error
        if not self._comm.Is_revoked():
            self._comm.Revoke()  # ends the waiting of all survivors
        before = self.size
        self._comm = self._comm.Shrink()
        self.num_lost += before - self.size
        self.infos = tuple(self._comm.allgather(self._info))
        raise RankLostError(f"a rank died, {self.size} are left") from error


def _wait_until_read(stream: TextIO, patience: float = 10.0) -> None:
    """Wait until the launcher has taken what was written: it drops what it has not read when ranks abort."""
    descriptor = stream.fileno()
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    end, unread = time.monotonic() + patience, array("i", [1])
    while unread[0] and time.monotonic() < end:
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
        time.sleep(0.01)
    time.sleep(0.1)  # from the launcher's helper on this machine to the launcher
