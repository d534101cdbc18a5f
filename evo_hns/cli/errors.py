"""Which errors are reported in one line, and with which code the process ends."""

from __future__ import annotations

from evo_hns.system.interrupt import INTERRUPTED
from evo_hns.system.shutdown import Stopped

BROKEN_PIPE = 141
USER_ERROR = 2


def exit_code(error: BaseException) -> int:
    """With which code an expected error ends the process."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, Stopped) else USER_ERROR


def is_user_error(error: BaseException) -> bool:
    """Whether one line says it all: an error class of this project, or of the operating system."""
    return isinstance(error, OSError) or type(error).__module__.startswith("evo_hns.")


def is_expected(error: BaseException) -> bool:
    """Whether nothing is wrong with the program: the user's mistake, a stop, or an end with a code."""
    return is_user_error(error) or isinstance(error, Stopped | KeyboardInterrupt | SystemExit)
