"""What is asked of a tournament: everything of one run; of several, what needs no time of the whole, all of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo_hns.archive import provenance
from evo_hns.archive.tournament import Cells, Participant, Precision, Tournament
from evo_hns.archive.tournament_file import TOURNAMENT_SCHEMA
from evo_hns.config import RunConfig
from evo_hns.spec import Side
from evo_hns.tournament.answers import WHOLE, ask, bounds_of, only, time_of
from evo_hns.tournament.summary import Unanswered
from evo_hns.tournament.tournament import payoff_of

EPISODES = 6


def participants(side: Side, *runs: str) -> tuple[Participant, ...]:
    """A champion of each run's next generation; nothing is a scripted player."""
    seen: dict[str, int] = {}
    found = []
    for run in runs:
        generation = seen[run] = seen.get(run, -1) + 1
        name = f"{run}:{side.label}/{generation}"
        found.append(Participant(name, run, generation=generation) if run else Participant("scripted:still"))
    return tuple(found)


def tournament(hiders: tuple[str, ...], seekers: tuple[str, ...], level: float = 0.0) -> Tournament:
    """A tournament whose scores are noise around a level."""
    who = {Side.HIDERS: participants(Side.HIDERS, *hiders), Side.SEEKERS: participants(Side.SEEKERS, *seekers)}
    size = len(hiders) * len(seekers)
    scores = level + np.random.default_rng(0).normal(0, 3, size * EPISODES)
    cells = Cells.empty(len(hiders), len(seekers))
    cells = cells.with_played(np.repeat(np.arange(size), EPISODES), {Side.HIDERS: scores, Side.SEEKERS: -scores})
    meta = provenance.describe(RunConfig(), TOURNAMENT_SCHEMA)
    return Tournament(meta, "", Precision(5.0, 2, 8), who, replace(cells, wanted=cells.count))


def test_one_run_is_asked_everything() -> None:
    played = tournament(("a", "a", "", "a", "a"), ("a", "a", "a", "a"))
    [(name, summary)] = ask(played).items()
    assert (name, summary.episodes) == (WHOLE, 20 * EPISODES)
    assert not isinstance(summary.sides[Side.HIDERS].forgetting, Unanswered)
    assert time_of(played)[Side.HIDERS].tolist() == [0, 1, -1, 2, 3]


def test_several_runs_have_no_common_time_and_each_its_own() -> None:
    played = tournament(("a", "b", "a", "a", "b", ""), ("a", "a", "a", "c"))
    answers = ask(played)
    assert list(answers) == [WHOLE, "a"]  # b has no seekers, c no hiders
    assert time_of(played)[Side.HIDERS].tolist() == [-1] * 6
    assert isinstance(answers[WHOLE].sides[Side.HIDERS].forgetting, Unanswered)
    assert not isinstance(answers["a"].sides[Side.HIDERS].forgetting, Unanswered)
    assert (answers["a"].hiders, answers["a"].seekers) == (3, 3)


def test_a_run_among_itself_keeps_its_scores() -> None:
    played = tournament(("a", "b", "a"), ("b", "a", "a"))
    part, whole = payoff_of(only(played, "a")), payoff_of(played)
    assert part.hiders == ("hiders/0", "hiders/1")
    for side in Side:
        assert part.mean[side].tolist() == whole.mean[side][np.ix_([0, 2], [1, 2])].tolist()
    assert (part.count == EPISODES).all()


@pytest.mark.parametrize(("level", "bounds"), [(40.0, (-48.0, 48.0)), (-200.0, None)])
def test_returns_have_bounds_unless_penalties_went_beyond(level: float, bounds: tuple[float, float] | None) -> None:
    played = tournament(("a", "a"), ("a", "a"), level)
    assert bounds_of(played, payoff_of(played)) == bounds
