"""The signals that end a run, and when it ends.

SIGUSR1 means that time is nearly up (Slurm sends it before the limit): the generation in flight is finished if
it fits into the seconds that are left, else dropped. SIGTERM, and SIGINT where ranks have to agree on it, drop
it at once. Nothing is saved in a hurry: a run file holds whole generations at any moment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

TIMEOUT = "EVO_HNS_SHUTDOWN_TIMEOUT"
"""Environment variable: seconds between SIGUSR1 and the end of the job."""
DEFAULT_TIMEOUT = 60.0
RESERVE = 0.1
"""Share of the timeout that is kept for ending."""

STOPPED_IN_TIME = 75
"""Exit code of a run that was stopped in time and waits to be resumed (EX_TEMPFAIL of sysexits.h)."""
EXIT_CODES = {signal.SIGUSR1: STOPPED_IN_TIME, signal.SIGTERM: 143, signal.SIGINT: 130}


class Stopped(Exception):  # noqa: N818 - it is no error
    """A signal ended a run before its last generation; its file is whole.

    Args:
        signum: the signal.
        hint: what to do now.
    """

    def __init__(self, signum: int, hint: str = "") -> None:
        super().__init__(": ".join([f"stopped by {signal.Signals(signum).name}", *([hint] if hint else [])]))
        self.signum = signum
        self.exit_code = EXIT_CODES[signal.Signals(signum)]


class ShutdownSignal:
    """The signal that a process received, and what follows from it.

    Args:
        timeout: seconds between SIGUSR1 and the end of the job.
    """

    def __init__(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.timeout = timeout
        self.signum = 0  #: what was received, 0 for nothing
        self._received_at = 0.0
        self._began = time.monotonic()
        self._longest = 0.0

    @contextmanager
    def listening(self, signals: Iterable[signal.Signals]) -> Iterator[None]:
        """Take these signals for a while."""
        before = {signum: signal.signal(signum, self._on_signal) for signum in signals}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def receive(self, signum: int) -> None:
        """Take note of a signal, also of one that another rank received; what ends sooner wins."""
        if self.signum == 0:
            self._received_at = time.monotonic()
        if self.signum in (0, signal.SIGUSR1) and signum != 0:
            self.signum = signum

    def begin_generation(self) -> None:
        """Start to measure how long a generation takes."""
        self._began = time.monotonic()

    def end_generation(self) -> None:
        """A generation is safe on disk: the moment at which to end if a signal has been received.

        Raises:
            Stopped: a signal has been received.
        """
        self._longest = max(self._longest, time.monotonic() - self._began)
        if self.signum:
            raise Stopped(self.signum)

    def check(self) -> None:
        """To be called often while a generation is in flight.

        Raises:
            Stopped: a signal has been received, and the generation would not be finished in time.
        """
        if self.signum and (self.signum != signal.SIGUSR1 or not self._fits()):
            raise Stopped(self.signum)

    def _fits(self) -> bool:
        """Whether the generation in flight will end in time, going by the longest so far."""
        end = self._received_at + (1.0 - RESERVE) * self.timeout
        return max(time.monotonic(), self._began + self._longest) < end

    def _on_signal(self, signum: int, _: FrameType | None) -> None:
        self.receive(signum)


def read_shutdown_timeout(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds between SIGUSR1 and the end of the job, from the environment.

    Raises:
        ConfigError: they are no positive number.
    """
    text = environ.get(TIMEOUT, str(DEFAULT_TIMEOUT))
    try:
        timeout = float(text)
    except ValueError:
        timeout = 0.0
    if not 0.0 < timeout < float("inf"):
        from evo_hns.config import ConfigError  # which takes its time: `--help` needs it not

        raise ConfigError(f"got {TIMEOUT}={text}, expected seconds between SIGUSR1 and the end of the job, such as 60")
    return timeout
