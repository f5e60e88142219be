"""Answering-machine detection: who answered, from timing, tones and the first words.

Timing uses Asterisk's published parameters (`AmdCalibration`) with own rules over 10 ms frames:

- a *word* is speech that bridges silences below ``between_words_ms`` and lasts at least
  ``min_word_ms``; shorter sounds are noise. The first word counts even without a silence before.
- the *greeting* is all speech inside words.
- MACHINE: no word within ``initial_silence_ms``; a word of ``max_word_ms``; more than
  ``max_words`` words; a greeting of ``greeting_ms`` (by default reached before a long word).
- HUMAN: ``after_greeting_silence_ms`` of silence after at least one word.
- UNKNOWN: neither within ``total_ms``. Being unsure is never a machine, which is hung up on.

Timing decides once and is then closed. Tones and words may amend it until
``tone_deadline_ms``: a pausing voicemail ("Hi." ... "You've reached ...") looks human to every
timing rule, and only later evidence can tell. Stronger evidence replaces weaker (`_STRENGTH`);
a person's own words outrank a beep, because call recorders beep too. The detection of the
platform that carries the call counts whenever it comes: more than our timing, less than words and
standard tones, and "human" more than "machine".

A verdict tells who answered and stops no claim about the customer: rules and platforms take people
for machines, and a person may pick up after the greeting.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from subtone.contracts.calibration import AmdCalibration
from subtone.contracts.vocabulary import AmdCause, AmdVerdict
from subtone.contracts.voice_intelligence import AmdResult
from subtone.kernel.voice_intelligence.amd_hints import (
    HUMAN_PHRASES,
    HUMAN_UTTERANCES,
    MACHINE_PHRASES,
)
from subtone.kernel.voice_intelligence.tones import ToneEvent, ToneKind

FRAME_MS: Final = 10
_HEARD_CHARS: Final = 120  # phrases may be cut between two segments

# (verdict, cause) -> (strength, confidence). Strength orders the evidence. Confidence is how far
# the rule is trusted, an estimate and no probability: timing rules err on pauses and on chatty
# people, silence alone says least, and a phrase or a standard tone is all but conclusive.
_STRENGTH: Final[dict[tuple[AmdVerdict, AmdCause], tuple[int, float]]] = {
    (AmdVerdict.UNKNOWN, AmdCause.NO_AUDIO): (0, 0.0),
    (AmdVerdict.UNKNOWN, AmdCause.TOO_LONG): (0, 0.0),
    (AmdVerdict.UNKNOWN, AmdCause.TWILIO): (0, 0.0),
    (AmdVerdict.MACHINE, AmdCause.INITIAL_SILENCE): (1, 0.5),
    (AmdVerdict.MACHINE, AmdCause.LONG_WORD): (1, 0.7),
    (AmdVerdict.MACHINE, AmdCause.MAX_WORDS): (1, 0.7),
    (AmdVerdict.MACHINE, AmdCause.LONG_GREETING): (1, 0.75),
    (AmdVerdict.HUMAN, AmdCause.HUMAN_PAUSE): (1, 0.7),
    (AmdVerdict.MACHINE, AmdCause.TWILIO): (2, 0.8),
    (AmdVerdict.MACHINE, AmdCause.BEEP): (2, 0.9),
    (AmdVerdict.HUMAN, AmdCause.TWILIO): (3, 0.8),
    (AmdVerdict.HUMAN, AmdCause.TEXT_HINT): (3, 0.8),
    (AmdVerdict.MACHINE, AmdCause.TEXT_HINT): (4, 0.95),
    (AmdVerdict.MACHINE, AmdCause.SIT_TONES): (5, 0.95),
    (AmdVerdict.FAX, AmdCause.TWILIO): (4, 0.9),
    (AmdVerdict.FAX, AmdCause.FAX_TONE): (5, 0.95),
}
_TONE_FINDING: Final[dict[ToneKind, tuple[AmdVerdict, AmdCause]]] = {
    ToneKind.BEEP: (AmdVerdict.MACHINE, AmdCause.BEEP),
    ToneKind.SIT: (AmdVerdict.MACHINE, AmdCause.SIT_TONES),
    ToneKind.FAX_CNG: (AmdVerdict.FAX, AmdCause.FAX_TONE),
    ToneKind.FAX_CED: (AmdVerdict.FAX, AmdCause.FAX_TONE),
}


@dataclass(frozen=True, slots=True)
class AmdMemory:
    """Everything heard on one track since it was answered; durations in milliseconds."""

    track_id: str
    t_start_ms: int
    heard_ms: int = 0
    word_ms: int = 0  # speech of the running word
    word_start_ms: int = 0  # since t_start_ms
    silence_ms: int = 0  # running silence
    greeting_ms: int = 0
    word_count: int = 0
    initial_silence_ms: int | None = None  # None until the first word
    waiting_tones: tuple[ToneEvent, ...] = ()  # known later than the frames heard so far
    heard_text: str = ""  # normalised tail of what was said
    result: AmdResult | None = None  # the standing verdict
    strength: int = -1  # of the evidence behind it


def open_amd(track_id: str, t_start_ms: int) -> AmdMemory:
    """Return a detector; ``t_start_ms`` is the answer, so that early media burn no time."""
    return AmdMemory(track_id=track_id, t_start_ms=t_start_ms)


def is_amd_listening(memory: AmdMemory, t_ms: int, calibration: AmdCalibration) -> bool:
    """Whether anything heard at ``t_ms`` could still make or change the verdict."""
    return t_ms <= memory.t_start_ms + calibration.tone_deadline_ms


def step_amd(
    memory: AmdMemory,
    is_speech: NDArray[np.bool_],
    calibration: AmdCalibration,
    tones: Sequence[ToneEvent] = (),
) -> tuple[AmdMemory, AmdResult | None]:
    """Hear the next frames (shape ``(n,)``, one bool per 10 ms) and the tones they completed.

    Returns the last verdict these frames made or amended, else None. How the frames are cut into
    steps does not matter, provided each tone arrives no later than the frame of its
    ``t_known_ms``. Lost audio must be passed as silence so that the clock stays right. Raises
    ValueError when ``is_speech`` is not a one-dimensional array of bool.
    """
    if is_speech.ndim != 1 or is_speech.dtype != np.bool_:
        raise ValueError("AMD needs a 1-D bool array, one item per 10 ms: fix the caller's VAD")
    standing = memory.result
    waiting = sorted((*memory.waiting_tones, *tones), key=lambda tone: tone.t_known_ms)
    t_end_ms = memory.t_start_ms + memory.heard_ms + len(is_speech) * FRAME_MS
    due = [tone for tone in waiting if tone.t_known_ms <= t_end_ms]
    memory = replace(memory, waiting_tones=tuple(waiting[len(due) :]))
    for speech in is_speech.tolist():
        memory = replace(memory, heard_ms=memory.heard_ms + FRAME_MS)
        # The tone comes first: within one frame, a beep outranks the pause that follows it.
        while due and due[0].t_known_ms <= memory.t_start_ms + memory.heard_ms:
            memory = _hear_tone(memory, due.pop(0), calibration)
        if memory.result is None:
            memory = _time_frame(memory, speech, calibration)
    for tone in due:
        memory = _hear_tone(memory, tone, calibration)
    return memory, memory.result if memory.result is not standing else None


def hear_text(
    memory: AmdMemory, t_ms: int, text: str, calibration: AmdCalibration
) -> tuple[AmdMemory, AmdResult | None]:
    """Hear words of the answering party, complete at ``t_ms``; return a new or amended verdict.

    A machine's phrase outranks a person's, and a phrase may be cut between two calls.
    Words that tell neither change nothing.
    """
    if not is_amd_listening(memory, t_ms, calibration):
        return memory, None
    said = _tokens(text)
    heard = memory.heard_text.rstrip() + said
    memory = replace(memory, heard_text=heard[-_HEARD_CHARS:])
    human = _first_in(_HUMAN_TOKENS, heard)
    for _, tokens in _HUMAN_TOKENS:  # "would you like to leave a message" holds a machine's words
        heard = heard.replace(tokens, " ; ")
    machine = _first_in(_MACHINE_TOKENS, heard)
    human = human or next((p for p, tokens in _UTTERANCE_TOKENS if tokens == said), None)
    hint = machine or human
    if hint is None:
        return memory, None
    verdict = AmdVerdict.HUMAN if machine is None else AmdVerdict.MACHINE
    standing = memory.result
    memory = _find(memory, verdict, AmdCause.TEXT_HINT, t_ms, hint=hint)
    return memory, memory.result if memory.result is not standing else None


def hear_platform(
    memory: AmdMemory, t_ms: int, verdict: AmdVerdict, answered_by: str
) -> tuple[AmdMemory, AmdResult | None]:
    """Hear what the platform's own detection found; return a new or amended verdict."""
    standing = memory.result
    memory = _find(memory, verdict, AmdCause.TWILIO, t_ms, hint=answered_by)
    return memory, memory.result if memory.result is not standing else None


def expire(
    memory: AmdMemory, t_ms: int, calibration: AmdCalibration
) -> tuple[AmdMemory, AmdResult | None]:
    """Let time pass without audio: at the hard deadline an open question becomes UNKNOWN."""
    if memory.result is not None or t_ms < memory.t_start_ms + calibration.total_ms:
        return memory, None
    cause = AmdCause.TOO_LONG if memory.heard_ms else AmdCause.NO_AUDIO
    memory = _find(memory, AmdVerdict.UNKNOWN, cause, t_ms)
    return memory, memory.result


def _time_frame(memory: AmdMemory, is_speech: bool, calibration: AmdCalibration) -> AmdMemory:
    memory = _count_frame(memory, is_speech, calibration)
    finding = _timing_finding(memory, is_speech, calibration)
    if finding is None:
        return memory
    return _find(memory, *finding, memory.t_start_ms + memory.heard_ms)


def _count_frame(memory: AmdMemory, is_speech: bool, calibration: AmdCalibration) -> AmdMemory:
    if not is_speech:
        silence_ms = memory.silence_ms + FRAME_MS
        is_word_over = silence_ms >= calibration.between_words_ms
        return replace(memory, silence_ms=silence_ms, word_ms=0 if is_word_over else memory.word_ms)
    before_ms = memory.word_ms
    word_ms = before_ms + FRAME_MS
    start_ms = memory.word_start_ms if before_ms else memory.heard_ms - FRAME_MS
    memory = replace(memory, silence_ms=0, word_ms=word_ms, word_start_ms=start_ms)
    if word_ms < calibration.min_word_ms:
        return memory
    is_new = before_ms < max(calibration.min_word_ms, FRAME_MS)
    is_first = memory.initial_silence_ms is None
    return replace(
        memory,
        greeting_ms=memory.greeting_ms + (word_ms if is_new else FRAME_MS),
        word_count=memory.word_count + is_new,
        initial_silence_ms=start_ms if is_first else memory.initial_silence_ms,
    )


def _timing_finding(
    memory: AmdMemory, is_speech: bool, calibration: AmdCalibration
) -> tuple[AmdVerdict, AmdCause] | None:
    """Return what the timing rules say after one more frame."""
    if is_speech:
        if memory.word_ms >= calibration.max_word_ms:
            return AmdVerdict.MACHINE, AmdCause.LONG_WORD
        if memory.word_count > calibration.max_words:
            return AmdVerdict.MACHINE, AmdCause.MAX_WORDS
        if memory.greeting_ms >= calibration.greeting_ms:
            return AmdVerdict.MACHINE, AmdCause.LONG_GREETING
    elif memory.word_count == 0:
        if memory.word_ms == 0 and memory.heard_ms >= calibration.initial_silence_ms:
            return AmdVerdict.MACHINE, AmdCause.INITIAL_SILENCE
    elif memory.silence_ms >= calibration.after_greeting_silence_ms:
        return AmdVerdict.HUMAN, AmdCause.HUMAN_PAUSE
    if memory.heard_ms >= calibration.total_ms:
        return AmdVerdict.UNKNOWN, AmdCause.TOO_LONG
    return None


def _hear_tone(memory: AmdMemory, tone: ToneEvent, calibration: AmdCalibration) -> AmdMemory:
    if not is_amd_listening(memory, tone.t_end_ms, calibration):
        return memory
    verdict, cause = _TONE_FINDING[tone.kind]
    beep_ms = tone.t_end_ms if tone.kind is ToneKind.BEEP else None
    return _find(memory, verdict, cause, tone.t_known_ms, beep_ms=beep_ms)


def _find(
    memory: AmdMemory,
    verdict: AmdVerdict,
    cause: AmdCause,
    t_ms: int,
    *,
    beep_ms: int | None = None,
    hint: str = "",
) -> AmdMemory:
    """Let one finding become the verdict if its evidence is stronger than what stands.

    The first beep after a machine's verdict always counts: it is where a message may start.
    """
    strength, confidence = _STRENGTH[verdict, cause]
    standing = memory.result
    if standing is not None and standing.verdict is verdict:
        is_first_beep = beep_ms is not None and standing.beep_ms is None
        beep_ms = standing.beep_ms if beep_ms is None else beep_ms
        hint = hint or standing.hint
        confidence = max(confidence, standing.confidence)
    else:
        is_first_beep = False
    if strength <= memory.strength and not is_first_beep:
        return memory
    silence_ms = memory.initial_silence_ms
    result = AmdResult(
        track_id=memory.track_id,
        verdict=verdict,
        cause=cause,
        t_event_ms=t_ms,
        confidence=confidence,
        initial_silence_ms=memory.heard_ms if silence_ms is None else silence_ms,
        greeting_ms=memory.greeting_ms,
        word_count=memory.word_count,
        beep_ms=beep_ms,
        hint=hint,
    )
    return replace(memory, result=result, strength=max(strength, memory.strength))


def _tokens(text: str) -> str:
    """Return ``" token token "``: words and single Chinese characters, nothing else."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "").replace("'", "")
    spaced = "".join(
        (f" {char} " if "\u3400" <= char <= "\u9fff" else char) if char.isalnum() else " "
        for char in folded
    )
    return f" {' '.join(spaced.split())} "


def _first_in(table: tuple[tuple[str, str], ...], tokens: str) -> str | None:
    return next((phrase for phrase, phrase_tokens in table if phrase_tokens in tokens), None)


def _table(phrases: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((phrase, _tokens(phrase)) for phrase in phrases)


_MACHINE_TOKENS: Final = _table(MACHINE_PHRASES)
_HUMAN_TOKENS: Final = _table(HUMAN_PHRASES)
_UTTERANCE_TOKENS: Final = _table(HUMAN_UTTERANCES)
