"""Bits that can be counted."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.code_length import block_ends, online_code


def test_the_first_block_is_uniform_and_noise_is_not_compressed() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    vectors = rng.standard_normal((200, 20)).astype(np.float32)
    ends = block_ends(200, 4)
    bits = online_code(vectors, labels, rng.permutation(200), ends, 4)
    assert np.count_nonzero(bits == 2.0) >= ends[0] == 8
    assert bits.sum() > 0.9 * 400.0


def test_what_is_easily_read_is_short() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    vectors = (rng.standard_normal((200, 20)) + 4 * np.eye(4, 20)[labels]).astype(np.float32)
    bits = online_code(vectors, labels, rng.permutation(200), block_ends(200, 4), 4)
    assert bits.sum() < 0.3 * 400.0


def test_blocks_end_where_the_published_fractions_do() -> None:
    ends = block_ends(10_000, 3)
    assert ends == [10, 20, 40, 80, 160, 310, 620, 1250, 2500, 5000, 10_000]
    assert block_ends(5, 3) == [5]


def test_a_class_that_comes_late_costs_bits_but_not_infinitely_many() -> None:
    vectors = np.zeros((20, 2), np.float32)
    labels = np.repeat([0, 1], (15, 5))
    bits = online_code(vectors, labels, np.arange(20), [10, 20], 2)
    assert bits[:10] == pytest.approx(1.0)
    assert (bits[15:] > 1.0).all()
    assert np.isfinite(bits).all()
