"""The worth of skills: yardsticks earn in the game what their stages are worth, and show them."""

from __future__ import annotations

import pytest

from evo_hns.cli.verbs.worth import worth_text
from evo_hns.config import ConfigError
from evo_hns.diagnostics.worth import STAGES, Pairing, measure
from evo_hns.experiment import load_experiment

WORLDS = 16


def meet(hider: str, seeker: str, *settings: str) -> Pairing:
    config = load_experiment("quadrant-1v1", [f"physics.num_worlds={WORLDS}", *settings])
    (pairing,) = measure(config, WORLDS, [hider], [seeker])
    return pairing


def test_a_shut_room_is_worth_more_than_sitting_in_it_and_a_ramp_opens_it() -> None:
    builder, sitter, climbed = meet("builder", "chaser"), meet("sitter", "chaser"), meet("builder", "climber")
    assert builder.returns["all worlds"].mean > 30
    assert sitter.returns["all worlds"].mean < 10
    assert climbed.returns["all worlds"].mean < 15
    assert builder.stages["fort"].value >= 0.8
    assert climbed.possible["ramp_use"].value >= 0.8
    assert climbed.stages["fort"].shown >= builder.stages["fort"].shown - 2  # who climbs in does not undo it


def test_kinds_of_worlds_are_told_apart_and_the_text_names_pairs_and_stages() -> None:
    pairing = meet("still", "random", "rules.horizon=20")
    counts = {kind: value.num_samples for kind, value in pairing.returns.items()}
    assert counts["all worlds"] == WORLDS == counts["one door"] + counts["two doors"]
    assert counts["hiders start in the room"] + counts["hiders start outside"] == WORLDS
    text = worth_text([pairing])
    assert "still" in text
    assert all(name in text for name in STAGES)
    assert pairing.as_dict()["failed"] == 0


def test_another_game_has_no_room_and_is_refused() -> None:
    with pytest.raises(ConfigError, match="got the scenario 'randomwalls'; the yardsticks know the quadrant's room"):
        next(measure(load_experiment("full"), 1))
