"""A tournament of networks of several forms has the same bits on ranks as in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evo_hns.archive.tournament_file import TournamentFile
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.spec import Side
from evo_hns.tournament.participants import select
from evo_hns.tournament.tournament import TournamentSpec, play_tournament
from tests.mpi.conftest import PATIENCE, Program
from tests.published import quadrant_policy
from tests.runs import run_whole, tiny
from tests.tournament.test_tournament import assert_same_bits


def test_two_ranks_that_start_themselves_play_the_tournament_of_one_process(
    typed: Callable[..., Program], tmp_path: Path
) -> None:
    plain, memory = tmp_path / "plain.h5", tmp_path / "memory.h5"
    coevolution = {"generations": 2}
    run_whole(plain, tiny(coevolution=coevolution))
    hiders = {"policy": {"hidden_size": 2, "gru_size": 2}}
    run_whole(memory, tiny(coevolution=coevolution, physics={"search_substeps": 8}, hiders=hiders, seed=4))
    quadrant_policy(tmp_path / "policy.npz")
    hiders_asked = ["plain.h5:hiders/all", "memory.h5:hiders/all", "random", "openai:policy.npz"]
    bounds = ["--half-width", "1.6", "--max-episodes", "16"]
    words = ["plain.h5", "memory.h5", "--hiders", *hiders_asked, *bounds, "--output", "ranks.h5", "--ranks", "2"]
    process = typed("tournament", *words)
    said, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    assert "6 hiders x 4 seekers" in said

    files = [address.replace("openai:", f"openai:{tmp_path}/") for address in hiders_asked]
    addresses = {Side.HIDERS: [str(tmp_path / address) if "h5:" in address else address for address in files]}
    spec = TournamentSpec(select([plain, memory], 16, addresses), half_width=1.6, max_episodes=16)
    alone = play_tournament(tmp_path / "alone.h5", spec, build_evaluator)
    assert_same_bits(TournamentFile.read(tmp_path / "ranks.h5"), alone)
