"""FFmpeg as the sender, over a real loopback socket, for every codec and for SRTP."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import STATIC_FORMATS, PayloadFormat, RtpStream, SrtpReceiver
from subtone.ingest.wire import StreamEvent, StreamMedia
from subtone.kernel.voice_intelligence.acoustics import decode_payload

SECONDS = 1.0
KEY = b"123456789012345678901234567890"
INLINE = base64.b64encode(KEY).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"
TYPES = {**STATIC_FORMATS, 97: PayloadFormat("L16", 8000), 111: PayloadFormat("opus", 48_000, 2)}
G711 = ["-af", "aresample=8000,asetnsamples=160", "-ac", "1"]
CODECS = {
    "pcmu": [*G711, "-c:a", "pcm_mulaw"],
    "pcma": [*G711, "-c:a", "pcm_alaw"],
    "g722": ["-ar", "16000", "-ac", "1", "-c:a", "g722"],
    "l16": [*G711, "-c:a", "pcm_s16be", "-payload_type", "97"],
    "opus": [
        *("-ar", "48000", "-ac", "2", "-c:a", "libopus", "-frame_duration", "20"),
        *("-application", "voip", "-payload_type", "111"),
    ],
}
PACKET_BYTES = {"pcmu": 172, "pcma": 172, "g722": 172, "l16": 332, "opus": 1200}


@pytest.fixture
def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have ffmpeg")
        pytest.skip("ffmpeg is not installed")
    return found


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    """A 440 Hz tone of one second."""
    path = tmp_path / "tone.wav"
    t = np.arange(int(SECONDS * 8000)) / 8000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t), 8000, "PCM_16")
    return path


def send(
    ffmpeg: str, wave: Path, codec: str, *, is_secret: bool = False
) -> list[tuple[bytes, tuple[str, int]]]:
    """Every datagram FFmpeg sends for the file; sequence numbers wrap on the way."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        scheme = "srtp" if is_secret else "rtp"
        keys = ["-srtp_out_suite", SUITE, "-srtp_out_params", INLINE] if is_secret else []
        target = f"{scheme}://127.0.0.1:{port}?pkt_size={PACKET_BYTES[codec] + 28 * is_secret}"
        command = [ffmpeg, "-nostdin", "-loglevel", "error", "-re", "-i", str(wave)]
        command += [*CODECS[codec], "-f", "rtp", "-ssrc", "305419896", "-seq", "65520", *keys]
        datagrams: list[tuple[bytes, tuple[str, int]]] = []
        with subprocess.Popen([*command, target], stdout=subprocess.DEVNULL) as process:
            receiver.settimeout(0.5)
            for _ in range(500):
                try:
                    datagrams.append(receiver.recvfrom(65_536))
                except TimeoutError:
                    if process.poll() is not None:
                        break
            else:
                process.kill()
            assert process.wait(timeout=20) == 0
    return datagrams


def run(
    datagrams: list[tuple[bytes, tuple[str, int]]], srtp: SrtpReceiver | None = None
) -> tuple[RtpStream, list[StreamMedia]]:
    codec = RtpStream(
        stream_id="s", call_id="c", track_id="t", role=Role.CUSTOMER, formats=TYPES, srtp=srtp
    )
    events: list[StreamEvent] = []
    for at, (datagram, address) in enumerate(datagrams):
        events += codec.receive(datagram, address, at * 20)
    events += codec.close(len(datagrams) * 20, "end")
    return codec, [event for event in events if isinstance(event, StreamMedia)]


def pitch_hz(media: list[StreamMedia]) -> float:
    samples = np.concatenate([decode_payload(m.encoding, m.payload) for m in media])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * media[0].sample_rate_hz / samples.size


@pytest.mark.parametrize("codec", CODECS)
def test_a_tone_sent_by_ffmpeg_is_heard_whole(ffmpeg: str, wave: Path, codec: str) -> None:
    stream, media = run(send(ffmpeg, wave, codec))
    statistics = stream.statistics
    assert statistics.lost_count + statistics.malformed_count + statistics.discarded_count == 0
    assert not any(m.is_concealed for m in media)
    assert media[0].sample_rate_hz == (16_000 if codec in ("g722", "opus") else 8000)
    starts = [m.t_stream_ms for m in media]
    assert starts == [20 * n for n in range(len(media))]
    assert len(media) * 0.02 == pytest.approx(SECONDS, abs=0.05)
    assert pitch_hz(media) == pytest.approx(440, abs=2)


def test_srtp_sent_by_ffmpeg_is_opened_and_its_replay_refused(ffmpeg: str, wave: Path) -> None:
    datagrams = send(ffmpeg, wave, "pcmu", is_secret=True)
    once, media = run(datagrams, SrtpReceiver(SUITE, f"inline:{INLINE}"))
    assert once.statistics.refused_count == 0
    assert pitch_hz(media) == pytest.approx(440, abs=2)
    twice, again = run(
        [datagram for datagram in datagrams for _ in range(2)],
        SrtpReceiver(SUITE, f"inline:{INLINE}"),
    )
    assert twice.statistics.refused_count == len(datagrams)
    assert [m.payload for m in again] == [m.payload for m in media]
    wrong, nothing = run(datagrams, SrtpReceiver(SUITE, f"inline:{INLINE[::-1]}"))
    assert wrong.statistics.refused_count == len(datagrams)
    assert nothing == []
