"""One block of audio to frames: measure the new ones, decide the older ones."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from subtone.kernel.voice_intelligence.acoustics import nuclei, pitch, viterbi
from subtone.kernel.voice_intelligence.acoustics.activity import (
    close_and_open,
    dilate,
    hear_background,
    hear_speech,
    to_db,
)
from subtone.kernel.voice_intelligence.acoustics.arrays import F32, Bool
from subtone.kernel.voice_intelligence.acoustics.filters import halve_rate, remove_mean
from subtone.kernel.voice_intelligence.acoustics.frames import Frames
from subtone.kernel.voice_intelligence.acoustics.spectrum import tilt_and_flux
from subtone.kernel.voice_intelligence.acoustics.state import (
    BLOCK,
    DELAY,
    MARGIN,
    AcousticState,
    Measured,
)

AROUND = MARGIN + BLOCK + MARGIN  # frames of audio one block reads

_SMOOTHING = np.array([1, 2, 3, 3, 3, 2, 1], np.float32) / np.float32(15.0)  # about 50 ms
_REACH = len(_SMOOTHING) // 2
_VOICED_REACH = 25  # speech has a voiced frame within 250 ms
_VOICED_BONUS_DB = 4.0  # a voice is speech closer to the noise than a hiss is
_VOICED_EDGE = 3  # this near to a voice it is no background
_CLOSING = 6  # a stop closure, up to 120 ms, does not end speech
_OPENING = 2  # a burst up to 40 ms is not speech
_NUCLEUS_BELOW_SPEECH_DB = 25.0


def advance(
    state: AcousticState, samples: F32, is_concealed: Bool, heard: int
) -> tuple[AcousticState, Frames]:
    """Return the state after one block and the BLOCK frames it decides.

    samples hold AROUND frames, the block in their middle; is_concealed is [BLOCK];
    real audio ends heard frames after the block's start, and padding follows.
    """
    hop = state.sample_rate_hz // 100
    centred = remove_mean(samples, 2 * hop)
    by_frame = centred.reshape(AROUND, hop)
    power = np.einsum("ij,ij->i", by_frame, by_frame) / np.float32(hop)
    inner = slice(MARGIN, MARGIN + BLOCK)
    smoothed_db = to_db(np.convolve(power, _SMOOTHING, "same")[inner])
    since_start = np.arange(BLOCK) + (state.next_frame + DELAY - state.first_frame)
    # smoothing with the silence beyond the ends of a track would lower its floor
    is_inside = (since_start >= _REACH) & (np.arange(BLOCK) < heard - _REACH)
    is_heard = ~is_concealed & is_inside
    state = replace(state, levels=hear_speech(state.levels, smoothed_db[is_heard]))
    measured = Measured(
        level_db=to_db(power[inner]),
        smoothed_db=smoothed_db,
        f0_hz=np.zeros(BLOCK, np.float32),
        tilt_db=np.zeros(BLOCK, np.float32),
        flux=np.zeros(BLOCK, np.float32),
        is_peak=np.zeros(BLOCK, np.bool_),
        is_concealed=is_concealed,
    )
    if state.is_pitch_tracked:
        state, joined = _with_voice(state, _join(state.recent, measured), centred)
    else:
        joined = _join(state.recent, measured)
    is_near_voice = dilate(joined.f0_hz[-BLOCK:] > 0.0, _VOICED_EDGE)
    levels = hear_background(state.levels, smoothed_db[is_heard], is_near_voice[is_heard])
    state = replace(state, levels=levels)
    frames = _decide(state, joined)
    recent = Measured(*(getattr(joined, f.name)[BLOCK:].copy() for f in fields(Measured)))
    return replace(state, next_frame=state.next_frame + BLOCK, recent=recent), frames


def _join(recent: Measured, new: Measured) -> Measured:
    return Measured(
        *(np.concatenate([getattr(recent, f.name), getattr(new, f.name)]) for f in fields(Measured))
    )


def _with_voice(
    state: AcousticState, joined: Measured, centred: F32
) -> tuple[AcousticState, Measured]:
    """Add pitch, tilt, flux and syllable peaks to the newest BLOCK frames of joined."""
    hop = state.sample_rate_hz // 100
    narrow = centred if hop == pitch.HOP else halve_rate(centred)
    smoothed_db = joined.smoothed_db[-BLOCK:]
    octaves, strength = pitch.candidates(narrow, BLOCK, MARGIN * pitch.HOP)
    strength[:, viterbi.UNVOICED] = pitch.unvoiced_strength(
        smoothed_db, state.levels.speaking_db, state.levels.floor_db
    )
    strength[joined.is_concealed[-BLOCK:], 1:] = pitch.IMPOSSIBLE
    path = viterbi.extend(state.path, octaves, strength, pitch.STEP_COSTS)
    contour, peaks = nuclei.follow(state.contour, smoothed_db)
    is_peak = joined.is_peak.copy()
    for at in peaks:
        is_peak[2 * DELAY + max(at, -DELAY)] = True  # an emitted frame can no longer be marked
    tilt_db, flux = tilt_and_flux(centred, BLOCK, MARGIN * hop, state.sample_rate_hz)
    joined = replace(
        joined,
        f0_hz=np.concatenate([joined.f0_hz[:DELAY], viterbi.best_hz(path)]),
        tilt_db=np.concatenate([joined.tilt_db[:-BLOCK], tilt_db]),
        flux=np.concatenate([joined.flux[:-BLOCK], flux]),
        is_peak=is_peak,
    )
    return replace(state, path=viterbi.forget(path, DELAY), contour=contour), joined


def _decide(state: AcousticState, joined: Measured) -> Frames:
    """Emit the frames from DELAY on, which have DELAY frames known on either side."""
    is_voiced = joined.f0_hz > 0.0
    evidence_db = joined.smoothed_db + np.float32(_VOICED_BONUS_DB) * is_voiced
    is_speech = evidence_db > state.levels.threshold_db
    if state.is_pitch_tracked:
        is_speech &= dilate(is_voiced, _VOICED_REACH)
    is_speech = close_and_open(is_speech, _CLOSING, _OPENING)
    is_usable = is_speech & ~joined.is_concealed
    is_high = joined.smoothed_db > state.levels.speaking_db - _NUCLEUS_BELOW_SPEECH_DB
    is_nucleus = joined.is_peak & is_high & is_usable & dilate(is_voiced, 1)
    decided = slice(DELAY, DELAY + BLOCK)
    return Frames(
        first=state.next_frame,
        level_db=joined.level_db[decided].copy(),
        f0_hz=np.where(is_usable, joined.f0_hz, np.float32(0.0))[decided],
        is_speech=is_speech[decided],
        tilt_db=joined.tilt_db[decided].copy(),
        flux=joined.flux[decided].copy(),
        is_nucleus=is_nucleus[decided],
        is_concealed=joined.is_concealed[decided].copy(),
    )
