"""RTP as sent: headers, the wrap, and the datagrams on a real socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from itertools import pairwise

import pytest

from subtone.runtime.simulate import rtp
from subtone.runtime.simulate.packets import Packet
from subtone.runtime.simulate.play import addresses

PACKETS = [
    Packet(track, n, 20 * n, 20.0 * n + 20.0, bytes([n % 256]) * 160)
    for n in range(50)
    for track in (0, 1)
]


def test_headers_count_on_across_the_wrap_with_one_source_a_track() -> None:
    sent = list(rtp.datagrams(PACKETS))
    for track in (0, 1):
        heads = [struct.unpack("!BBHII", d[:12]) for _, t, d in sent if t == track]
        assert {h[0] for h in heads} == {0x80}
        assert [h[1] for h in heads] == [0x80] + [0] * 49
        assert [h[2] for h in heads] == [(65_500 + track + n) & 0xFFFF for n in range(50)]
        assert {(b[3] - a[3]) & 0xFFFFFFFF for a, b in pairwise(heads)} == {160}
        assert len({h[4] for h in heads}) == 1
    assert sent == list(rtp.datagrams(PACKETS))


def test_every_datagram_reaches_its_tracks_port() -> None:
    receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for receiver in receivers:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5.0)
    targets = [r.getsockname() for r in receivers]
    assert asyncio.run(rtp.play(targets, rtp.datagrams(PACKETS), speed=100.0)) == 100
    for receiver in receivers:
        assert [len(receiver.recv(2_000)) for _ in range(50)] == [172] * 50
        receiver.close()


def test_targets_are_read_or_refused() -> None:
    assert addresses("127.0.0.1:4000,4002") == [("127.0.0.1", 4000), ("127.0.0.1", 4002)]
    with pytest.raises(ValueError, match="HOST:PORT"):
        addresses("127.0.0.1:http")
