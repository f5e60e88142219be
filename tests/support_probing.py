"""Matrices whose answer is known: where emotion lies was decided when they were made."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from subtone.perception.probing import Effort, ProbeData

QUICK = Effort(
    resamples=100,
    control_draws=2,
    code_orders=1,
    repeats=5,
    nulls=5,
    halvings=2,
    seeds=2,
    random_draws=2,
    factor_groups=4,
    picture_steps=30,
)
SPEAKERS, SENTENCES, EMOTIONS, TAKES = 6, 4, 3, 2


def made_up(
    where: str, width: int = 48, *, seed: int = 0, has_sentences: bool = True, **changes: Any
) -> ProbeData:
    """Every speaker says every sentence in every emotion, with a voice and words of their own.

    ``where``: "one" puts emotion into dimension 3 alone; "spread" gives each emotion a centre
    anywhere; "speaker" labels each speaker with one emotion; "voice" and "words" put emotion into
    the directions that voices or words differ by; "nowhere" leaves it out.
    """
    rng = np.random.default_rng(seed)
    speaker, sentence, emotion = (
        grid.ravel()
        for grid in np.meshgrid(
            np.arange(SPEAKERS),
            np.arange(SENTENCES),
            np.repeat(np.arange(EMOTIONS), TAKES),
            indexing="ij",
        )
    )
    x: NDArray[np.float64] = rng.standard_normal((len(speaker), width))
    voices = rng.standard_normal((SPEAKERS, width))
    words = 0.5 * rng.standard_normal((SENTENCES, width))
    if where in ("voice", "words"):
        axes = np.linalg.qr(rng.standard_normal((width, 2)))[0].T
        if where == "voice":
            voices = 4.0 * rng.standard_normal((SPEAKERS, 2)) @ axes
        else:
            words = 4.0 * rng.standard_normal((SENTENCES, 2)) @ axes
        angles = 2.0 * np.pi * np.arange(EMOTIONS) / EMOTIONS
        x += 5.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)[emotion] @ axes
    if where == "spread":
        x += 0.6 * rng.standard_normal((EMOTIONS, width))[emotion]
    x += voices[speaker] + words[sentence]
    if where == "one":
        x[:, 3] = 3.0 * emotion + 0.1 * rng.standard_normal(len(x))
    if where == "speaker":
        emotion = speaker % EMOTIONS
    given: dict[str, Any] = {
        "vectors": x.astype(np.float32),
        "emotion": tuple(("angry", "neutral", "sad")[i] for i in emotion),
        "speaker": tuple(f"s{i}" for i in speaker),
        "sentence": tuple(f"t{i}" if has_sentences else "" for i in sentence),
        "gender": tuple("fm"[i % 2] for i in speaker),
        "corpus": "made up",
        "language": "none",
        "band": "wide",
        "is_acted": True,
    }
    return ProbeData(**(given | changes))
