"""From four emotion scores to one negativity per channel (SCIENCE section 5.1).

Both channels combine independent evidence as a noisy OR, 1 - prod(1 - weight x score), so
that one strong sign is enough and several weak ones add up; calm then damps the result.
"""

from __future__ import annotations

import math

from subtone.contracts.voice_intelligence import TextEmotionScores, VoiceEmotionScores
from subtone.kernel.statistics import clamp, share_above

TEXT_URGENCY_WEIGHT = 0.5
TEXT_CONFUSION_WEIGHT = 0.4
VOICE_STRESS_WEIGHT = 0.9
VOICE_HESITATION_WEIGHT = 0.4
CALM_DAMPING = 0.5


def text_negativity(scores: TextEmotionScores) -> float:
    """Negativity of words in [0, 1].

    (1 - (1 - frustration)(1 - .5 urgency)(1 - .4 confusion)) x (1 - .5 calm). Words that
    say nothing score 0, so there is no baseline to subtract.
    """
    absent = (
        (1.0 - scores.frustration)
        * (1.0 - TEXT_URGENCY_WEIGHT * scores.urgency)
        * (1.0 - TEXT_CONFUSION_WEIGHT * scores.confusion)
    )
    return (1.0 - absent) * (1.0 - CALM_DAMPING * scores.calm)


def fused_agitation(agitation: float, value: float, weight: float) -> float:
    """Acoustic agitation and an arousal head's value by weighted log-odds (SCIENCE section 7).

    The acoustics weigh 1, the head ``weight`` in [0, 1]; with 0 the acoustics stand.
    """

    def log_odds(p: float) -> float:
        p = clamp(p, 1e-6, 1.0 - 1e-6)
        return math.log(p / (1.0 - p))

    if weight <= 0.0:
        return agitation
    mean = (log_odds(agitation) + weight * log_odds(value)) / (1.0 + weight)
    return 1.0 / (1.0 + math.exp(-mean))


def voice_negativity(
    scores: VoiceEmotionScores,
    valence_evidence: float,
    baseline_score: float,
    displeasure: float = 0.0,
) -> float:
    """Negativity of a voice in [0, 1]: evidence of arousal or displeasure x valence evidence.

    (1 - (1 - a)(1 - .9 s)(1 - .4 h)(1 - d)) x (1 - .5 calm (1 - max(a, d))) x valence_evidence,
    with agitation, stress and hesitation each measured from the caller's own baseline,
    max(0, (score - baseline_score) / (1 - baseline_score)), and d the displeasure that a
    valence head hears: a caller at the baseline has voice negativity 0 (SCIENCE 5.5).

    Agitation lifts the damping of calm: a loud, high but even voice has little variation and
    would otherwise count as half calm (composed EMO-DB anger: 0 of 10 reached
    active_escalation with the plain product, 7 of 10 with this).

    Calm is taken as scored. It is already relative to the caller (.8 at the baseline, not
    .2), and it only damps: rescaling it would lift the same arousal by up to two thirds.

    valence_evidence and displeasure are in [0, 1], 1 and 0 when no valence head speaks;
    baseline_score is in [0, 1).
    Raises ValueError for a baseline that leaves no room above it (a calibration error).
    """
    if not 0.0 <= baseline_score < 1.0:
        raise ValueError(
            f"the calibration's baseline_score must be in [0, 1), got {baseline_score}: correct it"
        )

    agitation = share_above(scores.agitation, baseline_score)
    absent = (
        (1.0 - agitation)
        * (1.0 - VOICE_STRESS_WEIGHT * share_above(scores.stress, baseline_score))
        * (1.0 - VOICE_HESITATION_WEIGHT * share_above(scores.hesitation, baseline_score))
        * (1.0 - displeasure)
    )
    damping = CALM_DAMPING * scores.calm * (1.0 - max(agitation, displeasure))
    return (1.0 - absent) * (1.0 - damping) * valence_evidence
