"""A recording as 20 ms G.711 packets in time order, and what a bad network does to them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.files import read_blocks, tracks_of
from subtone.kernel.voice_intelligence.acoustics import decode_payload

PACKET_MS = 20
LINE_RATE_HZ = 8_000


@dataclass(frozen=True, slots=True)
class Packet:
    """20 ms of one track; send_ms is when it leaves, t_ms where its media lies."""

    track: int  # index of the role in the recording
    number: int  # per track, from 0
    t_ms: int
    send_ms: float
    payload: bytes  # mu-law


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What happens between sender and receiver; the same seed does the same harm."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 1


_LINEAR = decode_payload(AudioEncoding.MULAW, bytes(range(256)))
_ORDER = np.argsort(_LINEAR, kind="stable")
_EDGES = (_LINEAR[_ORDER][1:] + _LINEAR[_ORDER][:-1]) / 2.0


def to_mulaw(samples: npt.NDArray[np.float32]) -> bytes:
    """Nearest G.711 mu-law code of each sample, full scale 1.0."""
    codes = _ORDER[np.searchsorted(_EDGES, np.clip(samples, -1.0, 1.0))]
    return codes.astype(np.uint8).tobytes()


def packets_of(audio: Path, roles: Sequence[Role]) -> Iterator[Packet]:
    """The packets of every track, interleaved in media time, each sent at its time.

    Raises IngestError when the recording or its roles cannot be used.
    """
    tracks_of(audio, roles)
    size = LINE_RATE_HZ * PACKET_MS // 1000
    for number, block in enumerate(read_blocks(audio, LINE_RATE_HZ, PACKET_MS)):
        padded = np.pad(block, ((0, size - len(block)), (0, 0)))
        t_ms = number * PACKET_MS
        for track in range(len(roles)):
            payload = to_mulaw(padded[:, track])
            yield Packet(track, number, t_ms, t_ms + PACKET_MS, payload)


def impaired(packets: Sequence[Packet], network: Network) -> list[Packet]:
    """What of the packets arrives, in the order it arrives."""
    dice = random.Random(network.seed)  # noqa: S311 - reproducible harm, not a secret
    arriving: list[Packet] = []
    for packet in packets:
        if dice.random() < network.loss:
            continue
        copies = 2 if dice.random() < network.duplicate else 1
        for _ in range(copies):
            delay_ms = dice.random() * network.jitter_ms
            if dice.random() < network.reorder:
                delay_ms += 3.0 * PACKET_MS
            arriving.append(replace(packet, send_ms=packet.send_ms + delay_ms))
    return sorted(arriving, key=lambda p: p.send_ms)
