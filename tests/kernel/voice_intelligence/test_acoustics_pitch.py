from __future__ import annotations

import numpy as np
import pytest
import soundfile

from bench.telephone import band_limit, decode, encode
from subtone.contracts.vocabulary import AudioEncoding
from support_acoustics import F32, line_voice, noise, silence, whole
from support_shared import shared

PITCHES = [80.0, 100.0, 123.0, 160.0, 200.0, 250.0, 317.0, 400.0]


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("f0", PITCHES)
def test_finds_the_missing_fundamental(rate: int, f0: float) -> None:
    frames = whole(line_voice(rate, 1.5, f0), rate)
    inner = frames.f0_hz[10:140]
    assert (inner > 0.0).all()
    assert np.abs(inner / f0 - 1.0).max() < 0.01


@pytest.mark.parametrize("f0", PITCHES)
def test_holds_at_ten_decibel_of_noise(f0: float) -> None:
    samples = line_voice(8000, 2.0, f0, -20.0, phase_spread=0.02) + noise(8000, 2.0, -30.0)
    inner = whole(samples, 8000).f0_hz[20:180]
    assert (inner > 0.0).mean() > 0.95
    assert (np.abs(inner[inner > 0.0] / f0 - 1.0) < 0.03).mean() > 0.98


def test_follows_a_glide_without_octave_errors() -> None:
    n = 8000 * 3
    f0 = 110.0 * 2.0 ** (np.arange(n) / n * 1.2)
    glide = np.concatenate([silence(8000, 0.3), line_voice(8000, 3.0, f0)])
    frames = whole(glide, 8000)
    centres = np.arange(300) * 80 + 40
    ratio = frames.f0_hz[40:320] / f0[centres][10:290]
    assert np.abs(ratio - 1.0).max() < 0.04


@pytest.mark.parametrize("rate", [8000, 16000])
def test_noise_alone_has_no_pitch(rate: int) -> None:
    assert (whole(noise(rate, 5.0, -30.0), rate).f0_hz > 0.0).mean() < 0.02


def test_pitch_does_not_know_the_gain() -> None:
    samples = np.concatenate(
        [noise(8000, 0.5, -50.0), line_voice(8000, 1.0, 130.0), noise(8000, 0.5, -50.0, 1)]
    )
    loud, soft = whole(samples, 8000), whole(samples * np.float32(0.25), 8000)
    assert (loud.f0_hz > 0.0).tolist() == (soft.f0_hz > 0.0).tolist()
    np.testing.assert_allclose(loud.f0_hz, soft.f0_hz, rtol=1e-3)
    voiced = loud.f0_hz > 0.0
    np.testing.assert_allclose(loud.tilt_db[voiced], soft.tilt_db[voiced], atol=0.01)
    np.testing.assert_allclose(
        loud.level_db[voiced] - soft.level_db[voiced], 20.0 * np.log10(4.0), atol=0.01
    )


def test_pitch_stays_inside_its_range() -> None:
    rng = np.random.default_rng(3)
    hops = [line_voice(8000, 0.3, f0) for f0 in rng.uniform(30.0, 900.0, 20)]
    f0_found = whole(np.concatenate([*hops, silence(8000, 0.2)]), 8000).f0_hz
    voiced = f0_found[f0_found > 0.0]
    assert len(voiced)
    assert voiced.min() > 58.0
    assert voiced.max() < 545.0


def telephone(wide: F32) -> F32:
    """300-3400 Hz at 8 kHz through mu-law."""
    narrow = band_limit(wide, 16000)[::2]
    return decode(encode(narrow, AudioEncoding.MULAW), AudioEncoding.MULAW)


def test_a_telephone_line_barely_moves_the_pitch_of_real_speech() -> None:
    """The same recordings, wide and on the line; two clips of each of ten speakers."""
    folder = shared("data", "emotion", "emodb")
    paths = sorted(folder.glob("*_neutral_*.flac")) + sorted(folder.glob("*_angry_*.flac"))
    by_speaker = {(path.name[:2], path.name[3]): path for path in paths}
    assert len(by_speaker) == 20
    both = gross = changed = total = 0
    for path in by_speaker.values():
        wide, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000
        reference, line = whole(wide, 16000).f0_hz, whole(telephone(wide), 8000).f0_hz
        n = min(len(reference), len(line))
        voiced, kept = reference[:n] > 0.0, line[:n] > 0.0
        ratio = line[:n][voiced & kept] / reference[:n][voiced & kept]
        both += len(ratio)
        gross += int((np.abs(ratio - 1.0) > 0.2).sum())
        changed += int((voiced != kept).sum())
        total += n
    assert gross / both <= 0.03
    assert changed / total <= 0.10
