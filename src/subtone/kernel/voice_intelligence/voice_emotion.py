"""Voice emotion of one window against the caller's baseline (SCIENCE section 2).

z = clip((feature - mean) / sd, -3, 3) and S(u) = 1 / (1 + exp(1.386 - 1.2 u)), so a caller
at the baseline scores .20, +1 sd .45, +2 sd .73, +3 sd .90. Agitation is arousal: it cannot
tell anger from joy, and the words (or a valence head) must.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from subtone.contracts.calibration import FeatureWeight, VoiceCalibration
from subtone.contracts.vocabulary import ChannelStatus, VoiceDimension, VoiceFeature
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    FeatureDeviation,
    SpeakerBaseline,
    VoiceEmotionScores,
)
from subtone.kernel.statistics import clamp
from subtone.kernel.voice_intelligence.baseline import observed_features

Z_LIMIT = 3.0
WIDE_BAND_HZ = 16_000


def voice_status(features: AcousticFeatures, calibration: VoiceCalibration) -> ChannelStatus:
    """Whether this window holds enough clean voice to be scored at all."""
    if features.voiced_ms < calibration.min_voiced_ms or features.snr_db < calibration.min_snr_db:
        return ChannelStatus.INSUFFICIENT
    return ChannelStatus.OK


def deviations(
    features: AcousticFeatures, baseline: SpeakerBaseline, calibration: VoiceCalibration
) -> dict[VoiceFeature, float]:
    """z-scores of one window, clipped to [-3, 3]; features it does not have are absent."""
    normal = {b.feature: b for b in baseline.features}
    found = {
        name: clamp((value - normal[name].mean) / normal[name].sd, -Z_LIMIT, Z_LIMIT)
        for name, value in observed_features(features)
        if name in normal
    }
    if features.speech_ms < calibration.min_turn_ms:
        found.pop(VoiceFeature.RATE, None)
    return found


def score_voice(
    features: AcousticFeatures, baseline: SpeakerBaseline, calibration: VoiceCalibration
) -> VoiceEmotionScores:
    """The four scores of one window; call only when voice_status is ok."""
    z = deviations(features, baseline, calibration)
    alarms = _alarm_weights(features.sample_rate_hz, calibration)
    scores = {name: _score(z, weights, calibration) for name, weights in alarms.items()}
    unrest = _weights(calibration.unrest)
    scores[VoiceDimension.CALM] = 1.0 - _score(z, unrest, calibration)
    moved = {
        name: sum(scores[d] * weights.get(name, 0.0) for d, weights in alarms.items()) * abs(value)
        for name, value in z.items()
        if any(name in weights for weights in (*alarms.values(), unrest))
    }
    signal = clamp((features.snr_db - calibration.snr_floor_db) / calibration.snr_range_db)
    evidence = min(1.0, features.voiced_ms / calibration.full_voiced_ms)
    return VoiceEmotionScores(
        track_id=features.track_id,
        t_start_ms=features.t_start_ms,
        t_event_ms=features.t_event_ms,
        agitation=scores[VoiceDimension.AGITATION],
        stress=scores[VoiceDimension.STRESS],
        hesitation=scores[VoiceDimension.HESITATION],
        calm=scores[VoiceDimension.CALM],
        dominant_emotion=max(scores, key=lambda dimension: scores[dimension]),
        confidence=evidence * signal * baseline.quality,
        deviations=tuple(
            FeatureDeviation(feature=name, z=z[name])
            for name in sorted(moved, key=moved.__getitem__, reverse=True)
        ),
        voiced_ms=features.voiced_ms,
        is_caller_known=baseline.is_established,
    )


def _alarm_weights(
    sample_rate_hz: int, calibration: VoiceCalibration
) -> Mapping[VoiceDimension, Mapping[VoiceFeature, float]]:
    is_wide = sample_rate_hz >= WIDE_BAND_HZ
    agitation = calibration.agitation_wide if is_wide else calibration.agitation_telephone
    return {
        VoiceDimension.AGITATION: _weights(agitation),
        VoiceDimension.STRESS: _weights(calibration.stress),
        VoiceDimension.HESITATION: _weights(calibration.hesitation),
    }


def _weights(formula: Sequence[FeatureWeight]) -> dict[VoiceFeature, float]:
    return {term.feature: term.weight for term in formula}


def _score(
    z: Mapping[VoiceFeature, float],
    weights: Mapping[VoiceFeature, float],
    calibration: VoiceCalibration,
) -> float:
    predictor = sum(weight * z.get(feature, 0.0) for feature, weight in weights.items())
    return 1.0 / (
        1.0 + math.exp(calibration.logistic_offset - calibration.logistic_slope * predictor)
    )
