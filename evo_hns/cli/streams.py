"""The standard streams of the command."""

from __future__ import annotations

import io
import os
import sys


def take_any_text() -> None:
    """Let both streams replace what their encoding lacks (`±` in ASCII) by `?`; one that is closed swallows all."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # Python found its descriptor closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - open until the end
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
