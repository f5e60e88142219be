"""Audio files: formats, rates, bounded memory, and every way a file can be bad."""

from __future__ import annotations

import os
import sys
import tempfile
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from subtone.ingest.errors import IngestError
from subtone.ingest.files import AudioInfo, analysis_rate_hz, probe_audio, read_blocks

Sound = NDArray[np.float64]


def tone(seconds: float, rate_hz: int, channel_count: int = 1, hz: float = 300.0) -> Sound:
    phase = 2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz
    return np.stack([np.sin(phase) * 0.3 / (c + 1) for c in range(channel_count)], axis=1)


def whole(path: Path, target_rate_hz: int = 8000, block_ms: int = 1000) -> NDArray[np.float32]:
    return np.concatenate(list(read_blocks(path, target_rate_hz, block_ms)))


def refusal_of(path: Path | str) -> str:
    with pytest.raises(IngestError) as refusal:
        list(read_blocks(path, 8000, 1000))
    return str(refusal.value)


@pytest.mark.parametrize(
    ("suffix", "container", "subtype", "exact"),
    [
        ("wav", "WAV", "PCM_16", True),
        ("wav", "WAV", "ULAW", False),
        ("wav", "WAVEX", "PCM_24", True),
        ("flac", "FLAC", "PCM_16", True),
        ("ogg", "OGG", "OPUS", False),
        ("ogg", "OGG", "VORBIS", False),
        ("mp3", "MP3", "MPEG_LAYER_III", False),
        ("aiff", "AIFF", "PCM_16", True),
        ("au", "AU", "ULAW", False),
        ("w64", "W64", "PCM_16", True),
        ("rf64", "RF64", "PCM_16", True),
    ],
)
def test_every_container_keeps_its_sound(
    tmp_path: Path, suffix: str, container: str, subtype: str, exact: bool
) -> None:
    path = tmp_path / f"call.{suffix}"
    source = tone(2.0, 8000, 2)
    soundfile.write(path, source, 8000, format=container, subtype=subtype)
    info = probe_audio(path)
    assert info == AudioInfo(
        sample_rate_hz=8000, channel_count=2, duration_ms=2000, container=container
    )
    sound = whole(path)
    assert sound.shape == (16_000, 2)
    tolerance = 1 / 32_768 if exact else 0.06
    assert np.abs(sound[1600:-1600] - source[1600:-1600]).max() < tolerance


@pytest.mark.parametrize(("source_hz", "target_hz"), [(6000, 8000), (8000, 8000), (11_025, 8000)])
def test_low_rates_are_analysed_at_8_khz(source_hz: int, target_hz: int) -> None:
    assert analysis_rate_hz(source_hz) == target_hz


@pytest.mark.parametrize("source_hz", [16_000, 22_050, 44_100, 48_000])
def test_high_rates_are_analysed_at_16_khz(source_hz: int) -> None:
    assert analysis_rate_hz(source_hz) == 16_000


@pytest.mark.parametrize("source_hz", [6000, 11_025, 12_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.37])
def test_resampling_keeps_duration_and_tone(tmp_path: Path, source_hz: int, seconds: float) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, tone(seconds, source_hz), source_hz)
    target_hz = analysis_rate_hz(source_hz)
    sound = whole(path, target_hz)[:, 0]
    assert abs(len(sound) - seconds * target_hz) <= 1
    expected = tone(seconds, target_hz)[: len(sound), 0]
    inner = slice(200, -200)  # the filter rings where the sound begins and ends
    assert np.abs(sound[inner] - expected[: len(sound)][inner]).max() < 1e-3


def test_what_8_khz_cannot_hold_is_filtered_out(tmp_path: Path) -> None:
    path = tmp_path / "hiss.wav"
    soundfile.write(path, tone(1.0, 12_000, hz=5000.0), 12_000)
    assert np.abs(whole(path, 8000)[500:-500]).max() < 1e-3


@pytest.mark.parametrize("block_ms", [1, 20, 999, 60_000])
def test_block_length_changes_no_sample(tmp_path: Path, block_ms: int) -> None:
    path = tmp_path / "call.flac"
    soundfile.write(path, tone(2.5, 44_100, 2), 44_100)
    blocks = list(read_blocks(path, 16_000, block_ms))
    assert {len(block) for block in blocks[:-1]} <= {16 * block_ms}
    assert 0 < len(blocks[-1]) <= 16 * block_ms
    assert np.array_equal(np.concatenate(blocks), whole(path, 16_000, 500))


def test_a_long_file_is_streamed_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    minute = np.zeros((60 * 8000, 2), np.int16)
    with soundfile.SoundFile(path, "w", 8000, 2) as file:
        for _ in range(20):
            file.write(minute)
    tracemalloc.start()
    count = sum(len(block) for block in read_blocks(path, 8000, 1000))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20 * 60 * 8000
    assert peak_bytes < 3_000_000  # the whole is 77 MB as float32


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AIFF", "AU", "W64", "RF64"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.95])
def test_a_cut_file_is_refused(tmp_path: Path, container: str, kept: float) -> None:
    path = tmp_path / "call.bin"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (40_000, 1))
    soundfile.write(path, noise, 8000, format=container, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * kept)])
    message = refusal_of(path)
    assert "cut short" in message
    assert "readable" in message


def test_a_cut_flac_says_how_much_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (80_000, 1))
    soundfile.write(path, noise, 8000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "4.1 s of 10.0 s are readable" in refusal_of(path)


def test_infinite_samples_are_named_by_channel_and_time(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    sound = tone(5.0, 16_000, 2).astype(np.float32)
    sound[64_000, 1] = -np.inf
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    assert "channel 2 holds a sample that is not a number at 4.000 s" in refusal_of(path)


def test_missing_folder_pipe_and_odd_names_are_explained(tmp_path: Path) -> None:
    assert refusal_of(tmp_path / "none.wav") == "none.wav: does not exist; check the path"
    assert "is a folder" in refusal_of(tmp_path)
    assert "cannot be opened" in refusal_of("a\0b.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in refusal_of(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    assert "0 bytes" in refusal_of(tmp_path / "empty.wav")
    odd = tmp_path / os.fsdecode(b"bad\xff\nname.wav")
    odd.write_text("no audio")
    message = refusal_of(odd)
    assert message.isprintable()
    message.encode()


def test_no_permission_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # file modes do not bind a superuser
    assert "may not be read by this user" in refusal_of(path)


@pytest.mark.parametrize("suffix", ["raw", "vox", "gsm", "au"])
def test_the_name_never_decides_the_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes.{suffix}"
    path.write_text("a note, not a recording\n" * 100)
    assert "is not audio" in refusal_of(path)
    soundfile.write(path, tone(0.5, 8000), 8000, format="WAV", subtype="PCM_16")
    assert probe_audio(path).container == "WAV"


@pytest.mark.parametrize(
    ("rate_hz", "channel_count", "cause"),
    [(1000, 1, "sample rate of 1000 Hz"), (500_000, 1, "sample rate"), (8000, 33, "33 channels")],
)
def test_absurd_headers_are_refused(
    tmp_path: Path, rate_hz: int, channel_count: int, cause: str
) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.zeros((100, channel_count)), rate_hz)
    assert cause in refusal_of(path)


def test_wrong_arguments_are_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="8000 or 16000"):
        read_blocks(tmp_path / "call.wav", 44_100, 1000)
    with pytest.raises(ValueError, match="block_ms"):
        read_blocks(tmp_path / "call.wav", 8000, 0)


# --- containers libsndfile does not read ---------------------------------------------------


def encode(path: Path, codec: str, rate_hz: int, layout: str, pauses: tuple[int, ...] = ()) -> None:
    """Three seconds of a tone; the listed 20 ms frames are never sent."""
    channel_count = 1 if layout == "mono" else 2
    sound = tone(3.0, rate_hz, channel_count).astype(np.float32)
    size = rate_hz // 50
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        for index in range(len(sound) // size):
            planes = np.ascontiguousarray(sound[index * size : (index + 1) * size].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, index * size
            frame.time_base = Fraction(1, rate_hz)
            if index not in pauses:
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "layout"),
    [
        ("call.m4a", "aac", 44_100, "stereo"),
        ("call.mp4", "aac", 8000, "mono"),
        ("call.webm", "libopus", 48_000, "stereo"),
    ],
)
def test_media_containers_keep_tone_and_duration(
    tmp_path: Path, name: str, codec: str, rate_hz: int, layout: str
) -> None:
    encode(tmp_path / name, codec, rate_hz, layout)
    info = probe_audio(tmp_path / name)
    assert (info.sample_rate_hz, info.channel_count) == (rate_hz, 1 if layout == "mono" else 2)
    assert info.duration_ms is not None
    assert abs(info.duration_ms - 3000) < 100
    sound = whole(tmp_path / name, analysis_rate_hz(rate_hz))[:, 0]
    assert abs(len(sound) / analysis_rate_hz(rate_hz) - 3.0) < 0.15
    inner = sound[len(sound) // 4 : len(sound) // 2]
    assert abs(np.sqrt(np.mean(inner**2)) - 0.3 / np.sqrt(2)) < 0.02


def test_a_hole_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    path = tmp_path / "call.mka"
    encode(path, "pcm_s16le", 8000, "mono", pauses=tuple(range(50, 100)))
    sound = whole(path)[:, 0]
    assert abs(len(sound) - 24_000) < 800
    assert not sound[8100:15_900].any()
    assert np.abs(sound[16_500:]).max() > 0.29


def test_a_cut_media_file_is_refused(tmp_path: Path) -> None:
    for name, codec in (("call.m4a", "aac"), ("call.webm", "libopus")):
        path = tmp_path / name
        encode(path, codec, 48_000, "stereo")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert "cut short" in refusal_of(path) or "damaged" in refusal_of(path)


def test_a_piped_flac_without_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    soundfile.write(path, tone(3.0, 8000), 8000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # STREAMINFO: the 36 bits of total samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert probe_audio(path).duration_ms is None
    assert len(whole(path)) == 24_000


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile tone.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\ntone.wav\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    ],
)
def test_a_playlist_opens_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, playlist: str
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "tone.wav", tone(0.5, 8000), 8000)
    (tmp_path / "call.m4a").write_text(playlist)
    assert "is not audio" in refusal_of(tmp_path / "call.m4a")


def test_without_pyav_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode(tmp_path / "call.m4a", "aac", 44_100, "stereo")
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'subtone[media]'" in refusal_of(tmp_path / "call.m4a")


# --- whatever arrives ----------------------------------------------------------------------


def _seeds() -> list[bytes]:
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (400, 2))
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.bin"
        for container, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AU", "ULAW")):
            soundfile.write(path, noise, 8000, format=container, subtype=subtype)
            seeds.append(path.read_bytes())
        encode(Path(folder) / "seed.m4a", "aac", 8000, "mono")
        seeds.append((Path(folder) / "seed.m4a").read_bytes())
    return seeds


SEEDS = _seeds()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
    kept=st.floats(0.0, 1.0),
)
def test_damaged_audio_gives_sound_or_an_ingest_error(
    seed: bytes, changes: list[tuple[int, int]], kept: float
) -> None:
    content = bytearray(seed)
    for at, value in changes:
        content[at % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.wav"
        path.write_bytes(content[: round(len(content) * kept)])
        try:
            assert np.isfinite(whole(path)).all()
        except IngestError as refusal:
            assert str(refusal).startswith("call.wav: ")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(head=st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM"]), tail=st.binary())
def test_random_bytes_are_refused(head: bytes, tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.wav"
        path.write_bytes(head + tail)
        refusal_of(path)
