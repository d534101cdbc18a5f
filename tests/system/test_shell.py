"""Commands that a shell takes as they stand."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from evo_hns.system.shell import shell_command


@pytest.mark.parametrize(
    "name", ["run.h5", "my run.h5", "#1.h5", "$HOME.h5", "it's.h5", "*.h5", "~.h5", "a&b.h5", "ä.h5"]
)
def test_a_shell_reads_back_what_was_meant(name: str) -> None:
    words = shlex.split(shell_command("evaluate", Path(name), f"{name}:hiders/last"), comments=True)
    assert words == ["evo-hns", "evaluate", name, f"{name}:hiders/last"]


def test_a_path_is_never_an_option() -> None:
    assert shell_command("info", Path("-run.h5")) == "evo-hns info ./-run.h5"


def test_a_program_of_several_words_stays_as_it_is() -> None:
    assert shell_command("info", "a b", program="python -m evo_hns") == "python -m evo_hns info 'a b'"
