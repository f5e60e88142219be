"""Domain voice_intelligence (L2): what was said, how it sounded, who answered (9)."""

from __future__ import annotations

from subtone.contracts.base import (
    Contract,
    Count,
    Db,
    DbSlope,
    DurationMs,
    Flux,
    Hz,
    Name,
    RateHz,
    SampleRateHz,
    SeenMs,
    Semitones,
    SemitoneSlope,
    Signed1,
    TimeMs,
    Unit01,
    Variance,
    Weight,
    ZScore,
)
from subtone.contracts.vocabulary import (
    AmdCause,
    AmdVerdict,
    Channel,
    Direction,
    HeadKind,
    Language,
    PitchContour,
    Role,
    SpanKind,
    TextDimension,
    VoiceDimension,
    VoiceFeature,
)


class Word(Contract, frozen=True, kw_only=True):
    """One timed word (or one Chinese character) of a transcript."""

    t_event_ms: TimeMs
    t_end_ms: TimeMs
    text: str


class TextTurn(Contract, frozen=True, kw_only=True):
    """One chat message or transcript segment, as it entered the kernel."""

    turn_id: Name
    role: Role
    t_event_ms: TimeMs  # first word
    t_end_ms: TimeMs  # last word ends; equals t_event_ms for a chat message
    t_seen_ms: SeenMs
    text: str
    language: Language
    words: tuple[Word, ...] = ()


class TextSpan(Contract, frozen=True, kw_only=True):
    """A stretch of one turn's text that made or changed a score."""

    start: Count  # character offset into TextTurn.text
    end: Count  # exclusive
    text: str
    kind: SpanKind
    # the score this span would make alone, after all rules; for emphasis, what it adds to P;
    # for a fitted term, its signed share of the bounded evidence (below 0: it speaks against)
    contribution: Signed1
    rule: str  # e.g. "lexicon:angry*very", "negated:happy", "!!!"


class TextFeatures(Contract, frozen=True, kw_only=True):
    """What the text pipeline measured before scoring."""

    turn_id: Name
    language: Language
    length_chars: Count
    length_tokens: Count
    exclamation_count: Count  # half- and full-width
    question_count: Count
    caps_ratio: Unit01  # capital letters / cased letters
    is_mixed_caps: bool  # some words in capitals, not all: emphasis
    repetition_count: Count  # repeated words or lengthened characters
    is_suppressed: bool  # "fine.", "whatever", 没事, 算了: never calm
    is_rhetorical: bool  # 凭什么, "how hard can it be?"
    has_escalation_request: bool  # supervisor, complaint, lawyer, 投诉, 主管, 律师
    emphasis: Weight  # punctuation multiplier P >= 1 of SCIENCE section 3
    spans: tuple[TextSpan, ...]  # in text order


class TextEmotionScores(Contract, frozen=True, kw_only=True):
    """Four-dimensional emotion of one turn, with the spans that made it."""

    turn_id: Name
    t_event_ms: TimeMs
    t_end_ms: TimeMs
    t_seen_ms: SeenMs
    frustration: Unit01
    confusion: Unit01
    urgency: Unit01
    calm: Unit01
    positivity: Unit01  # strength of positive words; discounts voice negativity
    dominant_emotion: TextDimension | None  # None is neutral: nothing was found
    confidence: Unit01
    is_suppressed: bool
    has_escalation_request: bool
    spans: tuple[TextSpan, ...]


class AcousticFeatures(Contract, frozen=True, kw_only=True):
    """One voice window of one track, by GeMAPS-style definitions, before any baseline.

    Levels are dB relative to full scale; pitch statistics are over voiced frames in
    semitones above 27.5 Hz, so that spread means the same for every voice.
    """

    track_id: Name
    t_start_ms: TimeMs
    t_event_ms: TimeMs  # window end
    sample_rate_hz: SampleRateHz
    energy_mean: Db  # mean level of speech frames
    energy_variance: Variance  # dB^2
    energy_p95: Db | None = None  # level that one speech frame in twenty passes
    intensity_drift: DbSlope  # slope of the speech level over the window
    pitch_mean_hz: Hz | None  # None when no frame is voiced
    pitch_mean_semitones: Semitones | None
    pitch_median_semitones: Semitones | None = None  # what octave errors do not move
    pitch_variance: Variance | None  # semitone^2
    pitch_contour: PitchContour | None
    pitch_slope: SemitoneSlope | None = None  # mean size of its movement, up or down
    speaking_rate: RateHz  # syllable nuclei per second of own floor time
    articulation_rate: RateHz  # nuclei per second of phonation
    silence_ratio: Unit01  # silence inside own turns; gaps and the other side excluded
    pause_count: Count
    pause_mean_ms: DurationMs
    speech_continuity: Unit01  # voiced time / (voiced time + internal pauses >= 250 ms)
    tilt_db: Db | None  # mean alpha ratio of voiced frames, brighter is higher
    tilt_p80_db: Db | None = None  # the alpha ratio that one voiced frame in five passes
    spectral_flux: Flux | None = None  # median change of the voiced spectrum per 10 ms
    voiced_ms: DurationMs
    speech_ms: DurationMs
    snr_db: Db  # speech level over the tracked noise floor
    concealed_ratio: Unit01  # share of the window that was lost or concealed


class FeatureDeviation(Contract, frozen=True, kw_only=True):
    """How far one feature is from the caller's own baseline."""

    feature: VoiceFeature
    z: ZScore


class VoiceEmotionScores(Contract, frozen=True, kw_only=True):
    """Voice emotion of one window, relative to the caller's own baseline.

    Agitation is arousal. It cannot tell anger from joy and is never called anger.
    """

    track_id: Name
    t_start_ms: TimeMs
    t_event_ms: TimeMs  # window end
    agitation: Unit01
    stress: Unit01
    hesitation: Unit01
    calm: Unit01
    dominant_emotion: VoiceDimension
    confidence: Unit01
    # of the features that any formula reads; what moved the alarming scores most comes first
    deviations: tuple[FeatureDeviation, ...]
    voiced_ms: DurationMs
    is_caller_known: bool  # False: the baseline is still mostly that of a typical caller


class FeatureBaseline(Contract, frozen=True, kw_only=True):
    """Baseline of one feature: mean and floored standard deviation, in its own unit."""

    feature: VoiceFeature
    mean: float
    sd: Weight


class SpeakerBaseline(Contract, frozen=True, kw_only=True):
    """What is normal for this caller on this line; updated only while calm."""

    track_id: Name
    voiced_ms: DurationMs  # voiced evidence inside
    is_established: bool
    quality: Unit01  # caps the confidence of every score made with it
    features: tuple[FeatureBaseline, ...]


class EmotionPoint(Contract, frozen=True, kw_only=True):
    """One smoothed sample of one emotion track."""

    channel: Channel
    dimension: Name
    t_event_ms: TimeMs
    value: Unit01
    smoothed: Unit01
    confidence: Unit01


class EmotionTrend(Contract, frozen=True, kw_only=True):
    """Where one emotion track is heading, and since when."""

    channel: Channel
    dimension: Name
    t_event_ms: TimeMs
    direction: Direction
    change_30s: Signed1  # least-squares change over the last 30 s
    cusum: Weight  # CUSUM statistic on baseline deviations
    onset_ms: TimeMs | None  # when the running rise began, once CUSUM alarms


class AmdResult(Contract, frozen=True, kw_only=True):
    """Answering-machine verdict, with the rule that decided."""

    track_id: Name
    verdict: AmdVerdict
    cause: AmdCause
    t_event_ms: TimeMs  # when it was decided
    confidence: Unit01
    initial_silence_ms: DurationMs
    greeting_ms: DurationMs
    word_count: Count
    beep_ms: TimeMs | None  # end of the beep, where a message may start
    hint: str  # the phrase that decided, or the platform's own word for it, or ""


class HeadEvidence(Contract, frozen=True, kw_only=True):
    """One model's word on the customer's voice at one moment, over the last utterances."""

    head: HeadKind
    model: Name
    value: Unit01  # aroused, or negative
    weight: Unit01  # against the acoustics' 1: age, confidence and reliability
