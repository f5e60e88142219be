"""Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Parameters = dict[str, Reals]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(eq=False)
class Adam:
    """Changes parameters in place; biases and other vectors do not decay."""

    parameters: Parameters
    rate: float = 1e-3
    decay: float = 1e-2
    step_count: int = 0
    _first: Parameters = field(default_factory=dict)
    _second: Parameters = field(default_factory=dict)

    def step(self, gradients: Mapping[str, Reals]) -> None:
        """One step against the gradients of the parameters that have one."""
        self.step_count += 1
        for name, gradient in gradients.items():
            value = self.parameters[name]
            first = BETA1 * self._first.get(name, 0.0) + (1 - BETA1) * gradient
            second = BETA2 * self._second.get(name, 0.0) + (1 - BETA2) * gradient**2
            self._first[name], self._second[name] = first, second
            direction = first / (1 - BETA1**self.step_count)
            size = np.sqrt(second / (1 - BETA2**self.step_count)) + EPS
            if value.ndim > 1:
                value *= 1.0 - self.rate * self.decay
            value -= self.rate * direction / size


def glorot(generator: np.random.Generator, rows: int, columns: int) -> Reals:
    """Initial weights (Glorot and Bengio 2010)."""
    limit = np.sqrt(6.0 / (rows + columns))
    return generator.uniform(-limit, limit, (rows, columns))


def standard(x: NDArray[np.float32]) -> tuple[Reals, Reals]:
    """Mean and deviation per column of (rows, width); 1 where a column never changes."""
    exact = x.astype(np.float64)
    deviation = exact.std(axis=0)
    return exact.mean(axis=0), np.where(deviation > 0.0, deviation, 1.0)
