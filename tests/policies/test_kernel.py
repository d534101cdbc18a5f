"""Compiled loops are never older than their sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evo_hns.policies import kernel

CALLER = """
from toy.kernel import kernel
from toy.callee import inner
@kernel
def outer(x):
    return inner(x)
"""
ENCLOSING = """
from toy.kernel import kernel
def enclose(inner):
    @kernel
    def outer(x):
        return inner(x)
    return outer
@kernel
def one(x):
    return x + 1
@kernel
def ten(x):
    return x + 10
"""
CALLEE = """
from toy.kernel import kernel
@kernel
def inner(x):
    return x + {}
"""


def call(folder: Path, code: str = "from toy.caller import outer; print(outer(1))") -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with kernels of its own."""
    package = tmp_path / "toy"
    package.mkdir()
    shutil.copy(kernel.__file__, package / "kernel.py")
    (package / "__init__.py").touch()
    return package


def test_a_change_of_a_called_function_in_another_file_is_seen(package, tmp_path):
    (package / "caller.py").write_text(CALLER)
    (package / "callee.py").write_text(CALLEE.format(1))
    assert call(tmp_path) == "2"
    assert list(package.rglob("*.nbi"))
    (package / "callee.py").write_text(CALLEE.format(41))
    assert call(tmp_path) == "42"


def test_a_kernel_that_encloses_another_is_compiled_once_for_all_processes(package, tmp_path):
    (package / "caller.py").write_text(ENCLOSING)
    code = "from toy.caller import *; print(enclose(one)(1), enclose(ten)(1))"
    outers = []
    for _ in range(2):
        assert call(tmp_path, code).split() == ["2", "11"]
        outers.append(sorted(path.name for path in package.rglob("*outer*.nbc")))
    assert outers[0] == outers[1]
    assert len(outers[0]) == 2
