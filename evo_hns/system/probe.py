"""A few lines of Python in a process of their own: for what may crash or hang the process that tries it."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE_SECONDS = 20.0


def probe(code: str, seconds: float = PROBE_SECONDS, **environment: str) -> tuple[bool, str]:
    """Run a few lines of Python in a process of its own.

    Args:
        code: prints one line about what it found, or fails.
        seconds: how long it may take.
        environment: variables to set for it.

    Returns:
        Whether it ended well, and the last line that it said.
    """
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            env=os.environ | environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {seconds:g} s"
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, said[-1] if said else f"ended with code {done.returncode}"
