"""Features are computed once per clip, rendition and extractor, and an interrupted run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.acoustic import ACOUSTIC_FEATURES
from subtone.perception.learning.cache import FeatureCache
from subtone.perception.learning.errors import LearningError
from subtone.perception.learning.features import Acoustics, LogMel
from subtone.perception.learning.renditions import TELEPHONE, WIDE
from subtone.perception.learning.training.table import build_table
from support_learning import clip, voice, write_wav


class Counted:
    """An extractor that says how often it was asked."""

    def __init__(self, name: str = "counted/1", most: int = 99) -> None:
        self.name, self.calls, self._most = name, 0, most

    def __call__(self, samples: FloatArray) -> FloatArray:
        if self.calls == self._most:
            raise KeyboardInterrupt
        self.calls += 1
        return np.array([[samples.std(), len(samples)]], np.float32)


def test_what_is_cached_is_not_computed_again(tmp_path: Path) -> None:
    clips = [
        clip(f"s{i}", "angry", path=write_wav(tmp_path / f"{i}.wav", voice(seed=i)))
        for i in range(3)
    ]
    cache = FeatureCache(tmp_path / "cache")
    broken = Counted(most=2)
    with pytest.raises(KeyboardInterrupt):
        cache.features(clips, broken, WIDE)
    again = Counted()
    first = cache.features(clips, again, WIDE)
    assert (broken.calls, again.calls, first.shape) == (2, 1, (3, 1, 2))
    assert np.array_equal(cache.features(clips, again, WIDE), first)
    assert again.calls == 1
    for other in (Counted("counted/2"), again):
        cache.features(clips, other, TELEPHONE)
    assert again.calls == 4
    write_wav(clips[0].path, voice(seed=9))
    cache.features(clips, again, WIDE)
    assert again.calls == 5


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    clips = [clip("s", "angry", path=write_wav(tmp_path / "a.wav"))]
    cache, extractor = FeatureCache(tmp_path / "cache"), Counted()
    values = cache.features(clips, extractor, WIDE)
    (stored,) = (tmp_path / "cache").rglob("*.npy")
    stored.write_bytes(stored.read_bytes()[:100])
    assert np.array_equal(cache.features(clips, extractor, WIDE), values)
    assert extractor.calls == 2
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_table_counts_over_all_renditions(tmp_path: Path) -> None:
    clips = [clip("s", "angry", path=write_wav(tmp_path / "a.wav"))]
    seen: list[tuple[int, int]] = []
    cache = FeatureCache(tmp_path / "cache")
    table = build_table(clips, Acoustics(), (WIDE, TELEPHONE), cache, lambda *at: seen.append(at))
    assert seen == [(0, 2), (1, 2), (1, 2), (2, 2)]
    assert table.values[WIDE].shape == (1, 1, len(ACOUSTIC_FEATURES))
    assert np.abs(table.values[WIDE] - table.values[TELEPHONE]).max() < 3.0
    assert cache.features(clips, LogMel(), WIDE).shape == (1, 1, 160)
    with pytest.raises(LearningError, match=r"gone\.wav: is no audio file"):
        build_table(
            [clip("s", "angry", path=write_wav(tmp_path / "gone.wav"))], Missing(), (WIDE,), cache
        )


class Missing(Counted):
    """Finds its clip unreadable, as when it was replaced while the run went on."""

    def __call__(self, samples: FloatArray) -> FloatArray:
        assert len(samples)
        raise LearningError("gone.wav: is no audio file libsndfile can read; convert it to wav")
