"""Ctrl-C in real processes: what the first one does, and the second."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from evo_hns.system.interrupt import FIRST_WORDS, INTERRUPTED, PATIENCE

ROOT = Path(__file__).parents[2]
PREAMBLE = """
import signal, sys, threading, time
from pathlib import Path
from evo_hns.system import interrupt

def ready():
    print("ready", flush=True)

def save(path):
    with interrupt.coming_to_its_end(), interrupt.temporary(path.with_suffix(".tmp")) as partial:
        partial.write_text("half")
        ready()
        time.sleep(0.4)
        partial.write_text("whole")
        partial.replace(path)
"""


class End(NamedTuple):
    """How a process ended."""

    code: int
    told: str
    seconds: float  #: after the last Ctrl-C


def interrupted(command: str, folder: Path, *pauses: float, before: str = "") -> End:
    """Run a command, and interrupt it when it is ready and after each pause."""
    script = f"{PREAMBLE}\n{before}\ndef command():\n" + "".join(
        f"    {line}\n" for line in command.strip().splitlines()
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", f"{script}\nsys.exit(interrupt.run(command))"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for pause in (0.0, *pauses):
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
        last = time.monotonic()
        said, complained = process.communicate(timeout=60)
    return End(process.returncode, said + complained, time.monotonic() - last)


ENDED = FIRST_WORDS + "evo-hns: interrupted\n"


def test_the_first_one_says_what_it_does_and_lets_everything_be_put_away(tmp_path: Path) -> None:
    end = interrupted("try:\n    ready(); time.sleep(60)\nfinally:\n    print('put away')", tmp_path)
    assert (end.code, end.told) == (INTERRUPTED, f"put away\n{ENDED}")


def test_the_last_words_say_what_to_do(tmp_path: Path) -> None:
    end = interrupted("with interrupt.hinting('resume x'):\n    ready(); time.sleep(60)", tmp_path)
    assert end.told == FIRST_WORDS + "evo-hns: interrupted: resume x\n"


@pytest.mark.parametrize(
    "command",
    [
        "ready()\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass",
        "import hashlib; ready()\nhashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",  # no step of Python for minutes
        "threading.Thread(target=time.sleep, args=(60,)).start()\nready()\ntime.sleep(60)",
    ],
    ids=["swallowed", "unheard", "a busy thread"],
)
def test_the_first_one_ends_whatever_goes_on(command: str, tmp_path: Path) -> None:
    end = interrupted(command, tmp_path)
    assert end.code == INTERRUPTED
    assert end.told.startswith(FIRST_WORDS)
    assert end.told.count("evo-hns: interrupted") == 1
    assert "Traceback" not in end.told
    assert end.seconds < PATIENCE + 2.0  # on a busy machine


def test_what_a_library_makes_of_an_interrupt_is_not_told(tmp_path: Path) -> None:
    command = """
ready()
try:
    time.sleep(60)
except KeyboardInterrupt:
    raise ImportError("initialization failed")
"""
    end = interrupted(command, tmp_path)
    assert (end.code, end.told) == (INTERRUPTED, ENDED)


@pytest.mark.parametrize("pause", [0.1, 0.5])
def test_the_second_one_ends_at_once_and_leaves_no_temporary_file(pause: float, tmp_path: Path) -> None:
    command = """
with interrupt.temporary(Path("half.tmp")) as path:
    path.touch()
    try:
        ready(); time.sleep(60)
    finally:
        time.sleep(60)
"""
    end = interrupted(command, tmp_path, pause)
    assert (end.code, end.told) == (INTERRUPTED, ENDED)
    assert end.seconds < PATIENCE
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_saved_is_saved_before_the_first_one_ends(tmp_path: Path) -> None:
    end = interrupted("save(Path('file'))\nprint('went on')", tmp_path)
    assert (end.code, end.told) == (INTERRUPTED, ENDED)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "whole"}


def test_the_second_one_does_not_wait_for_what_is_being_saved(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as it was")
    end = interrupted("save(Path('file'))", tmp_path, 0.1)
    assert (end.code, end.told) == (INTERRUPTED, ENDED)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "as it was"}


def test_a_process_that_was_started_to_ignore_it_does(tmp_path: Path) -> None:
    command = "ready()\ntime.sleep(0.3)\nprint('done')\nreturn 3"
    end = interrupted(command, tmp_path, before="signal.signal(signal.SIGINT, signal.SIG_IGN)")
    assert (end.code, end.told) == (3, "done\n")


@pytest.mark.parametrize("code", [75, 143])
def test_a_process_that_another_signal_stopped_does_not_wait_for_its_threads(code: int, tmp_path: Path) -> None:
    command = f"threading.Thread(target=time.sleep, args=(60,)).start()\nprint('ready', flush=True)\nreturn {code}"
    script = f"{PREAMBLE}\ndef command():\n    " + command.replace("\n", "\n    ")
    words = [sys.executable, "-c", f"{script}\nsys.exit(interrupt.run(command))"]
    assert subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False, timeout=30).returncode == code
