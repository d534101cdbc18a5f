"""Timelines of runs: what an onset is, who plays, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.run_view import RunView
from evo_hns.behaviour.stages import DETECTORS, timeline
from evo_hns.behaviour.stages.shares import Share
from evo_hns.behaviour.stages.timeline import Timeline, choose, find_onset, is_there_from_the_start, is_unconfirmed
from evo_hns.cli import main
from evo_hns.cli.text.stages import timeline_text
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.training.driver import train
from tests.conftest import tiny

measure = timeline.measure_timeline


def of_64(*shown: int) -> list[Share]:
    """Shares of 64 episodes each."""
    return [Share(number, 64) for number in shown]


def test_the_interval_of_a_share_is_that_of_wilson() -> None:
    # Figures from the formula in Wilson 1927, worked out by hand.
    for share, low, high in [(Share(0, 64), 0.0, 0.0566), (Share(9, 64), 0.0758, 0.2462), (Share(64, 64), 0.9434, 1.0)]:
        assert share.low == pytest.approx(low, abs=1e-4)
        assert share.high == pytest.approx(high, abs=1e-4)
        assert share.low <= share.value <= share.high
    assert (Share(0, 0).low, Share(0, 0).high, str(Share(0, 0))) == (0.0, 1.0, "-")
    assert Share(1, 4) + Share(2, 6) == Share(3, 10)


@pytest.mark.parametrize(
    ("shown", "onset"),
    [
        ((0, 0, 9, 9), 2),
        ((0, 9, 0, 9, 9), 3),  # the first did not last
        ((0, 0, 0, 9), None),  # the last is not confirmed
        ((0, 6, 6, 6), None),  # 9 %, but the intervals touch
        ((9, 9, 9, 9), None),  # there from the start
        ((9, 30, 30), 1),  # there from the start, and then more
        ((0,), None),
    ],
)
def test_an_onset_is_clear_of_the_first_generation_and_lasts(shown: Sequence[int], onset: int | None) -> None:
    assert find_onset(of_64(*shown), Share(0, 64)) == onset


def test_what_random_players_show_as_often_is_no_onset() -> None:
    assert find_onset(of_64(0, 30, 30), Share(2, 64)) == 1
    assert find_onset(of_64(0, 30, 30), Share(20, 64)) is None


def test_what_only_the_last_generation_shows_and_what_the_first_shows_is_told() -> None:
    none = Share(0, 64)
    assert is_unconfirmed(of_64(0, 0, 9), none)
    assert not is_unconfirmed(of_64(0, 9, 9), none)
    assert not is_unconfirmed(of_64(0, 0, 9), Share(9, 64))
    assert is_there_from_the_start(of_64(9, 9))
    assert not is_there_from_the_start(of_64(3, 9))


def test_nothing_rises_above_a_generation_that_could_not_show_it() -> None:
    assert find_onset([Share(0, 0), Share(64, 64), Share(64, 64)], Share(0, 64)) is None
    assert find_onset([Share(0, 64), Share(0, 0), Share(0, 0)], Share(0, 64)) is None


def test_generations_are_evenly_spaced_from_the_first_to_the_last() -> None:
    assert choose(np.arange(101), 5).tolist() == [0, 25, 50, 75, 100]
    assert choose(np.arange(3), 8).tolist() == [0, 1, 2]
    with pytest.raises(ConfigError, match="--champions: got 1, expected 2 or more"):
        choose(np.arange(3), 1)


@pytest.fixture(scope="module")
def measured(run_path: Path) -> Timeline:
    """Two generations of a tiny run against each other."""
    return measure(run_path, champions=2, episodes=5)


def test_the_first_and_the_last_generation_play_all_worlds(measured: Timeline, run_path: Path) -> None:
    with RunView(run_path) as view:
        total = np.cumsum(view.metrics["env_steps"])
    assert [each.generation for each in measured.measurements] == [0, len(total) - 1]
    assert [each.env_steps for each in measured.measurements] == [total[0], total[-1]]
    for each in measured.measurements:
        assert each.episodes == 5
        assert set(each.shares) == set(DETECTORS)
        assert each.shares["running"].counted == 5 - each.failed
        assert each.statistics["max_box_move_main"] >= 0.0


def test_memory_is_bounded_by_batches_and_only_genomes_that_play_are_read(
    measured: Timeline, run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    genomes = RunView.genomes

    def spy(self: RunView, side: Side, rows: np.ndarray) -> np.ndarray:
        read.extend(np.asarray(rows).tolist())
        return genomes(self, side, rows)

    monkeypatch.setattr(RunView, "genomes", spy)
    monkeypatch.setattr(timeline, "BATCH", 2)
    assert measure(run_path, champions=2, episodes=5).as_dict() == measured.as_dict()
    assert read == [0, 0, 2, 2]


def test_against_held_out_players_each_side_shows_its_own_stages(run_path: Path) -> None:
    found = measure(run_path, champions=2, episodes=4, against="held-out").measurements[0]
    assert found.episodes == 8
    assert found.shares["running"].counted == found.shares["chasing"].counted == 4
    assert found.shares["under_floor"].counted == 8


def test_a_wrong_opponent_is_refused(run_path: Path) -> None:
    with pytest.raises(ConfigError, match="--against: got 'nobody', expected self or held-out"):
        measure(run_path, against="nobody")


def test_a_game_of_one_team_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "alone.h5"
    alone = {"num_hiders": 1, "num_seekers": 0, "num_boxes": 1}
    train(tiny(world=alone, rules={"horizon": 6, "task": "box-locking"}), path, announce=lambda _: None, observers=[])
    with pytest.raises(ConfigError, match="is a run of box-locking with one team; stages need hide-and-seek"):
        measure(path)


def test_the_command_prints_a_table_or_json_and_draws(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")
    from matplotlib.image import imread

    words = ["diagnose", "stages", str(run_path), "--champions", "2", "--episodes", "4"]
    picture = tmp_path / "stages.png"
    main([*words, "--output", str(picture)])
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in shown for name in DETECTORS)
    assert "2 generations against each other, 8 episodes, 0 discarded" in shown
    assert imread(picture).std() > 0.02  # not an empty page
    main([*words, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert list(told["stages"]) == list(DETECTORS)
    assert [each["generation"] for each in told["generations"]] == [0, 2]


def test_the_last_words_name_the_stages_that_were_reached_and_exploits(measured: Timeline) -> None:
    assert timeline_text(measured).endswith("\nreached: no stage")
    none, most = Share(0, 64), Share(30, 64)
    shares = [dict.fromkeys(DETECTORS, none), *2 * [dict.fromkeys(DETECTORS, none) | {"fort": most, "left_area": most}]]
    seen = [replace(measured.measurements[0], generation=g, shares=each) for g, each in enumerate(shares)]
    later = replace(measured, measurements=tuple(seen), chance_level=dict.fromkeys(DETECTORS, none))
    reached = later.onset("fort")
    assert reached is not None
    told = f"generation 1 ({reached.env_steps:,} env steps, 47% (35%-59%))"
    assert timeline_text(later).replace("\n", " ").endswith(f" reached: fort in {told}; exploits: left_area in {told}")
    assert all(len(line) < 80 for line in timeline_text(later).splitlines())
