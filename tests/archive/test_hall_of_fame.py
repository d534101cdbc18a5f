"""Champions are kept as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.archive.hall_of_fame import HallOfFame


def filled(size: int, num_params: int = 3) -> HallOfFame:
    hall = HallOfFame(num_params)
    for generation in range(size):
        hall.append(np.full(num_params, generation, dtype=np.float32), generation, generation / 8)
    return hall


def test_champions_come_back_in_order_and_to_the_bit():
    rng = np.random.default_rng(0)
    genomes = rng.standard_normal((100, 7)).astype(np.float32)
    hall = HallOfFame(7)
    for generation, genome in enumerate(genomes):
        hall.append(genome, generation * 2, generation * 0.1)
    assert len(hall) == 100
    assert hall.genomes.dtype == np.float32
    assert hall.genomes.tobytes() == genomes.tobytes()
    assert hall.generations.tolist() == list(range(0, 200, 2))
    assert hall.scores.tolist() == [generation * 0.1 for generation in range(100)]


def test_a_tensor_is_kept_as_well_as_an_array_and_copied():
    genome = torch.tensor([1.5, -2.0])
    hall = HallOfFame(2)
    hall.append(genome, 0, 1.0)
    genome[0] = 9.0
    assert hall.genomes.tolist() == [[1.5, -2.0]]


def test_what_the_hall_shows_cannot_be_written_nor_changes_later():
    hall = filled(5)
    before = hall.genomes
    with pytest.raises(ValueError, match="read-only"):
        before[0] = 1.0
    for generation in range(5, 50):
        hall.append(np.ones(3, dtype=np.float32), generation, 0.0)
    assert before.tolist() == [[generation] * 3 for generation in range(5)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_that_is_not_finite_enters(bad):
    hall = filled(2)
    with pytest.raises(ValueError, match="not finite"):
        hall.append(np.array([0, bad, 0], dtype=np.float32), 2, 0.0)
    with pytest.raises(ValueError, match="expected a finite number"):
        hall.append(np.zeros(3, dtype=np.float32), 2, bad)
    assert len(hall) == 2


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), ()])
def test_a_genome_of_another_length_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(3,\)"):
        filled(2).append(np.zeros(shape, dtype=np.float32), 2, 0.0)


def test_a_genome_that_would_be_rounded_is_refused():
    with pytest.raises(ValueError, match="float64, expected float32"):
        filled(1).append(np.zeros(3), 1, 0.0)


def test_a_hall_needs_parameters():
    with pytest.raises(ValueError, match="expected at least 1"):
        HallOfFame(0)


def test_a_hall_made_from_arrays_goes_on_like_the_one_they_came_from():
    hall = filled(40)
    twin = HallOfFame.from_arrays(hall.genomes, hall.generations, hall.scores)
    for each in (hall, twin):
        each.append(np.ones(3, dtype=np.float32), 40, 5.0)
    assert twin.genomes.tobytes() == hall.genomes.tobytes()
    assert twin.generations.tolist() == hall.generations.tolist()
    assert twin.scores.tolist() == hall.scores.tolist()


def test_arrays_that_do_not_fit_or_are_not_finite_make_no_hall():
    genomes = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="no fit"):
        HallOfFame.from_arrays(genomes, np.arange(2), np.zeros(3))
    genomes[1, 2] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        HallOfFame.from_arrays(genomes, np.arange(2), np.zeros(2))
