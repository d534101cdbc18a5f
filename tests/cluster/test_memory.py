"""Memory that is asked for, beside peaks that were measured: three ranks of one node, MB, the coordinator's first."""

from __future__ import annotations

from typing import Any

import pytest

from evo_hns.cluster.memory import needed_memory, node_memory
from evo_hns.experiment import load_experiment
from evo_hns.spec import Side

ENTITY = {"policy.network": "entity", "coevolution.episodes_per_candidate": 1}
MEASURED: list[tuple[str, dict[str, Any], tuple[int, int, int]]] = [
    ("quickstart", {}, (791, 555, 552)),
    ("quickstart", {"search.popsize": 512, "coevolution.episodes_per_candidate": 1}, (956, 625, 624)),
    (
        "quickstart",
        {"search.popsize": 512, "coevolution.episodes_per_candidate": 4, "physics.num_worlds": 1024},
        (1026, 707, 707),
    ),
    ("quickstart", {"search.algorithm": "cmaes", "coevolution.episodes_per_candidate": 1}, (2010, 478, 479)),
    (
        "quickstart",
        {"policy.network": "attention", "policy.hidden_size": 128, "policy.gru_size": 64, "search.popsize": 128}
        | {"coevolution.episodes_per_candidate": 2},
        (3006, 1180, 1181),
    ),
    ("full", {}, (837, 696, 699)),
    ("full", {"search.popsize": 256, "physics.num_worlds": 1024}, (1539, 1363, 1357)),
    ("quickstart", ENTITY | {"search.popsize": 16}, (2211, 1202, 1202)),
    ("full", ENTITY | {"search.popsize": 16, "coevolution.episodes_per_candidate": 2}, (2725, 1299, 1288)),
    ("quickstart", ENTITY | {"search.popsize": 64}, (7253, 2574, 2573)),
    ("quickstart", ENTITY | {"search.popsize": 64, "search.algorithm": "sep-cmaes"}, (6763, 2600, 2600)),
]


@pytest.mark.parametrize(("experiment", "settings", "peaks"), MEASURED)
def test_what_is_asked_for_is_more_than_ranks_took_and_less_than_twice_as_much(
    experiment: str, settings: dict[str, Any], peaks: tuple[int, int, int]
) -> None:
    options = ["coevolution.generations=2", *(f"{name}={value}" for name, value in settings.items())]
    asked = needed_memory(load_experiment(experiment, options), nodes=1, ranks_per_node=3)
    assert sum(peaks) <= asked <= 2 * sum(peaks)


@pytest.mark.parametrize(
    ("setting", "more"),
    [
        ("search.popsize=96", (16 * 3 + 6.5) * 2 * 48 * 4_000 * 8),
        ("search.algorithm=cmaes", 8 * 2 * 4_000**2 * 8),
        ("coevolution.generations=100031", 4 * 2 * 100_000 * 4_000 * 4),
    ],
)
def test_more_is_asked_for_where_more_is_kept(setting: str, more: float) -> None:
    lengths = dict.fromkeys(Side, 4_000)
    plain, changed = (load_experiment("quickstart", options) for options in ([], [setting]))
    few, many = (node_memory(config, lengths, things=320, ranks=16) for config in (plain, changed))
    assert many - few == pytest.approx(more / 1e6, abs=100)


def test_each_rank_of_a_node_is_asked_for() -> None:
    config, lengths = load_experiment("quickstart"), dict.fromkeys(Side, 1_000_000)
    one, sixteen = (node_memory(config, lengths, things=320, ranks=ranks) for ranks in (1, 16))
    candidates = 2 * 48 * 1_000_000 * 8 / 1e6
    assert sixteen - one == pytest.approx(15 * (600 + 32 + 3 * candidates), abs=100)
