"""Multipart bodies: every shape seen on the wire, and the ones meant to hurt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.siprec.multipart import MAX_PARTS, Part, parts_of
from subtone.ingest.siprec.sip import Headers, SipError
from support_siprec import METADATA, SDP, crlf, multipart


def parts(content_type: str, body: bytes, disposition: str = "") -> tuple[Part, ...]:
    fields = [("content-type", content_type)]
    if disposition:
        fields.append(("content-disposition", disposition))
    return parts_of(Headers(tuple(fields)), body)


TWO = multipart(("application/sdp", SDP), ("application/rs-metadata+xml", METADATA))


def test_two_parts_come_out_to_the_byte() -> None:
    sdp, metadata = parts("multipart/mixed;boundary=foobar", TWO)
    assert sdp.is_sdp
    assert metadata.is_metadata
    assert sdp.payload == crlf(SDP)
    assert metadata.payload == crlf(METADATA)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ('multipart/mixed; boundary="foo bar"', TWO.replace(b"foobar", b"foo bar")),
        ("Multipart/Mixed ;BOUNDARY=foobar", TWO),
        ("multipart/mixed;boundary=foobar", TWO.replace(b"--foobar\r\n", b"--foobar \t\r\n")),
        ("multipart/mixed;boundary=foobar", TWO.replace(b"--foobar--", b"")),  # no final one
        ("multipart/mixed;boundary=foobar", b"preamble\r\n" + TWO + b"epilogue"),
        ("multipart/mixed;boundary=foobar", TWO.replace(b"\r\n", b"\n")),
        ('multipart/mixed;boundary="a.b+(c)?"', TWO.replace(b"foobar", b"a.b+(c)?")),
        (
            "multipart/mixed;boundary=foobar",
            TWO.replace(b"Content-Type", b"Content-Length: 2012\r\nContent-Type"),
        ),
        (
            "multipart/mixed;boundary=foobar",
            TWO.replace(b"application/rs-metadata+xml", b"application/ +xml"),
        ),
        (
            "multipart/mixed;boundary=foobar",
            TWO.replace(b"Type: application/sdp", b"Type:\r\n application/sdp ; charset=utf-8"),
        ),
    ],
)
def test_wire_shapes(content_type: str, body: bytes) -> None:
    found = parts(content_type, body)
    assert [(part.is_sdp, part.is_metadata) for part in found] == [(True, False), (False, True)]
    assert found[0].payload.replace(b"\r\n", b"\n").startswith(b"v=0\n")
    assert found[1].payload.strip().endswith(b"</recording>")


def test_metadata_first_and_foreign_parts_beside() -> None:
    body = multipart(
        ("application/rs-metadata", METADATA), ("application/gtd", "IAM,"), ("application/sdp", SDP)
    )
    found = parts("multipart/mixed;boundary=foobar", body)
    assert [part.is_metadata for part in found] == [True, False, False]
    assert [part.is_sdp for part in found] == [False, False, True]


def test_a_whole_body_is_one_part_and_the_disposition_may_be_the_message_s() -> None:
    (part,) = parts("application/rs-metadata", METADATA.encode())
    assert part.is_metadata
    (part,) = parts("application/xml", METADATA.encode(), "recording-session;handling=optional")
    assert part.is_metadata
    assert parts("application/sdp", b"\r\n ") == ()


def test_nested_multiparts_come_out_flat() -> None:
    inner = multipart(("application/sdp", SDP), boundary="inner").decode()
    body = multipart(("multipart/alternative;boundary=inner", inner), ("text/plain", "x"))
    found = parts("multipart/mixed;boundary=foobar", body)
    assert [part.media_type for part in found] == ["application/sdp", "text/plain"]


def nested(depth: int) -> bytes:
    body = crlf(SDP)
    for level in range(depth):
        body = b"--b%d\r\nContent-Type: multipart/mixed;boundary=b%d\r\n\r\n%s\r\n--b%d--" % (
            level,
            level - 1,
            body,
            level,
        )
    return body


def wide() -> bytes:
    """Few enough parts on each level, too many in all."""
    inner = multipart(*[("text/plain", "x")] * 8, boundary="inner").decode()
    return multipart(*[("multipart/mixed;boundary=inner", inner)] * 8)


@pytest.mark.parametrize(
    ("content_type", "body", "cause"),
    [
        ("multipart/mixed", TWO, "boundary"),
        ("multipart/mixed;boundary=", TWO, "boundary"),
        ('multipart/mixed;boundary=" "', TWO, "boundary"),
        (f"multipart/mixed;boundary={'b' * 300}", TWO, "boundary"),
        ("multipart/mixed;boundary=other", TWO, "without parts"),
        ("multipart/mixed;boundary=foobar", b"--foobar--\r\n", "without parts"),
        ("multipart/mixed;boundary=foobar", b"--foobar", "without parts"),
        ("multipart/mixed;boundary=foobar", multipart(*[("a/b", "x")] * 10_000), "Too many"),
        ("multipart/mixed;boundary=foobar", b"--foobar\r\n" * 10_000, "Too many"),
        ("multipart/mixed;boundary=b199", nested(200), "too deep"),
        ("multipart/mixed;boundary=foobar", wide(), "Too many"),
    ],
)
def test_refusals(content_type: str, body: bytes, cause: str) -> None:
    with pytest.raises(SipError, match=cause):
        parts(content_type, body)


def test_a_body_needs_a_type() -> None:
    with pytest.raises(SipError, match="without Content-Type"):
        parts_of(Headers(), b"v=0")


@given(st.binary(max_size=200), st.integers(0, len(TWO)), st.integers(0, 60), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_noise_gives_parts_or_the_documented_error(
    noise: bytes, at: int, cut: int, boundary: str
) -> None:
    for kind in ("foobar", boundary):
        try:
            found = parts(f"multipart/mixed;boundary={kind}", TWO[:at] + noise + TWO[at + cut :])
        except SipError:
            continue
        assert 0 < len(found) <= MAX_PARTS
