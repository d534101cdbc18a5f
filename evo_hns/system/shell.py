"""Commands as a user types them."""

from __future__ import annotations

import shlex
from pathlib import Path

PROGRAM = "evo-hns"


def shell_command(*words: object, program: str = PROGRAM) -> str:
    """A command of this project that a shell takes as it stands.

    Args:
        words: the verb, and what follows it; a path is never taken for an option.
        program: how the program is typed; it is not quoted.
    """
    return " ".join([program, *(shlex.quote(_text(word)) for word in words)])


def _text(word: object) -> str:
    text = str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text
