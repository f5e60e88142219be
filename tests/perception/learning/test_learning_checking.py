"""Each thing that can be wrong with data is found, and sound data pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from subtone.perception.learning.checking import DataReport, check_clips
from subtone.perception.learning.clips import Clip
from support_learning import clip, voice, write_wav


def labelled(folder: Path, speakers: int = 5) -> list[Clip]:
    return [
        clip(
            f"s{s}",
            label,
            path=write_wav(folder / f"{s}-{label}.wav", voice(seed=10 * s + (label == "angry"))),
        )
        for s in range(speakers)
        for label in ("neutral", "angry")
    ]


def kinds(report: DataReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_sound_data_pass(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check_clips(labelled(tmp_path), progress=lambda *at: seen.append(at))
    assert report.is_well
    assert kinds(report) == set()
    assert (report.clips, report.speakers, report.labels) == (10, 5, {"angry": 5, "neutral": 5})
    assert report.seconds == pytest.approx(10.0)
    assert seen[-1] == (10, 10)


@pytest.mark.parametrize(
    ("kind", "samples"),
    [
        ("too_short", voice(0.3)),
        ("silent", np.zeros(16_000, np.float32)),
        ("clipped", np.clip(20.0 * voice(), -0.7, 0.7).astype(np.float32)),
    ],
)
def test_a_bad_recording_is_named(kind: str, samples: np.ndarray, tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    write_wav(clips[3].path, samples)
    report = check_clips(clips)
    (finding,) = [f for f in report.findings if f.kind == kind]
    assert finding.clips == (clips[3].path,)
    assert not report.is_well


def test_a_cut_recording_is_noted_but_no_fault(tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    write_wav(clips[0].path, voice(2.0)[8_000:24_000])
    report = check_clips(clips)
    assert kinds(report) == {"starts_inside", "ends_inside"}
    assert report.is_well


def test_unreadable_files_and_other_rates_are_named(tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    clips[0].path.write_bytes(b"not audio")
    write_wav(clips[1].path, voice(rate_hz=8_000), 8_000)
    report = check_clips(clips, unnamed=[tmp_path / "odd.wav"])
    assert kinds(report) == {"unreadable", "mixed_rates", "unnamed"}
    assert report.rates_hz == {8_000: 1, 16_000: 8}


def test_copies_are_found_by_content(tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    write_wav(clips[1].path, voice(seed=0))  # angry, the same as the neutral clip 0
    write_wav(clips[4].path, voice(seed=0))  # and as another speaker's
    assert kinds(check_clips(clips)) == {"contradicting", "across_speakers", "duplicate"}


def test_labels_that_give_the_speaker_away_are_named(tmp_path: Path) -> None:
    clips = labelled(tmp_path)
    kept = [c for c in clips if c.label == "neutral" or c.speaker == "s0"]
    assert kinds(check_clips(kept)) == {"few_speakers", "one_label_speakers"}
