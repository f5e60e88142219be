"""Heads without an encoder: the kernel's acoustic window as the vector a head reads.

Measured at 8 kHz whatever came in, so that wide band and telephone give one space. Each value
is in deviations of the kernel's prior (``VoiceCalibration.priors``); what a window cannot
tell, such as the pitch of a whisper, is the prior's mean, 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import soxr

from subtone.contracts.calibration import VoiceCalibration
from subtone.contracts.inbound import HeadValue
from subtone.contracts.vocabulary import VoiceFeature
from subtone.contracts.voice_intelligence import AcousticFeatures
from subtone.kernel.voice_intelligence.acoustics import (
    HOP_MS,
    concat,
    feed_samples,
    flush,
    measure_window,
    open_track,
)
from subtone.kernel.voice_intelligence.baseline import observed_features
from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray
from subtone.perception.heads.card import CONTRASTS
from subtone.perception.heads.centre import BASELINE_UTTERANCES
from subtone.perception.heads.contrast import ContrastFinding
from subtone.perception.heads.domain import TrainingDomain
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import StoredHead

SPACE: Final = "acoustics/2"
LINE_RATE_HZ: Final = 8_000
FULL_VOICED_MS: Final = VoiceCalibration().full_voiced_ms
# the order and number are the space's: what else the kernel measures belongs to another one
_FEATURES: Final = (
    VoiceFeature.F0_MEAN,
    VoiceFeature.F0_MEDIAN,
    VoiceFeature.F0_SD,
    VoiceFeature.F0_SLOPE,
    VoiceFeature.ENERGY,
    VoiceFeature.ENERGY_P95,
    VoiceFeature.ENERGY_SD,
    VoiceFeature.TILT,
    VoiceFeature.TILT_P80,
    VoiceFeature.FLUX,
    VoiceFeature.RATE,
    VoiceFeature.SILENCE,
    VoiceFeature.PAUSE,
    VoiceFeature.FRAGMENT,
)
_ALL_PRIORS: Final = {prior.feature: prior for prior in VoiceCalibration().priors}
_PRIORS: Final = {feature: _ALL_PRIORS[feature] for feature in _FEATURES}
ACOUSTIC_FEATURES: Final = tuple(str(feature) for feature in _PRIORS)


def vector_of(features: AcousticFeatures) -> FloatArray:
    """(len(ACOUSTIC_FEATURES)) from a measured window."""
    observed = dict(observed_features(features))
    return np.array(
        [
            (observed[name] - prior.mean) / prior.sd if name in observed else 0.0
            for name, prior in _PRIORS.items()
        ],
        np.float32,
    )


def acoustic_window(samples: FloatArray) -> AcousticFeatures:
    """The kernel's window over all of mono samples at 16 kHz, at least 10 ms of them."""
    line = soxr.resample(samples, SAMPLE_RATE_HZ, LINE_RATE_HZ).astype(np.float32)
    state, first = feed_samples(open_track(LINE_RATE_HZ, 0), line)
    _, last = flush(state)
    frames = concat(*(part for part in (first, last) if part is not None))
    end_ms = len(line) * 1000 // LINE_RATE_HZ // HOP_MS * HOP_MS
    return measure_window(frames, "clip", 0, end_ms, LINE_RATE_HZ)


def acoustic_vector(samples: FloatArray) -> FloatArray:
    """(len(ACOUSTIC_FEATURES)) from mono samples at 16 kHz; zeros for less than 20 ms."""
    if len(samples) < SAMPLE_RATE_HZ // 50:
        return np.zeros(len(ACOUSTIC_FEATURES), np.float32)
    return vector_of(acoustic_window(samples))


class AcousticContrast:
    """Arousal or valence of a window against the caller's first three, without an encoder.

    Raises HeadError for a head of another task or space.
    """

    def __init__(self, head: StoredHead) -> None:
        if head.card.task not in CONTRASTS or head.domain is None:
            raise HeadError(
                head.card.name,
                f"is a head for {head.card.task}, not for {' or '.join(CONTRASTS)}",
                "give a contrast head's file",
            )
        head.require_space(SPACE)
        self._head = head
        self._domain: TrainingDomain = head.domain
        self.name = head.card.task

    def __call__(
        self, window: AcousticFeatures, first: Sequence[AcousticFeatures]
    ) -> ContrastFinding | None:
        """The contrast of one window; None before the caller has three, or without voice."""
        voiced = [features for features in first if features.voiced_ms]
        if len(voiced) < BASELINE_UTTERANCES or not window.voiced_ms:
            return None
        normal = np.mean([vector_of(f) for f in voiced[:BASELINE_UTTERANCES]], axis=0)
        moved = (vector_of(window) - normal).astype(np.float32)
        card = self._head.card
        logit = float(self._head.outputs(moved[None])[0, 0]) / (card.temperature or 1.0)
        return ContrastFinding(
            head=card.task,
            values=(HeadValue(label=card.labels[0], value=logit),),
            confidence=min(1.0, window.voiced_ms / FULL_VOICED_MS),
            reliability=self._domain.reliability(self._head.standardise(moved)),
            model=self._head.model,
        )
