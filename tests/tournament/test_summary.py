"""Everything at once: answers of made tournaments, what cannot be said, JSON and words."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from evo_hns.cli.text.measures import summary_text
from evo_hns.spec import Side
from evo_hns.tournament.equilibria.nash import Nash
from evo_hns.tournament.measures.forgetting import Forgetting
from evo_hns.tournament.measures.interaction import Interaction
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.summary import Summary, Unanswered, summarise
from tests.tournament.measures.made import additive, cycling, payoff


def holed(made: Payoff, cells: np.ndarray) -> Payoff:
    """The same tournament without some of its cells."""
    keep = ~cells
    return replace(
        made,
        mean={side: np.where(keep, made.mean[side], np.nan) for side in Side},
        noise={side: np.where(keep, made.noise[side], np.nan) for side in Side},
        count=np.where(keep, made.count, 0),
    )


@pytest.fixture(scope="module")
def circling() -> Summary:
    return summarise(payoff(cycling(14, 7.0, height=8.0), sd=4.0), range(14), range(14), bounds=(-48.0, 48.0))


def test_a_circling_tournament_is_called_one(circling: Summary) -> None:
    for side in Side:
        found = circling.sides[side].forgetting
        assert isinstance(found, Forgetting)
        assert found.lost_wins.share.low > 0.2
    assert isinstance(circling.interaction, Interaction)
    assert circling.interaction.share.low > 0.9
    assert circling.zero_sum


def test_json_holds_all_answers(circling: Summary) -> None:
    told = json.loads(json.dumps(circling.as_dict(), allow_nan=False))
    assert told["sides"]["seekers"]["forgetting"]["lost_wins"]["share"]["value"] > 0.2
    assert len(told["nash"]["members"]["hiders"]) == 14
    assert told["elo"]["unit"] == "Elo"


def test_the_text_has_a_line_for_each_question(circling: Summary) -> None:
    text = summary_text(circling)
    for question in ("forgetting", "regress", "history", "dominance", "banding", "reversals", "interaction", "teams"):
        assert f"  {question} " in text, question
    assert "provably lose to an opponent that an earlier champion beat (chance alone gives" in text
    assert "a wave of 7 generations" in text
    assert "not answered" not in text
    assert re.search(
        r"\nbest of the hiders: hiders/\d+ \(\d+ of \d+ others not told apart\), best of the seekers: seekers/\d+ "
        r"\(\d+ of \d+ others not told apart\)\nstrategies go in circles: .*$",
        text,
    )
    assert not re.search(r"\bnan\b", text)


def test_the_last_words_of_a_transitive_tournament_are_who_is_best_and_that_there_is_no_cycle() -> None:
    text = summary_text(summarise(payoff(additive(7), sd=1.0), range(7), range(7)))
    last = text.splitlines()[-2:]
    assert last[0] == "best of the hiders: hiders/6, best of the seekers: seekers/6"
    assert last[1].startswith("no cycle found: cyclic share 0 % [")


def test_the_same_seed_gives_the_same_answers(circling: Summary) -> None:
    again = summarise(payoff(cycling(14, 7.0, height=8.0), sd=4.0), range(14), range(14), bounds=(-48.0, 48.0))
    assert again.as_dict() == circling.as_dict()


def test_scripted_players_change_no_answer_about_time() -> None:
    alone = summarise(payoff(additive(8), sd=2.0), range(8), range(8))
    truth = np.pad(additive(8), ((0, 1), (1, 0)), constant_values=5.0)
    with_scripted = payoff(truth, sd=2.0)
    for side in Side:  # the same episodes among champions
        inner = payoff(additive(8), sd=2.0)
        with_scripted.mean[side][:8, 1:] = inner.mean[side]
        with_scripted.noise[side][:8, 1:] = inner.noise[side]
    both = summarise(with_scripted, [*range(8), None], [-1, *range(8)])
    for side in Side:
        assert both.sides[side].champions == 8
        assert both.sides[side].dominance == alone.sides[side].dominance
    assert isinstance(both.nash, Nash)
    assert "hiders/8" in both.nash.members[Side.HIDERS]


def test_a_tournament_that_is_still_played_is_answered_as_far_as_it_goes() -> None:
    made = payoff(additive(12), sd=2.0)
    rows = np.zeros((12, 12), dtype=bool)
    rows[9:] = True
    rows[8, 5:] = True
    found = summarise(holed(made, rows), range(12), range(12))
    assert isinstance(found.sides[Side.HIDERS].forgetting, Forgetting)
    assert isinstance(found.nash, Nash)
    assert found.nash.filled == 7
    assert json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 2)])
def test_small_tables_say_what_they_cannot_say(shape: tuple[int, int]) -> None:
    made = payoff(np.zeros(shape), sd=1.0)
    found = summarise(made, range(shape[0]), range(shape[1]))
    if 1 in shape:
        assert isinstance(found.nash, Unanswered)
        assert isinstance(found.sides[Side.HIDERS].forgetting, Unanswered)
    assert json.dumps(found.as_dict(), allow_nan=False)
    assert "not answered: " in summary_text(found)


@pytest.mark.parametrize("kind", ["nothing played", "one episode each", "no noise", "one generation", "all alike"])
def test_odd_tables_are_answered_without_a_nan(kind: str) -> None:
    made = payoff(additive(7), sd=0.0 if kind == "no noise" else 1.0)
    generations = [3] * 7 if kind == "one generation" else list(range(7))
    if kind == "nothing played":
        made = holed(made, np.ones((7, 7), dtype=bool))
    if kind == "one episode each":
        made = replace(made, count=np.ones((7, 7), dtype=np.int64))
    if kind == "all alike":
        made = payoff(np.full((7, 7), -48.0), sd=0.0)
    found = summarise(made, generations, generations)
    assert json.dumps(found.as_dict(), allow_nan=False)
    assert not re.search(r"\bnan\b", summary_text(found))
    assert "two or more episodes" in summary_text(found) or kind not in ("one episode each", "nothing played")


def test_a_game_that_is_not_zero_sum_is_said_to_be_none() -> None:
    made = payoff(additive(7), sd=1.0)
    made.mean[Side.SEEKERS][:] += 3.0 * np.random.default_rng(0).random((7, 7))
    found = summarise(made, range(7), range(7))
    assert not found.zero_sum
    assert "not zero-sum" in summary_text(found)


def test_generations_must_fit() -> None:
    with pytest.raises(ValueError, match="got generations of 6 hiders and 7 seekers"):
        summarise(payoff(additive(7)), range(6), range(7))
