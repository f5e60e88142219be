"""Packets in their turn become placed media: decoded, with what fills the gaps between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from subtone.ingest.rtp.clock import StreamClock
from subtone.ingest.rtp.packet import RtpError, RtpPacket
from subtone.ingest.rtp.payload import AudioDecoder, PayloadFormat, Sound, open_decoder
from subtone.ingest.rtp.placement import Placed, Placement
from subtone.ingest.rtp.statistics import RtpStatistics
from subtone.ingest.wire import StreamMedia

MAX_FILL_MS = 10_000  # a longer gap stays a hole


@dataclass(slots=True)
class SourceVoice:
    """The decoders of one SSRC, and the one that spoke last."""

    speaking: AudioDecoder | None = None
    _by_type: dict[int, AudioDecoder] = field(default_factory=dict)

    def choose(self, payload_type: int, payload_format: PayloadFormat) -> AudioDecoder:
        """The decoder of a payload type, which speaks now."""
        decoder = self._by_type.get(payload_type)
        if decoder is None:
            decoder = self._by_type[payload_type] = open_decoder(payload_format)
        self.speaking = decoder
        return decoder


class Player:
    """One track of one stream."""

    def __init__(self, track_id: str, clock: StreamClock, statistics: RtpStatistics) -> None:
        self.track_id = track_id
        self.placement = Placement()
        self._clock = clock
        self._statistics = statistics

    def play(
        self,
        voice: SourceVoice,
        packet: RtpPacket,
        payload_format: PayloadFormat,
        *,
        lost_count: int,
        t_seen_ms: int,
    ) -> tuple[StreamMedia, ...]:
        """Place one packet of audio or comfort noise that came in its turn.

        Raises:
            RtpError: its payload has no length; nothing was placed.

        """
        ticks, payload = 0, b""  # comfort noise: a moment without samples
        if payload_format.is_audio:
            payload = packet.payload
            ticks = voice.choose(packet.payload_type, payload_format).duration_ticks(payload)
        rate_hz = payload_format.clock_rate_hz
        placed = self.placement.place(
            packet.timestamp, ticks, rate_hz, lost_count=lost_count, t_seen_ms=t_seen_ms
        )
        if placed.is_jump:
            self._clock.restart()
        decoder = voice.speaking
        if decoder is None:
            return ()
        gap = placed.gap_ticks * decoder.sample_rate_hz // rate_hz
        filled = self._fill(decoder, placed, gap, payload)
        media = [*self._media(self._clock.corrected_ms(placed.gap_start_ms), decoder, filled)]
        if payload:
            self._clock.observe(placed.t_stream_ms, t_seen_ms)
            sound = self._decode(decoder, payload, ticks * decoder.sample_rate_hz // rate_hz)
            media += self._media(self._clock.corrected_ms(placed.t_stream_ms), decoder, (sound,))
        return tuple(media)

    def _fill(
        self, decoder: AudioDecoder, placed: Placed, sample_count: int, following: bytes
    ) -> tuple[Sound, ...]:
        """Sound before a packet: silence for a sender's pause, a cover for a loss."""
        if not 0 < sample_count * 1000 <= MAX_FILL_MS * decoder.sample_rate_hz:
            return ()
        if not placed.is_lost:
            return (Sound(decoder.silence * sample_count),)
        sounds = decoder.cover(sample_count, following)
        recovered = sum(len(sound.payload) for sound in sounds if not sound.is_concealed)
        bytes_per_s = decoder.sample_bytes * decoder.sample_rate_hz
        self._statistics.recovered_ms += recovered * 1000 // bytes_per_s
        return sounds

    def _decode(self, decoder: AudioDecoder, payload: bytes, sample_count: int) -> Sound:
        try:
            return Sound(decoder.decode(payload))
        except RtpError:
            self._statistics.malformed_count += 1
            return decoder.cover(sample_count, b"")[0]

    def _media(
        self, t_stream_ms: int, decoder: AudioDecoder, sounds: Iterable[Sound]
    ) -> Iterator[StreamMedia]:
        sample_count = 0
        for sound in sounds:
            if not sound.payload:
                continue
            yield StreamMedia(
                track_id=self.track_id,
                t_stream_ms=t_stream_ms + sample_count * 1000 // decoder.sample_rate_hz,
                encoding=decoder.encoding,
                sample_rate_hz=decoder.sample_rate_hz,
                payload=sound.payload,
                is_concealed=sound.is_concealed,
            )
            count = len(sound.payload) // decoder.sample_bytes
            if sound.is_concealed:
                self._statistics.concealed_ms += count * 1000 // decoder.sample_rate_hz
            sample_count += count
