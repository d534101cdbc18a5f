"""What Slurm says, told by programs that take its place; `tests/slurm` asks a real one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from evo_hns.cluster.site import Site
from evo_hns.cluster.slurm import (
    check_room,
    check_with_slurm,
    chosen,
    complaint,
    enqueue,
    largest_task,
    read_partitions,
)
from evo_hns.config import ConfigError
from tests.cluster.test_job import JOB

SINFO = """\
main*|3|2|24|1-00:00:00
main*|1|2|64|1-00:00:00
long|2|1|8|infinite
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which programs of Slurm are found, and nothing else of Slurm."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def pretend(programs: Path, name: str, script: str) -> None:
    """Put a program there."""
    (programs / name).write_text(f"#!/bin/bash\n{script}\n")
    (programs / name).chmod(0o755)


def test_partitions_are_the_sum_of_their_kinds_of_nodes() -> None:
    main, long = read_partitions(SINFO)
    assert (main.name, main.is_default, main.nodes, main.cores, main.time_limit) == ("main", True, 4, 128, 86400)
    assert (long.name, long.is_default, long.nodes, long.cores, long.time_limit) == ("long", False, 2, 8, math.inf)


def test_jobs_go_to_the_default_or_where_they_are_sent() -> None:
    both = read_partitions(SINFO)
    assert chosen(both, None) == both[:1]
    assert chosen(both, "long,main") == both[::-1]
    with pytest.raises(ConfigError, match="got 'gpu', expected a partition of this Slurm: main, long"):
        chosen(both, "long,gpu")
    with pytest.raises(ConfigError, match="no partition: Slurm has no default; choose one with --partition"):
        chosen(both[1:], None)


def test_a_job_needs_room_in_one_of_its_partitions() -> None:
    main, long = read_partitions(SINFO)
    check_room(replace(JOB, time=86400 * 30, nodes=4), [main, long])
    with pytest.raises(ConfigError, match="--nodes: got 4, expected at most the 2 of partition long"):
        check_room(replace(JOB, nodes=4), [long])
    with pytest.raises(ConfigError, match="--ranks-per-node: got 16, expected at most the 8 cores of a node in long"):
        check_room(JOB, [long])
    with pytest.raises(ConfigError, match="--time: got 2-00:00:00, expected at most 1-00:00:00, the limit of main: "):
        check_room(replace(JOB, time=2 * 86400), [main])


def test_an_account_that_slurm_does_not_know_is_refused(programs: Path) -> None:
    pretend(programs, "sinfo", f"echo '{SINFO.strip()}'")
    pretend(
        programs,
        "sbatch",
        "cat >/dev/null; echo 'sbatch: error: Batch job submission failed: Invalid account or account/partition"
        " combination specified' >&2; exit 1",
    )
    site = Site(Path("site.sh"), "", {"account": "nobody"}, "python")
    with pytest.raises(ConfigError, match=r"Slurm refuses \(sbatch --test-only\): .*Invalid account"):
        check_with_slurm(JOB, site, "#!/bin/bash\n")


def test_the_number_of_a_job_comes_without_its_cluster(programs: Path) -> None:
    pretend(programs, "sbatch", 'test "${SBATCH_TIMELIMIT-none}" = none && echo "4711;somewhere"')
    assert enqueue(Path("run.sbatch")) == "4711"


def test_variables_do_not_win_over_the_script(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBATCH_TIMELIMIT", "1")
    test_the_number_of_a_job_comes_without_its_cluster(programs)


@pytest.mark.parametrize(("shown", "largest"), [("MaxArraySize            = 5001", 5000), ("", 1000)])
def test_the_largest_task_is_asked_for(shown: str, largest: int, programs: Path) -> None:
    pretend(programs, "scontrol", f"echo '{shown}'")
    assert largest_task() == largest


def test_a_program_that_is_not_there_is_told(programs: Path) -> None:
    if Path("/usr/bin/sbatch").exists():
        pytest.skip("Slurm is installed here")
    with pytest.raises(ConfigError, match="no sbatch on this machine: submit where Slurm is"):
        enqueue(Path("run.sbatch"))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("sbatch: error: Batch job submission failed: No room", "Batch job submission failed: No room"),
        ("allocation failure: Invalid feature specification\n", "Invalid feature specification"),
        ("slurm_load_partitions: Unable to contact slurm controller", "Unable to contact slurm controller"),
        ("sbatch: error: one\nsbatch: error: two\nsbatch: error: one", "one; two"),
        ("", "it does not say why"),
    ],
)
def test_what_slurm_complains_about_is_one_line(said: str, line: str) -> None:
    assert complaint(said) == line
