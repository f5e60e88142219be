"""SIP messages: what is understood, what is refused and with which status, on every transport."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.siprec.replies import reply_target, response_to
from subtone.ingest.siprec.sip import (
    MAX_HEAD_BYTES,
    Headers,
    Keepalive,
    Request,
    Response,
    SipError,
    SipFramer,
    address_of,
    identity_of,
    parameters_of,
    parse_message,
)
from support_siprec import PEER, SECRET, crlf, recording_body, request

MINIMAL = """\
OPTIONS sip:srs@198.51.100.9 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa
From: <sip:a@192.0.2.7>;tag=1
To: <sip:srs@198.51.100.9>
Call-ID: c
CSeq: 1 OPTIONS
"""


def parsed(text: str, body: bytes = b"") -> Request:
    message = parse_message(crlf(text + "\n") + body)
    assert isinstance(message, Request)
    return message


def refused(text: str, body: bytes = b"") -> SipError:
    with pytest.raises(SipError) as caught:
        identity_of(parsed(text, body))
    return caught.value


def test_a_request_is_read_to_the_byte() -> None:
    body = recording_body()
    message = parse_message(request(body=body))
    assert isinstance(message, Request)
    assert (message.method, message.uri) == ("INVITE", "sip:srs@198.51.100.9:5060")
    assert message.body == body
    identity = identity_of(message)
    assert identity.branch == "z9hG4bK-INVITE-1"
    assert (identity.call_id, identity.from_tag, identity.to_tag) == (
        "call-1@192.0.2.7",
        "src1",
        "",
    )
    assert (identity.cseq, identity.sent_by) == (1, "192.0.2.7:5070")


def test_torture_folding_compact_names_and_odd_spaces() -> None:
    """After RFC 4475 §3.1.1.1: a short tortuous INVITE, authored anew."""
    message = parsed(
        """\
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
f    : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
i: wsinv.ndaksdj@192.0.2.1
CSeq: 0009
  INVITE
v  : SIP  / 2.0
   /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
"""
    )
    identity = identity_of(message)
    assert (identity.from_tag, identity.to_tag) == ("98asjd8", "1918181833n")
    assert (identity.cseq, identity.branch, identity.sent_by) == (9, "390skdjuw", "192.0.2.2")
    assert len(identity.vias) == 3
    uri, parameters = address_of(message.headers.first("contact") or "")
    assert uri == "sip:jdrosen@example.com"
    assert parameters == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}


@pytest.mark.parametrize(
    ("text", "status", "cause"),
    [
        (MINIMAL.replace(" SIP/2.0\n", " SIP/7.0\n", 1), 505, "Version Not Supported"),
        (MINIMAL.replace("sip:srs@198.51.100.9 ", "<sip:srs@198.51.100.9> "), 400, "Request-URI"),
        (MINIMAL.replace("9 SIP/2.0", "9  SIP/2.0", 1), 400, "Request-URI"),
        (MINIMAL.replace("sip:srs@198.51.100.9 ", "sip:user;par=a b@x "), 400, "Request-URI"),
        (MINIMAL + "Call-ID: d\n", 400, "More than one Call-Id"),
        (MINIMAL + "From: <sip:b@b>;tag=2\n", 400, "More than one From"),
        (MINIMAL.replace("1 OPTIONS", "1 INVITE"), 400, "CSeq of another method"),
        (MINIMAL.replace("1 OPTIONS", "36893488147419103232 OPTIONS"), 400, "Malformed CSeq"),
        (MINIMAL.replace("1 OPTIONS", "4294967295 OPTIONS"), 400, "Malformed CSeq"),
        (MINIMAL.replace("1 OPTIONS", "-1 OPTIONS"), 400, "Malformed CSeq"),
        (MINIMAL.replace("1 OPTIONS", "١ OPTIONS"), 400, "Malformed CSeq"),
        (MINIMAL + "no colon here\n", 400, "without a name"),
        (MINIMAL + "token\n", 400, "without a name"),
        (MINIMAL + "bad name: x\n", 400, "without a name"),
        (MINIMAL + "X: a\x00b\n", 400, "Control character"),
        (MINIMAL + "X: a\rInjected: b\n", 400, "Control character"),
        (MINIMAL + f"X: {'a' * 9000}\n", 400, "too long"),
        (MINIMAL + "Content-Length: -999\n", 400, "no length"),
        (MINIMAL + "l: 99999999999999999999\n", 400, "no length"),
        (MINIMAL + "Content-Length: 0x10\n", 400, "no length"),
        (MINIMAL + "Content-Length: 999999999\n", 513, "Body too large"),
        (MINIMAL + "Content-Length: 0\nl: 0\n", 400, "More than one Content-Length"),
        (MINIMAL + "Content-Length: 5\n", 400, "more than arrived"),
    ],
)
def test_faults_have_a_status_a_cause_and_somebody_to_tell(
    text: str, status: int, cause: str
) -> None:
    error = refused(text)
    assert error.status == status
    assert cause in error.cause
    assert error.request is not None
    answer = response_to(error.request, None, PEER, status, secret=SECRET, reason=error.cause)
    assert answer is not None
    assert bytes(answer).startswith(f"SIP/2.0 {status} ".encode())


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x00" * 40,
        b"GET / HTTP/1.1\r\n\r\n",
        b"INVITE sip:x SIP/2.0",
        crlf(MINIMAL.replace("Via", "Vix") + "\n"),
        crlf(MINIMAL.replace("Call-ID", "Call-XD") + "\n"),
        b"SIP/2.0 99 no\r\n\r\n",
        crlf(MINIMAL + "X: y\n" * 10_000 + "\n"),
        crlf(MINIMAL + "X: y\n" * 300 + "\n"),
        crlf(MINIMAL) + b"X: " + b"a" * 65_000,
        crlf(MINIMAL) + b"X: " + b"a" * 65_000 + b"\r\n\r\n",
    ],
)
def test_what_cannot_even_be_answered_is_an_error(datagram: bytes) -> None:
    with pytest.raises(SipError) as caught:
        message = parse_message(datagram)
        assert isinstance(message, Request)
        identity_of(message)
    assert caught.value.request is None


def test_a_datagram_may_be_longer_than_it_says_and_need_not_say() -> None:
    assert parsed(MINIMAL + "Content-Length: 2\n", b"abcdef").body == b"ab"
    assert parsed(MINIMAL, b"abcdef").body == b"abcdef"


def test_a_body_beyond_the_limit_is_refused_even_if_its_length_is_not_told() -> None:
    assert refused(MINIMAL, bytes(300_000)).status == 513


def test_a_first_header_cannot_be_a_continuation() -> None:
    assert "without a name" in refused(MINIMAL.replace("\n", "\n  folded\n", 1)).cause


def test_bare_line_feeds_are_read_too() -> None:
    message = parse_message((MINIMAL + "Content-Length: 1\n\nx").encode())
    assert isinstance(message, Request)
    assert message.body == b"x"
    assert identity_of(message).call_id == "c"


def test_bytes_that_are_no_utf8_come_back_as_they_came() -> None:
    message = parse_message(crlf(MINIMAL + "\n").replace(b"<sip:a@", b'"\xff\xfe\xe4" <sip:a@'))
    assert isinstance(message, Request)
    answer = response_to(message, identity_of(message), PEER, 200, secret=SECRET)
    assert answer is not None
    assert b'From: "\xff\xfe\xe4" <sip:a@192.0.2.7>;tag=1\r\n' in bytes(answer)


def test_quotes_and_angles_hide_separators() -> None:
    uri, found = address_of('"A, ;tag=no <sip:x@y>" <sip:a@b;tag=uri>;tag="q\\"uo;te";TAG=second')
    assert uri == "sip:a@b;tag=uri"
    assert found == {"tag": 'q"uo;te'}
    value, found = parameters_of('multipart/mixed; Boundary="foo bar" ; x')
    assert value == "multipart/mixed"
    assert found == {"boundary": "foo bar", "x": ""}


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("192.0.2.7:5070;branch=z9hG4bKa", 5070),  # where it listens, not where it sent from
        ("192.0.2.7;branch=z9hG4bKa", 5060),
        ("192.0.2.7:5070;rport;branch=z9hG4bKa", 33_333),  # RFC 3581
        ("[2001:db8::1]:5080;branch=z9hG4bKa", 5080),
        ("192.0.2.7:99999;branch=z9hG4bKa", 33_333),
    ],
)
def test_answers_go_to_the_host_they_came_from(via: str, port: int) -> None:
    message = parsed(MINIMAL.replace("192.0.2.7;branch=z9hG4bKa", via))
    peer = type(PEER)(transport="udp", host="203.0.113.5", port=33_333)
    target = reply_target(identity_of(message), peer)
    assert (target.host, target.port) == ("203.0.113.5", port)
    answer = response_to(message, identity_of(message), peer, 200, secret=SECRET)
    assert answer is not None
    top = answer.headers.first("via") or ""
    assert ";received=203.0.113.5" in top
    assert (";rport=33333" in top) == ("rport" in via)


def test_a_stream_is_cut_the_same_however_it_comes() -> None:
    first, second = request(body=recording_body()), request("BYE", cseq=2)
    stream = b"\r\n" + first + b"\r\n\r\n" + second + b"\r\n\r\n"
    whole = SipFramer().feed(stream)
    assert [type(one) for one in whole] == [Request, Keepalive, Request, Keepalive]
    framer = SipFramer()
    assert tuple(m for at in range(len(stream)) for m in framer.feed(stream[at : at + 1])) == whole
    assert not framer.is_inside_message


@given(st.lists(st.integers(1, 400), max_size=40))
@settings(max_examples=30, deadline=None)
def test_any_cut_of_a_stream_gives_the_same_messages(sizes: list[int]) -> None:
    stream = request(body=recording_body()) + request("BYE", cseq=2) + request("OPTIONS", cseq=3)
    framer, rest = SipFramer(), stream
    found: list[Request | Response | Keepalive] = []
    for size in sizes:
        found += framer.feed(rest[:size])
        rest = rest[size:]
    found += framer.feed(rest)
    assert [bytes(one) for one in found if isinstance(one, Request)] == [
        bytes(one) for one in SipFramer().feed(stream) if isinstance(one, Request)
    ]
    assert len(found) == 3


def test_half_a_message_waits_and_says_so() -> None:
    framer = SipFramer()
    whole = request(body=recording_body())
    assert framer.feed(whole[:300]) == ()
    assert framer.is_inside_message
    assert framer.feed(whole[300:-1]) == ()
    assert framer.is_inside_message
    assert len(framer.feed(whole[-1:])) == 1
    assert not framer.is_inside_message


@pytest.mark.parametrize(
    "stream",
    [
        b"A" * (MAX_HEAD_BYTES + 1),
        crlf(MINIMAL + "\n"),  # no Content-Length
        crlf(MINIMAL + "Content-Length: -1\n\n"),
        crlf(MINIMAL + "Content-Length: 9999999\n\n"),
        b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_stream_that_cannot_be_cut_is_an_error(stream: bytes) -> None:
    with pytest.raises(SipError):
        SipFramer().feed(stream)


def test_a_response_is_read() -> None:
    message = parse_message(b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\r\nVia: SIP/2.0/UDP a\r\n\r\n")
    assert isinstance(message, Response)
    assert message.status == 200


HEADER_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)


@given(st.lists(st.tuples(st.from_regex(r"[a-z][a-z\-]{2,20}", fullmatch=True), HEADER_TEXT)))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read_back(fields: list[tuple[str, str]]) -> None:
    kept = tuple((f"x-{name}", value.strip()) for name, value in fields)
    message = Request("INFO", "sip:a@b", Headers(kept), b"body")
    again = parse_message(bytes(message))
    assert isinstance(again, Request)
    assert again.headers.fields == (*kept, ("content-length", "4"))
    assert again.body == b"body"


@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_only_the_documented_error_escapes(noise: bytes, at: int, cut: int) -> None:
    whole = request(body=recording_body())
    mutated = whole[:at] + noise + whole[at + cut :]
    for feed in (parse_message, SipFramer().feed):
        try:
            feed(mutated)
        except SipError as error:
            assert 400 <= error.status < 600
