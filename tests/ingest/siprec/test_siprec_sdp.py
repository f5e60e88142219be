"""Offers and answers: codecs, holds, labels, keys, and limits."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.siprec.answer import accept_offer, answer_sdp
from subtone.ingest.siprec.sdp import MAX_MEDIA, Direction, Media, parse_sdp
from subtone.ingest.siprec.sip import SipError
from support_siprec import SDP, crlf

HEAD = "v=0\no=src 1 1 IN IP4 192.0.2.8\ns=-\nc=IN IP4 192.0.2.8\nt=0 0\n"
KEY = base64.b64encode(bytes(range(30))).decode()


def offer(media: str, head: str = HEAD) -> tuple[Media, ...]:
    return parse_sdp(crlf(head + media))


def answer(offered: tuple[Media, ...], host: str = "198.51.100.10") -> str:
    agreed = accept_offer(offered, b"k" * 32)
    ports = tuple(0 if one is None else 40_000 + 2 * at for at, one in enumerate(agreed))
    return answer_sdp(offered, agreed, ports, host=host, session_number=7, version=1).decode()


def test_an_offer_is_read() -> None:
    first, second = parse_sdp(crlf(SDP))
    assert (first.port, first.label, first.ptime_ms, first.host) == (30_000, "1", 30, "192.0.2.8")
    assert (second.port, second.label, second.ptime_ms) == (30_002, "2", None)
    assert first.direction is Direction.SENDONLY
    assert not first.is_held
    named = [(one.payload_type, one.encoding, one.clock_rate_hz, one.fmtp) for one in first.formats]
    assert named == [(8, "pcma", 8000, ""), (101, "telephone-event", 8000, "0-15")]


def test_the_answer_is_pinned() -> None:
    assert answer(parse_sdp(crlf(SDP))).split("\r\n") == [
        "v=0",
        "o=subtone 7 1 IN IP4 198.51.100.10",
        "s=-",
        "c=IN IP4 198.51.100.10",
        "t=0 0",
        "m=audio 40000 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:30",
        "a=label:1",
        "a=recvonly",
        "m=audio 40002 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=label:2",
        "a=recvonly",
        "",
    ]


@pytest.mark.parametrize(
    ("line", "attributes", "chosen"),
    [
        ("18 3 0", "", (0, "pcmu", 8000, 1)),  # static types need no rtpmap
        ("9 0", "", (9, "g722", 8000, 1)),
        ("111 0", "a=rtpmap:111 opus/48000/2\n", (111, "opus", 48_000, 2)),
        ("97", "a=rtpmap:97 L16/16000\n", (97, "l16", 16_000, 1)),
        ("8", "a=rtpmap:8 pcma/8000\n", (8, "pcma", 8000, 1)),
        ("0 0 0", "", (0, "pcmu", 8000, 1)),
    ],
)
def test_the_first_codec_that_is_decoded_is_taken(
    line: str, attributes: str, chosen: tuple[int, str, int, int]
) -> None:
    (agreed,) = accept_offer(offer(f"m=audio 5004 RTP/AVP {line}\n{attributes}"), b"k" * 32)
    assert agreed is not None
    one = agreed.audio
    assert (one.payload_type, one.encoding, one.clock_rate_hz, one.channels) == chosen


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 5004 RTP/AVP 18 3\n",
        "m=audio 0 RTP/AVP 0\n",
        "m=video 5004 RTP/AVP 0\n",
        "m=audio 5004 UDP/TLS/RTP/SAVP 0\n",
        "m=audio 5004 RTP/SAVP 0\n",  # no key
        f"m=audio 5004 RTP/SAVP 0\na=crypto:1 UNKNOWN_SUITE inline:{KEY}\n",
        f"m=audio 5004 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4\n",
        f"m=audio 5004 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1\n",
        "m=application 9 TCP/BFCP *\n",
        "m=audio 5004 RTP/AVP 97\na=rtpmap:97 L16/44100/4\n",
    ],
)
def test_lines_that_cannot_be_received_are_refused_alone(media: str) -> None:
    offered = offer(media + "m=audio 5006 RTP/AVP 0\na=label:ok\n")
    lines = answer(offered).split("\r\n")
    placed = [line for line in lines if line.startswith("m=")]
    assert placed[0].split()[1] == "0"
    assert placed[1] == "m=audio 40002 RTP/AVP 0"


def test_refused_lines_and_channels_are_written_as_offered() -> None:
    text = answer(
        offer(
            "m=audio 65535 RTP/AVP 111\na=rtpmap:111 opus/48000/2\n"
            "m=audio 5004 RTP/AVP 18 3\na=label:no\nm=application 9 TCP/BFCP *\n"
        )
    )
    assert "a=rtpmap:111 OPUS/48000/2\r\na=recvonly\r\n" in text
    assert "\r\nm=audio 0 RTP/AVP 18 3\r\na=label:no\r\nm=application 0 TCP/BFCP 0\r\n" in text


def test_srtp_keys_are_read_answered_and_hidden() -> None:
    offered = offer(
        "m=audio 5004 RTP/SAVP 0\n"
        f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\n"
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^20\n"
    )
    (agreed,) = accept_offer(offered, b"k" * 32)
    assert agreed is not None
    assert agreed.crypto is not None
    assert agreed.crypto.key_base64 == KEY
    assert KEY not in repr(offered)
    assert KEY not in repr(agreed)
    assert agreed.local_key_base64 not in repr(agreed)
    assert len(base64.b64decode(agreed.local_key_base64)) == 30
    assert f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{agreed.local_key_base64}" in answer(offered)
    assert accept_offer(offered, b"other" * 8) != (agreed,)


@pytest.mark.parametrize(
    ("lines", "is_held", "answered"),
    [
        ("a=sendonly\n", False, "recvonly"),
        ("a=sendrecv\n", False, "recvonly"),
        ("", False, "recvonly"),
        ("a=inactive\n", True, "inactive"),
        ("a=recvonly\n", True, "inactive"),
        ("c=IN IP4 0.0.0.0\n", True, "recvonly"),
        ("c=IN IP6 ::\n", True, "recvonly"),
    ],
)
def test_holds(lines: str, is_held: bool, answered: str) -> None:
    offered = offer(f"m=audio 5004 RTP/AVP 0\n{lines}")
    assert offered[0].is_held is is_held
    assert answer(offered).endswith(f"a={answered}\r\n")


def test_session_level_lines_hold_where_a_section_is_silent() -> None:
    offered = offer("a=inactive\nm=audio 1 RTP/AVP 0\nm=audio 2 RTP/AVP 0\na=sendonly\n")
    assert [media.is_held for media in offered] == [True, False]
    assert offered[1].host == "192.0.2.8"


def test_no_connection_line_at_all_is_an_unknown_host_not_a_hold() -> None:
    offered = offer("m=audio 5004 RTP/AVP 0\n", "v=0\no=- 1 0 IN IP4 0.0.0.0\ns=-\n")
    assert offered[0].host is None
    assert not offered[0].is_held


def test_ipv6_and_rtcp() -> None:
    offered = offer("m=audio 5004 RTP/AVP 0\nc=IN IP6 2001:db8::7\na=rtcp:6001\na=rtcp-mux\n")
    assert (offered[0].host, offered[0].rtcp_port) == ("2001:db8::7", 6001)
    text = answer(offered, "2001:db8::1")
    assert "c=IN IP6 2001:db8::1\r\n" in text
    assert "a=rtcp-mux\r\n" in text


def test_odd_attributes_are_ignored() -> None:
    offered = offer(
        "m=audio 5004/2 RTP/AVP 0\na=ptime:20 \na=label:bad label\na=ptime:5000\na=X-nat:0\n"
        "a=fmtp:4294967296 x\na=crypto:broken\na=direction:both\nb=AS:84\n"
    )
    assert (offered[0].ptime_ms, offered[0].label, offered[0].crypto) == (20, None, ())


@pytest.mark.parametrize(
    ("sdp", "cause"),
    [
        ("", "v=0"),
        ("hello", "v=0"),
        ("v=0\ns=-\n", "o="),
        ("v=0\no=src 1\n", "o="),
        (HEAD + "m=audio 5004 RTP/AVP 4294967296\n", "beyond 127"),
        (HEAD + "m=audio 5004 RTP/AVP 128\n", "beyond 127"),
        (HEAD + "m=audio 5004 RTP/AVP 0\na=rtpmap:4294967296 PCMU/8000\n", "rtpmap"),
        (HEAD + "m=audio 5004 RTP/AVP 96\na=rtpmap:96 X/0\n", "rtpmap"),
        (HEAD + "m=audio 5004 RTP/AVP 0\na=fmtp:0 a\x00b\n", "Control"),
        (HEAD + f"m={'a' * 1024} 5004 RTP/AVP 0\n", "m="),
        (HEAD + "m=audio 99999 RTP/AVP 0\n", "m="),
        (HEAD + "m=audio\n", "m="),
        (HEAD + "m=audio 5004 RTP/AVP 0\nc=IN IP4\n", "c="),
        (HEAD + "m=audio 5004 RTP/AVP 0\n" * 1000, "Too many media"),
        (HEAD + "m=audio 5004 RTP/AVP" + " 0" * 1000 + "\n", "Too many payload"),
        (HEAD + "a=x\n" * 5000, "too large"),
        (HEAD + "a=" + "x" * 70_000, "too large"),
    ],
)
def test_refusals(sdp: str, cause: str) -> None:
    with pytest.raises(SipError, match=cause):
        parse_sdp(crlf(sdp))


@given(st.binary(max_size=60), st.integers(0, len(SDP) + 20), st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_noise_is_answered_or_refused(noise: bytes, at: int, cut: int) -> None:
    whole = crlf(SDP)
    try:
        offered = parse_sdp(whole[:at] + noise + whole[at + cut :])
    except SipError:
        return
    assert len(offered) <= MAX_MEDIA
    again = parse_sdp(answer(offered).encode())
    assert [one.label for one in again] == [one.label for one in offered]
    assert all(one.port == 0 or one.is_held or one.formats for one in again)
