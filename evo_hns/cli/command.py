"""From words to a verb, and from what goes wrong to one line and an exit code.

Threads are limited here and nowhere else, before any library that starts some is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from evo_hns.cli.errors import BROKEN_PIPE, exit_code, is_user_error
from evo_hns.cli.streams import take_any_text
from evo_hns.cli.verbs.registry import overview, overview_of_diagnoses, patience
from evo_hns.system.interrupt import last_words
from evo_hns.system.machine import THREAD_VARIABLES, launched_rank


def run_verb(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: what was typed after `evo-hns`; by default the process' own arguments.

    Returns:
        The exit code.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    take_any_text()
    try:
        words = sys.argv[1:] if argv is None else argv
        if (told := overview_asked_for(words)) is not None:
            print(told)
        else:
            from evo_hns.cli.console import WORDS  # which takes its time
            from evo_hns.cli.parsing import parse

            WORDS.set(words)
            verb = parse(words)
            if (told := patience(words)) and sys.stderr.isatty():
                print(told, file=sys.stderr)
            verb()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (`| head`) has seen enough; the exit must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt as error:
        if launched_rank() == 0:
            sys.stderr.write(last_words(*map(str, error.args)))
        return exit_code(error)
    except Exception as error:
        if not is_user_error(error):
            raise
        if launched_rank() == 0:  # what is wrong with the words is wrong on all ranks, and reported once
            print(f"evo-hns: {error}", file=sys.stderr)
        return exit_code(error)
    return 0


def overview_asked_for(words: Sequence[str]) -> str | None:
    """The list of verbs or the version, if it is that which was asked for."""
    match list(words):
        case [] | ["-h" | "--help", *_]:
            return overview()
        case ["--version", *_]:
            from importlib.metadata import version

            return f"evo-hns {version('evo_hns')}"
        case ["diagnose"] | ["diagnose", "-h" | "--help", *_]:
            return overview_of_diagnoses()
    return None
