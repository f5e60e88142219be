"""Every number a decision depends on, in one versioned, frozen value.

Defaults are SCIENCE sections 2, 3, 4 and 5 as measured. A fitted calibration is another
value of the same contract under another version; nothing else changes.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from subtone.contracts.base import Contract, ContractError, Count, DurationMs, Name, Unit01, Weight
from subtone.contracts.vocabulary import Action, SessionState, VoiceFeature

Seconds = Annotated[float, Meta(gt=0.0, le=3600.0, description="seconds")]
HopMs = Annotated[int, Meta(ge=100, le=60_000, description="milliseconds between two ticks")]
Signed = Annotated[float, Meta(ge=-10.0, le=10.0, description="a signed weight or threshold")]


class TextCalibration(Contract, frozen=True, kw_only=True):
    """Text rules (SCIENCE section 3; VADER's constants where cited)."""

    negation: Signed = -0.74
    double_negation: Signed = 0.8
    degree_extreme: Weight = 1.8
    degree_very: Weight = 1.4
    degree_more: Weight = 1.2
    degree_slight: Weight = 0.6
    before_but: Weight = 0.5
    after_but: Weight = 1.5
    exclamation: Weight = 0.15
    exclamation_max: Count = 4
    repeated_question: Weight = 0.2
    mixed_caps: Weight = 0.3
    repetition: Weight = 0.15
    calm_without_hits: Unit01 = 0.5
    escalation_request_frustration: Unit01 = 0.75  # an explicit request is at least this
    fitted_margin: Weight = 0.5  # summed strength of fitted terms that says nothing yet
    fitted_half: Weight = 0.8  # and what beyond it makes half of their bound
    fitted_max: Unit01 = 0.4  # frustration that fitted terms make at most, by themselves
    fitted_relief: Unit01 = 0.5  # share of the authored terms' frustration they take at most
    validity_s: Seconds = 30.0
    half_life_s: Seconds = 6.0
    neutral_turn_weight: Unit01 = 0.5  # a turn with no hit dilutes the others only by this


class FeaturePrior(Contract, frozen=True, kw_only=True):
    """Prior of one voice feature before the caller is known, and the floor of its spread."""

    feature: VoiceFeature
    mean: float
    sd: Weight
    sd_floor: Weight


class FeatureWeight(Contract, frozen=True, kw_only=True):
    """Weight of one feature's deviation in a voice score's linear predictor."""

    feature: VoiceFeature
    weight: Signed


class VoiceCalibration(Contract, frozen=True, kw_only=True):
    """Voice windows, baseline and formulas (SCIENCE section 2)."""

    window_ms: DurationMs = 10_000
    min_voiced_ms: DurationMs = 500
    full_voiced_ms: DurationMs = 1_500
    hold_s: Seconds = 30.0  # without new evidence the voice holds this long, then is missing
    snr_floor_db: Signed = 5.0
    snr_range_db: Weight = 15.0
    min_snr_db: Signed = 5.0
    baseline_voiced_ms: DurationMs = 4_000
    baseline_prior_voiced_ms: DurationMs = 1_000  # kappa of the shrinkage
    baseline_half_life_s: Seconds = 120.0
    unestablished_confidence: Unit01 = 0.5
    logistic_offset: Signed = 1.386
    logistic_slope: Signed = 1.2
    min_turn_ms: DurationMs = 2_000  # speaking rate ignores shorter turns
    agitation_wide: tuple[FeatureWeight, ...] = (
        FeatureWeight(feature=VoiceFeature.F0_MEDIAN, weight=0.25),
        FeatureWeight(feature=VoiceFeature.FLUX, weight=0.25),
        FeatureWeight(feature=VoiceFeature.ENERGY_P95, weight=0.2),
        FeatureWeight(feature=VoiceFeature.TILT_P80, weight=0.2),
        FeatureWeight(feature=VoiceFeature.F0_SD, weight=0.1),
    )
    # below 16 kHz, where the spread of pitch is uninformative or reversed; level counts least,
    # because lines and recorders control gain
    agitation_telephone: tuple[FeatureWeight, ...] = (
        FeatureWeight(feature=VoiceFeature.F0_MEDIAN, weight=0.25),
        FeatureWeight(feature=VoiceFeature.FLUX, weight=0.3),
        FeatureWeight(feature=VoiceFeature.ENERGY_P95, weight=0.2),
        FeatureWeight(feature=VoiceFeature.TILT_P80, weight=0.25),
    )
    stress: tuple[FeatureWeight, ...] = (
        FeatureWeight(feature=VoiceFeature.F0_MEDIAN, weight=0.6),
        FeatureWeight(feature=VoiceFeature.RATE, weight=0.4),
    )
    hesitation: tuple[FeatureWeight, ...] = (
        FeatureWeight(feature=VoiceFeature.SILENCE, weight=0.5),
        FeatureWeight(feature=VoiceFeature.PAUSE, weight=0.3),
        FeatureWeight(feature=VoiceFeature.FRAGMENT, weight=0.2),
    )
    unrest: tuple[FeatureWeight, ...] = (  # calm is 1 less this
        FeatureWeight(feature=VoiceFeature.F0_SD, weight=0.4),
        FeatureWeight(feature=VoiceFeature.ENERGY_SD, weight=0.3),
        FeatureWeight(feature=VoiceFeature.ENERGY_P95, weight=0.3),
    )
    priors: tuple[FeaturePrior, ...] = (
        FeaturePrior(feature=VoiceFeature.F0_MEAN, mean=30.0, sd=5.0, sd_floor=2.0),
        FeaturePrior(feature=VoiceFeature.F0_MEDIAN, mean=30.0, sd=5.0, sd_floor=2.0),
        FeaturePrior(feature=VoiceFeature.F0_SD, mean=2.5, sd=1.0, sd_floor=0.8),
        FeaturePrior(feature=VoiceFeature.F0_SLOPE, mean=25.0, sd=8.0, sd_floor=5.0),
        FeaturePrior(feature=VoiceFeature.ENERGY, mean=-28.0, sd=6.0, sd_floor=2.5),
        FeaturePrior(feature=VoiceFeature.ENERGY_P95, mean=-14.0, sd=6.0, sd_floor=2.5),
        FeaturePrior(feature=VoiceFeature.ENERGY_SD, mean=12.5, sd=2.0, sd_floor=1.5),
        FeaturePrior(feature=VoiceFeature.TILT, mean=-12.0, sd=4.5, sd_floor=2.0),
        FeaturePrior(feature=VoiceFeature.TILT_P80, mean=-4.0, sd=5.5, sd_floor=2.0),
        FeaturePrior(feature=VoiceFeature.FLUX, mean=0.14, sd=0.04, sd_floor=0.015),
        FeaturePrior(feature=VoiceFeature.RATE, mean=3.6, sd=1.2, sd_floor=0.8),
        FeaturePrior(feature=VoiceFeature.SILENCE, mean=0.15, sd=0.1, sd_floor=0.05),
        FeaturePrior(feature=VoiceFeature.PAUSE, mean=0.4, sd=0.3, sd_floor=0.15),
        FeaturePrior(feature=VoiceFeature.FRAGMENT, mean=0.15, sd=0.1, sd_floor=0.08),
    )
    positivity_discount: Unit01 = 0.8  # voice negativity x (1 - discount x text positivity)
    head_half_life_s: Seconds = 5.0  # of every head's findings
    valence_centre: Signed = -3.5  # of the valence contrast head, where present
    valence_scale: Weight = 1.0
    displeasure_from: Unit01 = 0.7  # valence above which a voice is negative without arousal
    displeasure_weight: Unit01 = 0.7  # negativity that displeasure alone makes at most
    unspoken_joy: Unit01 = 0.75  # say of a joyful voice whose words are not positive
    arousal_centre: Signed = -2.0  # of the arousal contrast head
    arousal_scale: Weight = 2.7
    arousal_head_weight: Unit01 = 0.5  # of a fully trusted head, against the acoustics' 1


class AlignmentCalibration(Contract, frozen=True, kw_only=True):
    """The common clock (SCIENCE section 4)."""

    hop_ms: HopMs = 5_000
    watermark_ms: DurationMs = 3_000
    smoothing_half_life_s: Seconds = 3.0
    correlation_lag_ms: DurationMs = 10_000
    correlation_min_r: Unit01 = 0.4
    correlation_min_pairs: Count = 30
    cusum_slack: Weight = 0.5
    cusum_alarm: Weight = 5.0


class DriftCalibration(Contract, frozen=True, kw_only=True):
    """Front end and confirmation of the drift machine (SCIENCE sections 5.1 and 5.2)."""

    baseline_score: Unit01 = 0.2  # what a voice score is at the caller's baseline
    gap_on: Unit01 = 0.25
    gap_off: Unit01 = 0.15
    low_on: Unit01 = 0.45
    low_off: Unit01 = 0.55
    peak_on: Unit01 = 0.40
    peak_off: Unit01 = 0.30
    level_on: Unit01 = 0.50
    level_off: Unit01 = 0.40
    slope_ticks: Count = 7
    worse: Signed = 0.08
    better: Signed = -0.08
    better_max: Signed = 0.02
    worse_floor: Unit01 = 0.40
    intervention_fresh_ms: DurationMs = 30_000
    confirm_ticks: Count = 2


class ConflictCalibration(Contract, frozen=True, kw_only=True):
    """The four conflict rows (SCIENCE section 5.4)."""

    gap: Unit01 = 0.30
    gap_suppressed: Unit01 = 0.25  # suppression phrases lower the bar
    voice_agitated: Unit01 = 0.40
    voice_negative: Unit01 = 0.50
    voice_calm: Unit01 = 0.40
    text_calm: Unit01 = 0.20
    text_neutral: Unit01 = 0.40
    text_frustrated: Unit01 = 0.50
    text_positive: Unit01 = 0.50
    confirm_ticks: Count = 2
    clear_ticks: Count = 3
    severity_high: Unit01 = 1.0
    severity_medium: Unit01 = 0.6


class StateAction(Contract, frozen=True, kw_only=True):
    """What an operator wants recommended in one state, instead of the policy table."""

    state: SessionState
    action: Action


class SessionCalibration(Contract, frozen=True, kw_only=True):
    """Score and session machine (SCIENCE sections 5.3 and 5.4)."""

    weight_drift: Unit01 = 0.3
    weight_conflict: Unit01 = 0.4
    weight_emotion: Unit01 = 0.3
    drift_base_aligned_positive: Unit01 = 0.0
    drift_base_cross_deescalating: Unit01 = 0.25
    drift_base_diverging: Unit01 = 0.5
    drift_base_aligned_negative: Unit01 = 0.6
    drift_base_cross_escalating: Unit01 = 0.9
    drift_level_weight: Unit01 = 0.1
    emotion_max_weight: Unit01 = 0.6
    floor_factor: Weight = 1.15
    floor_milder_share: Unit01 = 0.5  # of the milder channel in the floor; 1 is the minimum
    single_channel_discount: Unit01 = 0.9
    voice_alone_discount: Unit01 = 0.8  # without words an excited voice is no anger yet
    rising: Unit01 = 0.25
    risk: Unit01 = 0.55
    active: Unit01 = 0.75
    hysteresis: Unit01 = 0.05
    resolved: Unit01 = 0.15
    resolved_ticks: Count = 3
    active_ticks: Count = 2
    dwell_ticks: Count = 2
    stall_ticks: Count = 12
    actions: tuple[StateAction, ...] = ()  # states not named keep the policy table's action

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.resolved < self.rising < self.risk < self.active:
            raise ContractError("SessionCalibration must have resolved < rising < risk < active")


class AmdCalibration(Contract, frozen=True, kw_only=True):
    """Answering-machine detection (SCIENCE section 6; Asterisk's parameters, milliseconds)."""

    initial_silence_ms: DurationMs = 2_500
    greeting_ms: DurationMs = 1_500
    after_greeting_silence_ms: DurationMs = 800
    total_ms: DurationMs = 5_000
    min_word_ms: DurationMs = 100
    between_words_ms: DurationMs = 50
    max_words: Count = 2  # machine when exceeded
    max_word_ms: DurationMs = 5_000
    tone_deadline_ms: DurationMs = 30_000  # beeps and fax tones are looked for until here


class Calibration(Contract, frozen=True, kw_only=True):
    """All parameters of one version of the decision."""

    version: Name = "default-1"
    text: TextCalibration = TextCalibration()
    voice: VoiceCalibration = VoiceCalibration()
    alignment: AlignmentCalibration = AlignmentCalibration()
    drift: DriftCalibration = DriftCalibration()
    conflict: ConflictCalibration = ConflictCalibration()
    session: SessionCalibration = SessionCalibration()
    amd: AmdCalibration = AmdCalibration()
