"""How well voices are told apart: trials of two recordings, and where their errors are equal.

No voice is judged by a head that learnt from it. Speakers are dealt into groups, and for every
two groups a head is fitted on the others: pairs of two voices lie across the two groups, so
each is tried once, and pairs of one voice within them. Voices of two corpora are not compared,
for the room and the microphone would tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.comparison import Estimate
from subtone.perception.heads.networks import unit_rows
from subtone.perception.heads.voice_training import voice_tensors
from subtone.perception.learning.evaluation.metrics import RESAMPLES, Reals, estimate
from subtone.perception.learning.renditions import TELEPHONE, WIDE, Rendition

# enrolled in the first band, heard in the second
CONDITIONS: Final[dict[str, tuple[Rendition, Rendition]]] = {
    "wide": (WIDE, WIDE),
    "telephone": (TELEPHONE, TELEPHONE),
    "across": (WIDE, TELEPHONE),
}
INNER_GROUPS: Final = 4
_CUTS: Final = 2_000  # thresholds tried at most, at quantiles of the cosines
_MOST_CLIPS: Final = 500  # of a group that is judged, evenly drawn

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class VoiceTable:
    """values[band]: (clips, layers, width), means over time; every voice has two clips at least."""

    values: Mapping[Rendition, FloatArray]
    voices: NDArray[np.str_]  # (clips)
    corpora: NDArray[np.str_]  # (clips)

    def take(self, rows: Indices) -> VoiceTable:
        """Some of the clips."""
        values = {band: values[rows] for band, values in self.values.items()}
        return VoiceTable(values, self.voices[rows], self.corpora[rows])

    def groups(self, n_groups: int) -> Indices:
        """(clips): which of at most ``n_groups`` each speaker is dealt into, by name."""
        _, place = np.unique(self.voices, return_inverse=True)
        dealt: Indices = place % n_groups
        return dealt

    def tensors(self, layer: int) -> dict[str, FloatArray]:
        """A voice head's, fitted on both bands: what a line does to a voice counts little."""
        rows = [values[:, layer] for values in self.values.values()]
        return voice_tensors(np.concatenate(rows), self.voices.tolist() * len(rows))


@dataclass(frozen=True, eq=False)
class Trials:
    """Cosines of pairs of recordings: of one voice by group, of two voices by two groups."""

    same: Mapping[int, Reals]
    different: Mapping[tuple[int, int], Reals]


@dataclass(frozen=True, kw_only=True)
class EqualError:
    """Where wrongly split and wrongly joined pairs are equally frequent."""

    rate: Estimate  # its interval is over groups of speakers
    threshold: float  # cosine


def held_out_trials(
    table: VoiceTable, n_groups: int, choose: Callable[[VoiceTable], int]
) -> tuple[dict[str, Trials], dict[str, Trials]]:
    """By condition: the trials of heads that never heard the two voices, and of plain vectors.

    ``choose`` names the layer, from what the head learns from.
    """
    groups = table.groups(n_groups)
    judged: dict[str, list[Trials]] = {name: [] for name in CONDITIONS}
    plain: dict[str, list[Trials]] = {name: [] for name in CONDITIONS}
    for two in combinations(range(int(groups.max()) + 1), 2):
        is_held_out = np.isin(groups, two)
        known = table.take(np.flatnonzero(~is_held_out))
        layer = choose(known)
        tensors = known.tensors(layer)
        rows = np.concatenate([_thinned(np.flatnonzero(groups == group)) for group in two])
        heard = table.take(rows)
        for name, bands in CONDITIONS.items():
            pair = [heard.values[band][:, layer] for band in bands]
            plain[name].append(pair_trials(pair, heard, groups[rows]))
            turned = [(x - tensors["standardise.mean"]) @ tensors["linear.weight"].T for x in pair]
            judged[name].append(pair_trials(turned, heard, groups[rows]))
    return _joined(judged), _joined(plain)


def best_layer(table: VoiceTable, layers: Sequence[int]) -> int:
    """The layer with the least mean equal error rate over the conditions, by held-out groups."""

    def error(layer: int) -> float:
        judged, _ = held_out_trials(table, INNER_GROUPS, lambda _: layer)
        return float(np.mean([equal_error(t, resamples=0).rate.value for t in judged.values()]))

    return min(layers, key=error)


def equal_error(trials: Trials, *, resamples: int = RESAMPLES, seed: int = 0) -> EqualError:
    """The equal error rate, bootstrapped over groups of speakers.

    Raises ValueError where there is no pair of one voice, or none of two.
    """
    if not any(map(len, trials.same.values())) or not any(map(len, trials.different.values())):
        raise ValueError("an equal error rate needs pairs of one voice and pairs of two")
    cuts = np.unique(np.concatenate([*trials.same.values(), *trials.different.values()]))
    if len(cuts) > _CUTS:
        cuts = np.unique(np.quantile(cuts, np.linspace(0.0, 1.0, _CUTS)))
    n_groups = 1 + max(*trials.same, *(max(pair) for pair in trials.different))
    times = np.ones((1, n_groups))
    if resamples:
        rng = np.random.default_rng(seed)
        chances = np.full(n_groups, 1.0 / n_groups)
        times = np.concatenate([times, rng.multinomial(n_groups, chances, size=resamples)])
    one = np.array([times[:, group] for group in trials.same]).T
    two = np.array([times[:, g] * times[:, h] for g, h in trials.different]).T
    below = one @ _counts(trials.same.values(), cuts)
    above = two @ _counts(trials.different.values(), cuts)
    is_judged = (below.sum(axis=1) > 0.0) & (above.sum(axis=1) > 0.0)
    split, joined = (np.cumsum(c[is_judged], axis=1) for c in (below, above))
    split = split[:, :-1] / split[:, -1:]
    joined = 1.0 - joined[:, :-1] / joined[:, -1:]
    best = np.abs(split - joined).argmin(axis=1)
    drawn = np.arange(len(best))
    rates = (split[drawn, best] + joined[drawn, best]) / 2.0
    return EqualError(
        rate=estimate(float(rates[0]), rates[1:] if len(rates) > 1 else rates),
        threshold=float(cuts[best[0]]),
    )


def _counts(groups: Iterable[Reals], cuts: Reals) -> Reals:
    """(groups, cuts + 1): how many cosines lie below the first cut, then from each cut on."""
    return np.array(
        [
            np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)
            for values in groups
        ],
        np.float64,
    )


def pair_trials(
    pair: Sequence[FloatArray] | Sequence[Reals], table: VoiceTable, groups: Indices
) -> Trials:
    """All pairs of two recordings, by their vectors (clips, n) as enrolled and as heard."""
    enrolled, heard = (unit_rows(vectors.astype(np.float64)) for vectors in pair)
    cosines = enrolled @ heard.T
    is_same = table.voices[:, None] == table.voices
    np.fill_diagonal(is_same, val=False)
    is_comparable = table.corpora[:, None] == table.corpora
    present = np.unique(groups).tolist()
    different = {}
    for g, h in combinations(present, 2):
        is_pair = (groups[:, None] == g) & (groups == h)
        different[g, h] = cosines[is_comparable & (is_pair | is_pair.T)]
    return Trials({g: cosines[is_same & (groups == g)] for g in present}, different)


def _joined(found: Mapping[str, Sequence[Trials]]) -> dict[str, Trials]:
    joined = {}
    for name, parts in found.items():
        groups = sorted({group for part in parts for group in part.same})
        same = {
            group: np.concatenate([p.same[group] for p in parts if group in p.same])
            for group in groups
        }
        joined[name] = Trials(same, {two: v for part in parts for two, v in part.different.items()})
    return joined


def _thinned(rows: Indices) -> Indices:
    return rows[:: -(-len(rows) // _MOST_CLIPS)]
