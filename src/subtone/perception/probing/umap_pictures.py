"""UMAP (McInnes, Healy and Melville 2018), drawn where umap-learn is installed.

With its compiler it takes over 200 MB, for pictures that prove nothing by themselves: no extra
of subtone brings it.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from subtone.perception.probing.data import F64

UMAP_NEIGHBOURS = (5, 15, 50)
Umap = Callable[..., Any]


def find_umap() -> Umap | None:
    """umap-learn's estimator; None where it is not installed, or something else has its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of optional parts of its own
        try:
            found: Umap | None = getattr(importlib.import_module("umap"), "UMAP", None)
        except ImportError:
            return None
    return found


def umap_picture(umap: Umap, rows: F64, neighbours: int, rng: np.random.Generator) -> F64:
    """(n, 2) of rows (n, d); the same ``rng`` gives the same picture."""
    made = umap(
        n_neighbors=min(neighbours, len(rows) - 1),
        random_state=int(rng.integers(2**31)),
        n_jobs=1,  # what a fixed seed means
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of disconnected neighbours, which it lays apart
        return np.asarray(made.fit_transform(rows), np.float64)
