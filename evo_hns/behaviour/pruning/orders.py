"""In which order weights are removed: a number for each weight, smallest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.behaviour.pruning.activity import FloatArray
from evo_hns.behaviour.pruning.simplify import GenomeArray
from evo_hns.policies.wiring import Wiring


@dataclass(frozen=True)
class Subject:
    """Whose weights are to be removed."""

    wiring: Wiring
    genome: GenomeArray  #: `(M, N)`, M networks: one for the team or one for each member
    strengths: Mapping[str, FloatArray]  #: layer -> `(M, 1 + inputs)` root mean square of its inputs, bias first
    seed: int  #: of whatever is random


Order = Callable[[Subject], FloatArray]
"""`(M, N)` importance of each weight: what is least goes first, and what is equal goes together."""


def magnitude(subject: Subject) -> FloatArray:
    """The weight's size."""
    return np.abs(subject.genome).astype(np.float64)


def importance(subject: Subject) -> FloatArray:
    """How strongly a weight moves the unit it feeds: |weight| x the root mean square of its input (Sun et al. 2024).

    The layers' own scale is included, for weights of all layers are compared with each other.
    """
    result = np.zeros(subject.genome.shape)
    for target, layer in subject.wiring.layers.items():
        size = np.abs(layer.weights(subject.genome)) * layer.scale
        layer.weights(result)[...] = size * subject.strengths[target][..., None]
    return result


def units(subject: Subject) -> FloatArray:
    """Whole hidden units: a weight goes with the first of its two units, a unit by all that it passes on.

    A unit's share is the root of the summed squares of its outgoing weights' `importance`. Biases of the intents
    belong to no unit and stay to the end.
    """
    passed = importance(subject)
    shares = [_shares(subject.wiring, own) for own in passed]
    result = np.full(subject.genome.shape, np.inf)
    for target, layer in subject.wiring.layers.items():
        for member, share in enumerate(shares):
            inputs = np.concatenate([share[name] for name in layer.sources])
            view = layer.weights(result[member])
            view[0] = share[target]
            view[1:] = np.minimum(inputs[:, None], share[target])
    return result


def _shares(wiring: Wiring, passed: FloatArray) -> dict[str, FloatArray]:
    """Row -> `(size,)` what the units of its bundle pass on; infinite of rows that cannot be removed."""
    shares = {name: np.full(row.size, np.inf) for name, row in wiring.rows.items()}
    for bundle in wiring.bundles:
        total = np.zeros(wiring.rows[bundle[0]].size)
        for layer in wiring.layers.values():
            if layer.target in bundle:
                continue  # what a unit does to its own kind (memory) is not passed on
            squares = (layer.weights(passed)[1:] ** 2).sum(1)
            for name, place in wiring.inputs(layer):
                total += squares[place] if name in bundle else 0.0
        shares |= dict.fromkeys(bundle, np.sqrt(total))
    return shares


def random(subject: Subject) -> FloatArray:
    """Any order: the control, without which a curve says nothing."""
    places = np.random.default_rng(subject.seed).permutation(subject.genome.size)
    return places.reshape(subject.genome.shape).astype(np.float64)


ORDERS: dict[str, Order] = {"magnitude": magnitude, "importance": importance, "units": units, "random": random}
"""By the name that `--order` gives them."""

CONTROL = "random"


def remove(genome: GenomeArray, order: FloatArray, keep: int) -> GenomeArray:
    """Set the least important weights to zero until no more than so many are left.

    Args:
        genome: weights; zeros are not counted.
        order: of the same shape, the importance of each.
        keep: how many may stay; of those equal in importance all stay or none.
    """
    counted = genome != 0
    ranked = np.sort(order[counted])[::-1]
    if keep >= len(ranked):
        return genome.copy()
    return np.where(counted & (order > ranked[keep]), genome, np.float32(0.0))


def schedule(num_weights: int, factor: float, fewest: int = 4) -> list[int]:
    """Numbers of weights to keep: all, then each time the same share of them, down to a handful; at last none."""
    counts = [num_weights]
    while (count := min(round(counts[-1] * factor), counts[-1] - 1)) >= fewest:
        counts.append(count)
    return [*counts, 0]
