"""The closed vocabularies: each enum value is the word that appears on the wire."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who speaks on a track or wrote a turn. Unknown roles are never emotion-scored."""

    CUSTOMER = "customer"
    AGENT = "agent"
    UNKNOWN = "unknown"


class Language(StrEnum):
    """Language of one text turn; ``mixed`` is code-switched Chinese and English."""

    EN = "en"
    ZH = "zh"
    MIXED = "mixed"
    UNDETERMINED = "und"


class AudioEncoding(StrEnum):
    """Sample encoding of an audio payload, single channel."""

    PCM_S16LE = "pcm_s16le"
    MULAW = "mulaw"
    ALAW = "alaw"


class Channel(StrEnum):
    """One of the two signal channels."""

    TEXT = "text"
    VOICE = "voice"


class ChannelStatus(StrEnum):
    """Whether a channel's evidence may be used at one moment, and if not, why.

    ``insufficient_evidence``: too little voice or too poor a signal in the window.
    ``unavailable``: nothing fresh (never the same as calm). ``not_permitted``: role,
    consent or configuration forbids it.
    """

    OK = "ok"
    INSUFFICIENT = "insufficient_evidence"
    UNAVAILABLE = "unavailable"
    NOT_PERMITTED = "not_permitted"


class HeadKind(StrEnum):
    """Heads whose findings the kernel reads; others are kept and passed by."""

    AROUSAL = "arousal"  # one value, "high": a logit against the caller's own first utterances
    VALENCE = "valence"  # one value, "negative": likewise
    EMOTION = "emotion"  # the probability of each class


class TextDimension(StrEnum):
    """Dimensions of text emotion."""

    FRUSTRATION = "frustration"
    CONFUSION = "confusion"
    URGENCY = "urgency"
    CALM = "calm"


class VoiceDimension(StrEnum):
    """Dimensions of voice emotion."""

    AGITATION = "agitation"
    STRESS = "stress"
    HESITATION = "hesitation"
    CALM = "calm"


class SpanKind(StrEnum):
    """Why a stretch of text mattered."""

    FRUSTRATION = "frustration"
    CONFUSION = "confusion"
    URGENCY = "urgency"
    CALM = "calm"
    POSITIVITY = "positivity"
    SUPPRESSION = "suppression"
    ESCALATION_REQUEST = "escalation_request"
    RHETORICAL_QUESTION = "rhetorical_question"
    FITTED = "fitted"  # a word or phrase whose weight was fitted to labelled texts
    EMPHASIS = "emphasis"


class PitchContour(StrEnum):
    """Overall direction of pitch inside one window."""

    RISING = "rising"
    FALLING = "falling"
    FLAT = "flat"


class Direction(StrEnum):
    """Direction of a smoothed emotion track."""

    RISING = "rising"
    FALLING = "falling"
    FLAT = "flat"


class VoiceFeature(StrEnum):
    """Acoustic quantities that are compared with the caller's own baseline."""

    F0_MEAN = "f0_mean_semitones"
    F0_MEDIAN = "f0_median_semitones"
    F0_SD = "f0_sd_semitones"
    F0_SLOPE = "f0_slope_semitones_per_s"
    ENERGY = "energy_db"
    ENERGY_P95 = "energy_p95_db"
    ENERGY_SD = "energy_sd_db"
    TILT = "tilt_db"
    TILT_P80 = "tilt_p80_db"
    FLUX = "spectral_flux"
    RATE = "speaking_rate_hz"
    SILENCE = "silence_ratio"
    PAUSE = "pause_mean_s"
    FRAGMENT = "fragmentation"


class AmdVerdict(StrEnum):
    """Who or what answered the call."""

    HUMAN = "human"
    MACHINE = "machine"
    FAX = "fax"
    UNKNOWN = "unknown"


class AmdCause(StrEnum):
    """Which rule decided (Asterisk's AMDCAUSE names where they exist)."""

    INITIAL_SILENCE = "initial_silence"
    LONG_GREETING = "long_greeting"
    MAX_WORDS = "max_words"
    LONG_WORD = "long_word"
    HUMAN_PAUSE = "human_pause"
    BEEP = "beep"
    SIT_TONES = "sit_tones"
    FAX_TONE = "fax_tone"
    TEXT_HINT = "text_hint"
    TWILIO = "twilio"  # no rule of ours: the detection of the platform that carried the call
    TOO_LONG = "too_long"
    NO_AUDIO = "no_audio"


class DriftState(StrEnum):
    """How the two channels stand to each other over time."""

    ALIGNED_POSITIVE = "aligned_positive"
    ALIGNED_NEGATIVE = "aligned_negative"
    DIVERGING = "diverging"
    CROSS_ESCALATING = "cross_escalating"
    CROSS_DEESCALATING = "cross_deescalating"


class Region(StrEnum):
    """Where the two negativities lie: both low, both high, or split."""

    POSITIVE = "P"
    NEGATIVE = "N"
    VOICE_WORSE = "D+"
    TEXT_WORSE = "D-"


class TrendSymbol(StrEnum):
    """Joint trend of both negativities over 30 s."""

    WORSENING = "W"
    BETTERING = "B"
    FLAT = "F"


class ConflictType(StrEnum):
    """Patterns of disagreement between words and voice."""

    TEXT_POSITIVE_VOICE_NEGATIVE = "text_positive_voice_negative"
    TEXT_CALM_VOICE_AGITATED = "text_calm_voice_agitated"
    TEXT_NEUTRAL_VOICE_STRESSED = "text_neutral_voice_stressed"
    VOICE_CALM_TEXT_FRUSTRATED = "voice_calm_text_frustrated"


class Severity(StrEnum):
    """Severity of a conflict."""

    HIGH = "high"
    MEDIUM = "medium"


class SessionState(StrEnum):
    """The seven states of a session."""

    CALM = "calm"
    RISING_TENSION = "rising_tension"
    HIDDEN_FRUSTRATION = "hidden_frustration"
    ESCALATION_RISK = "escalation_risk"
    ACTIVE_ESCALATION = "active_escalation"
    DEESCALATING = "deescalating"
    RESOLVED = "resolved"


class Signal(StrEnum):
    """The three contributors to the escalation score, in tie-break order."""

    DRIFT = "drift"
    CONFLICT = "conflict"
    EMOTION = "emotion"


class Action(StrEnum):
    """What the policy recommends, mildest first except for the last."""

    NONE = "none"
    INCREASE_MONITORING = "increase_monitoring"
    FLAG_FOR_REVIEW = "flag_for_review"
    SUGGEST_INTERVENTION = "suggest_intervention"
    ESCALATE_NOW = "escalate_now"
    LOG_RESOLUTION = "log_resolution"
