"""SIPREC over real sockets: our client, and sipp with the recorded scenario."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from subtone.contracts.inbound import AudioChunk, CallEnded, CallStarted, InboundEvent, TrackJoined
from subtone.contracts.outputs import Outputs
from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.siprec import RoleHints, ServerSettings
from subtone.kernel.voice_intelligence.acoustics import decode_payload
from subtone.runtime.live.hub import Hub, HubLimits
from subtone.runtime.live.media_ports import MediaPorts, PortsExhausted
from subtone.runtime.live.recording_server import RecordingServer
from subtone.runtime.simulate import rtp, siprec
from subtone.runtime.simulate.packets import packets_of
from support_shared import shared

HINTS = RoleHints(agent_patterns=("*@centre.example",), customer_patterns=("*@caller.example",))


@dataclass
class Log:
    events: list[InboundEvent] = field(default_factory=list)

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        self.events += events
        done: Future[int] = Future()
        done.set_result(len(self.events))
        return done


class Recorder:
    def say(self, call_id: str, said: Sequence[tuple[int, Outputs]]) -> None:
        del call_id, said

    def snapshot(self, call_id: str, seq: int, snapshot: bytes) -> None:
        del call_id, seq, snapshot

    def settle(self, call_id: str, seq: int) -> None:
        del call_id, seq


@dataclass
class Rig:
    hub: Hub
    ports: MediaPorts
    server: RecordingServer
    log: Log

    def heard(self, track_id: str) -> bytes:
        chunks = [e for e in self.log.events if isinstance(e, AudioChunk)]
        return b"".join(c.payload for c in chunks if c.track_id == track_id)

    def tracks(self) -> dict[str, Role]:
        found: dict[str, Role] = {}
        for event in self.log.events:
            if isinstance(event, CallStarted):
                found |= {t.track_id: t.role for t in event.tracks}
            elif isinstance(event, TrackJoined):
                found[event.track.track_id] = event.track.role
        return found


def run(test: Callable[[Rig], Coroutine[Any, Any, None]], hints: RoleHints = HINTS) -> Rig:
    async def main() -> Rig:
        loop = asyncio.get_running_loop()

        def now_ms() -> int:
            return 1_000_000 + int(loop.time() * 1000)

        log = Log()
        hub = Hub(log, now_ms, Recorder(), limits=HubLimits(linger_ms=400))
        ports = MediaPorts(hub, now_ms, "127.0.0.1", 30_000, 30_400)
        settings = ServerSettings(
            host="127.0.0.1", port=5060, media_host="127.0.0.1", secret=bytes(32), hints=hints
        )
        rig = Rig(hub, ports, RecordingServer(hub, ports, settings, now_ms), log)
        hub.start()
        ports.start()
        try:
            await asyncio.wait_for(test(rig), 50)
        finally:
            await rig.server.stop()
            await ports.stop()
            await hub.stop()
        return rig

    return asyncio.run(main())


async def ended(rig: Rig) -> None:
    for _ in range(100):
        if any(isinstance(e, CallEnded) for e in rig.log.events):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the call never ended")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    t_s = np.arange(4 * 8_000) / 8_000
    stereo = np.stack([0.5 * np.sin(2 * np.pi * 300 * t_s), 0.4 * np.sin(2 * np.pi * 700 * t_s)], 1)
    soundfile.write(path, stereo, 8_000)
    return path


def test_both_legs_arrive_on_their_roles_byte_for_byte(recording: Path) -> None:
    packets = list(packets_of(recording, (Role.AGENT, Role.CUSTOMER)))

    async def test(rig: Rig) -> None:
        port = await rig.server.listen_udp("127.0.0.1", 0)
        timed = rtp.datagrams(packets)
        roles = (Role.AGENT, Role.CUSTOMER)
        sent = await siprec.play(("127.0.0.1", port), "rec-1", roles, timed, speed=2.0)
        assert sent == len(packets)
        await ended(rig)

    rig = run(test)
    roles = rig.tracks()
    assert sorted(roles.values()) == [Role.AGENT, Role.CUSTOMER]
    for track_id, role in roles.items():
        index = 0 if role is Role.AGENT else 1
        expected = b"".join(p.payload for p in packets if p.track == index)
        assert rig.heard(track_id) == expected
    assert rig.server.recording_count == 0


def test_unknown_parties_are_never_scored(recording: Path) -> None:
    packets = list(packets_of(recording, (Role.AGENT, Role.CUSTOMER)))[:100]

    async def test(rig: Rig) -> None:
        port = await rig.server.listen_udp("127.0.0.1", 0)
        roles = (Role.AGENT, Role.CUSTOMER)
        await siprec.play(("127.0.0.1", port), "rec-2", roles, rtp.datagrams(packets), speed=4.0)

    assert set(run(test, RoleHints()).tracks().values()) == {Role.UNKNOWN}


def test_ports_are_bound_free_again_and_finite() -> None:
    async def test(rig: Rig) -> None:
        small = MediaPorts(rig.hub, lambda: 0, "127.0.0.1", 31_000, 31_004)
        first = await small.open(3)
        assert [p.port % 2 for p in first] == [0, 0, 0]
        with pytest.raises(PortsExhausted):
            await small.open(1)
        small.close(first[0].port, "done")
        await asyncio.sleep(0)
        assert len(await small.open(1)) == 1
        await small.stop()

    run(test)


def test_a_connection_that_talks_nonsense_is_closed_and_others_are_served() -> None:
    async def test(rig: Rig) -> None:
        port = await rig.server.listen_tcp("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        options = (
            "OPTIONS sip:srs@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKx\r\n"
            "From: <sip:a@b>;tag=1\r\nTo: <sip:srs@127.0.0.1>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        again, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(options.encode())
        assert (await asyncio.wait_for(again.readline(), 5)).startswith(b"SIP/2.0 200")
        writer.close()
        other.close()

    run(test)


def test_sipp_with_the_recorded_scenario_plays_to_its_end(tmp_path: Path) -> None:
    sipp = shutil.which("sipp")
    scenario = shared("protocols", "scenarios", "siprec_pcap_reinvite.xml")
    pcap = shared("protocols", "pcap", "sipp")
    if sipp is None or os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have sipp and raw sockets")
        pytest.skip("sipp and raw sockets are needed to play a capture")
    (tmp_path / "pcap").symlink_to(pcap)

    async def test(rig: Rig) -> None:
        port = await rig.server.listen_udp("127.0.0.1", 0)
        command = [sipp, f"127.0.0.1:{port}", "-i", "127.0.0.1", "-mi", "127.0.0.1"]
        command += ["-p", "0", "-mp", "45000", "-m", "1", "-max_socket", "500", "-nostdin"]
        command += ["-sf", str(scenario), "-timeout", "40s"]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2_000:] + done.stdout[-2_000:]
        await ended(rig)

    rig = run(test, RoleHints(customer_patterns=("bob@*",), agent_patterns=("paul@*",)))
    assert sorted(rig.tracks().values()) == [Role.AGENT, Role.CUSTOMER]
    customer = next(t for t, role in rig.tracks().items() if role is Role.CUSTOMER)
    alaw = rig.heard(customer)
    assert len(alaw) >= 236 * 240  # 236 packets of 30 ms
    assert float(np.abs(decode_payload(AudioEncoding.ALAW, alaw)).max()) > 0.05
