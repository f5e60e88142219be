"""Compose two-track telephone calls out of single acted utterances.

The customer and the agent take turns with gaps of 0.3 to 0.8 s; each turn of the customer is
one clip of the phase's voice, with one sentence of the phase's mood beside it. What the clip
really says does not matter: the words of a call are given as its transcript.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.composed.kinds import Kind, Phase, Voice
from bench.composed.recording import Recording, Turn
from bench.composed.texts import AGENT, CUSTOMER
from bench.corpora import CORPUS_RATE_HZ, Clip, load, speech_level_db
from bench.telephone import encode, to_line
from subtone.contracts.vocabulary import AudioEncoding, Role

GAP_S = (0.3, 0.8)
LEVEL_DB = (-34.0, -22.0)  # median level of the speaker's neutral speech, before gain control
NOISE_DB = -66.0  # room and line noise

Samples = NDArray[np.float32]
_Item = TypeVar("_Item")


class NotComposableError(ValueError):
    """The corpus lacks a voice this kind of call needs."""


@dataclass(frozen=True)
class ComposedCall:
    """One call, and what truly happened when."""

    recording: Recording
    kind: Kind
    language: str
    phase_starts_ms: tuple[int, ...]  # first customer sound of each phase

    @property
    def onset_ms(self) -> int:
        """When the voice changes; the end of the call where it never does."""
        return (
            self.phase_starts_ms[1] if len(self.phase_starts_ms) > 1 else self.recording.duration_ms
        )

    @property
    def relief_ms(self) -> int:
        """When the changed phase ends: at the recovery phase or at the end of the call."""
        return (
            self.phase_starts_ms[2] if len(self.phase_starts_ms) > 2 else self.recording.duration_ms
        )


def _shuffled_forever(items: Sequence[_Item], rng: np.random.Generator) -> Iterator[_Item]:
    """Endless passes over items, each in a new order."""
    while True:
        yield from (items[i] for i in rng.permutation(len(items)))


def _place(track: list[tuple[int, Samples]], length: int, rng: np.random.Generator) -> Samples:
    """One track at the corpus rate: clips at their places over a noise floor."""
    samples = rng.normal(0.0, 10.0 ** (NOISE_DB / 20.0), length).astype(np.float32)
    for start, clip in track:
        samples[start : start + len(clip)] += clip[: length - start]
    return samples


def compose(
    kind: Kind,
    customer: Sequence[Clip],
    agent: Sequence[Clip],
    language: str,
    seed: int,
) -> ComposedCall:
    """One call of one kind; the same arguments give the same bytes.

    ``customer`` and ``agent`` are all clips of two speakers of one corpus. Audio depends on
    the speakers, the kind and the seed only, so languages differ by their words alone.

    Raises NotComposableError when the customer has no clip for a phase of the kind.
    """
    speaker, other = customer[0].speaker, agent[0].speaker
    identity = zlib.crc32(f"{customer[0].corpus}/{speaker}/{other}/{kind.name}".encode())
    rng = np.random.default_rng([seed, identity])
    words_rng = np.random.default_rng([seed, identity, zlib.crc32(language.encode())])

    neutral = _level_gain(customer, rng)
    agent_gain = _level_gain(agent, rng)
    agent_clips = _shuffled_forever([c for c in agent if Voice.NEUTRAL.admits(c)], rng)
    agent_texts = _shuffled_forever(AGENT[language], words_rng)

    tracks: dict[Role, list[tuple[int, Samples]]] = {Role.CUSTOMER: [], Role.AGENT: []}
    turns: list[Turn] = []
    starts: list[int] = []
    now = 0

    def say(role: Role, clip: Clip, gain: float, text: str) -> None:
        nonlocal now
        samples = load(clip.path) * np.float32(gain)
        tracks[role].append((now, samples))
        turns.append(Turn(role, _ms(now), _ms(now + len(samples)), text))
        now += len(samples) + int(rng.uniform(*GAP_S) * CORPUS_RATE_HZ)

    for phase in kind.phases:
        end = now + int(phase.seconds * CORPUS_RATE_HZ)
        clips = _shuffled_forever(_clips_for(phase, customer, kind), rng)
        texts = _shuffled_forever(CUSTOMER[language, phase.words], words_rng)
        is_first = True
        while now < end:
            say(Role.AGENT, next(agent_clips), agent_gain, next(agent_texts))
            if is_first:
                starts.append(_ms(now))
                is_first = False
            say(Role.CUSTOMER, next(clips), neutral, next(texts))

    lines = {
        role: to_line(_place(track, now, rng), CORPUS_RATE_HZ) for role, track in tracks.items()
    }
    recording = Recording(
        call_id=f"{customer[0].corpus}-{speaker}-{kind.name}-{language}-{seed}",
        customer=encode(lines[Role.CUSTOMER], AudioEncoding.MULAW),
        agent=encode(lines[Role.AGENT], AudioEncoding.MULAW),
        turns=tuple(turns),
        duration_ms=_ms(now),
    )
    return ComposedCall(recording, kind, language, tuple(starts))


def compose_all(
    kinds: Sequence[Kind],
    speakers: dict[str, list[Clip]],
    languages: Sequence[str],
    seeds: Sequence[int],
    limit: int | None = None,
) -> Iterator[ComposedCall]:
    """Every kind for every speaker, language and seed; the next speaker is the agent."""
    names = sorted(speakers)
    neighbours = dict(pairwise([*names, names[0]]))
    for name, kind, language, seed in product(names[:limit], kinds, languages, seeds):
        yield compose(kind, speakers[name], speakers[neighbours[name]], language, seed)


def _clips_for(phase: Phase, clips: Sequence[Clip], kind: Kind) -> list[Clip]:
    found = [clip for clip in clips if phase.voice.admits(clip)]
    if not found:
        raise NotComposableError(
            f"speaker {clips[0].speaker} of {clips[0].corpus} has no '{phase.voice}' clip, "
            f"which a '{kind.name}' call needs; leave that kind out for this corpus"
        )
    return found


def _level_gain(clips: Sequence[Clip], rng: np.random.Generator) -> float:
    """One gain per speaker: corpora keep loudness between a speaker's clips, callers differ."""
    levels = [
        speech_level_db(load(c.path), CORPUS_RATE_HZ) for c in clips if Voice.NEUTRAL.admits(c)
    ]
    return float(10.0 ** ((rng.uniform(*LEVEL_DB) - np.median(levels)) / 20.0))


def _ms(samples: int) -> int:
    return samples * 1000 // CORPUS_RATE_HZ
