"""Who takes part in a tournament: chosen from halls or by address, found again later, and held in few rosters."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.tournament.participants import (
    Hall,
    describe,
    load_participants,
    make_batches,
    parse_request,
    reload_participants,
    select,
)
from evo_hns.training.driver import train
from tests.conftest import tiny
from tests.runs import crowded_run


def names(path: Path, **addresses: list[str]) -> dict[str, list[str]]:
    """Who takes part, by side."""
    asked = {side: addresses.get(side.label, []) for side in Side}
    entry = load_participants(select([path], 2, asked), path.parent)
    return {side.label: [who.name for who in entry.participants[side]] for side in Side}


def test_champions_are_evenly_spaced_from_the_first_to_the_last(run_path: Path) -> None:
    assert names(run_path) == {
        "hiders": ["run.h5:hiders/0", "run.h5:hiders/2"],
        "seekers": ["run.h5:seekers/0", "run.h5:seekers/2"],
    }


def test_addresses_take_the_place_of_a_side_and_nobody_comes_twice(run_path: Path) -> None:
    asked = ["random", f"{run_path}:hiders/last", f"{run_path}:hiders/all", "scripted:random"]
    assert names(run_path, hiders=asked) == {
        "hiders": ["scripted:random", "run.h5:hiders/2", "run.h5:hiders/0", "run.h5:hiders/1"],
        "seekers": ["run.h5:seekers/0", "run.h5:seekers/2"],
    }


def test_everything_that_matters_of_a_contestant_is_known(run_path: Path) -> None:
    run = RunFile.read(run_path)
    entry = load_participants(select([run_path], 3, {}), run_path.parent)
    assert entry.game.world == run.config.world
    for side in Side:
        for row, loaded_participant in enumerate(entry.loaded[side]):
            assert loaded_participant.genome.tobytes() == run.halls[side].genomes[row].tobytes()
            who = loaded_participant.participant
            assert (who.generation, who.run_seed) == (row, run.meta.seed)
            assert who.env_steps == run.metrics["env_steps"][: row + 1].sum()
            assert json.loads(who.network)["hidden_size"] == 2


def test_the_same_selection_has_the_same_description_wherever_it_is_typed(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = describe(select([run_path], 4, {Side.SEEKERS: [f"{run_path}:seekers/all"]}), run_path.parent)
    monkeypatch.chdir(run_path.parent)
    relative = describe(select([Path("run.h5")], 4, {Side.SEEKERS: ["run.h5:seekers/all"]}), Path())
    assert absolute == relative == '{"hiders": ["run.h5:hiders/spaced 4"], "seekers": ["run.h5:seekers/all"]}'


def test_who_took_part_is_found_again_and_nobody_else(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    participants = load_participants(
        select([path], 2, {Side.SEEKERS: ["random", f"{path}:seekers/last"]}), tmp_path
    ).participants
    assert reload_participants(participants, tmp_path).participants == participants
    with h5py.File(path, "r+") as file:
        file["hiders/archive/genomes"][2, 0] += 1
    with pytest.raises(RunFileError, match=r"run\.h5:hiders/2 is not the one that the tournament began with"):
        reload_participants(participants, tmp_path)


def test_networks_of_several_forms_and_scripted_players_are_held_apart(run_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "memory.h5"
    policy = {"hidden_size": 2, "gru_size": 2}
    train(tiny(policy=policy, seed=4), other, announce=lambda _: None, observers=[])
    asked = ["random", f"{run_path}:hiders/0", f"{other}:hiders/1", f"{run_path}:hiders/2", "scripted:still"]
    entry = load_participants(select([run_path], 1, {Side.HIDERS: asked}), tmp_path)
    batches = make_batches(entry.loaded[Side.HIDERS])
    assert [batch.places.tolist() for batch in batches] == [[0], [1, 3], [2], [4]]
    assert [batch.roster.spec.scripted for batch in batches] == ["random", "", "", "still"]
    lengths = [batch.roster.genomes.shape[1] for batch in batches]
    assert lengths[1] == RunFile.read(run_path).halls[Side.HIDERS].num_params != lengths[2]
    assert np.array_equal(batches[2].roster.genomes[0], RunFile.read(other).halls[Side.HIDERS].genomes[1])


@pytest.mark.parametrize(
    ("champions", "hiders", "complaint"),
    [
        (0, [], "--champions: got 0, expected at least 1"),
        (1, ["scripted:nobody"], "no scripted player 'nobody'"),
        (1, ["RUN:seekers/all"], "is one of the seekers, expected one of the hiders"),
        (1, ["RUN:hiders/9"], "has no champion of generation 9 among its hiders"),
        (
            1,
            ["OTHER:hiders/0"],
            r"run.h5 has another game than .*other.h5 \(world.num_boxes: 2 and 1\); players can only meet in one game",
        ),
    ],
)
def test_who_cannot_take_part_is_refused_in_one_line(
    champions: int, hiders: list[str], complaint: str, run_path: Path, other_game_path: Path
) -> None:
    typed = [each.replace("RUN", str(run_path)).replace("OTHER", str(other_game_path)) for each in hiders]
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_participants(select([run_path], champions, {Side.HIDERS: typed}), run_path.parent)
    assert "\n" not in str(caught.value)


def test_without_a_run_there_is_no_game_and_without_players_no_table() -> None:
    with pytest.raises(ConfigError, match="a tournament needs seekers: give a run file, or addresses with --seekers"):
        select([], 3, {Side.HIDERS: ["random"]})
    with pytest.raises(ConfigError, match="got nobody from a run: give a run file too"):
        load_participants(select([], 3, {side: ["random"] for side in Side}), Path())


def test_all_is_asked_of_one_hall() -> None:
    assert parse_request("a.h5:seekers/all", Side.SEEKERS) == Hall(Path("a.h5"), Side.SEEKERS)


def test_a_few_champions_of_thousands_are_read_alone(tmp_path: Path) -> None:
    path = crowded_run(tmp_path / "run.h5")
    tracemalloc.start()
    try:
        entry = load_participants(select([path], 16, {}), tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    chosen = entry.participants[Side.SEEKERS]
    assert [who.generation for who in chosen[:3]] == [0, 333, 667]
    assert (len(chosen), chosen[-1].generation, chosen[-1].env_steps) == (16, 4999, 50_000)
    assert [loaded_participant.genome[0] for loaded_participant in entry.loaded[Side.HIDERS]] == [
        who.generation for who in chosen
    ]
    assert most < 4e6  # bytes; a hall has 66 million
