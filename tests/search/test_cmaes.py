"""CMA-ES against EvoTorch's own step, against pycma, and under ties."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import cma
import numpy as np
import pytest
import torch
from evotorch import Problem, algorithms
from torch import Tensor

from evo_hns.config import CMAESConfig, CMAESSearchConfig
from evo_hns.search.base import Evaluation, share_ranks
from evo_hns.search.cmaes import CMAES

Function = Callable[[Tensor], Tensor]
"""Costs of genomes, lower is better."""

TARGET = 1e-6


def sphere(genomes: Tensor) -> Tensor:
    return genomes.square().sum(dim=1)


def ellipsoid(genomes: Tensor) -> Tensor:
    """Axis-parallel, of condition 1e6."""
    return genomes.square() @ torch.logspace(0, 6, genomes.shape[1], dtype=torch.float64)


def rotated_ellipsoid(genomes: Tensor) -> Tensor:
    """Of condition 1e6, along axes that no parameter follows."""
    generator = torch.Generator().manual_seed(9)
    num_params = genomes.shape[1]
    axes, _ = torch.linalg.qr(torch.randn(num_params, num_params, generator=generator, dtype=torch.float64))
    return ellipsoid(genomes @ axes)


def default_popsize(num_params: int) -> int:
    return 4 + int(3 * np.log(num_params))


def evaluations_of_ours(algorithm: str, function: Function, num_params: int, seed: int) -> int:
    popsize = default_popsize(num_params)
    search = CMAES(CMAESSearchConfig(algorithm=algorithm, popsize=popsize, init_sigma=1.0), num_params, seed)
    for generation in range(1, 10_000):
        costs = function(search.ask())
        search.tell(Evaluation(-costs))
        if costs.min() < TARGET:
            return generation * popsize
    raise AssertionError(f"target not reached in {generation} generations")


def evaluations_of_pycma(algorithm: str, function: Function, num_params: int, seed: int) -> int:
    start = np.random.default_rng(seed).normal(size=num_params)
    options = {"seed": seed + 1, "verbose": -9, "CMA_diagonal": algorithm == "sep-cmaes", "ftarget": TARGET}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = cma.CMAEvolutionStrategy(start, 0.5, options)
        while not search.stop():
            genomes = search.ask()
            search.tell(genomes, function(torch.tensor(np.array(genomes))).tolist())
    assert "ftarget" in search.stop()
    return int(search.result.evaluations)


@pytest.mark.parametrize(
    ("algorithm", "function", "num_params", "num_seeds"),
    [
        ("cmaes", rotated_ellipsoid, 10, 8),
        ("sep-cmaes", ellipsoid, 20, 8),
        pytest.param("cmaes", sphere, 20, 12, marks=pytest.mark.release),
        pytest.param("sep-cmaes", sphere, 20, 12, marks=pytest.mark.release),
        pytest.param("cmaes", ellipsoid, 20, 5, marks=pytest.mark.release),
        pytest.param("cmaes", rotated_ellipsoid, 20, 8, marks=pytest.mark.release),
        pytest.param("cmaes", sphere, 40, 12, marks=pytest.mark.release),
        pytest.param("cmaes", ellipsoid, 40, 6, marks=pytest.mark.release),
        pytest.param("sep-cmaes", sphere, 100, 12, marks=pytest.mark.release),
        pytest.param("sep-cmaes", ellipsoid, 40, 12, marks=pytest.mark.release),
    ],
)
def test_needs_as_many_evaluations_as_pycma(
    algorithm: str, function: Function, num_params: int, num_seeds: int
) -> None:
    ours = [evaluations_of_ours(algorithm, function, num_params, seed) for seed in range(num_seeds)]
    theirs = [evaluations_of_pycma(algorithm, function, num_params, seed) for seed in range(num_seeds)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.15)


def stock_twin(search: CMAES) -> algorithms.CMAES:
    """EvoTorch's own search, at the state and with the constants of ours."""
    problem = Problem(
        "max",
        lambda genomes: -rotated_ellipsoid(genomes),
        solution_length=search.num_params,
        initial_bounds=(-1, 1),
        dtype=torch.float64,
        vectorized=True,
        seed=0,
    )
    separable = search.algorithm == "sep-cmaes"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = algorithms.CMAES(
            problem, stdev_init=0.5, popsize=search.popsize, center_init=search.center, separable=separable
        )
    problem.generator.set_state(torch.from_numpy(search.state_dict()["stream"]))
    return twin


def assert_same_variables(search: CMAES, twin: algorithms.CMAES, names: tuple[str, ...]) -> None:
    state = search.state_dict()
    for name in names:
        np.testing.assert_allclose(state[name], getattr(twin, name).numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_moves_as_evotorch_itself_does_where_nothing_is_tied() -> None:
    # EvoTorch counts its first generation as the zeroth in h_sigma; with this seed that changes no decision.
    search = CMAES(CMAESSearchConfig(algorithm="cmaes", popsize=10), 12, seed=0)
    twin = stock_twin(search)
    for _ in range(60):
        search.tell(Evaluation(-rotated_ellipsoid(search.ask())))
        twin.step()
    assert_same_variables(search, twin, ("m", "sigma", "C", "p_sigma", "p_c"))


def test_the_separable_form_takes_evotorchs_first_step() -> None:
    # Later steps differ: EvoTorch lets C decay by the rescaled weights, the tutorial (eq. 47) by the weights.
    search = CMAES(CMAESSearchConfig(algorithm="sep-cmaes", popsize=10), 12, seed=0)
    twin = stock_twin(search)
    search.tell(Evaluation(-rotated_ellipsoid(search.ask())))
    twin.step()
    assert_same_variables(search, twin, ("m", "sigma", "p_sigma", "p_c"))


@pytest.mark.parametrize("algorithm", ["cmaes", "sep-cmaes"])
@pytest.mark.parametrize("asked", [False, True])
def test_resumes_to_the_bit_at_a_size_where_memory_layout_counts(algorithm: str, asked: bool) -> None:
    config = CMAESSearchConfig(algorithm=algorithm, popsize=20)
    unbroken, resumed = CMAES(config, 150, seed=1), CMAES(config, 150, seed=2)
    for _ in range(12):
        unbroken.tell(Evaluation(-ellipsoid(unbroken.ask())))
    if asked:
        unbroken.ask()
    file = io.BytesIO()
    np.savez(file, **unbroken.state_dict())
    file.seek(0)
    resumed.load_state_dict(dict(np.load(file)))
    for _ in range(12):
        assert torch.equal(resumed.ask(), unbroken.ask())
        resumed.tell(Evaluation(-ellipsoid(resumed.ask())))
        unbroken.tell(Evaluation(-ellipsoid(unbroken.ask())))


@pytest.mark.parametrize("algorithm", ["cmaes", "sep-cmaes"])
def test_flat_fitness_moves_nothing(algorithm: str) -> None:
    search = CMAES(CMAESSearchConfig(algorithm=algorithm, popsize=10), 12, seed=4)
    for _ in range(5):
        search.tell(Evaluation(-ellipsoid(search.ask())))
    before = search.state_dict()
    for _ in range(5):
        search.ask()
        search.tell(Evaluation(torch.full((10,), 3.0)))
    after = search.state_dict()
    for name in ("m", "sigma", "C", "A", "p_sigma", "p_c"):
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


@pytest.mark.parametrize("algorithm", ["cmaes", "sep-cmaes"])
def test_where_most_tie_at_random_the_step_size_stays(algorithm: str) -> None:
    """Fitness of two values without meaning, as where wins are counted: neither shrinks nor grows sigma."""
    logs = []
    for seed in range(8):
        search = CMAES(CMAESSearchConfig(algorithm=algorithm, popsize=16), 60, seed)
        coins = torch.Generator().manual_seed(seed)
        for _ in range(150):
            search.ask()
            metrics = search.tell(Evaluation(torch.randint(2, (16,), generator=coins).double()))
        logs.append(np.log(metrics["sigma"] / 0.5))
    assert abs(np.mean(logs)) < 0.35


@pytest.mark.parametrize("algorithm", ["cmaes", "sep-cmaes"])
def test_the_centre_moves_to_the_mean_of_the_parents_weighted_by_shared_rank(algorithm: str) -> None:
    search = CMAES(CMAESSearchConfig(algorithm=algorithm, popsize=6), 3, seed=4)
    genomes = search.ask().clone()
    search.tell(Evaluation(torch.tensor([1.0, 5.0, 1.0, 5.0, 0.0, 1.0])))
    raw = np.log(3.5) - np.log(np.arange(1, 4))
    first, second, third = raw / raw.sum()
    weights = torch.tensor([third / 3, (first + second) / 2, third / 3, (first + second) / 2, 0.0, third / 3])
    torch.testing.assert_close(search.center, weights.double() @ genomes, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("algorithm", ["cmaes", "sep-cmaes"])
def test_the_covariance_update_equals_a_plain_loop(algorithm: str) -> None:
    search = CMAES(CMAESSearchConfig(algorithm=algorithm, popsize=9), 5, seed=0)
    engine = search._engine
    for _ in range(4):
        fitness = -rotated_ellipsoid(search.ask())
        fitness[2:5] = fitness[2]
        weights = share_ranks(engine.weights, fitness)
        old, z, y = engine.C.clone(), search._z.clone(), search._y.clone()
        search.tell(Evaluation(fitness))
        full = old if algorithm == "cmaes" else old.diag()
        expected = (1 - engine.c_1 - engine.c_mu * weights.sum()) * full
        expected += engine.c_1 * torch.outer(engine.p_c, engine.p_c)
        for k in range(9):
            weight = weights[k] if weights[k] > 0 else 5 * weights[k] / (z[k] @ z[k])
            expected += engine.c_mu * weight * torch.outer(y[k], y[k])
        torch.testing.assert_close(engine.C, expected if algorithm == "cmaes" else expected.diag())


def test_a_larger_damping_slows_the_step_size() -> None:
    sigmas = []
    for ratio in (1.0, 4.0):
        config = CMAESSearchConfig(algorithm="sep-cmaes", popsize=10, cmaes=CMAESConfig(damp_sigma_ratio=ratio))
        search = CMAES(config, 30, seed=4)
        for _ in range(60):
            metrics = search.tell(Evaluation(-sphere(search.ask())))
        sigmas.append(metrics["sigma"])
    assert sigmas[0] < sigmas[1] < 0.5


def test_refuses_a_full_covariance_over_too_many_parameters() -> None:
    with pytest.raises(ValueError, match=r"got 5001 parameters, cmaes takes at most 5000 .* 'sep-cmaes'"):
        CMAES(CMAESSearchConfig(algorithm="cmaes"), 5001, seed=0)


def test_refuses_a_population_that_is_too_large_for_so_few_parameters() -> None:
    with pytest.raises(ValueError, match="got popsize 256 for 3 parameters, too many for sep-cmaes"):
        CMAES(CMAESSearchConfig(algorithm="sep-cmaes", popsize=256), 3, seed=0)


def test_goes_on_where_selection_says_nothing_about_some_directions() -> None:
    search = CMAES(CMAESSearchConfig(algorithm="cmaes", popsize=48), 8, seed=1)
    for _ in range(150):  # rounding takes the covariance's smallest eigenvalue below zero on the way
        search.tell(Evaluation(-search.ask()[:, :4].sum(1).square()))
    assert bool(torch.isfinite(search.ask()).all())
    assert float(search.center[:4].sum().abs()) < 1e-6
