"""Films from the command line."""

from __future__ import annotations

import pytest

from evo_hns.cli.verbs.viewing import parse_size
from evo_hns.config import ConfigError


def test_a_size_is_two_numbers() -> None:
    assert parse_size("640x480") == (640, 480)
    for text in ("640", "640x", "640*480", "-2x4"):
        with pytest.raises(ConfigError, match="expected WIDTHxHEIGHT, for instance 960x720"):
            parse_size(text)
