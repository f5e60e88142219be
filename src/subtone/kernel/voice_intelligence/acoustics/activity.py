"""Speech activity: level over a noise floor and under a speech level, both tracked.

The floor is the minimum of the smoothed level over the last seconds (minimum
statistics, Martin 2001); the speech level is the upper quartile of recent blocks' maxima. So
the threshold follows the caller's own line and never a file's peak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from subtone.kernel.voice_intelligence.acoustics.arrays import F32, Bool
from subtone.kernel.voice_intelligence.acoustics.frames import LEVEL_FLOOR_DB

FLOOR_MIN_DB = -75.0  # digital silence and the idle code of G.711 are no quieter than this
_FLOOR_PRIOR_DB = -55.0  # a line not yet heard
_FLOOR_BLOCKS = 20  # 10 s: nobody speaks longer without a closure or a breath
_PRIOR_BLOCKS = 6  # 3 s until sound without any background is taken for the line itself
_BACKGROUND_FRAMES = 10  # fewer may be a consonant between vowels
_BACKGROUND_WEIGHT = 3  # background is worth as much as three blocks without
_SPEECH_BLOCKS = 60  # 30 s of sound: the other side leaking in must not become the level
_ABOVE_FLOOR_DB = 6.0
_BELOW_SPEECH_DB = 31.0
_SPEECH_OVER_FLOOR_DB = 15.0  # until speech was heard


@dataclass(frozen=True, slots=True)
class Levels:
    """What was heard so far: block minima and block maxima of speech, oldest first."""

    minima_db: tuple[float, ...] = ()
    speech_db: tuple[float, ...] = ()
    prior_blocks: int = _PRIOR_BLOCKS  # for which the prior floor still stands

    @property
    def floor_db(self) -> float:
        """Tracked noise floor, -75 dB re full scale at the least."""
        prior = (_FLOOR_PRIOR_DB,) if self.prior_blocks else ()
        return max(min(self.minima_db + prior), FLOOR_MIN_DB)

    @property
    def speaking_db(self) -> float:
        """Tracked peak level of this speaker's speech."""
        if not self.speech_db:
            return self.floor_db + _SPEECH_OVER_FLOOR_DB
        return sorted(self.speech_db)[len(self.speech_db) * 3 // 4]

    @property
    def threshold_db(self) -> float:
        """Level above which a frame may be speech."""
        return max(self.floor_db + _ABOVE_FLOOR_DB, self.speaking_db - _BELOW_SPEECH_DB)


def hear_background(levels: Levels, smoothed_db: F32, is_voiced: Bool) -> Levels:
    """Return levels after a block's frames [n >= 0], of which the unvoiced are background.

    A block without background counts as a whole, for a hum is voiced too; while anyone
    speaks, the quieter blocks around it keep the floor down.
    """
    background = smoothed_db[~is_voiced]
    has_background = len(background) >= _BACKGROUND_FRAMES
    heard = background if has_background else smoothed_db
    if not len(heard):
        return levels
    return replace(
        levels,
        minima_db=(*levels.minima_db, float(heard.min()))[-_FLOOR_BLOCKS:],
        prior_blocks=max(levels.prior_blocks - (_BACKGROUND_WEIGHT if has_background else 1), 0),
    )


def hear_speech(levels: Levels, smoothed_db: F32) -> Levels:
    """Return levels after a block's frames [n >= 0]; only what stands out can be speech."""
    peak_db = float(smoothed_db.max(initial=FLOOR_MIN_DB))
    if peak_db < levels.floor_db + _SPEECH_OVER_FLOOR_DB:
        return levels
    return replace(levels, speech_db=(*levels.speech_db, peak_db)[-_SPEECH_BLOCKS:])


def dilate(flags: Bool, reach: int) -> Bool:
    """Return flags spread by reach rows to either side."""
    n = len(flags)
    set_before = np.zeros(n + 2 * reach + 1, np.int32)
    np.cumsum(flags, out=set_before[reach + 1 : reach + 1 + n])
    set_before[reach + 1 + n :] = set_before[reach + n]
    return set_before[2 * reach + 1 :] > set_before[:n]


def close_and_open(flags: Bool, closing: int, opening: int) -> Bool:
    """Return flags with gaps up to 2*closing rows filled, then runs up to 2*opening dropped."""
    grown = dilate(flags, closing)
    return dilate(~dilate(~grown, closing + opening), opening)


def to_db(power: F32) -> F32:
    """Return 10 log10 of power [n], -100 at the least."""
    level_db = np.float32(10.0) * np.log10(np.maximum(power, np.float32(1e-12)))
    return np.maximum(level_db, np.float32(LEVEL_FLOOR_DB))
