"""Contrast heads: against the caller's own first three utterances, and only those."""

from __future__ import annotations

import numpy as np
import pytest

from subtone.contracts.calibration import Calibration
from subtone.kernel.voice_intelligence.head_evidence import head_evidence
from subtone.perception.heads.contrast import ContrastHead
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.pooling import Pooling
from support_heads import centre_of, contrast, speech, stored

FIRST = (speech(1), speech(2), speech(3))


@pytest.mark.parametrize("pooling", [Pooling.MEAN, Pooling.MEAN_STD])
def test_the_logit_reads_the_difference_from_the_caller(pooling: Pooling) -> None:
    head = contrast(pooling=pooling)
    centre = centre_of(*FIRST)
    assert centre.mean is not None
    audio = speech(9, shift=0.5)
    moved = head.pool(audio) - centre.mean[1][: head.input_width]
    found = ContrastHead(head)(audio, centre)
    assert found is not None
    assert found.head == "valence"
    assert [v.label for v in found.values] == ["negative"]
    assert found.values[0].value == pytest.approx(float(head.outputs(moved[None])[0, 0]))


def test_a_constant_difference_between_callers_cancels() -> None:
    head = ContrastHead(contrast(pooling=Pooling.MEAN))
    values = []
    for voice in (0.0, 7.0):
        centre = centre_of(*(speech(seed, shift=voice) for seed in (1, 2, 3)))
        found = head(speech(9, shift=voice + 1.0), centre)
        assert found is not None
        values.append(found.values[0].value)
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_before_a_baseline_and_without_speech_there_is_no_finding() -> None:
    head = ContrastHead(contrast())
    assert head(speech(), centre_of(*FIRST[:2])) is None
    assert head(speech(frames=10), centre_of(*FIRST)) is None


def test_confidence_grows_to_one_and_a_half_seconds() -> None:
    head, centre = ContrastHead(contrast()), centre_of(*FIRST)
    found = [head(speech(9, frames=frames), centre) for frames in (25, 50, 75, 150)]
    confidences = [f.confidence for f in found if f is not None]
    assert confidences == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0])


def test_the_kernel_reads_what_the_head_says() -> None:
    found = ContrastHead(contrast())(speech(9), centre_of(*FIRST))
    assert found is not None
    event = found.result(
        call_id="c", track_id="t", t_start_ms=1_000, t_event_ms=2_600, t_seen_ms=2_700
    )
    calibration = Calibration()
    voice = calibration.voice
    logit = (found.values[0].value - voice.valence_centre) / voice.valence_scale
    trust = found.confidence * found.reliability
    (evidence,) = head_evidence(event.t_event_ms, [event], calibration)
    assert evidence.value == pytest.approx(1 / (1 + np.exp(-logit)))
    assert evidence.weight == pytest.approx(trust)


def test_arousal_has_its_own_label_and_other_tasks_are_refused() -> None:
    found = ContrastHead(contrast("arousal", "high"))(speech(9), centre_of(*FIRST))
    assert found is not None
    assert (found.head, found.values[0].label) == ("arousal", "high")
    with pytest.raises(HeadError, match="not for arousal or valence"):
        ContrastHead(stored())


def test_a_baseline_of_another_encoder_is_refused() -> None:
    wide = centre_of(*(speech(seed, width=6) for seed in (1, 2, 3)))
    with pytest.raises(HeadError, match="does not come from the encoder"):
        ContrastHead(contrast())(speech(9), wide)
