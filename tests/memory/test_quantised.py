"""Vectors in eight bits: their bounds hold, and they are tight enough to be worth it."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.memory.quantised import BLOCK_ROWS, QuantisedVectors, units
from support_memory import FloatArray, vectors


def whisper_like(n: int, seed: int) -> FloatArray:
    """Nearly parallel vectors with two dimensions far larger than the rest."""
    found = vectors(n, seed, 96)
    found[:, 3] *= 80.0
    found[:, 50] -= 300.0
    return found


def noise(n: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((n, 96), np.float32)


@pytest.mark.parametrize("kind", [whisper_like, noise])
def test_no_cosine_is_above_its_bound_and_few_are_far_below(kind: type) -> None:
    stored = kind(3_000, 1)
    held = QuantisedVectors(stored[::3])
    for start in range(0, len(stored), 500):
        part = slice(start, start + 500)
        held.append(range(start, start + 500), range(start, start + 500), stored[part])
    unit = units(stored)
    for query in units(kind(20, 2)):
        exact = unit @ query
        bounds = held.upper_bounds(query)
        assert (bounds >= exact).all()
        assert (bounds - exact).max() < 0.2 * exact.std()


def test_a_poor_sample_keeps_the_bounds_true() -> None:
    stored = whisper_like(1_000, 3)
    held = QuantisedVectors(stored[:1])
    held.append(range(1_000), range(1_000), stored)
    query = units(stored[:1])[0]
    assert (held.upper_bounds(query) >= units(stored) @ query).all()


def test_forgetting_leaves_the_rest_where_it_was() -> None:
    n = BLOCK_ROWS + 700
    stored = vectors(n)
    held = QuantisedVectors(stored[:100])
    held.append(range(BLOCK_ROWS), range(BLOCK_ROWS), stored[:BLOCK_ROWS])
    held.append(range(BLOCK_ROWS, n), range(BLOCK_ROWS, n), stored[BLOCK_ROWS:])
    query = units(stored[:1])[0]
    before = held.upper_bounds(query)
    kept = np.arange(0, n, 3)
    held.keep(kept)
    assert held.keys.tolist() == kept.tolist()
    assert held.upper_bounds(query) == pytest.approx(before[kept], abs=1e-6)
    held.keep(np.zeros(0, np.int64))
    assert held.n_bytes == 0
    assert not len(held.upper_bounds(query))


def test_a_vector_takes_a_byte_a_dimension_and_twenty_four() -> None:
    held = QuantisedVectors(vectors(10))
    held.append(range(10), range(10), vectors(10))
    assert held.n_bytes == 10 * (24 + 24)


def test_a_zero_vector_has_length_zero_and_huge_ones_length_one() -> None:
    found = units(np.array([[0.0, 0.0], [3e38, 3e38]], np.float32))
    assert found.tolist() == [[0.0, 0.0], [pytest.approx(0.5**0.5)] * 2]
