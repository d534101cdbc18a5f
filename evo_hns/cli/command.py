"""From words to a verb, and from what goes wrong to one line and an exit code.

Threads are limited here and nowhere else, before any library that starts some is imported.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import tyro

from evo_hns.cli.arguments import first_setting, gather_settings, one_line
from evo_hns.cli.console import WORDS, take_any_text
from evo_hns.cli.errors import BROKEN_PIPE, exit_code, is_user_error
from evo_hns.cli.verbs.registry import VERBS, Verb
from evo_hns.config import ConfigError
from evo_hns.experiment import did_you_mean
from evo_hns.system.interrupt import last_words
from evo_hns.system.machine import THREAD_VARIABLES, launched_rank

REMEDIES = {"resume": ", since a run keeps its own (only --generations changes): for others start a new run"}
"""What to do instead of giving settings to a verb that takes none."""


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
        WORDS.set(words)
        parse(words)()
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
        if launched_rank() == 0:  # what is wrong with the words is wrong on all ranks, and told once
            print(f"evo-hns: {error}", file=sys.stderr)
        return exit_code(error)
    return 0


def parse(argv: Sequence[str]) -> Verb:
    """The verb that was typed, with its options.

    Raises:
        ConfigError: the words make no sense; one line.
        SystemExit: help or the version was asked for and printed.
    """
    name, *words = argv or ["--help"]
    if name in ("-h", "--help", "--version"):
        print(f"evo-hns {version('evo_hns')}" if name == "--version" else overview())
        raise SystemExit(0)
    if name not in VERBS:
        raise ConfigError(f"no verb {name!r}{did_you_mean(name, VERBS)}; there are: {', '.join(VERBS)}")
    if not takes_settings(VERBS[name]) and (key := first_setting(words)):
        raise ConfigError(
            f"{key} is a setting, and {name} takes none{REMEDIES.get(name, '')}; see evo-hns {name} --help"
        )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(VERBS[name], prog=f"evo-hns {name}", args=gather_settings(words))
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(f"{one_line(complaint.getvalue())}; see evo-hns {name} --help") from None


def takes_settings(verb: type[Verb]) -> bool:
    """Whether a verb has an option for settings of an experiment."""
    return "settings" in getattr(verb, "__dataclass_fields__", {})


def overview() -> str:
    """The verbs, each with its first line."""
    width = max(map(len, VERBS)) + 2
    lines = [f"  {name:<{width}}{(verb.__doc__ or '').splitlines()[0]}" for name, verb in VERBS.items()]
    return "\n".join(["usage: evo-hns VERB ...   (evo-hns VERB --help tells what a verb takes)", "", *lines])
