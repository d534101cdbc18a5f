"""Told to end: what a process learns from signals, and when it gives in.

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

from evo_hns.config import ConfigError

GRACE = "EVO_HNS_GRACE"
"""Environment variable: seconds between SIGUSR1 and the end of the job."""
DEFAULT_GRACE = 60.0
RESERVE = 0.1
"""Share of the grace that is kept for ending."""

TOLD_TO_GO_ON_LATER = 75
"""Exit code of a run that was stopped in time and waits to be resumed (EX_TEMPFAIL of sysexits.h)."""
EXIT_CODES = {signal.SIGUSR1: TOLD_TO_GO_ON_LATER, signal.SIGTERM: 143, signal.SIGINT: 130}


class Stopped(Exception):  # noqa: N818 - it is no error
    """A run was told to end before its last generation; its file is whole.

    Args:
        signum: the signal that told so.
        hint: what to do now.
    """

    def __init__(self, signum: int, hint: str = "") -> None:
        super().__init__(": ".join([f"stopped by {signal.Signals(signum).name}", *([hint] if hint else [])]))
        self.signum = signum
        self.exit_code = EXIT_CODES[signal.Signals(signum)]


class Notice:
    """The signals that a process got, and what follows from them.

    Args:
        grace: seconds between SIGUSR1 and the end of the job.
    """

    def __init__(self, grace: float = DEFAULT_GRACE) -> None:
        self.grace = grace
        self.signum = 0  #: what was heard, 0 for nothing
        self._told_at = 0.0
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

    def hear(self, signum: int) -> None:
        """Take note of a signal, also of one that another rank got; what ends sooner wins."""
        if self.signum == 0:
            self._told_at = time.monotonic()
        if self.signum in (0, signal.SIGUSR1) and signum != 0:
            self.signum = signum

    def begin_generation(self) -> None:
        """Start to measure how long a generation takes."""
        self._began = time.monotonic()

    def end_generation(self) -> None:
        """A generation is safe on disk: the moment at which to go if one was told to.

        Raises:
            Stopped: a signal has been heard.
        """
        self._longest = max(self._longest, time.monotonic() - self._began)
        if self.signum:
            raise Stopped(self.signum)

    def check(self) -> None:
        """To be called often while a generation is in flight.

        Raises:
            Stopped: a signal has been heard, and the generation would not be finished in time.
        """
        if self.signum and (self.signum != signal.SIGUSR1 or not self._fits()):
            raise Stopped(self.signum)

    def _fits(self) -> bool:
        """Whether the generation in flight will end in time, going by the longest so far."""
        end = self._told_at + (1.0 - RESERVE) * self.grace
        return max(time.monotonic(), self._began + self._longest) < end

    def _on_signal(self, signum: int, _: FrameType | None) -> None:
        self.hear(signum)


def read_grace(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds between SIGUSR1 and the end of the job, from the environment.

    Raises:
        ConfigError: they are no positive number.
    """
    text = environ.get(GRACE, str(DEFAULT_GRACE))
    try:
        grace = float(text)
    except ValueError:
        grace = 0.0
    if not 0.0 < grace < float("inf"):
        raise ConfigError(f"got {GRACE}={text}, expected seconds between SIGUSR1 and the end of the job, such as 60")
    return grace
