"""The distance from the training domain, against the plain formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.perception.heads.domain import TrainingDomain, fit_domain, tempered_shares


def domain(rank: int = 2, reference: float = 1.5) -> TrainingDomain:
    generator = np.random.default_rng(7)
    return TrainingDomain(
        mean=generator.normal(size=5).astype(np.float32),
        variance=generator.uniform(0.5, 2.0, 5).astype(np.float32),
        factors=generator.normal(size=(rank, 5)).astype(np.float32),
        reference=reference,
    )


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_the_distance_is_mahalanobis_per_dimension(rank: int) -> None:
    d = domain(rank)
    x = np.arange(5, dtype=np.float32)
    sigma = np.diag(d.variance) + d.factors.T @ d.factors
    deviation = x - d.mean
    expected = np.sqrt(deviation @ np.linalg.inv(sigma) @ deviation / 5)
    assert d.distance(x) == pytest.approx(expected, rel=1e-5)


def test_twice_the_reference_is_worth_a_quarter() -> None:
    plain = TrainingDomain(
        mean=np.zeros(4, np.float32),
        variance=np.ones(4, np.float32),
        factors=np.zeros((0, 4), np.float32),
        reference=1.0,
    )
    assert plain.reliability(np.full(4, 1.0, np.float32)) == 1.0
    assert plain.reliability(np.full(4, 2.0, np.float32)) == pytest.approx(0.25)


@given(st.floats(0.0, 50.0), st.floats(0.0, 50.0))
def test_reliability_never_rises_with_the_distance(a: float, b: float) -> None:
    d = domain()
    direction = np.ones(5, np.float32)
    near, far = sorted((a, b))
    at = [d.reliability(d.mean + np.float32(step) * direction) for step in (near, far)]
    assert 0.0 <= at[1] <= at[0] <= 1.0


def test_unseen_speakers_of_the_domain_are_reliable_and_strangers_are_not() -> None:
    generator = np.random.default_rng(2)
    speakers = [f"s{i % 8}" for i in range(160)]
    x = generator.normal(size=(160, 12)).astype(np.float32)
    x[:, 0] = 3.0 * x[:, 1]  # a correlation that a diagonal would not see
    fitted = fit_domain(x, speakers, rank=3)
    fresh = generator.normal(size=(200, 12)).astype(np.float32)
    fresh[:, 0] = 3.0 * fresh[:, 1]
    assert np.mean([fitted.reliability(v) == 1.0 for v in fresh]) > 0.85
    fresh[:, 0] = -3.0 * fresh[:, 1]  # each value usual, together unheard of
    assert np.median([fitted.reliability(v) for v in fresh]) < 0.1


def test_the_leading_axes_are_those_of_the_whole_decomposition() -> None:
    generator = np.random.default_rng(4)
    x = (generator.normal(size=(120, 80)) * np.geomspace(10.0, 0.1, 80)).astype(np.float32)
    fitted = fit_domain(x, [f"s{i % 4}" for i in range(120)], rank=5)
    centred = x.astype(np.float64) - x.mean(axis=0)
    _, scale, axes = np.linalg.svd(centred, full_matrices=False)
    whole = (scale[:5, None] * axes[:5]).T @ (scale[:5, None] * axes[:5]) / 119
    assert fitted.factors.T @ fitted.factors == pytest.approx(whole, abs=1e-3)


def test_shares_far_from_home_are_evener_and_their_order_stays() -> None:
    logits = np.array([2.0, 1.0, 0.0])
    home, far = (tempered_shares(logits, 2.0, near) for near in (1.0, 0.5))
    assert home == pytest.approx(np.exp(logits / 2.0) / np.exp(logits / 2.0).sum())
    assert far == pytest.approx(np.exp(logits / 8.0) / np.exp(logits / 8.0).sum())
    assert tempered_shares(logits, 2.0, 0.0) == pytest.approx(1 / 3)


def test_one_speaker_is_no_domain() -> None:
    with pytest.raises(ValueError, match="two speakers"):
        fit_domain(np.ones((4, 2), np.float32), ["a"] * 4)
