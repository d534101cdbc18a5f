"""Told to end: what is heard, and when a run gives in."""

from __future__ import annotations

import signal

import pytest

from evo_hns.config import ConfigError
from evo_hns.system import shutdown as module
from evo_hns.system.shutdown import Notice, Stopped, read_grace


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


def generation_of(notice: Notice, clock: Clock, seconds: float) -> None:
    notice.begin_generation()
    clock.now += seconds
    notice.end_generation()
    notice.begin_generation()


def test_nothing_heard_nothing_happens(clock: Clock) -> None:
    notice = Notice(grace=60)
    generation_of(notice, clock, 1_000)
    notice.check()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_generation_is_dropped_at_once_when_it_must_be(signum: int, code: int, clock: Clock) -> None:
    notice = Notice(grace=60)
    notice.hear(signum)
    with pytest.raises(Stopped) as stopped:
        notice.check()
    assert stopped.value.exit_code == code


def test_a_warning_lets_a_generation_end_that_fits(clock: Clock) -> None:
    notice = Notice(grace=60)
    generation_of(notice, clock, 40)
    notice.hear(signal.SIGUSR1)
    clock.now += 39
    notice.check()
    with pytest.raises(Stopped, match="stopped by SIGUSR1") as stopped:
        notice.end_generation()
    assert stopped.value.exit_code == 75


def test_a_warning_drops_a_generation_that_does_not_fit(clock: Clock) -> None:
    notice = Notice(grace=60)
    generation_of(notice, clock, 80)
    notice.hear(signal.SIGUSR1)
    with pytest.raises(Stopped):
        notice.check()


def test_a_generation_that_takes_longer_than_any_before_is_dropped_before_the_end(clock: Clock) -> None:
    notice = Notice(grace=60)
    generation_of(notice, clock, 5)
    notice.hear(signal.SIGUSR1)
    clock.now += 50
    notice.check()
    clock.now += 5
    with pytest.raises(Stopped):
        notice.check()


def test_what_ends_sooner_wins_whoever_heard_it(clock: Clock) -> None:
    notice = Notice(grace=60)
    notice.hear(signal.SIGUSR1)
    notice.hear(0)
    notice.check()
    notice.hear(signal.SIGTERM)
    notice.hear(signal.SIGUSR1)
    with pytest.raises(Stopped, match="stopped by SIGTERM: go on with this"):
        try:
            notice.check()
        except Stopped as stopped:
            raise Stopped(stopped.signum, "go on with this") from None


def test_real_signals_are_heard_for_a_while() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    notice = Notice()
    with notice.listening([signal.SIGUSR1, signal.SIGTERM]):
        signal.raise_signal(signal.SIGUSR1)
        assert notice.signum == signal.SIGUSR1
        signal.raise_signal(signal.SIGTERM)
        assert notice.signum == signal.SIGTERM
    assert signal.getsignal(signal.SIGUSR1) == before


def test_the_grace_comes_from_the_environment() -> None:
    assert read_grace({}) == 60.0
    assert read_grace({"EVO_HNS_GRACE": "12.5"}) == 12.5
    for text in ("soon", "0", "-3", "nan", "inf", ""):
        with pytest.raises(ConfigError, match=f"got EVO_HNS_GRACE={text}, expected seconds"):
            read_grace({"EVO_HNS_GRACE": text})
