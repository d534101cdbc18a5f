"""The processes of a study: what fails is told in a line, and nobody outlives the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evo_hns.config import ConfigError
from evo_hns.study.run import run_study
from tests.runs import as_toml, tiny
from tests.study.conftest import PANEL, Write
from tests.study.test_job import nobody

STARTS_ONE = """
import os, sys
from pathlib import Path
from evo_hns.study.plan import read_study
from evo_hns.study.run import _Worker, jobs_of
if __name__ == "__main__":
    worker = _Worker(jobs_of(read_study(sys.argv[1]), Path(sys.argv[2]))[0])
    worker.receive()
    print(worker.process.pid, flush=True)
    os._exit(0)
"""


def test_a_run_that_fails_is_named_and_the_study_ends(write: Write, tmp_path: Path) -> None:
    study = write('[arms.a]\nhiders.opponents = "nowhere.h5:seekers/last"', PANEL, "seeds = 1\nenv_steps = 9")
    with pytest.raises(ConfigError, match=r"^a-0: .*nowhere\.h5"):
        run_study(study, tmp_path / "runs", 1, nobody)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_process_ends_when_the_one_that_started_it_is_gone(tmp_path: Path) -> None:
    script, plan = tmp_path / "start.py", tmp_path / "long.toml"
    script.write_text(STARTS_ONE)
    (tmp_path / "tiny.toml").write_text(as_toml(tiny()))
    plan.write_text(f'experiment = "{tmp_path / "tiny.toml"}"\nenv_steps = 1_000_000\n[arms.a]\n')
    told = subprocess.run(
        [sys.executable, str(script), str(plan), str(tmp_path)], capture_output=True, text=True, check=True, timeout=900
    )
    pid, end = int(told.stdout), time.monotonic() + 30
    while time.monotonic() < end and is_alive(pid):
        time.sleep(0.1)
    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
