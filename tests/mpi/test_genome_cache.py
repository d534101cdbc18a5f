"""Genomes travel once, and arrive as they were."""

from __future__ import annotations

import numpy as np

from evo_hns.mpi.genome_cache import GenomeLedger, GenomeShelf


def test_what_a_rank_takes_is_what_was_sent_whatever_was_sent_before() -> None:
    rng = np.random.default_rng(0)
    ledger, shelf = GenomeLedger(), GenomeShelf(3)
    pool = rng.standard_normal((60, 3)).astype(np.float32)
    travelled = 0
    for _ in range(200):
        genomes = pool[rng.integers(0, len(pool), rng.integers(1, 12))]
        delivery = ledger.deliver(genomes)
        travelled += len(delivery.new_genomes)
        np.testing.assert_array_equal(shelf.take(delivery), genomes)
    assert 0 < travelled < 1_000  # of more than 1,000 that were asked for


def test_a_genome_that_is_there_does_not_travel_again_and_equal_ones_travel_once() -> None:
    ledger = GenomeLedger()
    candidates = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert len(ledger.deliver(candidates[[0, 1, 1, 2]]).new_genomes) == 3
    delivery = ledger.deliver(candidates[[1, 3, 0]])
    np.testing.assert_array_equal(delivery.new_genomes, candidates[3:])


def test_the_shelf_stays_as_short_as_twice_the_longest_roster() -> None:
    rng = np.random.default_rng(1)
    ledger = GenomeLedger()
    places = [ledger.deliver(rng.standard_normal((5, 2)).astype(np.float32)).places.max() for _ in range(50)]
    assert max(places) < 10
