"""Grouped layers: every row has a network of its own, read from a flat genome.

Weights in the genome are of order one; a layer divides by the root of its fan-in, so that one step size
suits all layers. A dense layer's weights lie as `(1 + inputs, outputs)`, the first row for the constant
input 1 (the bias).

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
def gate_all(values: np.ndarray) -> None:
    """From sums to shares between 0 and 1, in place."""
    for j in range(values.shape[0]):
        values[j] = _HALF + _HALF * squash(_HALF * values[j])


@kernel
def dense(genome: np.ndarray, at: int, inputs: np.ndarray, outputs: np.ndarray) -> None:
    """Write (bias + inputs @ weights) / sqrt(1 + fan-in) to `outputs`, with the weights from `at` on."""
    start(genome, at, outputs)
    accumulate(genome, at + outputs.shape[0], inputs, outputs)
    rescale(outputs, inputs.shape[0])


@kernel
def start(genome: np.ndarray, at: int, outputs: np.ndarray) -> None:
    """Write biases to `outputs`."""
    for j in range(outputs.shape[0]):
        outputs[j] = genome[at + j]


@kernel
def accumulate(genome: np.ndarray, at: int, inputs: np.ndarray, outputs: np.ndarray) -> int:
    """Add inputs @ weights to `outputs`; return the end of the weights."""
    width, num_inputs = outputs.shape[0], inputs.shape[0]
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
    return at


@kernel
def rescale(outputs: np.ndarray, num_inputs: int) -> None:
    """Divide sums by the root of one more than their inputs."""
    scale = np.float32(1.0 / math.sqrt(1.0 + num_inputs))
    for j in range(outputs.shape[0]):
        outputs[j] *= scale


@kernel
def add_mean_pool(
    genome: np.ndarray,
    at: int,
    features: np.ndarray,
    types: np.ndarray,
    entity_type: int,
    width: int,
    embedded: np.ndarray,
    outputs: np.ndarray,
) -> None:
    """Add to `outputs` the mean of the squashed embeddings of the visible entities of a type.

    Since an embedding has a bias, the mean also tells whether there is any; a type that is not seen adds nothing.

    Args:
        genome: `(N,)` of which the `dense_size(width, H)` numbers of the embedding are read.
        at: where its weights begin.
        features: `(E, >= width)` of the entities.
        types: `(E,)` int8.
        entity_type: which to embed.
        width: columns in use.
        embedded: `(H,)` scratch.
        outputs: `(H,)`, added to.
    """
    count = 0
    for e in range(types.shape[0]):
        if types[e] == entity_type:
            count += 1
    if count == 0:
        return
    share = _ONE / np.float32(count)
    for e in range(types.shape[0]):
        if types[e] == entity_type:
            dense(genome, at, features[e, :width], embedded)
            for j in range(outputs.shape[0]):
                outputs[j] += share * squash(embedded[j])


@kernel
def attention_pool(
    genome: np.ndarray,
    at: int,
    features: np.ndarray,
    types: np.ndarray,
    entity_type: int,
    width: int,
    query: np.ndarray,
    embedded: np.ndarray,
    outputs: np.ndarray,
) -> None:
    """Mean of the same embeddings, weighted by the softmax of their attention logits, query . key / sqrt(H).

    An embedding is key and value in one; a type that is not seen gives zeros. The weights are computed
    relative to the best so far, in one pass (Milakov and Gimelshein 2018).

    Args:
        genome: `(N,)` of which the `dense_size(width, H)` numbers of the embedding are read.
        at: where its weights begin.
        features: `(E, >= width)` of the entities.
        types: `(E,)` int8.
        entity_type: which to embed.
        width: columns in use.
        query: `(H,)`.
        embedded: `(H,)` scratch.
        outputs: `(H,)`, receives the weighted mean.
    """
    size = query.shape[0]
    for j in range(size):
        outputs[j] = 0
    best, total = -_INFINITY, _ZERO
    for e in range(types.shape[0]):
        if types[e] == entity_type:
            dense(genome, at, features[e, :width], embedded)
            squash_all(embedded)
            logit = _scaled_dot(query, embedded)
            top = max(best, logit)
            decay, weight = np.float32(math.exp(best - top)), np.float32(math.exp(logit - top))
            best, total = top, total * decay + weight
            for j in range(size):
                outputs[j] = outputs[j] * decay + weight * embedded[j]
    if total > 0:
        for j in range(size):
            outputs[j] /= total


@kernel
def _scaled_dot(a: np.ndarray, b: np.ndarray) -> np.float32:
    """Scalar product of two vectors over sqrt(H), summed in order."""
    total = _ZERO
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total / np.float32(math.sqrt(a.shape[0]))
