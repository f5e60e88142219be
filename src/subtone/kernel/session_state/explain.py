"""Why a session stands where it stands: path, reasons, evidence, and what would have changed it.

Everything here is derived from what the stages already measured; nothing is judged again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from subtone.contracts.calibration import Calibration
from subtone.contracts.session_state import (
    Counterfactual,
    EscalationScore,
    LocalText,
    StateBasis,
    VoiceEvidence,
    WordEvidence,
)
from subtone.contracts.signal_correlation import (
    AlignedMoment,
    ConflictReport,
    DriftAssessment,
    HeadShare,
)
from subtone.contracts.vocabulary import Channel, SessionState, TextDimension, VoiceDimension
from subtone.contracts.voice_intelligence import (
    FeatureDeviation,
    TextEmotionScores,
    TextTurn,
    VoiceEmotionScores,
)
from subtone.kernel.session_state import phrases
from subtone.kernel.session_state.phrases import clock, fill, join

Dimension = TextDimension | VoiceDimension
Rerun = Callable[[Channel, Dimension, float], SessionState]

_NOTABLE_Z = 0.5  # smaller deviations are ordinary variation and not worth a reader's time
_CLIPPED_Z = 3.0  # where the contract clips: the true deviation is at least this
_MAX_DEVIATIONS = 3
_MAX_TURNS = 3
_MAX_QUOTE_CHARS = 120
_MAX_COUNTERFACTUALS = 3
_BISECTIONS = 7  # 1/128 of the observed peak


def explain(
    moment: AlignedMoment,
    score: EscalationScore,
    drift: DriftAssessment,
    conflict: ConflictReport,
    from_state: SessionState,
    to_state: SessionState,
    edge: str,
    fresh_turns: Sequence[tuple[TextTurn, TextEmotionScores]],
    calibration: Calibration,
    counterfactuals: tuple[Counterfactual, ...] = (),
) -> StateBasis:
    """Build the basis of one decision.

    Args:
        moment: both channels at this tick.
        score: its escalation score.
        drift: the drift machine after it.
        conflict: its conflict report.
        from_state: session state before the tick.
        to_state: session state after it; equal to ``from_state`` when nothing moved.
        edge: what ``step_session`` returned, ``"hold"`` and ``"dwell"`` included.
        fresh_turns: the customer's turns whose words still count, oldest first.
        calibration: thresholds to name, and the version to record.
        counterfactuals: from ``counterfactuals``, on transitions.

    Returns:
        The basis; every sentence in English and Chinese, most important reason first.

    """
    cause = _cause(edge, from_state, score, calibration)
    has_moved = from_state is not to_state
    words = _word_evidence(fresh_turns)
    voice = _voice_evidence(moment.voice)
    observed = _observed(moment, score, calibration)
    if conflict.since_ms is not None and conflict.on_ticks:
        held = fill(phrases.MASKING_HELD, since=clock(conflict.since_ms))
        observed = join([observed, held], phrases.SEMICOLON)
    return StateBasis(
        t_event_ms=moment.t_event_ms,
        score=score,
        dominant_signal=score.dominant_signal,
        drift_state=drift.state,
        conflict=conflict.conflict,
        path=fill(
            phrases.MOVED if has_moved else phrases.STAYED,
            from_state=phrases.STATES[from_state],
            to_state=phrases.STATES[to_state],
            edge=edge,
            cause=cause,
            observed=observed,
        ),
        reasons=(
            cause if has_moved else phrases.STATE_REASONS[to_state],
            *_conflict_reasons(conflict, words, voice),
            *_missing(moment),
            *(_words_reason(turn, scores) for turn, scores in fresh_turns[-_MAX_TURNS:]),
            *(_voice_reason(evidence) for evidence in voice),
            *(_head_reason(share) for share in moment.heads),
            _score_reason(score),
            *([phrases.DRIFT_REASONS[drift.state]] if _is_complete(moment) else []),
        ),
        words=words,
        voice=voice,
        heads=moment.heads,
        counterfactuals=counterfactuals,
        calibration_version=calibration.version,
    )


def counterfactuals(
    rerun: Rerun,
    observations: Mapping[tuple[Channel, Dimension], float],
    from_state: SessionState,
) -> tuple[Counterfactual, ...]:
    """Find which single dimension, held down, would have prevented a transition.

    For each dimension the largest preventing ceiling is bisected in 7 re-runs, to 1/128 of
    the observed peak. A dimension is reported only if holding it at 0 prevents the
    transition; the reported ceiling has itself been re-run and prevents it.

    Args:
        rerun: re-runs the decision over the last moments with one dimension limited to a
            ceiling in [0, 1], and returns the state it ends in. Limited to its own peak a
            dimension is unchanged, so that end is the transition and is not re-run.
        observations: peak of each dimension over those moments, in [0, 1].
        from_state: the state the transition left.

    Returns:
        At most three, the largest relative distance below the peak first.

    """
    found = [
        (1.0 - ceiling / observed, _counterfactual(key, ceiling, observed, from_state))
        for key, observed in observations.items()
        if observed > 0.0
        and (ceiling := _preventing_ceiling(rerun, key, observed, from_state)) is not None
    ]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(counterfactual for _, counterfactual in found[:_MAX_COUNTERFACTUALS])


def _preventing_ceiling(
    rerun: Rerun, key: tuple[Channel, Dimension], observed: float, from_state: SessionState
) -> float | None:
    if rerun(*key, 0.0) is not from_state:
        return None
    prevents, allows = 0.0, observed
    for _ in range(_BISECTIONS):
        middle = (prevents + allows) / 2.0
        if rerun(*key, middle) is from_state:
            prevents = middle
        else:
            allows = middle
    return prevents


def _counterfactual(
    key: tuple[Channel, Dimension], ceiling: float, observed: float, from_state: SessionState
) -> Counterfactual:
    channel, dimension = key
    return Counterfactual(
        channel=channel.value,
        dimension=dimension.value,
        stayed_below=ceiling,
        observed=observed,
        sentence=fill(
            phrases.WOULD_HAVE_STAYED,
            from_state=phrases.STATES[from_state],
            channel=phrases.CHANNELS[channel],
            dimension=phrases.DIMENSIONS[dimension],
            # rounded down, so that the number a person reads also prevents it
            ceiling=_two_digits(math.floor(ceiling * 100.0) / 100.0),
            observed=_two_digits(observed),
        ),
    )


# --- the path -----------------------------------------------------------------------------


def _cause(
    edge: str, from_state: SessionState, score: EscalationScore, calibration: Calibration
) -> LocalText:
    session = calibration.session
    return fill(
        phrases.EDGES[edge],
        from_state=phrases.STATES[from_state],
        score=_two_digits(score.score),
        rising=_two_digits(session.rising),
        rising_exit=_two_digits(session.rising - session.hysteresis),
        risk=_two_digits(session.risk),
        active=_two_digits(session.active),
        resolved=_two_digits(session.resolved),
        dwell_ticks=str(session.dwell_ticks),
        active_ticks=str(session.active_ticks),
        resolved_ticks=str(session.resolved_ticks),
        stall_ticks=str(session.stall_ticks),
    )


def _observed(moment: AlignedMoment, score: EscalationScore, calibration: Calibration) -> LocalText:
    """What both channels showed, or which one was missing and how much judgement is left."""
    text, voice = moment.text_negativity, moment.voice_negativity
    template = {
        (True, True): phrases.BOTH,
        (True, False): phrases.ONLY_WORDS,
        (False, True): phrases.ONLY_VOICE,
        (False, False): phrases.NEITHER,
    }[text is not None, voice is not None]
    return fill(
        template,
        words="" if text is None else _words_read(text, calibration),
        voice="" if voice is None else _voice_is(voice, moment.voice),
        missing_words=phrases.MISSING[Channel.TEXT, moment.text_status],
        missing_voice=phrases.MISSING[Channel.VOICE, moment.voice_status],
        coverage=f"{score.coverage:.0%}".removesuffix("%"),
    )


def _words_read(negativity: float, calibration: Calibration) -> LocalText:
    if negativity < calibration.conflict.text_calm:
        level = phrases.LEVEL_CALM
    elif negativity < calibration.conflict.text_neutral:
        level = phrases.LEVEL_NEUTRAL
    else:
        level = phrases.LEVEL_NEGATIVE
    return fill(phrases.WORDS_READ, level=level, negativity=_two_digits(negativity))


def _voice_is(negativity: float, voice: VoiceEmotionScores | None) -> LocalText:
    if voice is None:
        return fill(phrases.VOICE_HELD, negativity=_two_digits(negativity))
    return fill(phrases.VOICE_IS, deviations=_deviations(voice), negativity=_two_digits(negativity))


def _deviations(voice: VoiceEmotionScores) -> LocalText:
    """The deviations from the caller's own baseline that moved the scores most, in words."""
    notable = [d for d in voice.deviations if abs(d.z) >= _NOTABLE_Z][:_MAX_DEVIATIONS]
    if not notable:
        return phrases.USUAL if voice.is_caller_known else phrases.TYPICAL
    listed = join([_deviation(d) for d in notable], phrases.LIST_COMMA)
    compared = phrases.VS_BASELINE if voice.is_caller_known else phrases.VS_TYPICAL
    return fill(compared, deviations=listed)


def _deviation(deviation: FeatureDeviation) -> LocalText:
    above, below = phrases.DIRECTIONS[deviation.feature]
    size = abs(deviation.z)
    amount: LocalText | str = f"{size:.1f}"
    if size >= _CLIPPED_Z:
        amount = fill(phrases.AT_LEAST, amount=amount)
    return fill(phrases.DEVIATION, amount=amount, direction=above if deviation.z > 0.0 else below)


# --- reasons ------------------------------------------------------------------------------


def _score_reason(score: EscalationScore) -> LocalText:
    contributing = [c for c in score.contributors if c.contribution > 0.0]
    if not contributing:
        return fill(phrases.SCORE_NOTHING, score=_two_digits(score.score))
    dominant = max(contributing, key=lambda c: c.contribution)
    terms = [
        fill(
            phrases.SCORE_TERM,
            signal=phrases.SIGNALS[c.signal],
            contribution=_two_digits(c.contribution),
        )
        for c in contributing
    ]
    return fill(
        phrases.SCORE_FLOOR if score.is_floor_applied else phrases.SCORE_SUM,
        score=_two_digits(score.score),
        raw=_two_digits(score.raw),
        floor=_two_digits(score.floor),
        terms=join(terms, phrases.PLUS),
        dominant=phrases.SIGNALS[dominant.signal],
        share=f"{100.0 * dominant.share:.0f}",
    )


def _conflict_reasons(
    report: ConflictReport, words: tuple[WordEvidence, ...], voice: tuple[VoiceEvidence, ...]
) -> list[LocalText]:
    """Which words and which seconds disagree, and whether that is confirmed."""
    found = report.conflict
    if found is None:
        if report.since_ms is None:
            return []
        standing = fill(
            phrases.CONFLICT_STANDING,
            since=clock(report.since_ms),
            off_ticks=str(report.off_ticks),
        )
        return [standing]
    telling = [w for w in words if w.spans] or list(words[-1:])
    quotes = [fill(phrases.WORDS_QUOTED, quote=w.quote, at=clock(w.t_event_ms)) for w in telling]
    seconds = [
        fill(phrases.VOICE_SECONDS, start=clock(v.t_start_ms), end=clock(v.t_end_ms)) for v in voice
    ]
    if not found.is_masking:
        confirmation = phrases.OPEN_CONFLICT
    elif report.since_ms is not None:
        confirmation = fill(phrases.CONFIRMED, since=clock(report.since_ms))
    else:
        confirmation = phrases.UNCONFIRMED
    reason = fill(
        phrases.CONFLICT_REASON,
        type=phrases.CONFLICTS[found.type],
        words_negativity=_two_digits(found.text_negativity),
        voice_negativity=_two_digits(found.voice_negativity),
        quotes=join(quotes or [phrases.NO_QUOTE], phrases.AND),
        seconds=join(seconds or [phrases.NO_SECONDS], phrases.AND),
        confirmation=confirmation,
    )
    return [reason]


def _missing(moment: AlignedMoment) -> list[LocalText]:
    channels = (
        (Channel.TEXT, moment.text_status, moment.text_negativity),
        (Channel.VOICE, moment.voice_status, moment.voice_negativity),
    )
    return [
        phrases.MISSING[channel, status]
        for channel, status, negativity in channels
        if negativity is None
    ]


def _is_complete(moment: AlignedMoment) -> bool:
    return moment.text_negativity is not None and moment.voice_negativity is not None


def _words_reason(turn: TextTurn, scores: TextEmotionScores) -> LocalText:
    # below 0 a fitted term speaks against frustration: no reason for what was decided
    kinds = dict.fromkeys(span.kind for span in scores.spans if span.contribution >= 0.0)
    markers = [phrases.SPAN_KINDS[kind] for kind in kinds] or [phrases.NO_MARKERS]
    return fill(
        phrases.WORDS_REASON,
        at=clock(turn.t_event_ms),
        quote=_quote(turn, scores),
        markers=join(markers, phrases.LIST_COMMA),
    )


def _voice_reason(evidence: VoiceEvidence) -> LocalText:
    return fill(
        phrases.VOICE_REASON,
        start=clock(evidence.t_start_ms),
        end=clock(evidence.t_end_ms),
        observation=evidence.observation,
    )


def _head_reason(share: HeadShare) -> LocalText:
    return fill(
        phrases.HEAD_REASON,
        head=phrases.HEADS[share.evidence.head],
        effect=f"{share.effect:+.2f}",
        value=f"{share.evidence.value:.2f}",
        weight=f"{share.evidence.weight:.2f}",
    )


# --- evidence -----------------------------------------------------------------------------


def _word_evidence(
    fresh_turns: Sequence[tuple[TextTurn, TextEmotionScores]],
) -> tuple[WordEvidence, ...]:
    """The latest turns; one without marked words counts too, since a mask is made of those."""
    return tuple(
        WordEvidence(
            turn_id=turn.turn_id,
            t_event_ms=turn.t_event_ms,
            t_end_ms=turn.t_end_ms,
            quote=_quote(turn, scores),
            spans=scores.spans,
        )
        for turn, scores in fresh_turns[-_MAX_TURNS:]
    )


def _voice_evidence(voice: VoiceEmotionScores | None) -> tuple[VoiceEvidence, ...]:
    if voice is None:
        return ()
    evidence = VoiceEvidence(
        t_start_ms=voice.t_start_ms, t_end_ms=voice.t_event_ms, observation=_deviations(voice)
    )
    return (evidence,)


def _quote(turn: TextTurn, scores: TextEmotionScores) -> str:
    """The turn's text; a long one is cut around its first marked words."""
    text = turn.text
    if len(text) <= _MAX_QUOTE_CHARS:
        return text
    marked = scores.spans[0].start if scores.spans else 0
    start = max(0, min(marked - _MAX_QUOTE_CHARS // 4, len(text) - _MAX_QUOTE_CHARS))
    end = start + _MAX_QUOTE_CHARS
    return ("…" if start > 0 else "") + text[start:end] + ("…" if end < len(text) else "")


def _two_digits(value: float) -> str:
    return f"{value:.2f}"
