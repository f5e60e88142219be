"""Whose packets count: the address a stream is locked to, and when a sequence is believed.

Sources: RFC 3550 A.1 (sequence validity); Asterisk ``strictrtp`` (learn, then lock).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from subtone.ingest.rtp.packet import RtpPacket

Address = tuple[str, int]

MIN_SEQUENTIAL = 2  # RFC 3550 A.1
MAX_DROPOUT = 3000
MAX_MISORDER = 100
LOCK_PROBATION = 4  # consecutive packets that prove an address
_MAX_CANDIDATES = 32
_MAX_HELD = 32  # enough for four in a row out of a shuffled second
_MAX_DOUBTED = 16
_CYCLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet with the receiver's stamp."""

    packet: RtpPacket
    t_seen_ms: int


@dataclass(slots=True)
class _Candidate:
    """An address that might become the source, with what it sent so far."""

    run: int = 0
    last: RtpPacket | None = None
    held: deque[Arrival] = field(default_factory=lambda: deque(maxlen=_MAX_HELD))

    def add(self, arrival: Arrival) -> None:
        packet, last = arrival.packet, self.last
        is_next = (
            last is not None
            and packet.ssrc == last.ssrc
            and packet.sequence_number == (last.sequence_number + 1) % _CYCLE
        )
        self.run = self.run + 1 if is_next else 1
        self.last = packet
        self.held.append(arrival)


class SourceLock:
    """One stream, one sender: learned once, moved only when signalling says so.

    The address that signalling announced is believed at its first packet; any other after
    ``LOCK_PROBATION`` consecutive packets, which are then given out together.
    """

    def __init__(self, expected: Address | None = None) -> None:
        self.address: Address | None = None
        self._expected = expected
        self._candidates: dict[Address, _Candidate] = {}

    def relearn(self, expected: Address | None = None) -> None:
        """Signalling renegotiated the media: the next source may be another one."""
        self.address = None
        self._expected = expected
        self._candidates.clear()

    def is_foreign(self, address: Address) -> bool:
        """Whether the stream is locked to another address."""
        return self.address is not None and self.address != address

    def admit(self, address: Address, arrival: Arrival) -> tuple[Arrival, ...]:
        """Take a packet of a not yet foreign address; give the packets now believed."""
        if self.address == address:
            return (arrival,)
        candidate = self._candidates.pop(address, None) or _Candidate()
        candidate.add(arrival)
        if address != self._expected and candidate.run < LOCK_PROBATION:
            if len(self._candidates) >= _MAX_CANDIDATES:
                # dicts keep their order: of the least proven, the one heard of longest ago
                weakest = min(self._candidates, key=lambda known: self._candidates[known].run)
                del self._candidates[weakest]
            self._candidates[address] = candidate
            return ()
        self.address = address
        self._candidates.clear()
        return tuple(candidate.held)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Packets of one source now believed, each with its extended sequence number."""

    packets: tuple[tuple[int, Arrival], ...] = ()
    is_restart: bool = False  # the numbers have nothing to do with the earlier ones


class SequenceCheck:
    """Extended sequence numbers of one SSRC, believed after two in a row (RFC 3550 A.1).

    Packets in doubt are kept: those of the probation, and the first one after a jump. They
    are given out with the packet that proves them, so that a restart loses nothing.
    """

    def __init__(self) -> None:
        self._highest: int | None = None  # extended; None until proven
        self._doubted: deque[Arrival] = deque(maxlen=_MAX_DOUBTED)
        self._run = 0

    @property
    def is_proven(self) -> bool:
        """Whether MIN_SEQUENTIAL packets in a row were seen."""
        return self._highest is not None

    def admit(self, arrival: Arrival) -> Admitted:
        """Take one packet of this SSRC in order of arrival."""
        number = arrival.packet.sequence_number
        if self._highest is not None:
            ahead = _signed(number - self._highest)
            if -MAX_MISORDER < ahead < MAX_DROPOUT:
                if ahead > 0:
                    self._highest += ahead
                    self._doubt_nothing()
                return Admitted(((self._highest + min(ahead, 0), arrival),))
        return self._probe(arrival)

    def _probe(self, arrival: Arrival) -> Admitted:
        number = arrival.packet.sequence_number
        previous = self._doubted[-1].packet.sequence_number if self._doubted else None
        is_next = previous is not None and number == (previous + 1) % _CYCLE
        self._run = self._run + 1 if is_next else 1
        self._doubted.append(arrival)
        if self._run < MIN_SEQUENTIAL:
            return Admitted()
        is_restart = self._highest is not None
        self._highest = number + _CYCLE  # room below for packets that come out of order
        known = [
            (self._highest + ahead, doubted)
            for doubted in self._doubted
            if abs(ahead := _signed(doubted.packet.sequence_number - number)) < MAX_MISORDER
        ]
        self._highest = max(extended for extended, _ in known)
        self._doubt_nothing()
        return Admitted(tuple(known), is_restart)

    def _doubt_nothing(self) -> None:
        self._doubted.clear()
        self._run = 0


def _signed(difference: int) -> int:
    """The shortest way around the 16-bit circle."""
    return (difference + _CYCLE // 2) % _CYCLE - _CYCLE // 2
