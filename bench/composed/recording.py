"""A two-track call with its transcript, however it came to be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import soundfile

from bench.telephone import LINE_RATE_HZ, encode
from subtone.contracts.vocabulary import AudioEncoding, Role


@dataclass(frozen=True)
class Turn:
    """One turn on the call's media clock."""

    role: Role
    t_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True)
class Recording:
    """Mu-law at 8 kHz per track, turns in time order."""

    call_id: str
    customer: bytes
    agent: bytes
    turns: tuple[Turn, ...]
    duration_ms: int
    interventions_ms: tuple[int, ...] = ()


def read_sample(path: Path) -> Recording:
    """A sample call: ``name.flac`` (left agent, right customer, 8 kHz) with ``name.jsonl``.

    Raises ValueError when the audio is not two channels at 8 kHz.
    """
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    if rate_hz != LINE_RATE_HZ or samples.shape[1] != 2:
        raise ValueError(f"{path.name} must be stereo at {LINE_RATE_HZ} Hz, agent left")
    rows = [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]
    return Recording(
        call_id=path.stem,
        customer=encode(samples[:, 1], AudioEncoding.MULAW),
        agent=encode(samples[:, 0], AudioEncoding.MULAW),
        turns=tuple(
            Turn(Role(row["role"]), row["t_ms"], row["end_ms"], row["text"])
            for row in rows
            if "text" in row
        ),
        duration_ms=len(samples) * 1000 // rate_hz,
        interventions_ms=tuple(row["t_ms"] for row in rows if row.get("event") == "intervention"),
    )
