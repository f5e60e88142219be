"""Which layers a head reads and how it is fitted, for an encoder of any depth.

Middle layers hear emotion best (SCIENCE section 1), so the search is between the middle one
and three around it; for whisper-base those are 3 and 2, 3, 4. The contrasts' settings were
measured across corpora (bench/results/heads-across.txt), where a search inside one cannot tell.
Features of a single layer, such as acoustics, are few and need less shrinkage.
"""

from __future__ import annotations

from dataclasses import dataclass

from subtone.perception.learning.training.linear import Fit


@dataclass(frozen=True)
class Setting:
    """Which layers are read, each by a map of its own whose logits are averaged, and its fit."""

    layers: tuple[int, ...]
    fit: Fit
    strength: float


def middle_layers(n_layers: int) -> tuple[int, ...]:
    """A third, half and two thirds of the way up, of ``n_layers`` hidden states from 0."""
    blocks = n_layers - 1
    return tuple(sorted({round(blocks / 3), round(blocks / 2), round(2 * blocks / 3)}))


def middle_layer(n_layers: int) -> int:
    """The one a head of a single layer reads, of ``n_layers`` hidden states from 0."""
    return round((n_layers - 1) / 2)


def class_search(n_layers: int) -> tuple[Setting, ...]:
    """What a class head is chosen from."""
    if n_layers == 1:
        return (
            Setting((0,), Fit.LOGISTIC, 0.01),
            Setting((0,), Fit.LOGISTIC, 1.0),
            Setting((0,), Fit.DISCRIMINANT, 0.1),
        )
    middle = middle_layers(n_layers)
    return (
        Setting((middle_layer(n_layers),), Fit.LOGISTIC, 0.001),
        Setting(middle, Fit.DISCRIMINANT, 0.3),
        Setting(middle, Fit.DISCRIMINANT, 0.6),
    )


def arousal_setting(n_layers: int) -> Setting:
    """The lower two of the middle layers."""
    if n_layers == 1:
        return Setting((0,), Fit.LOGISTIC, 0.01)
    return Setting(middle_layers(n_layers)[:2], Fit.DISCRIMINANT, 0.8)


def valence_setting(n_layers: int) -> Setting:
    """The middle layers and the one below them."""
    if n_layers == 1:
        return Setting((0,), Fit.LOGISTIC, 0.01)
    middle = middle_layers(n_layers)
    return Setting((middle[0] - 1, *middle), Fit.LOGISTIC, 0.001)
