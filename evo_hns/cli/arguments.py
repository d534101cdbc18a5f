"""The words of a command line: settings gathered on the way in, complaints made short on the way out."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from evo_hns.config import ConfigError

_FRAME = frozenset("╭─╮╰╯+-")
"""What boxes are drawn with, in Unicode and in ASCII."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""What terminals are told of colours and weight."""


def gather_settings(argv: Sequence[str]) -> list[str]:
    """The same words with every `--table.key VALUE` written as `--set table.key=VALUE`.

    Several numbers after one key are a list: `--rules.restrict-rect 0 0 6 6`.

    Raises:
        ConfigError: a setting without a value.
    """
    words, gathered = deque(argv), []
    while words:
        word = words.popleft()
        key, equals, value = word.partition("=")
        if not _is_setting(word):
            gathered.append(word)
            continue
        values = [value] if equals else _take_values(words)
        if not values:
            raise ConfigError(f"{key} needs a value, for instance --search.popsize 64")
        text = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        gathered += ["--set", f"{key.removeprefix('--')}={text}"]
    return gathered


def first_setting(argv: Sequence[str]) -> str:
    """The first word that is a setting, as it was typed and without its value; empty if there is none."""
    return next((word.partition("=")[0] for word in argv if _is_setting(word)), "")


def one_line(complaint: str) -> str:
    """What is wrong and what was perhaps meant, out of the box that the option parser draws."""
    plain = _COLOURS.sub("", complaint)
    lines = [line.strip(" │|") for line in plain.splitlines()[1:]]  # the first holds the title
    what, _, hint = "\n".join("" if _FRAME.issuperset(line) else line for line in lines).partition("\n\n")
    near = [word for word in hint.split() if word.startswith("--")] if hint.startswith("Perhaps") else []
    text = " ".join(what.split())
    return f"{text} (did you mean {near[0]}?)" if near else text


def _is_setting(word: str) -> bool:
    key = word.partition("=")[0]
    return key.startswith("--") and "." in key


def _take_values(words: deque[str]) -> list[str]:
    """The next word, unless it is an option, and the numbers that follow it."""
    values: list[str] = []
    while words and not words[0].startswith("--") and (not values or _is_number(words[0])):
        values.append(words.popleft())
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
