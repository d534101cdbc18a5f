"""Compiled loops are never older than their sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from evo_hns.policies import kernel

CALLER = """
from toy.kernel import kernel
from toy.callee import inner
@kernel
def outer(x):
    return inner(x)
"""
CALLEE = """
from toy.kernel import kernel
@kernel
def inner(x):
    return x + {}
"""


def call(folder: Path) -> str:
    command = [sys.executable, "-c", "from toy.caller import outer; print(outer(1))"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_a_change_of_a_called_function_in_another_file_is_seen(tmp_path):
    package = tmp_path / "toy"
    package.mkdir()
    shutil.copy(kernel.__file__, package / "kernel.py")
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "callee.py").write_text(CALLEE.format(1))
    assert call(tmp_path) == "2"
    assert list(package.rglob("*.nbi"))
    (package / "callee.py").write_text(CALLEE.format(41))
    assert call(tmp_path) == "42"
