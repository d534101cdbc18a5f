"""From words to a verb with its options."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import tyro

from evo_hns.cli.arguments import first_setting, gather_settings, one_line
from evo_hns.cli.verbs.registry import DIAGNOSE, DIAGNOSES, VERBS, Verb
from evo_hns.config import ConfigError
from evo_hns.system.shell import shell_command
from evo_hns.system.spelling import did_you_mean

REMEDIES = {"resume": ", since a run keeps its own (only --generations changes): for others start a new run"}
"""What to do instead of giving settings to a verb that takes none."""


def parse(argv: Sequence[str]) -> Verb:
    """The verb that was typed, with its options.

    Args:
        argv: at least the name of a verb.

    Raises:
        ConfigError: the words make no sense; one line.
        SystemExit: help was asked for and printed.
    """
    verb, typed, words = find_verb(argv)
    if not takes_settings(verb) and (key := first_setting(words)):
        raise ConfigError(
            f"{key} is a setting, and {typed} takes none{REMEDIES.get(typed, '')}; see evo-hns {typed} --help"
        )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(verb, prog=f"evo-hns {typed}", args=gather_settings(words))
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(f"{one_line(complaint.getvalue())}; see evo-hns {typed} --help") from None


def find_verb(argv: Sequence[str]) -> tuple[type[Verb], str, Sequence[str]]:
    """A verb, how it is typed, and the words that follow it.

    Raises:
        ConfigError: there is no such verb, or it is one of `diagnose` and typed without that.
    """
    name, *words = argv
    if name in VERBS:
        return VERBS[name].load(), name, words
    if name in DIAGNOSES:
        raise ConfigError(f"{name} is under {DIAGNOSE}: {shell_command(DIAGNOSE, name, *words)}")
    if name != DIAGNOSE:
        known = [*VERBS, DIAGNOSE]
        raise ConfigError(f"no verb {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}")
    name, *words = words or [""]
    if name in DIAGNOSES:
        return DIAGNOSES[name].load(), f"{DIAGNOSE} {name}", words
    raise ConfigError(f"no verb {DIAGNOSE} {name!r}{did_you_mean(name, DIAGNOSES)}; there are: {', '.join(DIAGNOSES)}")


def takes_settings(verb: type[Verb]) -> bool:
    """Whether a verb has an option for settings of an experiment."""
    return "settings" in getattr(verb, "__dataclass_fields__", {})
