"""Each layer equals a slow loop in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.layers import (
    accumulate,
    add_mean_pool,
    attention_pool,
    dense,
    dense_size,
    gate_all,
    rescale,
    squash,
    start,
)

TYPES = [[0, 1, 2, 2, 3], [-1, -1, -1, -1, -1], [0, 0, -1, 3, 0], []]


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
    dense(genome, 3, inputs, outputs)
    expected, end = plain_dense(genome, 3, inputs, num_outputs)
    assert end == 3 + dense_size(num_inputs, num_outputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cut", [0, 1, 6, 13])
def test_inputs_that_are_added_in_two_parts_give_the_same_bits(cut):
    genome, inputs = numbers(500), numbers(13, seed=1)
    whole, parts = np.empty((2, 9), np.float32)
    dense(genome, 3, inputs, whole)
    start(genome, 3, parts)
    end = accumulate(genome, 3 + 9, inputs[:cut], parts)
    assert accumulate(genome, end, inputs[cut:], parts) == 3 + dense_size(13, 9)
    rescale(parts, 13)
    np.testing.assert_array_equal(parts, whole)


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


def test_gates_are_shares_and_near_the_logistic_function():
    xs = np.linspace(-9, 9, 301).astype(np.float32)
    shares = xs.copy()
    gate_all(shares)
    np.testing.assert_allclose(shares, 0.5 + 0.5 * plain_squash(xs / 2), atol=1e-6)
    assert np.abs(shares - 1 / (1 + np.exp(-xs))).max() < 0.012


def embeddings(genome, features, types, entity_type, width, size):
    return [
        plain_squash(plain_dense(genome, 4, row[:width], size)[0])
        for row, k in zip(features, types, strict=True)
        if k == entity_type
    ]


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("entity_type", [0, 2, 3])
def test_a_mean_pool_equals_a_plain_loop(types, entity_type):
    size, width, features, genome = 6, 9, numbers(len(types), 11, seed=1), numbers(400)
    outputs, scratch = numbers(size, seed=3), np.empty(size, np.float32)
    values = embeddings(genome, features, types, entity_type, width, size)
    expected = outputs + (np.mean(values, 0) if values else 0)
    add_mean_pool(genome, 4, features, np.array(types, np.int8), entity_type, width, scratch, outputs)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("entity_type", [0, 2, 3])
@pytest.mark.parametrize("sharpness", [1.0, 200.0])
def test_an_attention_pool_equals_a_softmax_in_double_precision(types, entity_type, sharpness):
    size, width, features, genome = 6, 9, numbers(len(types), 11, seed=1), numbers(400)
    query, scratch = numbers(size, seed=2) * np.float32(sharpness), np.empty(size, np.float32)
    values = embeddings(genome, features, types, entity_type, width, size)
    logits = np.array([query @ value / math.sqrt(size) for value in values])
    weights = np.exp(logits - logits.max(initial=-np.inf))
    expected = weights @ values / weights.sum() if values else np.zeros(size)
    outputs = np.full(size, np.nan, np.float32)
    attention_pool(genome, 4, features, np.array(types, np.int8), entity_type, width, query, scratch, outputs)
    np.testing.assert_allclose(outputs, expected, atol=3e-5)
