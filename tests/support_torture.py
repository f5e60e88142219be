"""SIP as RFC 4475 tortures it, written anew, with what this server answers on UDP and on TCP."""

from __future__ import annotations

from support_siprec import SDP, recording_body, request

OPTIONS = request("OPTIONS")
INVITE = request("INVITE", body=recording_body())
LINE = b"OPTIONS sip:srs@198.51.100.9:5060 SIP/2.0"
TO = b"To: <sip:srs@198.51.100.9:5060>"
FROM = b"From: <sip:src@192.0.2.7:5070>;tag=src1"
CSEQ = b"CSeq: 1 OPTIONS"
LONG = "x" * 3_000
UNANSWERABLE = ("silence", "closed without a word")  # it does not say enough to be answered


def _swapped(old: bytes, new: bytes, message: bytes = OPTIONS) -> bytes:
    if old not in message:
        raise ValueError(f"{old!r} is not in the message")
    return message.replace(old, new)


TORTURE: dict[str, tuple[bytes, str, str]] = {
    f"27 {name}": (message, *((answer, answer) if answer else UNANSWERABLE))
    for name, message, answer in (
        (
            "3.1.1.2 a method of every allowed character",
            _swapped(b"OPTIONS", b"!i-m_t*e.t%h`o'd~+"),
            "501 Not Implemented",
        ),
        (
            "3.1.1.3 an escaped user",
            _swapped(b"sip:srs@", b"sip:sips%3Auser%40example.com@"),
            "200 OK",
        ),
        ("3.1.1.4 an escaped NUL", _swapped(b"sip:srs@", b"sip:null-%00-null@"), "200 OK"),
        (
            "3.1.1.6 no space before the bracket",
            _swapped(FROM, b'From: "src"<sip:src@192.0.2.7>;tag=src1'),
            "200 OK",
        ),
        (
            "3.1.1.7 long values",
            _swapped(CSEQ, CSEQ + b"\r\nUnknown-" + LONG[:90].encode() + b": " + LONG.encode()),
            "200 OK",
        ),
        (
            "3.1.1.9 a semicolon in the user",
            _swapped(b"sip:srs@", b"sip:user;par=u%40example.net@"),
            "200 OK",
        ),
        (
            "3.1.2.1 separators without values",
            _swapped(TO, TO + b'\r\nContact: "Joe" <sip:j@example.org>;;;;'),
            "200 OK",
        ),
        (
            "3.1.2.4 a CSeq beyond 2**31",
            _swapped(CSEQ, b"CSeq: 36893488147419103232 OPTIONS"),
            "400 Malformed CSeq",
        ),
        ("3.1.2.6 an open quote", _swapped(TO, b'To: "Mr. J. User <sip:j@example.com>'), "200 OK"),
        (
            "3.1.2.7 a Request-URI in brackets",
            _swapped(b"sip:srs@198.51.100.9:5060 SIP", b"<sip:srs@198.51.100.9:5060> SIP"),
            "400 Malformed Request-URI",
        ),
        (
            "3.1.2.8 spaces inside the Request-URI",
            _swapped(b":5060 SIP/2.0", b":5060; lr SIP/2.0"),
            "400 Malformed Request-URI",
        ),
        (
            "3.1.2.9 two spaces in the start line",
            _swapped(b" SIP/2.0\r\nVia", b"  SIP/2.0\r\nVia"),
            "400 Malformed Request-URI",
        ),
        ("3.1.2.10 spaces after the version", _swapped(LINE, LINE + b"  "), None),
        (
            "3.1.2.11 headers in the Request-URI",
            _swapped(b":5060 SIP/2.0", b":5060?Route=%3Csip:example.com%3E SIP/2.0"),
            "200 OK",
        ),
        (
            "3.1.2.17 a version nobody knows",
            _swapped(LINE, LINE.replace(b"2.0", b"7.0")),
            "505 Version Not Supported",
        ),
        (
            "3.1.2.18 a method that is not the CSeq's",
            _swapped(CSEQ, b"CSeq: 1 INVITE"),
            "400 CSeq of another method",
        ),
        ("3.3.1 no From, To, Call-ID", _swapped(FROM + b"\r\n", b""), None),
        (
            "3.3.2 a scheme nobody knows",
            _swapped(b"sip:srs@198.51.100.9:5060 SIP", b"nobodyKnowsThisScheme:totallyopaque SIP"),
            "200 OK",
        ),
        (
            "3.3.7 a content nobody knows",
            _swapped(b"multipart/mixed;boundary=foobar", b"application/unknownformat", INVITE),
            "415 Unsupported Media Type",
        ),
        (
            "3.3.8 two of what there is one of",
            _swapped(CSEQ, CSEQ + b"\r\nCSeq: 8 OPTIONS\r\nCall-ID: other@192.0.2.7"),
            "400 More than one Call-Id",
        ),
        ("3.3.11 no hop left", _swapped(b"Max-Forwards: 70", b"Max-Forwards: 0"), "200 OK"),
        (
            "a Call-ID of 3 kB",
            _swapped(b"Call-ID: call-1@", b"Call-ID: call-1@" + LONG.encode(), INVITE),
            "200 OK",
        ),
        (
            "a Call-ID with a slash",
            _swapped(b"Call-ID: call-1@", b"Call-ID: call-1@/a/b/", INVITE),
            "200 OK",
        ),
        (
            "labels of 3 kB",
            request("INVITE", body=recording_body(SDP.replace("label:", f"label:{LONG}"))),
            "200 OK",
        ),
    )
}
