"""`evo-hns submit` asks a real Slurm before it puts anything into the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.cli import main
from evo_hns.cli.console import command
from evo_hns.cli.errors import USER_ERROR
from tests.slurm.conftest import Site
from tests.slurm.lab import FINISHED


@pytest.fixture(autouse=True)
def on_the_cluster(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user of the cluster, in the project's folder."""
    monkeypatch.chdir(site.folder)
    for name, value in site.lab.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("words", "environment", "complaint"),
    [
        ("--nodes 3 --ranks-per-node 1", {}, "--nodes: got 3, expected at most the 2 of partition main"),
        ("", {}, "--ranks-per-node: got 16, expected at most the 4 cores of a node in main"),
        (
            "--ranks-per-node 1 --time 2-00",
            {},
            "--time: got 2-00:00:00, expected at most 1-00:00:00, the limit of main",
        ),
        (
            "--ranks-per-node 1",
            {"partition": "nowhere"},
            "got 'nowhere', expected a partition of this Slurm: main, short",
        ),
        ("--ranks-per-node 1", {"partition": "short"}, "--time: got 01:00:00, expected at most 00:30:00"),
        (
            "--ranks-per-node 1",
            {"constraint": "gpu"},
            "Slurm refuses (sbatch --test-only): Invalid feature specification",
        ),
        (
            "--ranks-per-node 1 --array 0-2000",
            {},
            "--array: got the seed 2000, expected at most 1000, the largest task",
        ),
    ],
)
def test_what_slurm_would_never_start_is_refused_at_once(
    words: str,
    environment: dict[str, str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"SBATCH_{name.upper()}", value)
    assert (
        main(
            [
                "submit",
                "tiny",
                "--time",
                "1:00:00",
                "--run",
                "runs/refused-%a.h5" if "array" in words else "runs/refused.h5",
                *words.split(),
            ]
        )
        == USER_ERROR
    )
    shown = capsys.readouterr()
    assert shown.out == ""
    assert complaint in shown.err
    assert shown.err.count("\n") == 1
    assert not Path("runs/refused.sbatch").exists()


def test_a_cluster_that_does_not_answer_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text(site.lab.conf.read_text().replace("SlurmctldPort=", "MessageTimeout=2\nSlurmctldPort=1 #"))
    monkeypatch.setenv("SLURM_CONF", str(conf))
    assert main(["submit", "tiny", "--time", "1:00:00", "--ranks-per-node", "1"]) == USER_ERROR
    assert "Slurm refuses (sinfo --noheader): " in capsys.readouterr().err


def test_a_job_is_told_with_what_follows_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    words = "submit tiny --time 1:00:00 --ranks-per-node 1 --generations 1 --run runs/told.h5 --search.popsize 4"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    assert Path("runs/told.sbatch").read_text() in shown
    job = shown.partition("\njob ")[2].partition(":")[0]
    assert [line.strip() for line in shown.splitlines()[-4:]] == [
        f"squeue --job {job}",
        f"tail -F runs/told-{job}.out",
        f"{command()} info runs/told.h5",
        f"scancel {job}",
    ]
    told = site.lab.job(job)
    assert told["JobName"] == "told"
    site.lab.ask("scancel", job)
    assert site.lab.wait(job)["JobState"] in FINISHED


def test_what_the_environment_says_of_sbatch_does_not_win_over_what_was_asked_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SBATCH_TIMELIMIT", "7")
    monkeypatch.setenv("SBATCH_PARTITION", "short")
    assert main(["submit", "tiny", "--time", "20:00", "--ranks-per-node", "1", "--run", "runs/own.h5", "--json"]) == 0
    job = capsys.readouterr().out.partition('"job": "')[2].partition('"')[0]
    told = site.lab.job(job)
    site.lab.ask("scancel", job)
    assert (told["TimeLimit"], told["Partition"]) == ("00:20:00", "short")
    assert site.lab.wait(job)["JobState"] in FINISHED
