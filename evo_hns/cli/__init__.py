"""The command `evo-hns`: words in, one library call, words out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from evo_hns.system import interrupt
from evo_hns.system.machine import LAUNCHED, launched_rank

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: what was typed after `evo-hns`; by default the process' own arguments, and Ctrl-C ends the process.

    Returns:
        The exit code.
    """

    def command() -> int:
        from evo_hns.cli.command import run_verb  # which takes its time, and may be interrupted

        return run_verb(argv)

    if argv is not None:
        return command()
    leads = launched_rank() == 0
    return interrupt.run(command, answers=leads and LAUNCHED not in os.environ, concludes=leads)
