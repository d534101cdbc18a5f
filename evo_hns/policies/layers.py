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

from evo_hns.system.kernels import kernel

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_INFINITY = np.float32(np.inf)
_HALF = np.float32(0.5)
_THREE = np.float32(3.0)
_NINE = np.float32(9.0)
_TWENTY_SEVEN = np.float32(27.0)


def dense_size(num_inputs: int, num_outputs: int) -> int:
    """Parameters of a dense layer with biases."""
    return (1 + num_inputs) * num_outputs


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
    width, num_inputs = outputs.shape[0], inputs.shape[0]
    bias = genome[at : at + width]
    for j in range(width):
        outputs[j] = bias[j]
    at += width
    whole = num_inputs - num_inputs % 4
    for i in range(0, whole, 4):  # four inputs per pass over the outputs: fewer loads and stores, the same sums
        x0, x1, x2, x3 = inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]
        weights0, weights1 = genome[at : at + width], genome[at + width : at + 2 * width]
        weights2, weights3 = genome[at + 2 * width : at + 3 * width], genome[at + 3 * width : at + 4 * width]
        for j in range(width):
            outputs[j] = outputs[j] + x0 * weights0[j] + x1 * weights1[j] + x2 * weights2[j] + x3 * weights3[j]
        at += 4 * width
    for i in range(whole, num_inputs):
        x = inputs[i]
        weights = genome[at : at + width]
        for j in range(width):
            outputs[j] += x * weights[j]
        at += width
    scale = np.float32(1.0 / math.sqrt(1.0 + num_inputs))
    for j in range(width):
        outputs[j] *= scale
    return at


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
        genome: `(N,)` of which those of three dense layers, from `at` on, are read.
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
    for i in range(num_inputs):  # numba's slice assignment costs more than the layer
        joined[i] = inputs[i]
    for j in range(num_cells):
        joined[num_inputs + j] = memory[j]
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
def add_mean_pools(
    genome: np.ndarray,
    at: int,
    rows: np.ndarray,
    kinds: np.ndarray,
    widths: tuple[int, ...],
    embedded: np.ndarray,
    outputs: np.ndarray,
) -> int:
    """Add to `outputs` the mean of the squashed embeddings of each kind of visible entity.

    Since an embedding has a bias, the mean also tells whether there is any; a kind that is not seen adds nothing.

    Args:
        genome: `(N,)` of which `dense_size(width, H)` numbers per kind are read from `at` on.
        at: where the weights begin.
        rows: `(E, >= width)` entities.
        kinds: `(E,)` int8, what each row describes.
        widths: columns in use, per kind.
        embedded: `(H,)` scratch.
        outputs: `(H,)`, added to.

    Returns:
        Where the weights end.
    """
    for kind, width in enumerate(widths):
        count = _count(kinds, kind)
        if count > 0:
            share = _ONE / np.float32(count)
            for e in range(kinds.shape[0]):
                if kinds[e] == kind:
                    dense(genome, at, rows[e, :width], embedded)
                    for j in range(outputs.shape[0]):
                        outputs[j] += share * squash(embedded[j])
        at += (1 + width) * outputs.shape[0]
    return at


@kernel
def attention_pools(
    genome: np.ndarray,
    at: int,
    rows: np.ndarray,
    kinds: np.ndarray,
    widths: tuple[int, ...],
    query: np.ndarray,
    embedded: np.ndarray,
    outputs: np.ndarray,
) -> int:
    """Mean of the same embeddings, weighted by their likeness to a query: softmax of query . key / sqrt(H).

    An embedding is key and value in one; a kind that is not seen gives zeros. The weights are computed
    relative to the best so far, in one pass (Milakov and Gimelshein 2018).

    Args:
        genome: `(N,)` of which `dense_size(width, H)` numbers per kind are read from `at` on.
        at: where the weights begin.
        rows: `(E, >= width)` entities.
        kinds: `(E,)` int8, what each row describes.
        widths: columns in use, per kind.
        query: `(H,)`.
        embedded: `(H,)` scratch.
        outputs: `(kinds * H,)`, receives the weighted mean of each kind.

    Returns:
        Where the weights end.
    """
    size = query.shape[0]
    for j in range(outputs.shape[0]):
        outputs[j] = 0
    for kind, width in enumerate(widths):
        best, total, first = -_INFINITY, _ZERO, kind * size
        for e in range(kinds.shape[0]):
            if kinds[e] == kind:
                dense(genome, at, rows[e, :width], embedded)
                squash_all(embedded)
                likeness = _scaled_dot(query, embedded)
                top = max(best, likeness)
                fade, weight = np.float32(math.exp(best - top)), np.float32(math.exp(likeness - top))
                best, total = top, total * fade + weight
                for j in range(size):
                    outputs[first + j] = outputs[first + j] * fade + weight * embedded[j]
        if total > 0:
            for j in range(size):
                outputs[first + j] /= total
        at += (1 + width) * size
    return at


@kernel
def _count(kinds: np.ndarray, kind: int) -> int:
    """How many entities are of a kind."""
    count = 0
    for e in range(kinds.shape[0]):
        if kinds[e] == kind:
            count += 1
    return count


@kernel
def _scaled_dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    """Scalar product of two vectors over sqrt(H), summed in order."""
    total = _ZERO
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total / np.float32(math.sqrt(a.shape[0]))
