"""Which genomes the other ranks already have, so that each travels once.

Leader and ranks keep the same numbered shelf of genomes. The leader knows what stands where, and a wave of
matches brings only what is not there: the candidates once in a generation, the finalists among them not again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GenomeArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Delivery:
    """The genomes of a roster, as far as they are not on the shelf."""

    places: IntArray  #: `(P,)` where each genome of the roster stands
    new_places: IntArray  #: `(K,)` where the new ones are put
    new_genomes: GenomeArray  #: `(K, L)`


class GenomeLedger:
    """What stands on the shelves of all ranks; the longest unused makes room for the new."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}  # in the order of their last use
        self._size = 0

    def deliver(self, genomes: GenomeArray) -> Delivery:
        """Note a roster's genomes, and what of them must travel.

        Args:
            genomes: `(P, L)`; equal ones travel once.
        """
        keys = [row.tobytes() for row in genomes]
        known = {key: self._places.pop(key) for key in dict.fromkeys(keys) if key in self._places}
        rows = {key: row for row, key in reversed(list(enumerate(keys))) if key not in known}
        for key in rows:
            known[key] = self._free_place(len(genomes))
        self._places |= known
        places = np.array([known[key] for key in keys], dtype=np.int64)
        new = np.array(sorted(rows.values()), dtype=np.int64)
        return Delivery(places, places[new], genomes[new])

    def _free_place(self, wanted: int) -> int:
        """The place of the longest unused genome, or another one while the shelf is short."""
        if self._size >= 2 * wanted and self._places:
            return self._places.pop(next(iter(self._places)))
        self._size += 1
        return self._size - 1


class GenomeShelf:
    """The genomes that a rank has."""

    def __init__(self, length: int) -> None:
        self._genomes: GenomeArray = np.empty((0, length), dtype=np.float32)

    def take(self, delivery: Delivery) -> GenomeArray:
        """`(P, L)` the genomes of a roster, with those that were delivered."""
        missing = int(max(delivery.new_places, default=-1)) + 1 - len(self._genomes)
        if missing > 0:
            more = np.empty((missing, self._genomes.shape[1]), dtype=np.float32)
            self._genomes = np.concatenate([self._genomes, more])
        self._genomes[delivery.new_places] = delivery.new_genomes
        return self._genomes[delivery.places]
