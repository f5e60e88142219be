from __future__ import annotations

import numpy as np
import pytest

from subtone.perception.encoding import EncodedAudio, EncodedWindow
from subtone.perception.language import DetectLanguage


class Multilingual:
    """Answers what it was told, one window after the other."""

    is_multilingual = True

    def __init__(self, *answers: dict[str, float]) -> None:
        self.answers = list(answers)

    def languages(self, window: EncodedWindow) -> dict[str, float]:
        assert window.valid_frames
        return self.answers.pop(0)


def encoded(*frames: int) -> EncodedAudio:
    windows = tuple(
        EncodedWindow(
            t_event_ms=0,
            t_end_ms=20 * n,
            samples=np.zeros(320 * n, np.float32),
            states=np.zeros((2, n, 4), np.float32),
            decoder_states=np.zeros((n, 4), np.float32),
        )
        for n in frames
    )
    return EncodedAudio(encoder="m@0/int8", space="m/none", duration_ms=1_000, windows=windows)


def task(*answers: dict[str, float]) -> DetectLanguage:
    return DetectLanguage(Multilingual(*answers))


def test_windows_count_by_their_speech() -> None:
    finding = task({"en": 0.9, "zh": 0.1}, {"zh": 1.0})(encoded(100, 300))
    assert finding.language == "zh"
    assert finding.confidence == pytest.approx(0.775)
    assert [(p.label, round(p.probability, 3)) for p in finding.probabilities] == [
        ("zh", 0.775),
        ("en", 0.225),
        ("other", 0.0),
    ]


def test_the_rest_is_one_label_and_all_sum_to_one() -> None:
    shares = dict.fromkeys(("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh"), 1 / 8)
    finding = task(shares)(encoded(10))
    assert finding.language is None  # nothing reaches one half
    assert len(finding.probabilities) == 6
    assert sum(p.probability for p in finding.probabilities) == pytest.approx(1.0)


def test_silence_has_no_language() -> None:
    finding = task()(encoded())
    assert (finding.language, finding.confidence, finding.probabilities) == (None, 0.0, ())


def test_it_names_itself_and_needs_the_decoder() -> None:
    detect = task()
    assert detect.name == "language"
    assert detect.needs.decoder
