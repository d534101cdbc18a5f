"""Told to end: what is heard, and when a run gives in."""

from __future__ import annotations

import signal

import pytest

from evo_hns.config import ConfigError
from evo_hns.system import shutdown as module
from evo_hns.system.shutdown import ShutdownSignal, Stopped, read_shutdown_timeout


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def generation_of(shutdown: ShutdownSignal, clock: Clock, seconds: float) -> None:
    shutdown.begin_generation()
    clock.now += seconds
    shutdown.end_generation()
    shutdown.begin_generation()


def test_nothing_heard_nothing_happens(clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    generation_of(shutdown, clock, 1_000)
    shutdown.check()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_generation_is_dropped_at_once_when_it_must_be(signum: int, code: int, clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    shutdown.receive(signum)
    with pytest.raises(Stopped) as stopped:
        shutdown.check()
    assert stopped.value.exit_code == code


def test_a_warning_lets_a_generation_end_that_fits(clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    generation_of(shutdown, clock, 40)
    shutdown.receive(signal.SIGUSR1)
    clock.now += 39
    shutdown.check()
    with pytest.raises(Stopped, match="stopped by SIGUSR1") as stopped:
        shutdown.end_generation()
    assert stopped.value.exit_code == 75


def test_a_warning_drops_a_generation_that_does_not_fit(clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    generation_of(shutdown, clock, 80)
    shutdown.receive(signal.SIGUSR1)
    with pytest.raises(Stopped):
        shutdown.check()


def test_a_generation_that_takes_longer_than_any_before_is_dropped_before_the_end(clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    generation_of(shutdown, clock, 5)
    shutdown.receive(signal.SIGUSR1)
    clock.now += 50
    shutdown.check()
    clock.now += 5
    with pytest.raises(Stopped):
        shutdown.check()


def test_what_ends_sooner_wins_whoever_heard_it(clock: Clock) -> None:
    shutdown = ShutdownSignal(timeout=60)
    shutdown.receive(signal.SIGUSR1)
    shutdown.receive(0)
    shutdown.check()
    shutdown.receive(signal.SIGTERM)
    shutdown.receive(signal.SIGUSR1)
    with pytest.raises(Stopped, match="stopped by SIGTERM: go on with this"):
        try:
            shutdown.check()
        except Stopped as stopped:
            raise Stopped(stopped.signum, "go on with this") from None


def test_real_signals_are_heard_for_a_while() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    shutdown = ShutdownSignal()
    with shutdown.listening([signal.SIGUSR1, signal.SIGTERM]):
        signal.raise_signal(signal.SIGUSR1)
        assert shutdown.signum == signal.SIGUSR1
        signal.raise_signal(signal.SIGTERM)
        assert shutdown.signum == signal.SIGTERM
    assert signal.getsignal(signal.SIGUSR1) == before


def test_the_shutdown_timeout_comes_from_the_environment() -> None:
    assert read_shutdown_timeout({}) == 60.0
    assert read_shutdown_timeout({"EVO_HNS_SHUTDOWN_TIMEOUT": "12.5"}) == 12.5
    for text in ("soon", "0", "-3", "nan", "inf", ""):
        with pytest.raises(ConfigError, match=f"got EVO_HNS_SHUTDOWN_TIMEOUT={text}, expected seconds"):
            read_shutdown_timeout({"EVO_HNS_SHUTDOWN_TIMEOUT": text})
