"""Grouped layers: every row has a network of its own, read from a flat genome.

Weights in the genome are of order one; a layer divides by the root of its fan-in, so that one step size
suits all layers. A layer takes the position where its weights begin and returns where they end. A dense
layer's weights lie as `(1 + inputs, outputs)`, the first row for the constant input 1 (the bias).

Sums run over inputs one by one, and only outputs lie side by side in a vector register: a row gives the
same bits wherever it stands. Everything is scalar float32 arithmetic without fused or reordered operations.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.kernel import kernel

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_THREE = np.float32(3.0)
_NINE = np.float32(9.0)
_TWENTY_SEVEN = np.float32(27.0)


def dense_size(num_inputs: int, num_outputs: int) -> int:
    """Parameters of a dense layer with biases."""
    return (1 + num_inputs) * num_outputs


def gru_size(num_inputs: int, num_cells: int) -> int:
    """Parameters of a gated recurrent unit."""
    return 3 * dense_size(num_inputs + num_cells, num_cells)


@kernel
def squash(x: np.float32) -> np.float32:
    """Odd, monotone, -1 at -3 and 1 at 3: a rational stand-in for tanh (never more than 0.024 away)."""
    x = min(max(x, -_THREE), _THREE)
    return x * (_TWENTY_SEVEN + x * x) / (_TWENTY_SEVEN + _NINE * x * x)


@kernel
def squash_all(values: np.ndarray) -> None:
    """`squash` in place."""
    for j in range(values.shape[0]):
        values[j] = squash(values[j])


@kernel
def dense(genome: np.ndarray, at: int, inputs: np.ndarray, outputs: np.ndarray) -> int:
    """Write (bias + inputs @ weights) / sqrt(1 + fan-in) to `outputs`; return the end of its weights."""
    width = outputs.shape[0]
    bias = genome[at : at + width]
    for j in range(width):
        outputs[j] = bias[j]
    for i in range(inputs.shape[0]):
        at += width
        x = inputs[i]
        weights = genome[at : at + width]
        for j in range(width):
            outputs[j] += x * weights[j]
    scale = np.float32(1.0 / math.sqrt(1.0 + inputs.shape[0]))
    for j in range(width):
        outputs[j] *= scale
    return at + width


@kernel
def gru(
    genome: np.ndarray,
    at: int,
    inputs: np.ndarray,
    memory: np.ndarray,
    joined: np.ndarray,
    gates: np.ndarray,
    outputs: np.ndarray,
) -> int:
    """One step of a gated recurrent unit (Cho et al. 2014, eqs. 5-8, with `squash` for tanh).

    Args:
        genome: `(N,)` of which `gru_size` numbers from `at` on are read.
        at: where the weights begin.
        inputs: `(I,)`.
        memory: `(G,)` before the step.
        joined: `(I + G,)` scratch.
        gates: `(2, G)` scratch: how much is reset, how much is renewed.
        outputs: `(G,)` receives the memory after the step; not the same array as `memory`.

    Returns:
        Where the weights end.
    """
    num_inputs, num_cells = inputs.shape[0], memory.shape[0]
    joined[:num_inputs] = inputs
    joined[num_inputs:] = memory
    reset, renew = gates[0], gates[1]
    at = dense(genome, at, joined, reset)
    at = dense(genome, at, joined, renew)
    for j in range(num_cells):
        reset[j] = _HALF + _HALF * squash(_HALF * reset[j])
        renew[j] = _HALF + _HALF * squash(_HALF * renew[j])
        joined[num_inputs + j] = memory[j] * reset[j]
    at = dense(genome, at, joined, outputs)
    for j in range(num_cells):
        outputs[j] = memory[j] + renew[j] * (squash(outputs[j]) - memory[j])
    return at


@kernel
def mean_pool(
    genome: np.ndarray,
    at: int,
    rows: np.ndarray,
    kinds: np.ndarray,
    kind: int,
    width: int,
    embedded: np.ndarray,
    pooled: np.ndarray,
) -> int:
    """Mean over the visible entities of one kind of their squashed embeddings; zeros if there is none.

    Since the embedding has a bias, the mean also tells whether there is any.

    Args:
        genome: `(N,)` of which `dense_size(width, H)` numbers from `at` on are read.
        at: where the weights begin.
        rows: `(E, >= width)` entities.
        kinds: `(E,)` int8.
        kind: which entities to pool.
        width: columns in use.
        embedded: `(H,)` scratch.
        pooled: `(H,)` receives the mean.

    Returns:
        Where the weights end.
    """
    pooled[:] = 0
    count = 0
    for e in range(kinds.shape[0]):
        if kinds[e] == kind:
            count += 1
            dense(genome, at, rows[e, :width], embedded)
            for j in range(pooled.shape[0]):
                pooled[j] += squash(embedded[j])
    if count > 1:
        share = _ONE / np.float32(count)
        for j in range(pooled.shape[0]):
            pooled[j] *= share
    return at + (1 + width) * pooled.shape[0]


@kernel
def attention_pool(
    genome: np.ndarray,
    at: int,
    rows: np.ndarray,
    kinds: np.ndarray,
    kind: int,
    width: int,
    query: np.ndarray,
    embedded: np.ndarray,
    weights: np.ndarray,
    pooled: np.ndarray,
) -> int:
    """Mean of the same embeddings, weighted by their likeness to a query (softmax of query . key / sqrt(H)).

    An embedding is key and value in one.

    Args:
        genome: `(N,)` of which `dense_size(width, H)` numbers from `at` on are read.
        at: where the weights begin.
        rows: `(E, >= width)` entities.
        kinds: `(E,)` int8.
        kind: which entities to pool.
        width: columns in use.
        query: `(H,)`.
        embedded: `(E, H)` scratch.
        weights: `(E,)` scratch.
        pooled: `(H,)` receives the weighted mean.

    Returns:
        Where the weights end.
    """
    top = np.float32(-np.inf)
    for e in range(kinds.shape[0]):
        if kinds[e] == kind:
            dense(genome, at, rows[e, :width], embedded[e])
            squash_all(embedded[e])
            weights[e] = _scaled_dot(query, embedded[e])
            top = max(top, weights[e])
    pooled[:] = 0
    total = np.float32(0.0)
    for e in range(kinds.shape[0]):
        if kinds[e] == kind:
            weight = np.float32(math.exp(weights[e] - top))
            total += weight
            for j in range(pooled.shape[0]):
                pooled[j] += weight * embedded[e, j]
    if total > 0:
        for j in range(pooled.shape[0]):
            pooled[j] /= total
    return at + (1 + width) * pooled.shape[0]


@kernel
def _scaled_dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    """a . b / sqrt(H), summed in order."""
    total = np.float32(0.0)
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total / np.float32(math.sqrt(a.shape[0]))
