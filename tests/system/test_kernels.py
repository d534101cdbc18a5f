"""Kernels are kept on disk: never older than their sources, never wrong, and never a reason to fail."""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import pytest

from evo_hns.system import kernels
from evo_hns.system.kernels import _Files, kernel

ROOT = Path(kernels.__file__).parents[2]

CALLER = """
from evo_hns.system.kernels import kernel
from toy.callee import inner
@kernel
def outer(x):
    return inner(x)
"""
CALLEE = """
from evo_hns.system.kernels import kernel
@kernel
def inner(x):
    return x + {}
"""
ENCLOSING = """
from evo_hns.system.kernels import kernel
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


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FunctionType:
    """A function in a file of its own, whose kernels are kept beside it, in a process that has not complained yet."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(kernels, "_COMPLAINTS", [])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the folder of kernels is Python's, too
    file = tmp_path / "toy.py"
    file.write_text("def add(x):\n    return x + 1\n")
    spec = importlib.util.spec_from_file_location("toy", file)
    assert spec
    assert spec.loader
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    function: FunctionType = toy.add
    return function


def was_kept(compiled: Any) -> bool:
    """Whether a kernel that was called was read from the disk."""
    return sum(compiled.stats.cache_hits.values()) > 0


def call(folder: Path) -> str:
    command = [sys.executable, "-c", "from toy.caller import outer; print(outer(1))"]
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_change_of_a_called_function_in_another_file_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "toy"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "callee.py").write_text(CALLEE.format(1))
    assert call(tmp_path) == "2"
    (package / "callee.py").write_text(CALLEE.format(41))
    assert call(tmp_path) == "42"


def test_a_kernel_goes_stale_with_its_whole_room() -> None:
    package = Path(kernels.__file__).parents[1]
    assert kernels._room(package / "policies" / "scripted" / "chaser.py") == package / "policies"


def test_a_kernel_is_read_by_the_next_who_needs_it(add: FunctionType) -> None:
    first, second = kernel(add), kernel(add)
    assert (first(1), second(1)) == (2, 2)
    assert (was_kept(first), was_kept(second)) == (False, True)
    assert kernels.complaint() == ""


def change_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: bytes(len(content)),
        change_a_byte,
    ],
    ids=["empty", "half", "one byte short", "zeros", "a byte changed"],
)
def test_a_damaged_file_counts_as_missing_and_is_written_again(
    add: FunctionType, tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    kernel(add)(1)
    (file,) = tmp_path.rglob(f"*.{suffix}")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    after, later = kernel(add), kernel(add)
    assert (after(1), was_kept(after)) == (2, False)
    assert (later(1), was_kept(later)) == (2, True)
    assert kernels.complaint() == ""


def test_the_code_of_another_kernel_is_not_taken(add: FunctionType, tmp_path: Path) -> None:
    both = kernel(add)
    both(1), both(0.5)
    of_int, of_float = sorted(tmp_path.rglob("*.nbc"))
    of_int.write_bytes(of_float.read_bytes())  # as two processes leave it that write their first entry at once
    after = kernel(add)
    assert (after(1), was_kept(after)) == (2, False)


def test_writers_at_the_same_time_leave_nothing_wrong(tmp_path: Path) -> None:
    def write_and_read(number: int) -> list[tuple[int, object]]:
        files = _Files(str(tmp_path), "toy", "stamp")
        files.save(number, f"code of {number}")
        return [(each, files.load(each)) for each in range(16)]

    with ThreadPoolExecutor(8) as pool:
        read = [pair for pairs in pool.map(write_and_read, list(range(16)) * 8) for pair in pairs]
    assert {content for _, content in read} > {None}
    assert all(content in (None, f"code of {number}") for number, content in read)


def test_without_a_folder_to_write_a_kernel_is_compiled_and_that_is_said_once(
    add: FunctionType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "__pycache__").write_text("no folder, for root neither")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    first, second = kernel(add), kernel(add)
    assert caplog.messages == []  # nothing has been compiled yet
    assert (first(1), second(1)) == (2, 2)
    (said,) = caplog.messages
    assert "neither the package's folder nor the user's cache folder can be written" in said
    assert "set NUMBA_CACHE_DIR to a folder" in said


def test_a_folder_without_room_is_named_and_the_kernel_is_used_all_the_same(
    add: FunctionType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiled = kernel(add)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        assert compiled(1) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (said,) = caplog.messages
    assert f"({tmp_path / '__pycache__'}: File too large)" in said
    assert list((tmp_path / "__pycache__").iterdir()) == []


def test_only_the_first_rank_says_it(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(kernels, "_COMPLAINTS", [])
    monkeypatch.setattr(kernels, "launched_rank", lambda: 3)
    kernels._complain("no room")
    assert (caplog.messages, kernels.complaint()) == ([], "no room")


def test_a_kernel_that_encloses_another_is_compiled_once_for_all_processes(tmp_path: Path) -> None:
    toy = tmp_path / "toy"
    toy.mkdir()
    (toy / "__init__.py").touch()
    (toy / "caller.py").write_text(ENCLOSING)
    code = "from toy.caller import *; print(enclose(one)(1), enclose(ten)(1))"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "NUMBA_CACHE_DIR": ""}
    outers = []
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        assert said.stdout.split() == ["2", "11"]
        outers.append(sorted(path.name for path in tmp_path.rglob("*outer*.nbc")))
    assert outers[0] == outers[1]
    assert len(outers[0]) == 2
