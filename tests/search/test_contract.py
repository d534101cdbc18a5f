"""What every searcher of the registry promises."""

from __future__ import annotations

import io
import logging
import random
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from evo_hns.config import SEARCH_KINDS, SearchConfig, SideConfig
from evo_hns.envs.statistics import STATISTICS
from evo_hns.search import SEARCHERS, Evaluation, Searcher, SearchState, build_searcher

NUM_PARAMS = 20
POPSIZE = 12

pytestmark = pytest.mark.parametrize("algorithm", sorted(SEARCHERS))


def build(algorithm: str, seed: int = 1, num_params: int = NUM_PARAMS, popsize: int = POPSIZE) -> Searcher:
    return build_searcher(settings(algorithm, popsize=popsize), num_params, seed)


def settings(algorithm: str, **common: Any) -> SearchConfig:
    # a stronger mutation stays farther from an optimum
    own = {"ga": {"mutation_sigma": 0.05}} if algorithm == "ga" else {}
    return SideConfig.model_validate({"search": {"algorithm": algorithm, **own, **common}}).search


def evaluation(fitness: Tensor) -> Evaluation:
    """What any search may want to be told."""
    each = torch.linspace(0.0, 1.0, fitness.shape[0] if fitness.ndim else POPSIZE)[:, None]  # by candidate alone
    return Evaluation(fitness, {"return": each}, each.expand(-1, len(STATISTICS)), tuple(STATISTICS))


def sphere(genomes: Tensor) -> Tensor:
    return -genomes.square().sum(dim=1)


def advance(searcher: Searcher, generations: int) -> None:
    for _ in range(generations):
        searcher.tell(evaluation(sphere(searcher.ask())))


def through_npz(state: SearchState) -> SearchState:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def assert_same_state(one: SearchState, other: SearchState) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name, strict=True)


def test_asks_for_popsize_genomes_in_double_precision(algorithm: str) -> None:
    searcher = build(algorithm)
    genomes = searcher.ask()
    assert (genomes.shape, genomes.dtype) == ((POPSIZE, NUM_PARAMS), torch.float64)
    assert (searcher.center.shape, searcher.center.dtype) == ((NUM_PARAMS,), torch.float64)
    assert (searcher.num_params, searcher.popsize) == (NUM_PARAMS, POPSIZE)


def test_asks_for_the_same_genomes_until_told(algorithm: str) -> None:
    searcher = build(algorithm)
    first = searcher.ask().clone()
    assert torch.equal(searcher.ask(), first)
    searcher.tell(evaluation(sphere(first)))
    assert not torch.equal(searcher.ask(), first)


def test_counts_the_generations_told(algorithm: str) -> None:
    searcher = build(algorithm)
    advance(searcher, 3)
    searcher.ask()
    assert searcher.generation == 3


def test_climbs_the_sphere(algorithm: str) -> None:
    searcher = build(algorithm, popsize=32)
    start = sphere(searcher.center[None]).item()
    advance(searcher, 150)
    assert sphere(searcher.center[None]).item() > 0.05 * start


def test_answers_with_finite_metrics_and_a_step_size(algorithm: str) -> None:
    searcher = build(algorithm)
    metrics = searcher.tell(evaluation(sphere(searcher.ask())))
    assert metrics["sigma"] > 0
    assert metrics["num_ranks"] == POPSIZE
    assert all(isinstance(value, float) and np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_refuses_fitness_that_is_not_finite_and_stays_as_it_was(algorithm: str, bad: float) -> None:
    searcher = build(algorithm)
    fitness = sphere(searcher.ask())
    before = searcher.state_dict()
    fitness[3] = bad
    with pytest.raises(ValueError, match=r"got fitness .* for genome 3 \(1 of 12 are not finite\)"):
        searcher.tell(evaluation(fitness))
    assert_same_state(searcher.state_dict(), before)


@pytest.mark.parametrize("shape", [(POPSIZE - 1,), (POPSIZE, 1), ()])
def test_refuses_fitness_of_a_wrong_shape(algorithm: str, shape: tuple[int, ...]) -> None:
    searcher = build(algorithm)
    searcher.ask()
    with pytest.raises(ValueError, match=r"expected \(12,\): one value per genome"):
        searcher.tell(evaluation(torch.zeros(shape)))


def test_refuses_to_be_told_before_it_is_asked(algorithm: str) -> None:
    searcher = build(algorithm)
    with pytest.raises(RuntimeError, match=r"tell\(\) before ask\(\)"):
        searcher.tell(evaluation(torch.zeros(POPSIZE)))
    advance(searcher, 1)
    with pytest.raises(RuntimeError, match=r"tell\(\) before ask\(\)"):
        searcher.tell(evaluation(torch.zeros(POPSIZE)))


@pytest.mark.parametrize("asked", [False, True], ids=["after tell", "between ask and tell"])
@pytest.mark.parametrize("generations", [0, 1, 7])
def test_a_saved_and_resumed_search_gives_the_bits_of_an_unbroken_one(
    algorithm: str, asked: bool, generations: int
) -> None:
    unbroken = build(algorithm)
    advance(unbroken, generations)
    if asked:
        unbroken.ask()
    resumed = build(algorithm, seed=2)
    resumed.load_state_dict(through_npz(unbroken.state_dict()))
    assert resumed.generation == unbroken.generation
    for _ in range(6):
        genomes = unbroken.ask()
        assert torch.equal(resumed.ask(), genomes)
        assert resumed.tell(evaluation(sphere(genomes))) == unbroken.tell(evaluation(sphere(genomes)))
        assert torch.equal(resumed.center, unbroken.center)
    assert_same_state(resumed.state_dict(), unbroken.state_dict())


def test_can_be_told_what_was_asked_before_the_break(algorithm: str) -> None:
    unbroken = build(algorithm)
    advance(unbroken, 3)
    fitness = sphere(unbroken.ask())
    resumed = build(algorithm, seed=2)
    resumed.load_state_dict(unbroken.state_dict())
    assert resumed.tell(evaluation(fitness)) == unbroken.tell(evaluation(fitness))
    assert_same_state(resumed.state_dict(), unbroken.state_dict())


def test_a_saved_state_is_numeric_and_no_longer_moves(algorithm: str) -> None:
    searcher = build(algorithm)
    advance(searcher, 2)
    state = searcher.state_dict()
    kept = {name: array.copy() for name, array in state.items()}
    assert all(isinstance(array, np.ndarray) and array.dtype.kind in "iuf" for array in state.values())
    assert all(array.flags.c_contiguous for array in state.values())
    restored = build(algorithm, seed=2)
    restored.load_state_dict(state)
    advance(searcher, 2)
    advance(restored, 2)
    assert_same_state(state, kept)


def test_refuses_the_state_of_another_search(algorithm: str) -> None:
    searcher = build(algorithm)
    before = searcher.state_dict()
    other = "snes" if algorithm != "snes" else "pgpe"
    foreign = build(algorithm).state_dict() | {"algorithm": build(other).state_dict()["algorithm"]}
    with pytest.raises(ValueError, match=f"got a search state of {other}, expected {algorithm}: build"):
        searcher.load_state_dict(foreign)
    with pytest.raises(ValueError, match="popsize 12 and 21 parameters, expected 12 and 20"):
        searcher.load_state_dict(build(algorithm, num_params=21).state_dict())
    with pytest.raises(ValueError, match="popsize 14 and 20 parameters, expected 12 and 20"):
        searcher.load_state_dict(build(algorithm, popsize=14).state_dict())
    assert_same_state(searcher.state_dict(), before)


def test_refuses_an_incomplete_or_damaged_state(algorithm: str) -> None:
    searcher = build(algorithm)
    before = searcher.state_dict()
    for name in before:
        with pytest.raises(ValueError, match=f"incomplete search state, {name} missing"):
            searcher.load_state_dict({key: array for key, array in before.items() if key != name})
    with pytest.raises(ValueError, match="damaged search state, stream has a wrong shape or type"):
        searcher.load_state_dict(before | {"stream": before["stream"][1:]})
    assert_same_state(searcher.state_dict(), before)


def test_the_seed_decides_everything(algorithm: str) -> None:
    one, same, other = build(algorithm, seed=3), build(algorithm, seed=3), build(algorithm, seed=4)
    for searcher in (one, same, other):
        advance(searcher, 3)
    assert torch.equal(one.ask(), same.ask())
    assert not torch.equal(one.ask(), other.ask())


def test_two_searchers_share_no_random_stream(algorithm: str) -> None:
    alone = build(algorithm, seed=3)
    advance(alone, 4)
    accompanied, company = build(algorithm, seed=3), build(algorithm, seed=4)
    for _ in range(4):
        advance(company, 1)
        advance(accompanied, 1)
        torch.rand(7)
    assert_same_state(accompanied.state_dict(), alone.state_dict())


def test_leaves_the_global_random_generators_alone(algorithm: str) -> None:
    streams = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    searcher = build(algorithm)
    advance(searcher, 3)
    searcher.load_state_dict(searcher.state_dict())
    assert torch.equal(torch.get_rng_state(), streams[0])
    np.testing.assert_array_equal(np.random.get_state()[1], streams[1])
    assert random.getstate() == streams[2]


def test_only_the_order_of_fitness_counts(algorithm: str) -> None:
    raw, squashed = build(algorithm), build(algorithm)
    for _ in range(4):
        raw.tell(evaluation(sphere(raw.ask())))
        squashed.tell(evaluation(1e-3 * sphere(squashed.ask()).sub(7.0)))
    assert torch.equal(raw.ask(), squashed.ask())


def test_equal_fitness_pulls_the_centre_nowhere(algorithm: str) -> None:
    pulls = []
    for seed in range(150):
        searcher = build(algorithm, seed=seed, num_params=4, popsize=8)
        genomes, before = searcher.ask(), searcher.center
        searcher.tell(evaluation(torch.ones(8)))
        if algorithm == "ga":
            # A lot decides which genome leads: each about as often as the others, whatever its index.
            pulls.append(int((genomes == searcher.center).all(dim=1).nonzero()[0]))
        else:
            assert torch.equal(searcher.center, before)
    if algorithm == "ga":
        assert np.bincount(pulls, minlength=8).min() >= 7


def test_the_first_centre_is_spread_by_init_sigma(algorithm: str) -> None:
    config = settings(algorithm, popsize=POPSIZE, init_sigma=0.1)
    center = build_searcher(config, 2_000, seed=1).center
    assert center.mean().abs() < 0.01
    assert center.std().item() == pytest.approx(0.1, rel=0.1)


def test_begins_at_a_given_genome(algorithm: str) -> None:
    start = torch.linspace(-1.0, 1.0, NUM_PARAMS)
    searcher = build_searcher(settings(algorithm, popsize=96), NUM_PARAMS, 1, start)
    assert torch.equal(searcher.center, start.double())
    spread = 0.05 if algorithm == "ga" else 0.1 if algorithm == "openai-es" else 0.5
    assert (searcher.ask() - start).std().item() == pytest.approx(spread, rel=0.1)


def test_builds_and_moves_without_a_word(
    algorithm: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    with caplog.at_level(logging.INFO):
        advance(build(algorithm), 2)
    printed = capfd.readouterr()
    assert (printed.out, printed.err, caplog.messages, list(recwarn)) == ("", "", [], [])


def test_every_search_has_settings_and_no_others_than_its_own(algorithm: str) -> None:
    assert sorted(SEARCH_KINDS.names) == sorted(SEARCHERS)
    everything = {name for kind in SEARCH_KINDS.classes for name in kind.model_fields}
    for name in everything - type(settings(algorithm)).model_fields.keys():
        with pytest.raises(ValidationError, match="Extra inputs"):
            settings(algorithm, **{name: 1})
