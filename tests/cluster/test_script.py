from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evo_hns.cluster.job import Job
from evo_hns.cluster.notation import parse_array
from evo_hns.cluster.script import defaults_of, render, template_of
from evo_hns.cluster.site import find_script, read_site, why_not_started
from evo_hns.config import ConfigError
from tests.cluster.test_job import ARRAY, JOB

SHIPPED = Path(__file__).parents[2] / "slurm"
SCRIPTS = ("one-node.sbatch", "many-nodes.sbatch", "array.sbatch")


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped scripts in the folder one works in."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACCOUNT", "PARTITION"):
        monkeypatch.delenv(f"SBATCH_{name}", raising=False)
    shutil.copytree(SHIPPED, tmp_path / "slurm")
    return tmp_path / "slurm"


def headers(script: str) -> dict[str, str]:
    """The `#SBATCH` lines of a script, by option."""
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH --")]
    found = {line.partition("=")[0]: "".join(shlex.split(line.partition("=")[2])) for line in lines}
    assert len(found) == len(lines), "an option is there twice"
    return found


def rendered(job: Job = JOB, folder: Path = Path("/project")) -> str:
    return render(job, read_site(find_script("site.sh")), folder)


@pytest.mark.parametrize("name", [*SCRIPTS, "job.sh", "site.sh"])
def test_shipped_scripts_are_bash(name: str) -> None:
    subprocess.run(["bash", "-n", str(SHIPPED / name)], check=True)


@pytest.mark.parametrize("name", SCRIPTS)
def test_shipped_scripts_warn_requeue_and_append_to_their_log(name: str) -> None:
    script = (SHIPPED / name).read_text()
    found = headers(script)
    assert found["signal"] == "B:USR1@300"
    assert {"requeue", "open-mode", "hint"} <= found.keys()
    assert found["output"] == ("%x-%A_%a.out" if name == "array.sbatch" else "%x-%j.out")
    assert defaults_of(SHIPPED / name) == (16, 300)


def test_a_script_needs_no_other_one(scripts: Path) -> None:
    text = rendered()
    assert "\nsource " not in text
    assert "LAUNCH=(srun " in text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_a_script_asks_for_what_was_asked_for(scripts: Path) -> None:
    found = headers(rendered())
    assert (
        found
        | {
            "job-name": "quadrant",
            "output": "runs/%x-%j.out",
            "chdir": "/project",
            "time": "04:00:00",
            "nodes": "2",
            "ntasks-per-node": "16",
            "mem": "0M",
            "signal": "B:USR1@300",
        }
        == found
    )
    assert "array" not in found
    assert headers(rendered(replace(JOB, grace=20, ranks_per_node=3)))["signal"] == "B:USR1@20"
    assert headers(rendered(ARRAY))["array"] == "2-3%1"
    assert headers(rendered(ARRAY))["nodes"] == "2"


def test_every_shipped_script_is_a_template() -> None:
    assert template_of(nodes=1, has_seeds=False).name == "one-node.sbatch"
    assert template_of(nodes=2, has_seeds=False).name == "many-nodes.sbatch"
    assert template_of(nodes=2, has_seeds=True).name == "array.sbatch"


@pytest.mark.parametrize("job", [JOB, ARRAY, replace(JOB, options=("--set", "rules.restrict_rect=[0, 0, 6, 6]"))])
def test_a_job_trains_with_the_words_that_were_typed(job: Job, scripts: Path, tmp_path: Path) -> None:
    with (scripts / "site.sh").open("a") as site:
        site.write("PYTHON=python LAUNCH=(printf '%s\\n')\n")
    (tmp_path / "script").write_text(rendered(job, tmp_path))
    environment = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n1"}
    if job.seeds:
        environment |= {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["bash", "script"], env=environment, capture_output=True, text=True, check=True)
    seed = ["--seed", "3"] if job.seeds else []
    run = str(job.run).replace("%a", "3")
    expected = [
        "python",
        "-m",
        "mpi4py",
        "-m",
        "evo_hns",
        "train",
        "quadrant",
        "--run",
        run,
        "--resume",
        *job.options,
        *seed,
    ]
    assert done.stdout.splitlines()[1:] == expected


def test_what_a_site_sets_is_in_the_headers_unless_the_environment_says_otherwise(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = scripts / "site.sh"
    site.write_text(site.read_text().replace("#export", "export"))
    assert headers(rendered()) | {"account": "my-project", "partition": "standard"} == headers(rendered())
    monkeypatch.setenv("SBATCH_ACCOUNT", "another one")
    assert headers(rendered())["account"] == "another one"


def test_a_site_file_that_bash_cannot_read_is_refused(scripts: Path) -> None:
    (scripts / "site.sh").write_text("LAUNCH=(srun\n")
    with pytest.raises(ConfigError, match=r"slurm/site\.sh cannot be read by bash: "):
        read_site(find_script("site.sh"))


def test_jobs_run_with_the_interpreter_that_submits(scripts: Path) -> None:
    site = read_site(find_script("site.sh"))
    assert site.python == sys.executable
    assert f"\nEVO_HNS_PYTHON={shlex.quote(sys.executable)}\n" in rendered()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "PYTHON=.venv/bin/python",
            r"No such file or directory.* \(PYTHON is \.venv/bin/python, as .*slurm/site\.sh",
        ),
        ("PYTHON=true; prepare() { false; }", r"slurm/site\.sh or its prepare fails"),
        ("PYTHON=false", r"exit code 1 \(PYTHON is false"),
        ("PYTHON=true; LAUNCH=(no-such-launcher -n 4)", r"there is no program no-such-launcher"),
        ("LAUNCH=(true); PYTHON=absent", "No module named mpi4py: pip install .*mpi4py.*, or build mpi4py with"),
    ],
)
def test_a_command_that_does_not_start_is_seen_before_it_is_submitted(line: str, reason: str, scripts: Path) -> None:
    absent = scripts.parent / "absent"
    absent.write_text("#!/bin/bash\necho 'python: No module named mpi4py' >&2\nexit 1\n")
    absent.chmod(0o755)
    with (scripts / "site.sh").open("a") as site:
        site.write(f"{line.replace('absent', str(absent))}\n")
    assert re.search(reason, why_not_started(read_site(find_script("site.sh")), with_launcher=True))


def test_a_command_that_starts_is_not_complained_of(scripts: Path) -> None:
    with (scripts / "site.sh").open("a") as site:
        site.write("PYTHON=true\n")
    assert why_not_started(read_site(find_script("site.sh")), with_launcher=False) == ""


def test_a_site_gets_what_was_asked_for_beside_what_it_sets_itself(scripts: Path) -> None:
    (scripts / "site.sh").write_text((scripts / "site.sh").read_text().replace("#export", "export"))
    asked = {"account": "p7", "mail-user": "me@uni.edu", "gres": "gpu:1", "exclusive": "", "hint": "multithread"}
    text = rendered(replace(JOB, memory=24_000, headers=asked))
    found = headers(text)
    assert found == found | asked | {"mem": "24000M", "partition": "standard"}
    assert "mem-per-cpu" not in headers(text)
    assert "\n#SBATCH --exclusive\n" in text


@pytest.mark.parametrize(
    ("name", "line", "complaint"),
    [
        (
            "many-nodes.sbatch",
            "source slurm/job.sh",
            "expected the line 'source slurm/job.sh || exit 2' once, got it 0",
        ),
        ("job.sh", "source slurm/site.sh", "expected the line 'source slurm/site.sh || exit 2' once, got it 0"),
    ],
)
def test_scripts_that_were_changed_beyond_recognition_are_refused(
    name: str, line: str, complaint: str, scripts: Path
) -> None:
    (scripts / name).write_text((scripts / name).read_text().replace(line, "#"))
    with pytest.raises(ConfigError, match=complaint.replace("|", r"\|")):
        rendered()


def test_a_script_without_its_numbers_is_refused(scripts: Path) -> None:
    (scripts / "array.sbatch").write_text("#!/bin/bash\n")
    with pytest.raises(ConfigError, match=r"array\.sbatch: expected the lines #SBATCH --ntasks-per-node=RANKS and"):
        defaults_of(template_of(nodes=1, has_seeds=True))


def test_scripts_that_are_nowhere_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no site\.sh in .*: install the package again"):
        find_script("site.sh", [tmp_path])


def test_seeds_of_an_array_may_be_many(scripts: Path) -> None:
    assert headers(rendered(replace(ARRAY, seeds=parse_array("0-999%10"))))["array"] == "0-999%10"
