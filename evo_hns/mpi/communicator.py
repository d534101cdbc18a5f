"""The MPI processes of a run: how they find each other, and how they talk.

Rank 0 leads and the others play what they are given. A launcher (`mpiexec`, `srun`) starts as many
processes as it is told; whether they are one world is checked here, since a launcher and an MPI library
that do not belong together silently make many worlds of one. Whoever waits sleeps in between, so that an idle
rank takes nothing from its neighbours. Messages are pickles of plain data, and every byte is counted.
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

LEADER = 0
LAST_WORDS = 0.2
"""Seconds that the leader has to say why all are stopped."""
_LONGEST_PAUSE = 1e-3  # seconds: short beside a batch of matches, long beside a look at the network
_MESSAGE = 1


class RankLostError(RuntimeError):
    """A rank has died, and the others have closed their ranks; what was in flight must be done again."""


@dataclass(frozen=True)
class Seat:
    """Where a rank sits."""

    host: str
    cores: int  #: physical cores that it may use
    limits: tuple[str, ...]  #: thread limits in its environment that are not 1


@dataclass
class Traffic:
    """Bytes that passed through a rank."""

    broadcast: int = 0  #: given to all others at once, counted once
    sent: int = 0
    received: int = 0


def join(*, shrink: bool = False, environ: Mapping[str, str] = os.environ) -> Ranks | None:
    """Find the other processes of this run.

    Args:
        shrink: go on without ranks that die (Open MPI with ULFM only).
        environ: where the launcher's word is looked up.

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
    """Sleeps longer each time, so that what comes soon is seen soon and a long wait costs nothing."""

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
        self._comm = mpi.COMM_WORLD.Dup()  # with errors as exceptions, apart from anybody else's messages
        self._shrink = shrink
        self.library = library
        self.traffic = Traffic()
        self.num_lost = 0
        limits = tuple(f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if os.environ.get(name, "1") != "1")
        self._seat = Seat(socket.gethostname(), cores_to_fill(), limits)
        self.seats: tuple[Seat, ...] = tuple(self._comm.allgather(self._seat))

    @property
    def rank(self) -> int:
        """Which one this is; others may take its place when some have died."""
        return int(self._comm.rank)

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self._comm.size)

    @property
    def leads(self) -> bool:
        """Whether this rank leads."""
        return self.rank == LEADER

    @property
    def hosts(self) -> tuple[str, ...]:
        """The different hosts, in order of their first rank."""
        return tuple(dict.fromkeys(seat.host for seat in self.seats))

    def describe(self) -> str:
        """Ranks, hosts and MPI library in a line."""
        counts = Counter(seat.host for seat in self.seats)
        where = ", ".join(f"{host}: {count}" for host, count in list(counts.items())[:8])
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        return f"{self.size} ranks on {len(counts)} host{'s' * (len(counts) != 1)} ({where}{more}), {self.library}"

    def warnings(self) -> list[str]:
        """What will make the ranks slow, a line each."""
        found = []
        for host, count in Counter(seat.host for seat in self.seats).items():
            # Bound ranks may use a core each, others all of their host.
            seats = [seat for seat in self.seats if seat.host == host]
            cores = max(seat.cores for seat in seats)
            if 1 < cores < count:
                found.append(f"{count} ranks share {cores} cores on {host}: start one rank for each physical core")
        limits = sorted({limit for seat in self.seats for limit in seat.limits})
        if limits:
            found.append(f"ranks play on one thread each, but {', '.join(limits)}: set to 1 on all hosts")
        return found

    def broadcast(self, message: object = None) -> Any:
        """Give a message to all ranks (the leader), or take it (the others); None is the last one.

        Raises:
            RankLostError: a rank has died; the others were told.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL) if self.leads else b""
        try:
            length = bytearray(len(data).to_bytes(8, "little"))
            self._wait(self._comm.Ibcast([length, self._mpi.BYTE], LEADER))
            buffer = bytearray(data) if self.leads else bytearray(int.from_bytes(length, "little"))
            self._wait(self._comm.Ibcast([buffer, self._mpi.BYTE], LEADER))
        except self._mpi.Exception as error:
            self._close_ranks(error)
        self.traffic.broadcast += len(buffer)
        return message if self.leads else pickle.loads(buffer)

    def send(self, message: object, rank: int) -> None:
        """Give a message to one rank.

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
        """A message that has come, and from which rank; None if there is none.

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
        """The next message, waited for, and from which rank it is.

        Raises:
            RankLostError: a rank has died.
        """
        pause = Pause()
        while (message := self.poll()) is None:
            pause()
        return message

    def leave(self, code: int) -> tuple[int, float]:
        """End MPI together with the others; only then can the leader give an exit code to the launcher.

        Args:
            code: with which the process will exit.

        Returns:
            That of the leader, and the time (`time.time()`) at which those exit together that are stopped.
        """
        leads, agreed = self.leads, np.array([code, time.time() + LAST_WORDS])
        with contextlib.suppress(RankLostError):
            if leads:
                self.broadcast(None)  # nothing more will come
            self._comm.Barrier()
            self._comm.Bcast(agreed, root=LEADER)
        if self.num_lost == 0:
            self._mpi.Finalize()  # which may wait for the dead for ever: Open MPI 5.0.11 did so in 3 of 20 jobs
        if leads and "SLURM_STEP_ID" in os.environ:
            # `srun --kill-on-bad-exit` ends whoever is still there when the first leaves with a code.
            time.sleep(1.0)
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
        """Go on without those that died, or give up.

        Raises:
            RankLostError: the others are now the ranks.
            MPI.Exception: any other error, or nobody wants to go on.
        """
        lost = (self._mpi.ERR_PROC_FAILED, self._mpi.ERR_PROC_FAILED_PENDING, self._mpi.ERR_REVOKED)
        if not self._shrink or error.Get_error_class() not in lost:  # type: ignore[attr-defined]
            raise error
        if not self._comm.Is_revoked():
            self._comm.Revoke()  # whoever waits for anybody hears of it
        before = self.size
        self._comm = self._comm.Shrink()
        self.num_lost += before - self.size
        self.seats = tuple(self._comm.allgather(self._seat))
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
