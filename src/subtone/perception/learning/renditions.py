"""How a clip sounds before it is encoded: as recorded, on a clean line, on a drawn line.

``wide``: as recorded. ``telephone``: the clean line. ``varied-N``: the N-th drawn line, after
a change of speed and pitch by up to 12 %; drawn from N and the clip's own digest.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from subtone.perception.encoding import SAMPLE_RATE_HZ, FloatArray
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.telephone import CLEAN, draw_line, through_line

Rendition = str
WIDE: Final = "wide"
TELEPHONE: Final = "telephone"
BANDS: Final = (WIDE, TELEPHONE)
_VARIED: Final = "varied-"
_MOST_SPEED: Final = 0.12


def varied(number: int) -> Rendition:
    """The number-th drawn line, from 0."""
    return f"{_VARIED}{number}"


def render(samples: FloatArray, rendition: Rendition, digest: str) -> FloatArray:
    """Samples at 16 kHz as the rendition has them; ``digest`` is the clip's, in hex.

    Raises LearningError for a rendition that does not exist.
    """
    if rendition == WIDE:
        return samples
    if rendition == TELEPHONE:
        return through_line(samples, CLEAN)
    number = rendition.removeprefix(_VARIED)
    if number == rendition or not number.isdigit():
        raise LearningError(
            f"no rendition {rendition!r}; use {WIDE}, {TELEPHONE} or {_VARIED}0, {_VARIED}1 ..."
        )
    rng = np.random.default_rng([int(number), int(digest[:12], 16)])
    speed = float(rng.uniform(1.0 - _MOST_SPEED, 1.0 + _MOST_SPEED))
    changed = soxr.resample(samples, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ).astype(np.float32)
    return through_line(changed, draw_line(rng), int(rng.integers(2**31)))
