"""Trains projection heads: supervised, symmetric InfoNCE between every two modalities.

Positives of an example are all examples of the other modality with the same label (same
emotion; pairs of the same sentence would teach content). Per row, the mean over positives of
-log softmax (Khosla et al. 2020, L_out), both ways (Radford et al. 2021); the temperature is
learned and stays at or below .2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.fusion.optimiser import Adam, Parameters, Reals, glorot, standard
from subtone.perception.heads.networks import GELU_SLOPE, gelu, softmax

OUTPUT = 128
HIDDEN = 256
BATCH_ROWS = 128
FIRST_TEMPERATURE = 0.07
TEMPERATURES = (0.01, 0.2)
LOG_TEMPERATURE = "log_temperature"


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedProjections:
    """What training gives: tensors of a projection's head file per modality."""

    tensors: Mapping[str, Mapping[str, FloatArray]]
    temperature: float
    losses: tuple[float, ...]  # mean of each epoch


def train_projections(
    vectors: Mapping[str, FloatArray],
    labels: Mapping[str, Sequence[str]],
    *,
    seed: int,
    epochs: int = 50,
    hidden: int = HIDDEN,
    output: int = OUTPUT,
    rate: float = 1e-3,
) -> TrainedProjections:
    """Project two or more modalities, (rows, width) each with a label per row.

    The modalities need not be paired or equally long. Raises ValueError for fewer than two
    modalities, or labels that do not match.
    """
    if len(vectors) < 2 or any(len(labels[m]) != len(x) for m, x in vectors.items()):
        raise ValueError("a shared space needs two modalities, and one label per vector")
    generator = np.random.default_rng(seed)
    classes = sorted({label for column in labels.values() for label in column})
    targets = {m: np.array([classes.index(label) for label in labels[m]]) for m in vectors}
    moments = {m: standard(x) for m, x in vectors.items()}
    inputs = {m: (x - moments[m][0]) / moments[m][1] for m, x in vectors.items()}
    parameters: Parameters = {LOG_TEMPERATURE: np.array(math.log(FIRST_TEMPERATURE))}
    for m, x in vectors.items():
        parameters |= {f"{m}.{name}": w for name, w in _initial(x, hidden, output, generator)}
    optimiser = Adam(parameters, rate=rate)
    losses = []
    for _ in range(epochs):
        found = []
        for rows in _batches({m: len(x) for m, x in inputs.items()}, generator):
            loss, gradients = loss_and_gradients(
                parameters,
                {m: inputs[m][r] for m, r in rows.items()},
                {m: targets[m][r] for m, r in rows.items()},
            )
            optimiser.step(gradients)
            low, high = (math.log(t) for t in TEMPERATURES)
            np.clip(parameters[LOG_TEMPERATURE], low, high, out=parameters[LOG_TEMPERATURE])
            found.append(loss)
        losses.append(float(np.mean(found)))
    return TrainedProjections(
        tensors={m: _tensors(m, parameters, moments[m]) for m in vectors},
        temperature=math.exp(float(parameters[LOG_TEMPERATURE])),
        losses=tuple(losses),
    )


def loss_and_gradients(
    parameters: Mapping[str, Reals],
    inputs: Mapping[str, Reals],
    targets: Mapping[str, NDArray[np.intp]],
) -> tuple[float, Parameters]:
    """Mean InfoNCE over the pairs of modalities, and its gradient by every parameter."""
    passed = {m: _forward(parameters, m, x) for m, x in inputs.items()}
    by_unit = {m: np.zeros_like(p.unit) for m, p in passed.items()}
    pairs = list(itertools.combinations(inputs, 2))
    loss = by_log_temperature = 0.0
    for a, b in pairs:
        found = info_nce(
            passed[a].unit,
            passed[b].unit,
            targets[a][:, None] == targets[b],
            math.exp(float(parameters[LOG_TEMPERATURE])),
        )
        loss += found.loss / len(pairs)
        by_unit[a] += found.by_a / len(pairs)
        by_unit[b] += found.by_b / len(pairs)
        by_log_temperature += found.by_log_temperature / len(pairs)
    gradients: Parameters = {LOG_TEMPERATURE: np.array(by_log_temperature)}
    for m, p in passed.items():
        gradients |= _backward(parameters, m, p, by_unit[m])
    return loss, gradients


@dataclass(frozen=True, eq=False, kw_only=True)
class InfoNce:
    """Loss and gradients of one pair of modalities."""

    loss: float
    by_a: Reals
    by_b: Reals
    by_log_temperature: float


def info_nce(a: Reals, b: Reals, is_positive: NDArray[np.bool_], temperature: float) -> InfoNce:
    """a: (n, d), b: (m, d), rows of length 1; is_positive: (n, m).

    Rows without a positive are left out.
    """
    scores = a @ b.T / temperature
    loss, by_scores = 0.0, np.zeros_like(scores)
    for axis in (1, 0):
        turned, positive = (scores, is_positive) if axis else (scores.T, is_positive.T)
        counts = positive.sum(axis=1, keepdims=True)
        used = counts > 0
        wanted = positive / np.maximum(counts, 1)
        shares = softmax(turned)
        share = used / max(int(used.sum()), 1) / 2.0
        logs = turned - turned.max(axis=1, keepdims=True)
        logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        loss -= float((share * wanted * logs).sum())
        moved = share * (shares - wanted)
        by_scores += moved if axis else moved.T
    return InfoNce(
        loss=loss,
        by_a=by_scores @ b / temperature,
        by_b=by_scores.T @ a / temperature,
        by_log_temperature=-float((by_scores * scores).sum()),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Passed:
    inputs: Reals
    before: Reals  # of the GELU
    after: Reals
    length: Reals
    unit: Reals


def _forward(parameters: Mapping[str, Reals], m: str, x: Reals) -> _Passed:
    before = x @ parameters[f"{m}.hidden.weight"].T + parameters[f"{m}.hidden.bias"]
    after = np.asarray(gelu(before), np.float64)
    out = after @ parameters[f"{m}.output.weight"].T + parameters[f"{m}.output.bias"]
    length = np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
    return _Passed(inputs=x, before=before, after=after, length=length, unit=out / length)


def _backward(parameters: Mapping[str, Reals], m: str, p: _Passed, by_unit: Reals) -> Parameters:
    along = (p.unit * by_unit).sum(axis=1, keepdims=True)
    by_out = (by_unit - p.unit * along) / p.length
    by_after = by_out @ parameters[f"{m}.output.weight"]
    bend = np.tanh(GELU_SLOPE * (p.before + 0.044715 * p.before**3))
    slope = GELU_SLOPE * (1.0 + 3.0 * 0.044715 * p.before**2)
    by_before = by_after * 0.5 * (1.0 + bend + p.before * (1.0 - bend**2) * slope)
    return {
        f"{m}.output.weight": by_out.T @ p.after,
        f"{m}.output.bias": by_out.sum(axis=0),
        f"{m}.hidden.weight": by_before.T @ p.inputs,
        f"{m}.hidden.bias": by_before.sum(axis=0),
    }


def _initial(
    x: FloatArray, hidden: int, output: int, generator: np.random.Generator
) -> list[tuple[str, Reals]]:
    return [
        ("hidden.weight", glorot(generator, hidden, x.shape[1])),
        ("hidden.bias", np.zeros(hidden)),
        ("output.weight", glorot(generator, output, hidden)),
        ("output.bias", np.zeros(output)),
    ]


def _batches(
    rows: Mapping[str, int], generator: np.random.Generator
) -> list[dict[str, NDArray[np.intp]]]:
    """Every row once an epoch, all modalities cut into equally many batches."""
    count = max(1, math.ceil(max(rows.values()) / BATCH_ROWS))
    count = min(count, *rows.values())
    cut = {m: np.array_split(generator.permutation(n), count) for m, n in rows.items()}
    return [{m: parts[i] for m, parts in cut.items()} for i in range(count)]


def _tensors(
    m: str, parameters: Mapping[str, Reals], moments: tuple[Reals, Reals]
) -> dict[str, FloatArray]:
    names = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
    found = {name: parameters[f"{m}.{name}"].astype(np.float32) for name in names}
    mean, scale = (moment.astype(np.float32) for moment in moments)
    return {**found, "standardise.mean": mean, "standardise.scale": scale}
