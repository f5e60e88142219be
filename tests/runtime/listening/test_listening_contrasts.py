"""Which contrast heads an operator's words mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from subtone.perception.heads.errors import HeadError
from subtone.runtime.audio_memory import AudioMemorySystem
from subtone.runtime.listening.contrasts import contrast_heads
from subtone.runtime.listening.listener import Listener
from support_listening import small_heads, small_system
from support_shared import shared


def test_each_contrast_is_a_file_or_none(tmp_path: Path) -> None:
    heads, system = small_heads(tmp_path), small_system(tmp_path)
    both = contrast_heads(system, str(heads["arousal"]), str(heads["valence"]))
    assert [head.name for head in both] == ["arousal", "valence"]
    (one,) = contrast_heads(system, "none", str(heads["valence"]))
    assert one.name == "valence"
    assert contrast_heads(system, "none", "none") == ()


def test_shipped_is_nothing_for_an_encoder_without_any(tmp_path: Path) -> None:
    system = small_system(tmp_path)
    assert contrast_heads(system) == ()
    with pytest.raises(HeadError, match=r"made-up/none: there is no arousal or valence head"):
        Listener(system, ())


def test_whisper_base_has_both() -> None:
    checkpoint = shared("models", "whisper-base-encoder")
    system = AudioMemorySystem(checkpoint, encoder_options={"threads": 1})
    assert [head.name for head in contrast_heads(system)] == ["arousal", "valence"]
    padded = AudioMemorySystem(checkpoint, encoder_options={"padding": "window", "threads": 1})
    assert contrast_heads(padded) == ()


def test_one_contrasts_head_is_not_taken_for_the_other(tmp_path: Path) -> None:
    heads, system = small_heads(tmp_path), small_system(tmp_path)
    with pytest.raises(HeadError, match="is a head for valence, not for arousal"):
        contrast_heads(system, arousal=str(heads["valence"]))
    with pytest.raises(HeadError, match=r"absent\.safetensors: cannot be read"):
        contrast_heads(system, arousal=str(tmp_path / "absent.safetensors"))
