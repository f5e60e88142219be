"""The heads in the package are what their cards say, and hear a real voice."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from subtone.perception.encoder.whisper import WhisperEncoder
from subtone.perception.heads.acoustic import SPACE, AcousticContrast, acoustic_window
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.emotion import EmotionHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.files import read_head, to_bytes
from subtone.perception.heads.shipped import SHIPPED, shipped_path
from support_shared import shared


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_head_says_what_it_is(name: str) -> None:
    path = shipped_path(name)
    card = read_head(path).card
    assert to_bytes(read_head(path)) == path.read_bytes()  # its digest names it
    features, _, task = name.rpartition("-")
    assert (card.name, card.task) == (name, task)
    assert card.space == (SPACE if features == "acoustics" else "whisper-base/none")
    assert card.temperature is not None
    assert card.licence == "Apache-2.0"
    assert "emodb: " in card.data
    assert "CC0-1.0; renditions: wide, telephone, varied-0; made by: subtone train" in card.data
    assert "decisions about a person" in card.intended_use
    assert card.figures
    assert path.stat().st_size < 400_000


def test_no_other_head_is_shipped() -> None:
    with pytest.raises(HeadError, match="no such head is shipped"):
        shipped_path("whisper-base-boredom")


def samples(name: str) -> np.ndarray:
    found, _ = soundfile.read(shared("data", "emotion", "ravdess", name), dtype="float32")
    return np.asarray(found, np.float32)


def test_a_real_voice_is_heard_as_angry_by_heads_that_never_heard_it() -> None:
    encoder = WhisperEncoder(shared("models", "whisper-base-encoder"), threads=1)
    neutral = [
        samples(f"03-01-01-01-{s}-{r}-05.flac")
        for s, r in (("01", "01"), ("01", "02"), ("02", "01"))
    ]
    angry, happy = (samples(f"03-01-0{e}-02-02-02-05.flac") for e in (5, 3))
    centre = SpeakerCentre()
    for clip in neutral:
        centre = centre.add(encoder.encode(clip, 16_000))
    arousal, valence = (
        ContrastHead(read_head(shipped_path(f"whisper-base-{task}")))
        for task in ("arousal", "valence")
    )
    calm = encoder.encode(samples("03-01-01-01-02-02-05.flac"), 16_000)
    loud, glad = encoder.encode(angry, 16_000), encoder.encode(happy, 16_000)
    odds = [found.values[0].value for audio in (loud, calm) if (found := arousal(audio, centre))]
    assert odds[0] > odds[1]
    odds = [found.values[0].value for audio in (loud, glad) if (found := valence(audio, centre))]
    assert odds[0] > odds[1]
    emotion = EmotionHead(read_head(shipped_path("whisper-base-emotion")))(loud)
    assert [p.label for p in emotion.probabilities] == [
        *("angry", "disgust", "fear", "happy", "neutral", "sad")
    ]
    acoustic = AcousticContrast(read_head(shipped_path("acoustics-arousal")))
    first = [acoustic_window(clip) for clip in neutral]
    high = acoustic(acoustic_window(angry), first)
    low = acoustic(acoustic_window(samples("03-01-01-01-02-02-05.flac")), first)
    assert high is not None
    assert low is not None
    assert high.values[0].value > low.values[0].value
