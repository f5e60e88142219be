"""One RTP stream per track over UDP: PCMU, a random start of sequence and timestamp."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Iterator, Sequence
from time import monotonic

from subtone.runtime.simulate.packets import PACKET_MS, Packet

PCMU = 0
SAMPLES_PER_PACKET = 8 * PACKET_MS


def datagrams(packets: Sequence[Packet], seed: int = 1) -> Iterator[tuple[float, int, bytes]]:
    """Send time, track and datagram (RFC 3550) of every packet, in the order given.

    Sequence numbers start near their wrap, so that every receiver meets it.
    """
    dice = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    tracks = {p.track for p in packets}
    sources = {t: (dice.getrandbits(32), 65_500 + t, dice.getrandbits(32)) for t in sorted(tracks)}
    for packet in packets:
        ssrc, first_sequence, first_stamp = sources[packet.track]
        header = struct.pack(
            "!BBHII",
            0x80,
            PCMU | (0x80 if packet.number == 0 else 0),
            (first_sequence + packet.number) & 0xFFFF,
            (first_stamp + packet.number * SAMPLES_PER_PACKET) & 0xFFFFFFFF,
            ssrc,
        )
        yield packet.send_ms, packet.track, header + packet.payload


async def play(
    targets: Sequence[tuple[str, int]],
    timed: Iterator[tuple[float, int, bytes]],
    *,
    speed: float = 1.0,
) -> int:
    """Send every datagram to its track's target at its time; return how many were sent."""
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began = monotonic()
        for send_ms, track, datagram in timed:
            wait_s = send_ms / 1000.0 / speed - (monotonic() - began)
            if wait_s > 0.0:
                await asyncio.sleep(wait_s)
            sender.sendto(datagram, targets[track])
            count += 1
    return count
