"""From clips to a voice head: what tells people apart, whatever their mood and line.

One layer's mean over time, turned by within-class covariance normalisation on both bands. The
drawn lines that other heads learn from change speed and pitch, and so the voice: left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from subtone.perception.heads.card import HeadCard
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from subtone.perception.learning.cache import FeatureCache, Progress, no_progress
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.features import WhisperLayers
from subtone.perception.learning.renditions import BANDS
from subtone.perception.learning.training.export import described, licence_of
from subtone.perception.learning.training.settings import middle_layers
from subtone.perception.learning.training.table import Table, build_table
from subtone.perception.learning.voice_trials import (
    VoiceTable,
    best_layer,
    equal_error,
    held_out_trials,
)

LEAST_SPEAKERS: Final = 6  # two are judged, two choose the layer, two are learnt from
GROUPS: Final = 10
VOICE_USE: Final = (
    "Whether two recordings are of one voice. It makes voiceprints, biometric data in many laws: "
    "only where an operator with a lawful purpose and the speakers' consent allows them. Never "
    "a proof of identity: the equal error rate says how often it is wrong."
)


def train_voices(
    clips: Sequence[Clip],
    extractor: WhisperLayers,
    cache: FeatureCache,
    *,
    name: str,
    progress: Progress = no_progress,
) -> StoredHead:
    """Encode, choose the layer, judge by speakers never heard, and fit on everything.

    Clips of speakers with a single one are left out. The card's figures are equal error rates
    with their 95 % intervals, wide, by telephone, and enrolled wide and heard by telephone,
    beside those of the same layer as it is; the threshold is the telephone's. A head that heard
    few sentences tells voices apart in those alone: the card has their number where it is known.
    Raises LearningError for fewer than six speakers with two clips.
    """
    counts = Counter(clip.voice for clip in clips)
    kept = [clip for clip in clips if counts[clip.voice] > 1]
    n_speakers = len({clip.voice for clip in kept})
    if n_speakers < LEAST_SPEAKERS:
        raise LearningError(
            f"{n_speakers} speakers have two clips or more: a voice head is judged on speakers "
            f"it has not heard and needs {LEAST_SPEAKERS}"
        )
    table = build_table(kept, extractor, BANDS, cache, progress)
    voices = voice_table(table)
    choose = partial(best_layer, layers=voice_layers(table.n_layers))
    judged, plain = held_out_trials(voices, min(GROUPS, n_speakers), choose)
    errors = {condition: equal_error(trials) for condition, trials in judged.items()}
    texts = {(clip.corpus, clip.sentence) for clip in kept if clip.sentence is not None}
    figures = {"sentences": float(len(texts))} if texts else {}
    for condition, error in errors.items():
        figures[f"eer_{condition}"] = error.rate.value
        figures[f"eer_{condition}_low"] = error.rate.low
        figures[f"eer_{condition}_high"] = error.rate.high
        figures[f"threshold_{condition}"] = error.threshold
        figures[f"raw_eer_{condition}"] = equal_error(plain[condition], resamples=0).rate.value
    layer = choose(voices)
    space = extractor.encoder.space
    card = HeadCard(
        name=name,
        task="voice",
        space=space,
        layer=layer,
        pooling=Pooling.MEAN,
        width=voices.values[BANDS[0]].shape[2],
        network=Network.LINEAR,
        abstention_threshold=round(max(errors["telephone"].threshold, 0.0), 3),
        gives_space=f"voice/{name}",
        licence=licence_of(table),
        data=described(table, "speaker", space, Network.LINEAR),
        figures={figure: round(value, 3) for figure, value in figures.items()},
        intended_use=VOICE_USE,
    )
    return StoredHead(card, voices.tensors(layer))


def voice_table(table: Table) -> VoiceTable:
    """The means over time of [mean; std]."""
    width = next(iter(table.values.values())).shape[2] // 2
    return VoiceTable(
        {band: table.values[band][:, :, :width] for band in BANDS},
        table.voices,
        np.array([clip.corpus for clip in table.clips]),
    )


def voice_layers(n_layers: int) -> tuple[int, ...]:
    """The middle layers and the one below them: voices are told lower than moods are."""
    middle = middle_layers(n_layers)
    return (middle[0] - 1, *middle)
