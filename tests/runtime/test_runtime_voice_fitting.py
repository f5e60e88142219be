"""Fitting agitation: what a manifest must hold, what the fit learns, who judges it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from subtone.contracts.calibration import Calibration, VoiceCalibration
from subtone.contracts.vocabulary import VoiceFeature
from subtone.ingest.errors import IngestError
from subtone.runtime.calibrations import read_calibration
from subtone.runtime.voice_fitting import (
    CANDIDATES,
    Scored,
    agitation,
    fit_weights,
    judge,
    read_manifest,
)
from support_acoustics import line_voice
from support_cli import invoke, succeed

VOICE = VoiceCalibration()
PRESENT = {term.feature: term.weight for term in VOICE.agitation_telephone}
RATE_HZ = 8_000


def write_clips(folder: Path) -> Path:
    """Three speakers; agitation is seven semitones of pitch and nothing else."""
    rows = ["path,speaker,label"]
    for speaker, f0_hz in (("a", 100.0), ("b", 140.0), ("c", 190.0)):
        for take in range(4):
            is_agitated = take > 1
            pitch_hz = f0_hz * 2.0 ** ((7.0 if is_agitated else 0.3 * take) / 12.0)
            glide = pitch_hz * 2.0 ** (np.sin(np.arange(round(1.6 * RATE_HZ)) / 1_500.0) / 12.0)
            soundfile.write(
                folder / f"{speaker}{take}.wav", line_voice(RATE_HZ, 1.6, glide), RATE_HZ
            )
            rows.append(f"{speaker}{take}.wav,{speaker},{'angry' if is_agitated else 'calm'}")
    manifest = folder / "clips.csv"
    manifest.write_text("\n".join(rows) + "\n")
    return manifest


def test_a_manifest_becomes_a_calibration_that_other_commands_accept(tmp_path: Path) -> None:
    written = tmp_path / "voice.json"
    said = succeed("calibrate", "voice", write_clips(tmp_path), "-o", written)
    assert "3 speakers, 6 calm and 6 agitated clips (0 unusable)" in said
    assert "after     1.000" in said
    fitted = read_calibration(written)
    assert fitted.version.startswith("voice-")
    weights = {term.feature: term.weight for term in fitted.voice.agitation_telephone}
    assert weights[VoiceFeature.F0_MEDIAN] > PRESENT[VoiceFeature.F0_MEDIAN]
    assert sum(weights.values()) == pytest.approx(sum(PRESENT.values()), abs=0.005)
    assert fitted.voice.agitation_wide == VOICE.agitation_wide
    again = tmp_path / "again.json"
    succeed("calibrate", "voice", tmp_path / "clips.csv", "-o", again)
    assert again.read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("path,speaker\na.wav,a\n", "has the label ''"),
        ("path,label\na.wav,calm\n", "lacks a path or a speaker"),
        ("path,speaker,label\na.wav,a,sad\n", "line 2 has the label 'sad'"),
        ("path,speaker,label\na.wav,a,calm\nb.wav,a,angry\n", "fewer than 3 speakers"),
    ],
)
def test_a_manifest_that_cannot_serve_says_why(tmp_path: Path, text: str, cause: str) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text(text)
    with pytest.raises(IngestError, match=cause):
        read_manifest(manifest)
    refused = invoke("calibrate", "voice", manifest, "-o", tmp_path / "out.json")
    assert refused.exit_code == 1
    assert not (tmp_path / "out.json").exists()


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    manifest = write_clips(tmp_path)
    (tmp_path / "b1.wav").unlink()
    refused = invoke("calibrate", "voice", manifest, "-o", tmp_path / "out.json")
    assert refused.exit_code == 1
    assert "b1.wav" in refused.output


def scored(spread: float = 0.2, **by_feature: float) -> list[Scored]:
    """Ten calm clips around the baseline and ten agitated ones this far from it."""
    rng = np.random.default_rng(1)
    raised = {VoiceFeature[name]: value for name, value in by_feature.items()}
    return [
        Scored(
            f"{i % 5}",
            is_agitated,
            {
                f: raised.get(f, 0.0) * is_agitated + float(rng.normal(0, spread))
                for f in CANDIDATES
            },
        )
        for i in range(20)
        for is_agitated in (i % 2 == 0,)
    ]


def test_weights_move_to_what_separates_and_stay_where_nothing_does() -> None:
    moved = fit_weights(scored(FLUX=3.0), PRESENT, VOICE)
    assert moved[VoiceFeature.FLUX] > 1.5 * PRESENT[VoiceFeature.FLUX]
    assert moved[VoiceFeature.ENERGY_P95] < PRESENT[VoiceFeature.ENERGY_P95]
    still = fit_weights(scored(spread=0.0), PRESENT, VOICE)
    for feature, weight in PRESENT.items():
        assert still[feature] == pytest.approx(weight)
    for fitted in (moved, still):
        assert min(fitted.values()) >= 0.0
        assert sum(fitted.values()) == pytest.approx(sum(PRESENT.values()))


def test_the_baseline_scores_one_fifth_under_any_weights() -> None:
    assert agitation(
        {}, fit_weights(scored(F0_MEDIAN=2.0), PRESENT, VOICE), VOICE
    ) == pytest.approx(0.2, abs=1e-3)


def test_a_judgement_counts_pairs_in_order_and_passes_of_one_half() -> None:
    truth = np.array([True, True, False, False])
    said = judge(truth, np.array([0.9, 0.4, 0.4, 0.6]))
    assert (said.auc, said.calm_above_half, said.agitated_above_half) == (0.625, 0.5, 0.5)


def test_the_default_calibration_reads_back_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"version": "own", "voice": {"agitation_telephone": []}}')
    assert read_calibration(path).voice.agitation_telephone == ()
    assert Calibration().voice.agitation_telephone != ()
