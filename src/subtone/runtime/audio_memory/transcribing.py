"""Words of a recorded call from its sound, as a transcript that an analysis can take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from subtone.contracts.memory import Transcription
from subtone.contracts.vocabulary import Role
from subtone.ingest.files import Transcript, TranscriptTurn
from subtone.runtime.audio_memory.recordings import Recording
from subtone.runtime.audio_memory.system import AudioMemorySystem


def transcribe_call(
    system: AudioMemorySystem,
    call: Path,
    roles: Sequence[Role],
    on_progress: Callable[[int], None] = lambda _t_ms: None,
) -> Transcript:
    """What was said on each channel, utterance by utterance, in order of time.

    Args:
        system: encoder and decoder.
        call: a recording with one channel per speaker.
        roles: one per channel; a channel of an unknown speaker is not transcribed.
        on_progress: told where each utterance ends, on its channel.

    Raises IngestError or PerceptionError for what cannot be used.

    """
    turns = []
    for channel, role in enumerate(roles):
        if role is Role.UNKNOWN:
            continue
        recording = Recording.of(call, channel=channel)
        blocks = recording.blocks()
        for window in system.encoder.encode_stream(blocks, recording.sample_rate_hz):
            found = system.understand(system.alone(window), ["transcription"])
            said: Transcription = found["transcription"]
            turns += [
                TranscriptTurn(
                    role=role,
                    t_event_ms=segment.t_event_ms,
                    t_end_ms=segment.t_end_ms,
                    text=segment.text,
                    words=segment.words,
                )
                for segment in said.segments
            ]
            on_progress(window.t_end_ms)
    return Transcript(turns=tuple(sorted(turns, key=lambda turn: turn.t_event_ms)))
