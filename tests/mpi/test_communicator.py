"""How ranks describe themselves, with a communicator that is made up."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from evo_hns.mpi.communicator import RankInfo, Ranks


def ranks_at(infos: Sequence[RankInfo], rank: int = 0) -> Ranks:
    comm: Any = SimpleNamespace(rank=rank, size=len(infos), allgather=lambda info: infos)
    mpi = SimpleNamespace(COMM_WORLD=SimpleNamespace(Dup=lambda: comm))
    return Ranks(mpi, "MPICH 5", shrink=False)


def test_ranks_and_hosts_and_library_are_told_in_a_line() -> None:
    ranks = ranks_at([RankInfo("n1", 2, ()), RankInfo("n1", 2, ()), RankInfo("n2", 2, ())])
    assert ranks.describe() == "3 ranks on 2 hosts (n1: 2, n2: 1), MPICH 5"
    assert ranks.hosts == ("n1", "n2")
    assert ranks.is_coordinator
    assert ranks.warnings() == []


def test_of_many_hosts_a_few_are_named() -> None:
    ranks = ranks_at([RankInfo(f"n{number}", 1, ()) for number in range(100)], rank=7)
    assert ranks.describe().startswith("100 ranks on 100 hosts (n0: 1, n1: 1, ")
    assert ranks.describe().endswith("n7: 1 and 92 more), MPICH 5")
    assert not ranks.is_coordinator


def test_more_ranks_than_cores_and_threads_in_ranks_are_warned_about() -> None:
    infos = [
        RankInfo("n1", 2, ("OMP_NUM_THREADS=8",)),
        RankInfo("n1", 2, ()),
        RankInfo("n1", 2, ()),
        RankInfo("n2", 2, ()),
    ]
    crowded, threaded = ranks_at(infos).warnings()
    assert crowded == "3 ranks share 2 cores on n1: start one rank for each physical core"
    assert threaded == "ranks play on one thread each, but OMP_NUM_THREADS=8: set to 1 on all hosts"


def test_ranks_that_are_bound_to_a_core_each_are_not_crowded() -> None:
    assert ranks_at([RankInfo("n1", 1, ()) for _ in range(64)]).warnings() == []


@pytest.mark.parametrize("value", ["4", ""])
def test_limits_on_threads_are_read_from_the_environment(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    seen: list[RankInfo] = []
    comm = SimpleNamespace(rank=0, size=1, allgather=lambda info: seen.append(info) or [info])
    Ranks(SimpleNamespace(COMM_WORLD=SimpleNamespace(Dup=lambda: comm)), "MPICH 5", shrink=False)
    assert seen[0].limits == (f"OMP_NUM_THREADS={value}",)
