"""Foreign senders over real sockets: every codec by ffmpeg, and a bad network by GStreamer.

All of them play the same 30 s of one caller, at once and in real time, each into a port and a
call of its own. Whoever sends, the same is found.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from subtone.contracts.inbound import InboundEvent
from subtone.contracts.outputs import Decision, Outputs
from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import PayloadFormat, RtpStatistics, RtpStream
from subtone.runtime.live.hub import Hub, HubLimits
from subtone.runtime.live.media_ports import MediaPorts

CALL = Path(__file__).resolve().parents[3] / "examples" / "calls" / "hidden_frustration.en.flac"
CUSTOMER = 1  # its channel
CALM_S, TENSE_S = (30, 45), (58, 73)  # pieces of the call with the change between them
PLAYED_MS = 30_000
LIMIT_S = 70.0
HOP_MS = 5_000
TOOLS = ("ffmpeg", "gst-launch-1.0")
NETSIM = "drop-probability=0.05 duplicate-probability=0.03 delay-probability=0.3"


@dataclass(frozen=True)
class Sender:
    """A command that plays a file to a port, and what its packets are."""

    command: str
    payload_type: int
    payload: PayloadFormat
    tolerance: float = 0.0  # of a score, against the clean mu-law stream


def _ffmpeg(codec: str, packet_bytes: int, rate_hz: int = 8_000) -> str:
    return (
        f"ffmpeg -nostdin -loglevel error -re -i {{wav}} -af aresample={rate_hz},asetnsamples="
        f"{rate_hz // 50} -ac 1 -c:a {codec} -f rtp rtp://127.0.0.1:{{port}}?pkt_size={packet_bytes}"
    )


SENDERS = {
    "pcmu": Sender(_ffmpeg("pcm_mulaw", 172), 0, PayloadFormat("PCMU", 8_000)),
    "pcma": Sender(_ffmpeg("pcm_alaw", 172), 8, PayloadFormat("PCMA", 8_000), 0.05),
    "g722": Sender(_ffmpeg("g722", 172, 16_000), 9, PayloadFormat("G722", 8_000), 0.1),
    "l16": Sender(
        _ffmpeg("pcm_s16be -payload_type 97", 332), 97, PayloadFormat("L16", 8_000), 0.05
    ),
    "opus": Sender(
        "ffmpeg -nostdin -loglevel error -re -i {wav} -ar 48000 -ac 2 -c:a libopus "
        "-frame_duration 20 -application voip -payload_type 111 -f rtp rtp://127.0.0.1:{port}",
        111,
        PayloadFormat("opus", 48_000, 2),
        0.1,
    ),
    "netsim": Sender(
        "gst-launch-1.0 -q filesrc location={wav} ! wavparse ! audioconvert ! audioresample ! "
        "audio/x-raw,rate=8000,channels=1 ! mulawenc ! "
        "rtppcmupay min-ptime=20000000 max-ptime=20000000 ! identity sync=true ! "
        f"netsim {NETSIM} min-delay=5 max-delay=60 allow-reordering=true ! "
        "udpsink host=127.0.0.1 port={port} sync=false",
        0,
        PayloadFormat("PCMU", 8_000),
        0.25,
    ),
}


@dataclass
class Heard:
    """What came of one sender."""

    decisions: list[Decision] = field(default_factory=list)
    statistics: RtpStatistics = field(default_factory=RtpStatistics)

    @property
    def states(self) -> list[tuple[int, str]]:
        return [(d.moment.t_event_ms, d.snapshot.state.value) for d in self.decisions]

    @property
    def transitions(self) -> list[tuple[int, str, str]]:
        changes = [d.transition for d in self.decisions if d.transition is not None]
        return [(c.t_event_ms, c.from_state.value, c.to_state.value) for c in changes]

    @property
    def scores(self) -> list[float]:
        return [d.basis.score.score for d in self.decisions]


@dataclass
class Desk:
    """Journal and recorder of the hub: nothing is kept but the decisions."""

    heard: dict[str, Heard]
    count: int = 0

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        self.count += len(events)
        done: Future[int] = Future()
        done.set_result(self.count)
        return done

    def say(self, call_id: str, said: Sequence[tuple[int, Outputs]]) -> None:
        decided = [d for _, outputs in said for d in outputs.decisions]
        self.heard[call_id].decisions += [d for d in decided if d.moment.t_event_ms <= PLAYED_MS]

    def snapshot(self, call_id: str, seq: int, snapshot: bytes) -> None:
        del call_id, seq, snapshot

    def settle(self, call_id: str, seq: int) -> None:
        del call_id, seq


async def _play(wav: Path) -> dict[str, Heard]:
    loop = asyncio.get_running_loop()

    def now_ms() -> int:
        return 1_000_000 + int(loop.time() * 1000)

    heard = {name: Heard() for name in SENDERS}
    desk = Desk(heard)
    hub = Hub(desk, now_ms, desk, limits=HubLimits(workers=1))
    ports = MediaPorts(hub, now_ms, "127.0.0.1", 32_000, 32_800)
    hub.start()
    ports.start()
    opened = dict(zip(SENDERS, await ports.open(len(SENDERS)), strict=True))
    jobs = []
    for name, sender in SENDERS.items():
        hub.call(name)
        stream = RtpStream(
            stream_id=name,
            call_id=name,
            track_id="customer",
            role=Role.CUSTOMER,
            formats={sender.payload_type: sender.payload},
        )
        heard[name].statistics = stream.statistics
        opened[name].attach(name, name, stream)
        jobs.append(_run(sender.command.format(wav=wav, port=opened[name].port)))
    try:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*jobs)
    finally:
        await ports.stop()
        for running in hub.calls.values():
            running.live.end("played", now_ms())
        await hub.stop()
    return heard


async def _run(command: str) -> None:
    """One sender, until it has played the file; ended when it is not waited for any more."""
    process = await asyncio.create_subprocess_exec(
        *command.split(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said[-2_000:]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Heard]:
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {', '.join(absent)}")
    if absent:
        pytest.skip(f"{', '.join(absent)} is needed to send")
    samples, rate_hz = soundfile.read(CALL, dtype="int16")
    pieces = [samples[a * rate_hz : b * rate_hz, CUSTOMER] for a, b in (CALM_S, TENSE_S)]
    wav = tmp_path_factory.mktemp("network") / "caller.wav"
    soundfile.write(wav, np.concatenate(pieces), rate_hz)
    return asyncio.run(_play(wav))


def test_the_clean_stream_has_the_change_that_is_in_the_call(heard: dict[str, Heard]) -> None:
    clean = heard["pcmu"]
    assert clean.transitions == [
        (25_000, "calm", "rising_tension"),
        (30_000, "rising_tension", "escalation_risk"),
    ]
    assert [t_ms for t_ms, _ in clean.states] == list(range(HOP_MS, PLAYED_MS + 1, HOP_MS))
    assert clean.statistics.lost_count == clean.statistics.discarded_count == 0


GOOD = [name for name in SENDERS if name != "netsim"]


@pytest.mark.parametrize("name", GOOD)
def test_whoever_sends_the_same_is_found(heard: dict[str, Heard], name: str) -> None:
    clean, other = heard["pcmu"], heard[name]
    assert other.transitions == clean.transitions
    assert other.states == clean.states
    assert other.scores == pytest.approx(clean.scores, abs=SENDERS[name].tolerance)


def test_on_a_bad_network_the_change_is_found_a_moment_later_at_most(
    heard: dict[str, Heard],
) -> None:
    """What is lost is drawn anew each time, and a score near a threshold may fall either side."""
    clean, other = heard["pcmu"], heard["netsim"]
    assert other.scores == pytest.approx(clean.scores, abs=SENDERS["netsim"].tolerance)
    changed_ms, from_state, _ = other.transitions[0]
    assert from_state == "calm"
    assert 25_000 <= changed_ms <= 30_000
    assert other.states[-1][1] in ("rising_tension", "escalation_risk")


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_lost_on_a_good_network(heard: dict[str, Heard], name: str) -> None:
    statistics = heard[name].statistics
    assert statistics.rtp_count >= PLAYED_MS // 20
    harm = (statistics.lost_count, statistics.malformed_count, statistics.unnegotiated_count)
    assert harm == (0, 0, 0)


def test_the_bad_network_was_bad(heard: dict[str, Heard]) -> None:
    statistics = heard["netsim"].statistics
    assert 35 <= statistics.lost_count <= 120  # of 1500, one in twenty
    assert statistics.discarded_count >= 15  # copies
    assert statistics.concealed_ms >= 20 * 30
    assert statistics.malformed_count == 0
