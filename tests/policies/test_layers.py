"""Each layer equals a slow loop in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.layers import (
    add_mean_pools,
    attention_pools,
    dense,
    dense_size,
    gru,
    squash,
)

WIDTHS = (8, 8, 11, 8)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def plain_squash(x):
    x = np.clip(np.asarray(x, float), -3, 3)
    return x * (27 + x**2) / (27 + 9 * x**2)


def plain_dense(genome, at, inputs, num_outputs):
    size = (1 + len(inputs)) * num_outputs
    weights = genome[at : at + size].astype(float).reshape(1 + len(inputs), num_outputs)
    return np.array([1.0, *inputs]) @ weights / math.sqrt(1 + len(inputs)), at + size


@pytest.mark.parametrize("num_inputs", [0, 1, 3, 4, 7, 25])
@pytest.mark.parametrize("num_outputs", [1, 5, 16, 33])
def test_dense_equals_a_matrix_product_in_double_precision(num_inputs, num_outputs):
    genome, inputs = numbers(2000), numbers(num_inputs, seed=1)
    outputs = np.empty(num_outputs, np.float32)
    end = dense(genome, 3, inputs, outputs)
    expected, expected_end = plain_dense(genome, 3, inputs, num_outputs)
    assert end == expected_end == 3 + dense_size(num_inputs, num_outputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_dense_keeps_numbers_of_order_one_for_weights_of_order_one():
    genome, outputs = numbers(dense_size(400, 200)), np.empty(200, np.float32)
    dense(genome, 0, numbers(400, seed=1), outputs)
    assert 0.8 < outputs.std() < 1.2


def test_squash_is_odd_monotone_bounded_and_near_tanh():
    xs = np.linspace(-6, 6, 2001).astype(np.float32)
    ys = np.array([squash(x) for x in xs])
    assert (np.diff(ys) >= -1e-6).all()
    np.testing.assert_array_equal(ys, -ys[::-1])
    assert np.abs(ys).max() == 1.0
    assert np.abs(ys - np.tanh(xs)).max() < 0.024


def test_gru_equals_its_equations():
    num_inputs, num_cells = 7, 5
    genome, inputs, memory = numbers(500), numbers(num_inputs, seed=1), numbers(num_cells, seed=2)
    outputs = np.empty(num_cells, np.float32)
    joined, gates = np.empty(num_inputs + num_cells, np.float32), np.empty((2, num_cells), np.float32)
    end = gru(genome, 2, inputs, memory, joined, gates, outputs)
    reset, at = plain_dense(genome, 2, [*inputs, *memory], num_cells)
    renew, at = plain_dense(genome, at, [*inputs, *memory], num_cells)
    reset, renew = (0.5 + 0.5 * plain_squash(x / 2) for x in (reset, renew))
    candidate, at = plain_dense(genome, at, [*inputs, *(memory * reset)], num_cells)
    assert end == at == 2 + 3 * (1 + num_inputs + num_cells) * num_cells
    np.testing.assert_allclose(outputs, (1 - renew) * memory + renew * plain_squash(candidate), atol=1e-6)


def embeddings(genome, at, rows, kinds, kind, width, size):
    return [
        plain_squash(plain_dense(genome, at, row[:width], size)[0])
        for row, k in zip(rows, kinds, strict=True)
        if k == kind
    ]


@pytest.mark.parametrize("kinds", [[0, 1, 2, 2, 3], [-1, -1, -1, -1, -1], [0, 0, -1, 3, 0], []])
def test_mean_pools_equal_a_plain_loop(kinds):
    size, rows, genome = 6, numbers(len(kinds), 11, seed=1), numbers(400)
    outputs = numbers(size, seed=3)
    expected, at = outputs.astype(float), 4
    for kind, width in enumerate(WIDTHS):
        values = embeddings(genome, at, rows, kinds, kind, width, size)
        expected = expected + (np.mean(values, 0) if values else 0)
        at += dense_size(width, size)
    end = add_mean_pools(genome, 4, rows, np.array(kinds, np.int8), WIDTHS, np.empty(size, np.float32), outputs)
    assert end == at
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("kinds", [[0, 1, 2, 2, 3], [-1, -1, -1, -1, -1], [0, 0, -1, 3, 0], []])
@pytest.mark.parametrize("sharpness", [1.0, 200.0])
def test_attention_pools_equal_a_softmax_in_double_precision(kinds, sharpness):
    size, rows, genome = 6, numbers(len(kinds), 11, seed=1), numbers(400)
    query = numbers(size, seed=2) * np.float32(sharpness)
    expected, at = [], 4
    for kind, width in enumerate(WIDTHS):
        values = embeddings(genome, at, rows, kinds, kind, width, size)
        logits = np.array([query @ value / math.sqrt(size) for value in values])
        weights = np.exp(logits - logits.max(initial=-np.inf))
        expected += [weights @ values / weights.sum() if values else np.zeros(size)]
        at += dense_size(width, size)
    outputs = np.full(4 * size, np.nan, np.float32)
    end = attention_pools(genome, 4, rows, np.array(kinds, np.int8), WIDTHS, query, np.empty(size, np.float32), outputs)
    assert end == at
    np.testing.assert_allclose(outputs, np.concatenate(expected), atol=3e-5)
