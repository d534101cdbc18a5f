"""What another library would take along is not imported with it, and is there for whoever wants it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from evo_hns.system.absent import absent


def test_a_library_is_absent_inside_alone() -> None:
    assert "antigravity" not in sys.modules
    with absent("antigravity", "pytest"):
        with pytest.raises(ImportError):
            importlib.import_module("antigravity")
        assert importlib.import_module("pytest") is pytest  # which was there before
    assert "antigravity" not in sys.modules
    assert importlib.util.find_spec("antigravity") is not None


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(KeyError, match="broken"), absent("antigravity"):
        raise KeyError("broken")
    assert "antigravity" not in sys.modules


def test_kernels_come_without_scipy_which_other_code_finds_all_the_same() -> None:
    code = """
import sys
import numpy as np
from evo_hns.system.kernels import kernel
from numba import njit
print("scipy.linalg" in sys.modules, njit(lambda matrix: matrix @ matrix)(2 * np.eye(2))[0, 0])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "4.0"]
