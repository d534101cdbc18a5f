"""Champions meet players who know their way in the game that is played."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evo_hns.config import CoevolutionConfig
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import ObservationSpec, Side

QUADRANT = ObservationSpec(2, 2, 2, 1, 30)
RANDOM_WALLS = ObservationSpec(2, 2, 2, 1, 30, has_room=False)


def test_in_the_quadrant_they_know_its_room_and_elsewhere_any_walls() -> None:
    assert held_out_opponents(QUADRANT, Side.HIDERS) == ("still", "random", "chaser")
    assert held_out_opponents(QUADRANT, Side.SEEKERS) == ("still", "random", "fugitive")
    assert held_out_opponents(RANDOM_WALLS, Side.HIDERS) == ("still", "random", "tracker")
    assert held_out_opponents(RANDOM_WALLS, Side.SEEKERS) == ("still", "random", "evader")


def test_all_of_them_exist() -> None:
    for spec in (QUADRANT, RANDOM_WALLS):
        for side in Side:
            assert all(scripted_roster(name).genomes.numel() == 0 for name in held_out_opponents(spec, side))


def test_a_measurement_takes_two_worlds_or_none() -> None:
    assert CoevolutionConfig(held_out_episodes=0).held_out_episodes == 0
    with pytest.raises(ValidationError, match="an interval needs at least 2"):
        CoevolutionConfig(held_out_episodes=1)
