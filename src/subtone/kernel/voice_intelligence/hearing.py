"""Audio in, voice evidence out: places chunks on the call's clock and measures windows.

One small explicit memory per track. Emotion is measured on the customer's track only, and
only while the customer allows it; every other track gets timing. Chunk length never
matters: frames lie on a fixed grid and windows are cut by event time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from subtone.contracts.calibration import Calibration
from subtone.contracts.inbound import AudioChunk, CallStarted, Track
from subtone.contracts.outputs import Notice, SpeechSegment
from subtone.contracts.vocabulary import AmdVerdict, ChannelStatus, Role
from subtone.contracts.voice_intelligence import (
    AcousticFeatures,
    AmdResult,
    SpeakerBaseline,
    TextTurn,
    VoiceEmotionScores,
)
from subtone.kernel.voice_intelligence import amd as answering
from subtone.kernel.voice_intelligence.acoustics import (
    HOP_MS,
    AcousticState,
    Frames,
    concat,
    decode_payload,
    feed_samples,
    flush,
    measure_window,
    open_track,
    reopen_track,
)
from subtone.kernel.voice_intelligence.amd import (
    AmdMemory,
    expire,
    hear_text,
    is_amd_listening,
    open_amd,
    step_amd,
)
from subtone.kernel.voice_intelligence.baseline import (
    BaselineMemory,
    is_established,
    learn_baseline,
    speaker_baseline,
)
from subtone.kernel.voice_intelligence.tones import ToneMemory, feed_tones, open_tones
from subtone.kernel.voice_intelligence.voice_emotion import score_voice, voice_status

SKEW_TOLERANCE_MS = 40  # stamps may round and jitter this far without a gap
SEGMENT_GAP_MS = 300  # pauses shorter than this do not end a speech segment


@dataclass(frozen=True, slots=True)
class TrackMemory:
    """One track between two chunks."""

    track: Track
    is_pitch_tracked: bool
    acoustics: AcousticState | None = None  # None before the first sample and after a pause
    is_flushed: bool = False  # a gap follows: the next sample opens a new stretch
    origin_ms: int = 0  # media time of the first sample since the last gap
    sample_count: int = 0  # since origin
    frames: Frames | None = None
    segment: tuple[int, int] | None = None  # open speech segment, ms
    gap_ms: int = 0
    baseline: BaselineMemory = field(default_factory=BaselineMemory)

    @property
    def through_ms(self) -> int:
        """Media time up to which samples have arrived."""
        return self.origin_ms + self.sample_count * 1000 // self.track.sample_rate_hz


@dataclass(frozen=True, slots=True)
class HearingMemory:
    """All tracks of one call."""

    tracks: tuple[TrackMemory, ...] = ()
    is_agent_voice_scored: bool = False
    is_voice_emotion_allowed: bool = True
    is_paused: bool = False
    amd: AmdMemory | None = None  # where it is judged who answered
    tones: ToneMemory | None = None  # None before the first sample and after a gap


@dataclass(frozen=True, slots=True)
class Heard:
    """What one chunk brought to light."""

    segments: tuple[SpeechSegment, ...] = ()
    amd: AmdResult | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackReading:
    """One track's voice at one tick."""

    track_id: str | None  # None where the call has no such track
    status: ChannelStatus
    features: AcousticFeatures | None = None
    scores: VoiceEmotionScores | None = None
    new_voiced_ms: int = 0  # voiced speech that no earlier window held


@dataclass(frozen=True, slots=True)
class VoiceReading:
    """The customer's voice and everybody's timing at one tick."""

    customer: TrackReading
    agent: TrackReading  # scored only where an operator turned it on
    customer_talk_ms: int
    agent_talk_ms: int
    overlap_ms: int


def open_hearing(call: CallStarted) -> HearingMemory:
    """The memory of a call that has just begun."""
    memory = HearingMemory(is_agent_voice_scored=call.is_agent_voice_scored)
    for track in call.tracks:
        memory = join_track(memory, track, 0)
    customer = _of_role(memory, Role.CUSTOMER)
    if call.is_amd_enabled and customer is not None:
        memory = replace(memory, amd=open_amd(customer.track.track_id, 0))
    return memory


def join_track(memory: HearingMemory, track: Track, t_ms: int) -> HearingMemory:
    """A track begins at t_ms; pitch is measured only where the role may be scored."""
    is_pitch_tracked = track.role is Role.CUSTOMER or (
        track.role is Role.AGENT and memory.is_agent_voice_scored
    )
    joined = TrackMemory(track=track, is_pitch_tracked=is_pitch_tracked, origin_ms=t_ms)
    return replace(memory, tracks=(*memory.tracks, joined))


def hear(
    memory: HearingMemory, chunk: AudioChunk, calibration: Calibration
) -> tuple[HearingMemory, Heard]:
    """Place one chunk on its track's clock and analyse every complete block.

    Raises ValueError when the chunk names a track the call never announced, or its payload
    is not whole samples: both are the sender's fault.
    """
    at = _track_at(memory, chunk.track_id)
    if at is None:
        raise ValueError(f"audio for track {chunk.track_id!r}, which the call never announced")
    samples = decode_payload(chunk.encoding, chunk.payload)
    track = memory.tracks[at]
    notices: list[Notice] = []
    track, samples, ended = _place(track, chunk.t_event_ms, samples, notices)
    if memory.is_paused:  # nothing is decoded into features, and the gap stays a gap
        track = replace(track, sample_count=track.sample_count + samples.size)
        return _with_track(memory, at, track), Heard(ended, None, tuple(notices))
    heard = Heard(ended, None, tuple(notices))
    return _analyse(memory, at, track, samples, chunk.is_concealed, heard, calibration)


def hear_words(
    memory: HearingMemory, turn: TextTurn, calibration: Calibration
) -> tuple[HearingMemory, AmdResult | None]:
    """Let what the answering party said weigh in on who answered."""
    if memory.amd is None or turn.role is not Role.CUSTOMER:
        return memory, None
    amd, result = hear_text(memory.amd, turn.t_end_ms, turn.text, calibration.amd)
    return replace(memory, amd=amd), result


def hear_platform(
    memory: HearingMemory, t_ms: int, verdict: AmdVerdict, answered_by: str
) -> tuple[HearingMemory, AmdResult | None]:
    """Let the platform's own detection weigh in, or stand alone where nothing is judged here."""
    if memory.amd is not None:
        amd, result = answering.hear_platform(memory.amd, t_ms, verdict, answered_by)
        return replace(memory, amd=amd), result
    customer = _of_role(memory, Role.CUSTOMER)
    track_id = Role.CUSTOMER.value if customer is None else customer.track.track_id
    _, result = answering.hear_platform(open_amd(track_id, 0), t_ms, verdict, answered_by)
    return memory, result


def framed_ms(memory: HearingMemory) -> int:
    """Media time up to which every track's frames are decided."""
    return min(
        (t.frames.t_end_ms if t.frames is not None else t.origin_ms for t in memory.tracks),
        default=0,
    )


def pass_time(
    memory: HearingMemory, t_ms: int, calibration: Calibration
) -> tuple[HearingMemory, AmdResult | None]:
    """Let the clock reach t_ms without audio: an open question about who answered expires."""
    if memory.amd is None:
        return memory, None
    amd, result = expire(memory.amd, t_ms, calibration.amd)
    return replace(memory, amd=amd), result


def close_tracks(memory: HearingMemory) -> tuple[HearingMemory, tuple[SpeechSegment, ...]]:
    """End every track: the last partial block is analysed, open segments close."""
    segments: tuple[SpeechSegment, ...] = ()
    for at, track in enumerate(memory.tracks):
        closed, ended = _end_stretch(track)
        memory = _with_track(memory, at, closed)
        segments += ended
    return memory, tuple(sorted(segments, key=lambda s: (s.t_event_ms, s.track_id)))


def through_ms(memory: HearingMemory) -> int | None:
    """Media time that every track has reached; None for a call without audio."""
    return min((t.through_ms for t in memory.tracks), default=None)


def forget_before(memory: HearingMemory, t_ms: int) -> HearingMemory:
    """Drop frames no later window can reach."""
    return replace(
        memory,
        tracks=tuple(
            replace(t, frames=t.frames.between(t_ms, 2**40)) if t.frames is not None else t
            for t in memory.tracks
        ),
    )


def read_voice(
    memory: HearingMemory, t_ms: int, hop_ms: int, calibration: Calibration
) -> VoiceReading:
    """Measure and score the window that ends at t_ms; talk times are of the last hop."""
    start_ms = max(0, t_ms - calibration.voice.window_ms)
    customer, agent = _of_role(memory, Role.CUSTOMER), _of_role(memory, Role.AGENT)
    customer_speech = _speech_mask(customer, start_ms, t_ms)
    agent_speech = _speech_mask(agent, start_ms, t_ms)
    span = (start_ms, t_ms, t_ms - hop_ms)
    customer_reading = TrackReading(None, ChannelStatus.UNAVAILABLE)
    if customer is not None:
        customer_reading = _read_track(memory, customer, span, agent_speech, calibration)
    agent_reading = TrackReading(None, ChannelStatus.NOT_PERMITTED)
    if agent is not None and memory.is_agent_voice_scored:
        agent_reading = _read_track(memory, agent, span, customer_speech, calibration)
    hop = slice(-(hop_ms // HOP_MS), None)
    return VoiceReading(
        customer=customer_reading,
        agent=agent_reading,
        customer_talk_ms=int(np.count_nonzero(customer_speech[hop])) * HOP_MS,
        agent_talk_ms=int(np.count_nonzero(agent_speech[hop])) * HOP_MS,
        overlap_ms=int(np.count_nonzero((customer_speech & agent_speech)[hop])) * HOP_MS,
    )


def learn(
    memory: HearingMemory, reading: VoiceReading, step_s: float, calibration: Calibration
) -> HearingMemory:
    """Let one calm window into the speakers' baselines."""
    for read in (reading.customer, reading.agent):
        at = _track_at(memory, read.track_id)
        if at is None or read.features is None or read.status is not ChannelStatus.OK:
            continue
        track = memory.tracks[at]
        baseline = learn_baseline(
            track.baseline, read.features, read.new_voiced_ms, step_s, calibration.voice
        )
        memory = _with_track(memory, at, replace(track, baseline=baseline))
    return memory


def is_caller_known(memory: HearingMemory, calibration: Calibration) -> bool:
    """Whether the customer's baseline is established."""
    customer = _of_role(memory, Role.CUSTOMER)
    return customer is not None and is_established(customer.baseline, calibration.voice)


def customer_baseline(memory: HearingMemory, calibration: Calibration) -> SpeakerBaseline | None:
    """The customer's baseline as it stands, where the call has a customer track."""
    customer = _of_role(memory, Role.CUSTOMER)
    if customer is None:
        return None
    return speaker_baseline(customer.baseline, customer.track.track_id, calibration.voice)


def gap_ms(memory: HearingMemory) -> int:
    """Audio missing from the tracks so far, the worst track counted."""
    return max((t.gap_ms for t in memory.tracks), default=0)


def pause(memory: HearingMemory) -> tuple[HearingMemory, tuple[SpeechSegment, ...]]:
    """Stop listening at once: what was buffered is forgotten, the gap stays a gap."""
    memory, segments = close_tracks(memory)
    tracks = tuple(replace(t, acoustics=None, frames=None) for t in memory.tracks)
    return replace(memory, is_paused=True, tracks=tracks), segments


def resume(memory: HearingMemory) -> HearingMemory:
    """Listen again from the next sample."""
    return replace(memory, is_paused=False)


def set_consent(memory: HearingMemory, is_allowed: bool) -> HearingMemory:
    """Withdraw or give consent; without it voices are timed, and what was learnt is dropped."""
    tracks = tuple(
        replace(t, acoustics=None, frames=None, baseline=BaselineMemory()) for t in memory.tracks
    )
    return replace(memory, is_voice_emotion_allowed=is_allowed, tracks=tracks)


def _of_role(memory: HearingMemory, role: Role) -> TrackMemory | None:
    return next((t for t in memory.tracks if t.track.role is role), None)


def _track_at(memory: HearingMemory, track_id: str | None) -> int | None:
    return next((i for i, t in enumerate(memory.tracks) if t.track.track_id == track_id), None)


def _with_track(memory: HearingMemory, at: int, track: TrackMemory) -> HearingMemory:
    return replace(memory, tracks=(*memory.tracks[:at], track, *memory.tracks[at + 1 :]))


def _place(
    track: TrackMemory,
    t_event_ms: int,
    samples: npt.NDArray[np.float32],
    notices: list[Notice],
) -> tuple[TrackMemory, npt.NDArray[np.float32], tuple[SpeechSegment, ...]]:
    """Put samples where their stamp says: drop what was heard before, mark what is missing."""
    early_ms = track.through_ms - t_event_ms
    if early_ms > SKEW_TOLERANCE_MS:
        drop = min(samples.size, early_ms * track.track.sample_rate_hz // 1000)
        notices.append(Notice(t_event_ms=t_event_ms, code="duplicate_audio"))
        return track, samples[drop:], ()
    if early_ms < -SKEW_TOLERANCE_MS:
        if track.acoustics is not None:  # not before its first sample, nor after a pause
            notices.append(Notice(t_event_ms=track.through_ms, code="audio_gap", count=-early_ms))
        track, segments = _end_stretch(track)
        moved = replace(track, origin_ms=t_event_ms, sample_count=0, gap_ms=track.gap_ms - early_ms)
        return moved, samples, segments
    return track, samples, ()


def _end_stretch(track: TrackMemory) -> tuple[TrackMemory, tuple[SpeechSegment, ...]]:
    """Analyse what is left of the current stretch and close its speech segment."""
    segments: tuple[SpeechSegment, ...] = ()
    if track.acoustics is not None:
        acoustics, frames = flush(track.acoustics)
        ended = replace(track, acoustics=acoustics, is_flushed=True)
        track, segments = _absorb(ended, frames)
    if track.segment is not None:
        segments += (_segment(track, track.segment),)
        track = replace(track, segment=None)
    return track, segments


def _absorb(
    track: TrackMemory, frames: Frames | None
) -> tuple[TrackMemory, tuple[SpeechSegment, ...]]:
    """Keep new frames and turn their speech flags into segments."""
    if frames is None:
        return track, ()
    segments = []
    open_segment = track.segment
    for start_ms, end_ms in _runs_ms(frames):
        if open_segment is not None and start_ms - open_segment[1] < SEGMENT_GAP_MS:
            open_segment = (open_segment[0], end_ms)
            continue
        if open_segment is not None:
            segments.append(_segment(track, open_segment))
        open_segment = (start_ms, end_ms)
    kept = frames if track.frames is None else concat(track.frames, frames)
    return replace(track, frames=kept, segment=open_segment), tuple(segments)


def _segment(track: TrackMemory, span: tuple[int, int]) -> SpeechSegment:
    return SpeechSegment(track_id=track.track.track_id, t_event_ms=span[0], t_end_ms=span[1])


def _runs_ms(frames: Frames) -> Sequence[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], frames.is_speech.view(np.int8), [0]))))
    times = ((frames.first + edges) * HOP_MS).tolist()
    return list(zip(times[::2], times[1::2], strict=True))


def _speech_mask(track: TrackMemory | None, start_ms: int, end_ms: int) -> npt.NDArray[np.bool_]:
    """Speech flags on the window's own grid; silence where there are no frames."""
    if track is None or track.frames is None:
        return np.zeros((end_ms - start_ms) // HOP_MS, dtype=np.bool_)
    return track.frames.covering(start_ms, end_ms).is_speech


def _read_track(
    memory: HearingMemory,
    track: TrackMemory,
    span: tuple[int, int, int],
    other_speech: npt.NDArray[np.bool_],
    calibration: Calibration,
) -> TrackReading:
    start_ms, end_ms, new_from_ms = span
    track_id = track.track.track_id
    if not memory.is_voice_emotion_allowed:
        return TrackReading(track_id, ChannelStatus.NOT_PERMITTED)
    if track.frames is None or track.frames.between(start_ms, end_ms).n == 0:
        return TrackReading(track_id, ChannelStatus.UNAVAILABLE)
    features = measure_window(
        track.frames,
        track_id,
        start_ms,
        end_ms,
        track.track.sample_rate_hz,
        other_speech,
        min_turn_ms=calibration.voice.min_turn_ms,
    )
    status = voice_status(features, calibration.voice)
    if status is not ChannelStatus.OK:
        return TrackReading(track_id, status, features)
    normal = speaker_baseline(track.baseline, track_id, calibration.voice)
    scores = score_voice(features, normal, calibration.voice)
    new = track.frames.between(new_from_ms, end_ms)
    new_voiced_ms = int(np.count_nonzero(new.f0_hz > 0.0)) * HOP_MS
    return TrackReading(track_id, status, features, scores, new_voiced_ms)


def _listen_for_machine(
    memory: HearingMemory,
    samples: npt.NDArray[np.float32],
    frames: Frames | None,
    t_start_ms: int,
    calibration: Calibration,
) -> tuple[HearingMemory, AmdResult | None]:
    """Judge who answered, from the callee's speech flags and tones."""
    amd = memory.amd
    if amd is None or memory.tones is None:
        return memory, None
    if not is_amd_listening(amd, t_start_ms, calibration.amd):
        return replace(memory, tones=None), None  # the verdict stands, against the platform's too
    tones, events = feed_tones(memory.tones, samples)
    speech = np.zeros(0, dtype=np.bool_)
    judged_ms = amd.t_start_ms + amd.heard_ms
    if frames is not None and frames.t_end_ms > judged_ms:  # what was lost counts as silence
        speech = frames.covering(judged_ms, frames.t_end_ms).is_speech
    amd, result = step_amd(amd, speech, calibration.amd, events)
    return replace(memory, amd=amd, tones=tones), result


def _analyse(
    memory: HearingMemory,
    at: int,
    track: TrackMemory,
    samples: npt.NDArray[np.float32],
    is_concealed: bool,
    heard: Heard,
    calibration: Calibration,
) -> tuple[HearingMemory, Heard]:
    acoustics, start_ms = track.acoustics, track.through_ms
    is_new_stretch = acoustics is None or track.is_flushed
    if acoustics is None:
        is_pitch_tracked = track.is_pitch_tracked and memory.is_voice_emotion_allowed
        rate_hz = track.track.sample_rate_hz
        acoustics = open_track(rate_hz, start_ms, is_pitch_tracked=is_pitch_tracked)
    elif track.is_flushed:
        acoustics = reopen_track(acoustics, start_ms)
    acoustics, frames = feed_samples(acoustics, samples, is_concealed)
    track = replace(
        track,
        acoustics=acoustics,
        is_flushed=False,
        sample_count=track.sample_count + samples.size,
    )
    track, segments = _absorb(track, frames)
    result = None
    if memory.amd is not None and track.track.track_id == memory.amd.track_id:
        if is_new_stretch:
            memory = replace(memory, tones=open_tones(track.track.sample_rate_hz, start_ms))
        memory, result = _listen_for_machine(memory, samples, track.frames, start_ms, calibration)
    return _with_track(memory, at, track), Heard(heard.segments + segments, result, heard.notices)
