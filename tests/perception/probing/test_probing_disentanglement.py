"""DCI at its corners, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.probing.disentanglement import dci, disentanglement
from subtone.perception.probing.workbench import Workbench
from support_probing import made_up


def test_one_dimension_for_each_factor_is_one() -> None:
    d, c = dci(np.eye(3))
    assert d == pytest.approx(1.0)
    assert c == pytest.approx(np.ones(3))


def test_everything_everywhere_is_zero() -> None:
    d, c = dci(np.full((4, 3), 0.25))
    assert d == pytest.approx(0.0, abs=1e-12)
    assert c == pytest.approx(np.zeros(3), abs=1e-12)


def test_two_factors_in_one_dimension_by_hand() -> None:
    """Dimension 0 codes both, dimension 1 one of them: P = (2/3, 1/3) and (0, 1)."""
    d, c = dci(np.array([[1.0, 0.5], [0.0, 0.5]]))
    shared = 1.0 + (2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(2)
    assert d == pytest.approx(0.75 * shared + 0.25)
    assert c == pytest.approx([1.0, 0.0], abs=1e-12)


def test_an_unused_factor_is_not_complete() -> None:
    assert dci(np.array([[1.0, 0.0], [0.0, 0.0]]))[1].tolist() == [1.0, 0.0]


def test_a_dimension_that_is_emotion_is_complete_as_learned_and_not_when_turned() -> None:
    learned, _, turned = disentanglement(Workbench(made_up("one"), 0, 50), 3)
    completeness = [report.factors[0].completeness for report in (learned, turned)]
    assert completeness[0] > 0.95
    assert completeness[1] < 0.6
    assert learned.factors[0].held_out == "speaker and sentence"
    assert learned.disentanglement.low <= learned.disentanglement.value
