"""What models beside the kernel found in the customer's last utterances.

A finding fades with its age and weighs by its confidence and its reliability, which falls with
the distance from what the model was trained on. It is evidence beside the acoustics, never the
judge: a late or missing finding leaves the documented formulas as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from subtone.contracts.calibration import Calibration, VoiceCalibration
from subtone.contracts.inbound import HeadResult
from subtone.contracts.vocabulary import HeadKind
from subtone.contracts.voice_intelligence import HeadEvidence
from subtone.kernel.statistics import clamp, half_life_weight, share_above

JOY = "happy"  # the one class that makes arousal pleasant


def head_evidence(
    t_ms: int, results: Sequence[HeadResult], calibration: Calibration
) -> tuple[HeadEvidence, ...]:
    """At most one piece of evidence for arousal and one for valence, by tick ``t_ms``.

    The contrast heads transfer across corpora where classes do not (SCIENCE section 1), so the
    classes of an emotion head speak for valence only where no valence head has spoken. Valence
    was learnt from anger and joy alone: of an even voice it knows nothing, so an utterance has
    a say as far as it is aroused, or clearly displeased.
    """

    def squashed(centre: float, scale: float, label: str) -> Callable[[HeadResult], float]:
        def value(result: HeadResult) -> float:
            logit = sum(v.value for v in result.values if v.label == label)
            return 1.0 / (1.0 + math.exp(-clamp((logit - centre) / scale, -30.0, 30.0)))

        return value

    voice, at_ease = calibration.voice, calibration.drift.baseline_score
    arousal = squashed(voice.arousal_centre, max(voice.arousal_scale, 1e-6), "high")
    valence = squashed(voice.valence_centre, max(voice.valence_scale, 1e-6), "negative")
    aroused = {r.t_event_ms: arousal(r) for r in results if r.head == HeadKind.AROUSAL}

    def say(result: HeadResult) -> float:
        raised = share_above(aroused.get(result.t_event_ms, 1.0), at_ease)
        return max(raised, share_above(valence(result), voice.displeasure_from))

    has_valence = any(r.head == HeadKind.VALENCE and r.t_event_ms <= t_ms for r in results)
    heard = (
        _averaged(t_ms, results, HeadKind.AROUSAL, arousal, voice),
        _averaged(t_ms, results, HeadKind.VALENCE, valence, voice, say)
        if has_valence
        else _averaged(t_ms, results, HeadKind.EMOTION, _without_joy, voice),
    )
    return tuple(evidence for evidence in heard if evidence is not None)


def words_valence(positivity: float, calibration: VoiceCalibration) -> float:
    """How far arousal may count as negative, in [0, 1], by the words alone (SCIENCE 5.5)."""
    return 1.0 - calibration.positivity_discount * positivity


def _without_joy(result: HeadResult) -> float:
    return clamp(1.0 - sum(v.value for v in result.values if v.label == JOY), 0.0, 1.0)


def _averaged(
    t_ms: int,
    results: Sequence[HeadResult],
    kind: HeadKind,
    value_of: Callable[[HeadResult], float],
    calibration: VoiceCalibration,
    say_of: Callable[[HeadResult], float] = lambda _: 1.0,
) -> HeadEvidence | None:
    age = total = trusted = 0.0
    model = ""
    for result in results:
        age_s = (t_ms - result.t_event_ms) / 1000.0
        if result.head != kind or age_s < 0.0:
            continue
        say = half_life_weight(age_s, calibration.head_half_life_s) * say_of(result)
        trust = say * result.confidence * result.reliability
        age += say
        trusted += trust
        total += trust * value_of(result)
        model = result.model
    if not trusted:
        return None
    return HeadEvidence(
        head=kind, model=model, value=total / trusted, weight=clamp(trusted / max(age, 1.0), 0, 1)
    )
