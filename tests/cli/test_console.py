"""No text is an error, whatever the standard output can say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from evo_hns.cli.console import working

SAYS = """
import sys
from evo_hns import cli
from evo_hns.cli import parsing
parsing.parse = lambda words: lambda: print("caf\\xe9 \\xb1 \\u2588 \\udcff")  # the last as in a name that is no text
sys.exit(cli.main(["verb"]))
"""


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"caf? ? ? ?\n"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"caf? ? ? ?\n"),
        ({"PYTHONIOENCODING": "latin-1"}, b"caf\xe9 \xb1 ? ?\n"),
        ({"PYTHONIOENCODING": "utf-8"}, "café ± █ ?\n".encode()),
    ],
)
def test_a_character_that_cannot_be_said_is_replaced(environment: dict[str, str], said: bytes) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "PYTHONUTF8")}
    done = subprocess.run([sys.executable, "-c", SAYS], env=clean | environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, b"")


def test_a_closed_output_swallows_what_is_said() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", SAYS], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_long_work_is_shown_on_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for terminal, as_json in (("", False), ("1", True), ("1", False)):
        monkeypatch.setenv("FORCE_COLOR", terminal)  # a terminal, to the library that draws the bar
        with working("playing [7] matches", as_json=as_json) as tell:
            tell(1, 4)
            tell(2, 4)
        said = capsys.readouterr()
        assert all((words in said.err) is (bool(terminal) and not as_json) for words in ("playing [7] matches", "75%"))
        assert said.out == ""
