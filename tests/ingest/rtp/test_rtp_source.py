"""Whom a stream listens to: sequence validity (RFC 3550 A.1) and the source lock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.rtp.packet import RtpPacket
from subtone.ingest.rtp.source import Admitted, Arrival, SequenceCheck, SourceLock

HOME, AWAY = ("192.0.2.1", 4000), ("198.51.100.9", 9)


def arrival(number: int, ssrc: int = 1) -> Arrival:
    return Arrival(RtpPacket(0, False, number % 65_536, number * 160 % 2**32, ssrc, b"x"), 0)


def admit(check: SequenceCheck, *numbers: int) -> list[list[int]]:
    """Sequence numbers given out at each step."""
    steps = [check.admit(arrival(number)) for number in numbers]
    return [[a.packet.sequence_number for _, a in step.packets] for step in steps]


def test_a_source_is_believed_after_two_in_a_row() -> None:
    check = SequenceCheck()
    assert admit(check, 7, 9, 10, 11) == [[], [], [7, 9, 10], [11]]
    assert check.is_proven


def test_extended_numbers_go_on_over_the_wrap() -> None:
    check = SequenceCheck()
    given_out = [pair for n in range(65_534, 65_539) for pair in check.admit(arrival(n)).packets]
    first = given_out[0][0]
    assert [extended - first for extended, _ in given_out] == [0, 1, 2, 3, 4]


def test_one_stray_number_is_not_believed() -> None:
    check = SequenceCheck()
    assert admit(check, 1, 2, 40_000, 3, 4) == [[], [1, 2], [], [3], [4]]


def test_a_restart_is_believed_at_its_second_packet_and_loses_none() -> None:
    check = SequenceCheck()
    admit(check, 1, 2)
    assert check.admit(arrival(40_000)) == Admitted()
    assert check.admit(arrival(40_000)) == Admitted()  # a duplicate proves nothing
    restarted = check.admit(arrival(40_001))
    assert restarted.is_restart
    assert [a.packet.sequence_number for _, a in restarted.packets] == [40_000, 40_000, 40_001]
    assert admit(check, 40_002, 3) == [[40_002], []]


def test_late_packets_keep_their_number() -> None:
    check = SequenceCheck()
    admit(check, 10, 11, 15)
    (extended, _), *_ = check.admit(arrival(15)).packets
    (late, _), *_ = check.admit(arrival(13)).packets
    assert extended - late == 2


@given(st.lists(st.integers(0, 65_535), max_size=60))
def test_an_extended_number_always_ends_in_the_number_sent(numbers: list[int]) -> None:
    check = SequenceCheck()
    for number in numbers:
        for extended, believed in check.admit(arrival(number)).packets:
            assert extended % 65_536 == believed.packet.sequence_number
            assert extended >= 0


def test_the_announced_address_is_believed_at_once() -> None:
    lock = SourceLock(HOME)
    assert lock.admit(HOME, arrival(1)) == (arrival(1),)
    assert lock.is_foreign(AWAY)


def test_an_unannounced_address_proves_itself_with_four_and_loses_none() -> None:
    lock = SourceLock(HOME)
    assert lock.admit(AWAY, arrival(1)) == ()
    assert lock.admit(AWAY, arrival(3)) == ()
    assert [lock.admit(AWAY, arrival(n)) for n in (4, 5)] == [(), ()]
    assert lock.admit(AWAY, arrival(6)) == tuple(arrival(n) for n in (1, 3, 4, 5, 6))
    assert lock.address == AWAY
    assert lock.is_foreign(HOME)


def test_packets_of_other_sources_break_the_proof() -> None:
    lock = SourceLock()
    for n in range(8):
        assert lock.admit(HOME, arrival(n, ssrc=n % 2)) == ()


def test_a_crowd_of_strangers_does_not_push_out_the_one_that_proves_itself() -> None:
    lock = SourceLock()
    for n in range(3):
        lock.admit(HOME, arrival(n))
        for stranger in range(31):
            lock.admit((AWAY[0], stranger), arrival(5))
    assert len(lock.admit(HOME, arrival(3))) == 4


def test_only_signalling_lets_it_learn_again() -> None:
    lock = SourceLock(HOME)
    lock.admit(HOME, arrival(1))
    lock.relearn(AWAY)
    assert not lock.is_foreign(AWAY)
    assert lock.admit(AWAY, arrival(9)) == (arrival(9),)
    assert lock.is_foreign(HOME)
