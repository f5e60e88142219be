"""Live load: N two-track Twilio calls in real time against one server, all on this machine.

    python -m bench.live --calls 100 --seconds 180

Latency is from the time the last audio of a moment's window was sent to the time the moment
came out of the stream endpoint. CPU and memory are the server process's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect

from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import PACKET_MS, Packet, packets_of

ROOT = Path(__file__).resolve().parents[1]
CALL = ROOT / "examples" / "calls" / "hidden_frustration.en.flac"
ROLES = (Role.AGENT, Role.CUSTOMER)
START_S = 20.0
HOP_MS = 5_000
SETTLE_MS = 1_000  # a moment nearer to the end of the stream is not counted
AFTER_S = 8.0  # for the last moments to come out


@dataclass
class Seen:
    """What came out of the server."""

    latencies_ms: list[float] = field(default_factory=list)
    moments: dict[str, int] = field(default_factory=dict)


class Server:
    """``subtone serve`` in a process of its own, with a journal of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._environment = os.environ | {
            "SUBTONE_JOURNAL_PATH": str(folder),
            "SUBTONE_HTTP_PORT": str(port),
            "SUBTONE_TWILIO_IS_SIGNATURE_REQUIRED": "false",
            "SUBTONE_LIMITS_MAX_PEER_REQUESTS_PER_S": "10000",
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "subtone", "serve"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = ""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and "token" not in said:
            assert self.process.stdout is not None
            said += self.process.stdout.readline()
        address = re.search(r"http://(\S+)", said)
        token = re.search(r"ends: (\S+)", said)
        if address is None or token is None:
            raise SystemExit(f"the server did not start: {said!r}")
        self.address, self.token = address[1], token[1]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) / 1024.0 if found else 0.0


def repeated(packets: Sequence[Packet], seconds: int) -> Iterator[Packet]:
    """The call over and over, until it is so long."""
    count = seconds * 1000 // PACKET_MS
    for number, packet in enumerate(islice(cycle(packets), count * len(ROLES))):
        n = number // len(ROLES)
        t_ms = n * PACKET_MS
        yield Packet(packet.track, n, t_ms, float(t_ms + PACKET_MS), packet.payload)


async def listen(server: Server, began: dict[str, float], seen: Seen, last_ms: int) -> None:
    url = f"ws://{server.address}/v1/stream?after=0"
    async with connect(url, additional_headers=server.headers, max_size=None) as socket:
        async for message in socket:
            now = time.monotonic()
            row: dict[str, Any] = json.loads(message)
            if row["kind"] != "decision":
                continue
            call_id = row["call_id"]
            t_ms = row["item"]["moment"]["t_event_ms"]
            if t_ms > last_ms:
                continue  # closed by the clock after the stream had ended
            seen.moments[call_id] = seen.moments.get(call_id, 0) + 1
            sent_s = began[call_id] + (t_ms - twilio.FIRST_STAMP_MS) / 1000.0
            seen.latencies_ms.append((now - sent_s) * 1000.0)


async def call(server: Server, call_id: str, packets: list[Packet], began: dict[str, float]) -> int:
    url = f"ws://{server.address}/v1/streams"
    began[call_id] = time.monotonic()
    timed = twilio.messages(call_id, f"MZ{call_id}", ROLES, packets)
    return await twilio.play(url, timed, headers=server.headers)


async def run(server: Server, calls: int, seconds: int) -> dict[str, Any]:
    packets = list(repeated(list(packets_of(CALL, ROLES)), seconds))
    began: dict[str, float] = {}
    seen = Seen()
    last_ms = (seconds * 1000 - SETTLE_MS) // HOP_MS * HOP_MS
    listener = asyncio.create_task(listen(server, began, seen, last_ms))
    await asyncio.sleep(0.5)
    cpu_s, wall_s = server.cpu_s(), time.monotonic()
    jobs = []
    for number in range(calls):
        jobs.append(asyncio.create_task(call(server, f"CA{number:04d}", packets, began)))
        await asyncio.sleep(HOP_MS / 1000.0 / calls)  # calls do not begin together
    sent = await asyncio.gather(*jobs)
    cpu_s, wall_s = server.cpu_s() - cpu_s, time.monotonic() - wall_s
    rss_mb = server.rss_mb()
    await asyncio.sleep(AFTER_S)
    listener.cancel()
    expected = calls * (last_ms // HOP_MS)
    p50, p95, p99 = np.percentile(seen.latencies_ms, [50, 95, 99])
    return {
        "calls": calls,
        "seconds": seconds,
        "messages": sum(sent),
        "moments": sum(seen.moments.values()),
        "moments_expected": expected,
        "latency_ms": {"p50": p50, "p95": p95, "p99": p99, "max": max(seen.latencies_ms)},
        "server_cores": cpu_s / wall_s,
        "server_cpu_ms_per_call_s": cpu_s / wall_s / calls * 1000.0,
        "server_rss_mb": rss_mb,
        "rss_mb_per_call": rss_mb / calls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--out", type=Path, help="write results as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            found = asyncio.run(run(server, options.calls, options.seconds))
        finally:
            server.process.terminate()
            server.process.wait(30)
    latency = found["latency_ms"]
    print(
        f"{found['calls']} two-track calls for {found['seconds']} s: {found['messages']} messages, "
        f"{found['moments']} moments of {found['moments_expected']}"
    )
    print(
        "from the last audio of a moment to the moment: "
        + ", ".join(f"{name} {value:.0f} ms" for name, value in latency.items())
    )
    print(
        f"server: {found['server_cores']:.2f} cores, "
        f"{found['server_cpu_ms_per_call_s']:.1f} ms CPU per call-second, "
        f"{found['server_rss_mb']:.0f} MB, {found['rss_mb_per_call']:.1f} MB per call"
    )
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
