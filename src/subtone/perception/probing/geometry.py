"""Pictures of the space, and the figures that say how far to believe them.

t-SNE (van der Maaten and Hinton 2008), exact, and UMAP where it is installed, on the first 50
principal components; a cluster in them proves nothing by itself. Trustworthiness (Venna and
Kaski 2001) says how many of a point's neighbours in the picture are neighbours at all; the
silhouette (Rousseeuw 1987) is taken in all standardised dimensions, never in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.probing import GeometryReport, MapQuality, Picture, Silhouette
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.data import F64, Index
from subtone.perception.probing.scoring import estimate, round6
from subtone.perception.probing.umap_pictures import UMAP_NEIGHBOURS, Umap, umap_picture
from subtone.perception.probing.workbench import Workbench

PERPLEXITIES = (5.0, 30.0, 50.0)
COMPONENTS = 50
NEIGHBOURS = 12
MOST_POINTS = 2_000
_EXAGGERATION = 12.0


def principal_axes(rows: F64) -> F64:
    """(d, rank) orthonormal axes of centred rows, the most varied first; signs are fixed."""
    _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
    kept = axes[sizes > 1e-6 * sizes[0]].T
    strongest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
    turned: F64 = kept * np.sign(strongest)
    return turned


def squared_distances(rows: F64) -> F64:
    """(n, n) squared Euclidean distances."""
    norms = (rows**2).sum(axis=1)
    distances: F64 = np.maximum(norms[:, None] + norms - 2.0 * rows @ rows.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    return distances


def silhouettes(distances: F64, labels: Index) -> F64:
    """(n,) silhouette of each row by distances (n, n); 0 where its label stands alone."""
    members = np.eye(int(labels.max()) + 1)[labels]
    counts = members.sum(axis=0)
    totals = distances @ members
    rows = np.arange(len(labels))
    own = counts[labels]
    inside = totals[rows, labels] / np.maximum(own - 1.0, 1.0)
    others = totals / counts
    others[rows, labels] = np.inf
    outside = others.min(axis=1)
    scores: F64 = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)
    return np.where(own > 1.0, scores, 0.0)


def trustworthiness(near: F64, picture: F64, neighbours: int = NEIGHBOURS) -> float:
    """Of squared distances ``near`` (n, n) and a picture (n, 2); 1 where it invents no neighbour.

    ``neighbours`` must be below n / 2.
    """
    n = len(near)
    rank = np.empty((n, n), np.intp)
    np.put_along_axis(rank, _by_distance(near), np.arange(n)[None, :], axis=1)
    shown = _by_distance(squared_distances(picture))[:, 1 : neighbours + 1]
    excess = np.maximum(np.take_along_axis(rank, shown, axis=1) - neighbours, 0).sum()
    return float(1.0 - 2.0 * excess / (n * neighbours * (2 * n - 3 * neighbours - 1)))


def _by_distance(distances: F64) -> NDArray[np.intp]:
    own_first = distances.copy()
    np.fill_diagonal(own_first, -1.0)
    return np.argsort(own_first, axis=1, kind="stable")


def tsne(near: F64, perplexity: float, rng: np.random.Generator, steps: int) -> tuple[F64, float]:
    """A picture (n, 2) and its divergence (KL, nats) of squared distances ``near`` (n, n)."""
    n = len(near)
    joint = _affinities(near, min(perplexity, (n - 1) / 3.0))
    joint = np.maximum((joint + joint.T) / (2.0 * n), 1e-12).astype(np.float32)
    y = (1e-4 * rng.standard_normal((n, 2))).astype(np.float32)
    speed, gains = np.zeros_like(y), np.ones_like(y)
    rate = np.float32(max(n / _EXAGGERATION / 4.0, 10.0))
    early = steps // 4
    for step in range(steps):
        target = joint * np.float32(_EXAGGERATION) if step < early else joint
        closeness = _closeness(y)
        pull = (target - closeness / closeness.sum()) * closeness
        gradient = 4.0 * (pull.sum(axis=1)[:, None] * y - pull @ y)
        gains = np.where(np.sign(gradient) != np.sign(speed), gains + 0.2, gains * 0.8)
        gains = np.maximum(gains, 0.01)
        speed = (0.5 if step < early else 0.8) * speed - rate * gains * gradient
        y = (y + speed).astype(np.float32)
        y -= y.mean(axis=0)
    closeness = _closeness(y)
    share = np.maximum(closeness / closeness.sum(), 1e-12)
    return y.astype(np.float64), float((joint * np.log(joint / share)).sum())


def _closeness(y: FloatArray) -> FloatArray:
    norms = (y**2).sum(axis=1)
    closeness = 1.0 / (1.0 + np.maximum(norms[:, None] + norms - 2.0 * (y @ y.T), 0.0))
    np.fill_diagonal(closeness, 0.0)
    return np.asarray(closeness, np.float32)


def _affinities(near: F64, perplexity: float) -> F64:
    """(n, n) each row's neighbours at the bandwidth that has the perplexity, by bisection."""
    n = len(near)
    is_other = ~np.eye(n, dtype=bool)
    least = np.where(is_other, near, np.inf).min(axis=1, keepdims=True)
    shifted = np.maximum(near - least, 0.0)
    low, high = np.full((n, 1), -50.0), np.full((n, 1), 50.0)  # of log precision
    for _ in range(50):
        middle = (low + high) / 2.0
        weights = np.exp(-shifted * np.exp(middle)) * is_other
        total = weights.sum(axis=1, keepdims=True)
        energy = (weights * shifted).sum(axis=1, keepdims=True) * np.exp(middle) / total
        is_flat = np.log(total) + energy > np.log(perplexity)
        low, high = np.where(is_flat, middle, low), np.where(is_flat, high, middle)
    shares: F64 = weights / total
    return shares


def geometry(bench: Workbench, seeds: int, steps: int, umap: Umap | None = None) -> GeometryReport:
    """The whole section; above 2000 clips a drawn part of them is pictured."""
    n = len(bench.emotion)
    rng = np.random.default_rng([bench.seed, 91])
    drawn = np.sort(rng.permutation(n)[:MOST_POINTS])
    far = np.sqrt(squared_distances(bench.standardised))
    factors = {"emotion": bench.emotion, "speaker": bench.speaker, "sentence": bench.sentence}
    known = {name: f for name, f in factors.items() if len(np.unique(f)) > 1}
    components = bench.standardised @ principal_axes(bench.standardised)[:, :COMPONENTS]
    components = np.pad(components, ((0, 0), (0, max(2 - components.shape[1], 0))))
    near = squared_distances(components[drawn])
    original = far[np.ix_(drawn, drawn)]
    pictures = [_picture("PCA", None, components[drawn, :2])]
    qualities = [_quality("PCA", None, original, [components[drawn, :2]])]
    for perplexity in PERPLEXITIES:
        runs = [
            tsne(near, perplexity, np.random.default_rng([bench.seed, 92, seed]), steps)
            for seed in range(seeds)
        ]
        pictures.append(_picture("t-SNE", perplexity, min(runs, key=lambda run: run[1])[0]))
        qualities.append(_quality("t-SNE", perplexity, original, [y for y, _ in runs]))
    for neighbours, maps in _umap_maps(umap, components[drawn], seeds, bench.seed):
        name = f"UMAP, {neighbours} neighbours"
        pictures.append(_picture(name, None, maps[0]))
        qualities.append(_quality(name, None, original, maps))
    return GeometryReport(
        clips=len(drawn),
        silhouettes=tuple(
            Silhouette(factor=name, value=estimate(bench.bootstrap.mean(silhouettes(far, labels))))
            for name, labels in known.items()
        ),
        qualities=tuple(qualities),
        pictures=tuple(pictures),
        emotion=tuple(bench.data.emotion[i] for i in drawn),
        speaker=tuple(bench.data.speaker[i] for i in drawn),
        sentence=tuple(bench.data.sentence[i] for i in drawn),
    )


def _umap_maps(
    umap: Umap | None, rows: F64, seeds: int, seed: int
) -> Iterator[tuple[int, list[F64]]]:
    if umap is None:
        return
    for neighbours in UMAP_NEIGHBOURS:
        rngs = [np.random.default_rng([seed, 93, at]) for at in range(seeds)]
        yield neighbours, [umap_picture(umap, rows, neighbours, rng) for rng in rngs]


def _picture(method: str, perplexity: float | None, points: F64) -> Picture:
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = np.round((points - low) / np.maximum(high - low, 1e-12), 4)
    x, y = scaled.T.tolist()
    return Picture(method=method, perplexity=perplexity, x=tuple(x), y=tuple(y))


def _quality(method: str, perplexity: float | None, original: F64, runs: list[F64]) -> MapQuality:
    neighbours = min(NEIGHBOURS, (len(original) - 1) // 2)
    kept = [trustworthiness(original, points, neighbours) for points in runs]
    nearest = [_by_distance(squared_distances(p))[:, 1 : neighbours + 1] for p in runs]
    shared = [
        np.mean([len(np.intersect1d(a, b)) for a, b in zip(nearest[i], nearest[j], strict=True)])
        for i in range(len(runs))
        for j in range(i)
    ]
    return MapQuality(
        method=method,
        perplexity=perplexity,
        seeds=len(runs),
        trustworthiness=round6(np.clip(np.mean(kept), 0.0, 1.0)),
        trustworthiness_low=round6(np.clip(min(kept), 0.0, 1.0)),
        trustworthiness_high=round6(np.clip(max(kept), 0.0, 1.0)),
        neighbours_shared=round6(np.mean(shared) / neighbours) if shared else None,
    )
