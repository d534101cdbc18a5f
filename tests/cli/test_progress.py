from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo_hns.archive import Champion, Generation, HeldOutRow
from evo_hns.cli.alarm import PATIENCE, DisengagementAlarm
from evo_hns.cli.progress import display
from evo_hns.reports.info import generation_line
from evo_hns.spec import Side
from evo_hns.system.machine import TERMINAL
from tests.conftest import tiny

RECORD = Generation(
    number=7,
    champions={Side.HIDERS: Champion(np.zeros(3, dtype=np.float32), 12.5)},
    metrics={"env_steps": 640.0},
    state={},
    held_out=(HeldOutRow(7, Side.HIDERS, "chaser", -3.0, 1.0, 8),),
    discards={"physics": 2},
)


def test_a_generation_is_one_line_with_champions_and_discarded_matches() -> None:
    assert generation_line(RECORD) == "generation    7  hiders  +12.50  2 discarded"


def test_lines_in_a_log_are_plain_and_never_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    with display(tiny()) as shown:
        shown.observe(RECORD)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(generation_line(RECORD))
    assert second == "  hiders held out: chaser -3.0 ± 1"


def _shares(hiders: float, seekers: float) -> Generation:
    return replace(RECORD, metrics={"hiders.win_share": hiders, "seekers.win_share": seekers})


def test_one_side_that_wins_everything_for_generations_is_told_once() -> None:
    alarm = DisengagementAlarm()
    told = [alarm.observe(_shares(0.0, 1.0)) for _ in range(3 * PATIENCE)]
    assert [bool(words) for words in told] == [number == PATIENCE - 1 for number in range(3 * PATIENCE)]
    assert told[PATIENCE - 1].startswith(f"warning: the seekers have won every match of {PATIENCE} generations")


def test_sides_that_both_win_or_take_turns_are_no_alarm() -> None:
    alarm = DisengagementAlarm()
    records = [_shares(1.0, 0.0), _shares(0.0, 1.0), _shares(1.0, 1.0), _shares(1.0, 0.01), RECORD]
    assert not any(alarm.observe(record) for record in records * PATIENCE)


def test_the_warning_is_a_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with display(tiny()) as shown:
        for _ in range(PATIENCE):
            shown.observe(_shares(1.0, 0.0))
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1 and "the hiders have won" in warnings[0]


@pytest.mark.parametrize(
    ("num_ranks", "columns", "has_bar"), [("1", None, True), ("3", None, False), ("3", "", False), ("3", "80", True)]
)
def test_ranks_show_a_bar_if_their_launcher_was_started_from_a_terminal(
    num_ranks: str,
    columns: str | None,
    has_bar: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, to the library that draws the bar
    monkeypatch.setenv("PMI_SIZE", num_ranks)
    if columns is not None:
        monkeypatch.setenv(TERMINAL, columns)
    with display(tiny()) as shown:
        shown.observe(RECORD)
    said = capsys.readouterr().out
    assert generation_line(RECORD) in said
    assert ("generations" in said, "\x1b" in said) == (has_bar, has_bar)


def test_curves_stand_above_the_bar_and_begin_where_the_run_was_measured_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with display(tiny(), [HeldOutRow(0, Side.HIDERS, "chaser", -9.0, 1.0, 8)]) as shown:
        shown.observe(RECORD)
    assert "chaser -3" in capsys.readouterr().out.rpartition("mean return against")[2]
