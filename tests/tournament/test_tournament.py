"""Champions of all times meet; whoever stops a tournament, it ends with the same numbers."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from evo_hns.archive import Champion, Generation, RunFile
from evo_hns.archive.tournament import Tournament
from evo_hns.archive.tournament_file import TournamentFile
from evo_hns.cli import main
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import Evaluator, LocalEvaluator, build_evaluator
from evo_hns.evaluation.matches import HELD_OUT_SEED, MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.session import GameSession
from evo_hns.players.evaluate import evaluate
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal, Stopped
from evo_hns.tournament.participants import select
from evo_hns.tournament.tournament import (
    TournamentSpec,
    env_steps_of,
    generations_of,
    payoff_of,
    play_tournament,
)
from evo_hns.training.driver import train
from tests.conftest import tiny


def order(*runs: Path, champions: int = 3, **changes: object) -> TournamentSpec:
    """A small tournament of some runs, or of addresses."""
    addresses = {side: changes.pop(side.label, ()) for side in Side}
    settings = {"min_episodes": 4, "max_episodes": 8, **changes}
    return TournamentSpec(select(runs, champions, addresses), **settings)


def assert_same_bits(one: Tournament, other: Tournament) -> None:
    assert (one.selection, one.precision, one.participants) == (other.selection, other.precision, other.participants)
    assert replace(one.meta, created="") == replace(other.meta, created="")
    assert one.cells.wanted.tolist() == other.cells.wanted.tolist()
    assert one.cells.count.tolist() == other.cells.count.tolist()
    for side in Side:
        assert one.cells.scores[side].tobytes() == other.cells.scores[side].tobytes()


class Watched:
    """Plays for real; notes the matches, lets some of them fail, and can be told to stop."""

    def __init__(self, real: LocalEvaluator, failing: Mapping[int, bool] | None = None, stop_after: int = 99) -> None:
        self._real = real
        self.tables: list[MatchTable] = []
        self._failing, self._stop_after = failing, stop_after

    @property
    def session(self) -> GameSession:
        return self._real.session

    @property
    def num_worlds(self) -> int:
        return 2  # so that chunks are short

    def evaluate(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> Episodes:
        if len(self.tables) == self._stop_after:
            raise Stopped(signal.SIGTERM)
        self.tables.append(table)
        episodes = self._real.evaluate(table, rosters)
        if self._failing is None:
            return episodes
        failed = torch.tensor([self._failing.get(int(hider), False) for hider in table.hider])
        return replace(episodes, failed=episodes.failed | failed)


@pytest.fixture
def path(tmp_path: Path, run_path: Path) -> Path:
    shutil.copy(run_path, tmp_path / "run.h5")
    return tmp_path / "t.h5"


@pytest.fixture(scope="session")
def memory_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the same game whose networks have another form on one side."""
    path = tmp_path_factory.mktemp("runs") / "memory.h5"
    hiders = {"policy": {"hidden_size": 2, "gru_size": 2}}
    train(tiny(hiders=hiders, seed=4), path, announce=lambda _: None, observers=[])
    return path


def test_a_cell_is_an_evaluation_of_its_pair_in_the_same_worlds(path: Path, memory_path: Path) -> None:
    run = path.with_name("run.h5")
    hiders = [f"{memory_path}:hiders/1", "random", f"{run}:hiders/0"]
    seekers = [f"{run}:seekers/2", f"{memory_path}:seekers/0"]
    played = play_tournament(path, order(hiders=hiders, seekers=seekers, seed=5, half_width=1e-9), build_evaluator)
    payoff = payoff_of(played)
    for row, hider in enumerate(hiders):
        for column, seeker in enumerate(seekers):
            alone = evaluate(hider, seeker, RunConfig(), episodes=8, seed=5)
            for side in Side:
                assert payoff.mean[side][row, column] == pytest.approx(alone.returns[side].mean, abs=1e-12)
                squares = played.cells.moments(side)[2][row, column]
                assert 1.959964 * np.sqrt(squares / 7 / 8) == pytest.approx(alone.returns[side].half_width)
    assert payoff.count.tolist() == [[8, 8]] * 3
    assert played.env_steps == 6 * 8 * 6


def test_a_tournament_of_an_older_version_goes_on_with_the_same_players(path: Path) -> None:
    asked = order(path.with_name("run.h5"), champions=2, half_width=1e-9)
    played = play_tournament(path, asked, build_evaluator)
    older = {
        side: tuple(replace(who, network=json.dumps(json.loads(who.network) | {"entity": {}})) for who in players)
        for side, players in played.participants.items()
    }
    with TournamentFile.open(path) as file:
        file.write(replace(played, participants=older))
    watched = Watched(build_evaluator(tiny()))
    play_tournament(path, asked, lambda _: watched)
    assert watched.tables == []  # all has been played


def test_all_cells_play_the_same_worlds_that_nobody_trained_in(path: Path) -> None:
    watched = Watched(build_evaluator(tiny()))
    play_tournament(path, order(path.with_name("run.h5"), champions=2, half_width=1e-9), lambda _: watched)
    worlds: dict[tuple[int, int], list[int]] = {}
    for table in watched.tables:
        for hider, seeker, seed in zip(table.hider, table.seeker, table.seed, strict=True):
            worlds.setdefault((int(hider), int(seeker)), []).append(int(seed))
    first = worlds[0, 0]
    assert worlds == dict.fromkeys(((a, b) for a in range(2) for b in range(2)), first)
    assert len(set(first)) == 8
    assert min(first) >= HELD_OUT_SEED + 2**20


def test_participants_are_known_by_generation_and_training(path: Path) -> None:
    asked = order(path.with_name("run.h5"), champions=2, seekers=["random"])
    played = play_tournament(path, asked, build_evaluator)
    steps = np.cumsum(RunFile.read(path.with_name("run.h5")).metrics["env_steps"])
    assert generations_of(played, Side.HIDERS).tolist() == [0, 2]
    assert env_steps_of(played, Side.HIDERS).tolist() == [steps[0], steps[2]]
    assert generations_of(played, Side.SEEKERS).tolist() == env_steps_of(played, Side.SEEKERS).tolist() == [-1]
    assert payoff_of(played).hiders == ("hiders/0", "hiders/2")
    assert TournamentFile.read(path).meta.versions["mujoco"]


def test_stopped_at_any_chunk_it_ends_with_the_same_bits(path: Path, memory_path: Path) -> None:
    run = path.with_name("run.h5")
    hiders = [f"{run}:hiders/0", f"{memory_path}:hiders/0", "random"]
    bounds = {"half_width": 1.3, "min_episodes": 6, "max_episodes": 20, "seed": 1}
    asked = order(run, memory_path, champions=2, hiders=hiders, **bounds)
    real = build_evaluator(tiny())
    unbroken = play_tournament(path.with_name("unbroken.h5"), asked, lambda _: real)
    assert set(unbroken.cells.count.ravel().tolist()) == {12, 20}
    for chunks in (1, 3, 4, 7):
        with pytest.raises(Stopped):
            play_tournament(path, asked, lambda _, n=chunks: Watched(real, stop_after=n))
    assert 0 < TournamentFile.read(path).cells.count.sum() < unbroken.cells.count.sum()
    assert_same_bits(play_tournament(path, asked, lambda _: real), unbroken)
    assert_same_bits(TournamentFile.read(path), unbroken)


def test_a_process_that_is_killed_costs_little_and_changes_nothing(path: Path) -> None:
    words = ["tournament", "run.h5", "--half-width", "1e-9", "--max-episodes", "48", "--output", "t.h5"]
    command = [sys.executable, "-m", "evo_hns", *words]
    with subprocess.Popen(command, cwd=path.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (path.exists() and TournamentFile.read(path).cells.count.sum() > 60):
            time.sleep(0.02)
        process.kill()
    left = int(TournamentFile.read(path).cells.count.sum())
    assert 60 < left < 9 * 48
    asked = order(path.with_name("run.h5"), champions=16, half_width=1e-9, min_episodes=8, max_episodes=48)
    resumed = play_tournament(path, asked, build_evaluator)
    assert resumed.cells.count.sum() == 9 * 48
    assert_same_bits(resumed, play_tournament(path.with_name("unbroken.h5"), asked, build_evaluator))
    assert not path.with_name("t.h5.lock").exists()
    assert not path.with_name("t.h5.tmp").exists()


def test_a_finished_tournament_plays_nothing_more(path: Path) -> None:
    asked = order(path.with_name("run.h5"))
    before = play_tournament(path, asked, build_evaluator)
    content = path.read_bytes()

    def refuse(_: RunConfig) -> Evaluator:
        raise AssertionError

    assert_same_bits(play_tournament(path, asked, refuse), before)
    assert path.read_bytes() == content


def test_it_goes_on_with_those_it_began_with_while_the_run_goes_on(path: Path, run_path: Path) -> None:
    run = path.with_name("run.h5")
    asked = order(run, champions=2, half_width=1e-9)
    with pytest.raises(Stopped):
        play_tournament(path, asked, lambda _: Watched(build_evaluator(tiny()), stop_after=1))
    with RunFile.open(run) as file:  # one more generation: the last champion is another one now
        champions = {side: Champion(hall.genomes[0] + np.float32(1), 0.0) for side, hall in file.run.halls.items()}
        file.commit(Generation(3, champions, {"env_steps": 100.0}, file.run.state))
    played = play_tournament(path, asked, build_evaluator)
    assert generations_of(played, Side.HIDERS).tolist() == [0, 2]
    with pytest.raises(ConfigError, match="who is not among the 2 hiders that are asked for"):
        more = order(run, champions=2, hiders=[f"{run}:hiders/1", f"{run}:hiders/2"], half_width=1e-9)
        play_tournament(path, more, build_evaluator)


def test_more_of_the_same_extends_what_is_there(path: Path) -> None:
    run = path.with_name("run.h5")
    few = play_tournament(path, order(run, champions=2, half_width=1e-9), build_evaluator)
    more = play_tournament(path, order(run, champions=3, half_width=1e-10, max_episodes=16), build_evaluator)
    assert more.cells.count.tolist() == [[16] * 3] * 3
    for row in range(2):
        for column in range(2):
            old = few.cells.scores[Side.HIDERS][few.cells.cell_of == 2 * row + column]
            new = more.cells.scores[Side.HIDERS][more.cells.cell_of == 3 * (2 * row) + 2 * column]
            assert new[:8].tobytes() == old.tobytes()
    whole = play_tournament(
        path.with_name("whole.h5"), order(run, champions=3, half_width=1e-10, max_episodes=16), build_evaluator
    )
    assert_same_bits(more, whole)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed": 1}, "is a tournament with --seed 0, got 1: take another --output"),
        ({"half_width": 2.0}, "with --half-width 1, got 2, which asks for less: leave it, or take another --output"),
        ({"min_episodes": 2}, "with --min-episodes 4, got 2, which asks for less"),
        ({"max_episodes": 4}, "with --max-episodes 8, got 4, which asks for less"),
        ({"champions": 1}, "has run.h5:hiders/2, who is not among the 1 hiders that are asked for"),
        ({"hiders": ["random"]}, "has run.h5:hiders/0, who is not among the 1 hiders"),
    ],
)
def test_other_arguments_for_the_same_file_are_refused(changes: dict[str, object], complaint: str, path: Path) -> None:
    run = path.with_name("run.h5")
    play_tournament(path, order(run, champions=2, half_width=1.0), build_evaluator)
    content = path.read_bytes()
    with pytest.raises(ConfigError, match=complaint) as caught:
        play_tournament(path, order(run, **{"champions": 2, "half_width": 1.0, **changes}), build_evaluator)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_of_another_game_is_refused(path: Path, other_game_path: Path) -> None:
    play_tournament(path, order(path.with_name("run.h5")), build_evaluator)
    with pytest.raises(ConfigError, match=r"a tournament of another game \(world.num_boxes: 2 and 1\)"):
        play_tournament(path, order(other_game_path), build_evaluator)


def test_episodes_that_failed_are_kept_as_such_and_a_cell_without_any_other_has_no_mean(path: Path) -> None:
    failing = Watched(build_evaluator(tiny()), failing={1: True})
    played = play_tournament(path, order(path.with_name("run.h5"), champions=2, half_width=3.0), lambda _: failing)
    payoff = payoff_of(played)
    assert payoff.count.tolist() == [[4, 4], [0, 0]]
    assert played.cells.count.tolist() == [[4, 4], [8, 8]]  # tried up to the maximum
    assert played.num_failed == 16
    assert np.isnan(payoff.mean[Side.SEEKERS][1]).all()
    assert np.isfinite(payoff.mean[Side.SEEKERS][0]).all()
    assert TournamentFile.read(path).num_failed == 16


def test_a_signal_between_chunks_stops_it(path: Path) -> None:
    shutdown = ShutdownSignal()
    shutdown.receive(signal.SIGUSR1)
    with pytest.raises(Stopped):
        play_tournament(path, order(path.with_name("run.h5")), build_evaluator, shutdown=shutdown)


def test_a_task_of_one_team_has_no_tournament(path: Path) -> None:
    with h5py.File(path.with_name("run.h5"), "r+") as file:
        settings = json.loads(file["meta"].attrs["config_json"])
        settings["world"] |= {"num_seekers": 0, "scenario": "randomwalls"}
        settings["rules"] |= {"task": "box-locking"}
        file["meta"].attrs["config_json"] = json.dumps(settings)
    with pytest.raises(ConfigError, match=r"\(box-locking\) has a single team"):
        play_tournament(path, order(path.with_name("run.h5")), build_evaluator)
    assert not path.exists()


def test_the_verb_plays_prints_and_extends(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    words = ["tournament", "run.h5", "--champions", "2", "--min-episodes", "4", "--max-episodes", "8"]
    assert main([*words, "--seekers", "run.h5:seekers/all", "random"]) == 0
    said = capsys.readouterr().out
    assert "2 hiders x 4 seekers" in said
    assert "mean return of hiders, 95 % intervals" in said
    assert re.search(r"^ +seekers/0 +seekers/1 +seekers/2 +scripted:random +mean$", said, re.MULTILINE)
    assert "2 hiders and 4 seekers, 2 and 3 of them champions" in said
    assert "The file is run-tournament.h5." in said
    assert main([*words, "--seekers", "run.h5:seekers/all", "random", "scripted:still", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [who["name"] for who in told["seekers"]][3:] == ["scripted:random", "scripted:still"]
    assert np.shape(told["mean_returns"]["hiders"]) == np.shape(told["episodes"]) == (2, 5)
    assert told["questions"]["all"]["episodes"] == np.sum(told["episodes"])
    assert main([*words, "--seed", "3"]) == 2
    assert "is a tournament with --seed 0, got 3: take another --output" in capsys.readouterr().err


def test_the_verb_draws_a_page(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")
    monkeypatch.chdir(path.parent)
    assert main(["tournament", "run.h5", "--max-episodes", "8", "--picture", "page.png"]) == 0
    assert "The picture is page.png." in capsys.readouterr().out
    assert Path("page.png").stat().st_size > 10_000
    assert main(["tournament", "run.h5", "--picture", "nowhere/page.png"]) == 2
    assert capsys.readouterr().err == "evo-hns: cannot write nowhere/page.png: there is no folder nowhere\n"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    assert main(["tournament", "run.h5", "--picture", "page.png"]) == 2
    assert "pictures need matplotlib: pip install" in capsys.readouterr().err
