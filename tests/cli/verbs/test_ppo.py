"""The verbs of the baseline: what they start, continue and refuse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evo_hns.archive.run_view import RunView
from evo_hns.cli import main
from evo_hns.cli.command import USER_ERROR
from evo_hns.cli.verbs.ppo import BASE
from evo_hns.config import ConfigError
from evo_hns.experiment import load_experiment

TINY = [
    *("--rules.horizon", "5", "--physics.num-worlds", "8", "--physics.num-threads", "1"),
    *("--ppo.num-worlds", "4", "--ppo.minibatches", "2", "--ppo.rollouts-per-generation", "1"),
    *("--policy.entity.embed-size", "8", "--policy.entity.num-cells", "8", "--policy.entity.num-filters", "2"),
    *("--coevolution.held-out-episodes", "2", "--coevolution.progress-episodes", "2"),
]


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a user's mistake is told in."""
    capsys.readouterr()
    assert main(words) == USER_ERROR
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_run_is_trained_continued_extended_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "run.h5")
    words = ["ppo", "quadrant-1v1", "--run", path, "--generations", "2", *TINY]
    assert main([*words, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["generation"] for line in told if "generation" in line] == [0, 1]
    assert main([*words, "--resume"]) == 0  # there is nothing left to do
    assert "exists" in complaint(capsys, *words)
    assert main(["resume", path, "--generations", "3"]) == 0
    with RunView(Path(path)) as run:
        assert run.num_generations == 3
    capsys.readouterr()
    assert main(["info", path]) == 0
    assert "ppo.minibatches=2" in capsys.readouterr().out


def test_an_experiment_wins_over_what_ppo_takes_by_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[policy.entity]\nembed_size = 16\n[ppo]\nepochs = 3\n[hiders.policy.entity]\nnum_cells = 8\n")
    config = load_experiment(str(path), ["ppo.gamma=0.9", "seekers.policy.entity.num_cells=8"], BASE)
    assert config.ppo is not None
    assert (config.ppo.epochs, config.ppo.gamma, config.ppo.num_worlds) == (3, 0.9, 32)
    entity = config.hiders.policy.entity
    assert (entity.embed_size, entity.dense_size, entity.num_cells) == (16, 64, 8)
    with pytest.raises(ConfigError, match=r"hiders\.policy and seekers\.policy differ"):
        load_experiment(str(path), [], BASE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ppo", "quadrant-1v1", "--policy.network", "mlp"], "set it to 'entity'"),
        (["ppo", "quadrant-1v1", "--policy.genome-per-member", "true"], "one network for all"),
        (["ppo", "quadrant-1v1", "--rules.grab-selective", "true"], "cannot choose what it grabs"),
        (["ppo", "quadrant-1v1", "--ppo.clip-range", "3"], "--ppo.clip-range: got 3, expected less than 1"),
        (["ppo", "quadrant-1v1", "--ppo.learningrate", "3"], "did you mean ppo.learning_rate?"),
        (["ppo", "quadrant-1v1", "--ppo.minibatches", "300"], "lower ppo.minibatches"),
        (["ppo", "quadrant-1v1", "--resume"], "--run FILE"),
        (["train", "quadrant-1v1", "--ppo.epochs", "3"], "trains with another verb: evo-hns ppo quadrant-1v1"),
        (["ppo-check", "--seeds", "0"], "expected at least 1"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in complaint(capsys, *words)


def test_an_experiment_of_ppo_is_not_evolved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text('[policy]\nnetwork = "entity"\n[ppo]\nepochs = 3\n')
    said = complaint(capsys, "train", str(tmp_path / "mine.toml"), "--run", str(tmp_path / "run.h5"))
    assert "which are not evolved: evo-hns ppo EXPERIMENT" in said
    assert not (tmp_path / "run.h5").exists()


def test_processes_of_a_launcher_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    said = complaint(capsys, "ppo", "quadrant-1v1", "--run", str(tmp_path / "run.h5"))
    assert "one process, but a launcher started 4" in said


def test_a_check_prints_how_long_poles_stood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "check.png"
    words = ["ppo-check", "--seeds", "2", "--rollouts", "2", "--num-worlds", "4"]
    assert main([*words, "--output", str(picture)]) == 0
    assert "seed 1" in capsys.readouterr().out
    assert picture.stat().st_size > 1000
    assert main([*words, "--json"]) == 0
    assert [len(each["returns"]) for each in json.loads(capsys.readouterr().out)] == [2, 2]


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGUSR1, 75)])
def test_a_signal_ends_a_run_that_can_go_on(signum: signal.Signals, code: int, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    words = ["ppo", "quadrant-1v1", "--run", str(path), "--generations", "5000", "--json", *TINY]
    command = [sys.executable, "-m", "evo_hns", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told: dict[str, object] = {}
        while "generation" not in told:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            told = json.loads(line)
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert said.splitlines()[-1].endswith(f"resume {path}")
    with RunView(path) as run:
        assert run.num_generations >= 1
