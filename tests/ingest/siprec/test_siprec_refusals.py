"""What the recording server refuses, with which status, and what that costs it: nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.siprec import (
    MediaRequested,
    RecordingClosed,
    SessionRecordingServer,
    SipError,
)
from support_siprec import (
    METADATA,
    PEER,
    SDP,
    SETTINGS,
    Client,
    multipart,
    opened,
    recording_body,
    request,
    statuses,
    tag_of,
)

BODY = recording_body()
HELD_BODY = recording_body(SDP.replace("sendonly", "inactive"))
RS = "application/rs-metadata+xml"


@pytest.mark.parametrize(
    ("datagram", "status", "reason"),
    [
        (request(body=BODY, extra="Require: siprec, teleport\n"), 420, "Bad Extension"),
        (request(body=multipart((RS, METADATA))), 488, "No Session Description"),
        (
            request(body=multipart(("application/sdp", SDP), ("application/sdp", SDP))),
            400,
            "Two session descriptions",
        ),
        (request(), 488, "No Session Description"),
        (
            request(body=BODY, content_type="multipart/mixed"),
            400,
            "Multipart without a usable boundary",
        ),
        (request(body=b"hi", content_type="text/plain"), 415, "Unsupported Media Type"),
        (
            request(body=BODY, extra="Content-Encoding: gzip\n"),
            415,
            "Content-Encoding not supported",
        ),
        (
            request(body=recording_body(SDP.replace(" 8 101", " 18"))),
            488,
            "No Stream Can Be Received",
        ),
        (request(body=recording_body("v=0\n")), 400, "SDP without a usable o= line"),
        (
            request(body=recording_body(SDP + "m=audio 1 RTP/AVP 0\n" * 1000)),
            400,
            "Too many media lines in SDP",
        ),
        (
            request(body=BODY, extra="Session-Expires: 60\n"),
            422,
            "Session Interval Too Small",
        ),
        (request(body=BODY, to_tag="none"), 481, "Call/Transaction Does Not Exist"),
        (request("BYE"), 481, "Call/Transaction Does Not Exist"),
        (request("UPDATE", body=BODY), 481, "Call/Transaction Does Not Exist"),
        (request("CANCEL"), 481, "Call/Transaction Does Not Exist"),
        (request("REGISTER"), 405, "Method Not Allowed"),
        (request("NEWMETHOD"), 501, "Not Implemented"),
        (request("OPTIONS", extra="Content-Length: 3\n"), 400, "More than one Content-Length"),
        (
            request(
                content_type="application/sdp",
                body=SDP.encode(),
                extra="",
            ).replace(b";+sip.src", b""),
            403,
            "Not a Recording Session",
        ),
    ],
)
def test_refusals_have_a_status_and_a_reason_and_leave_nothing(
    datagram: bytes, status: int, reason: str
) -> None:
    client = Client()
    responses, events = client.send(datagram)
    assert [(one.status, one.reason) for one in responses] == [(status, reason)]
    assert events == []
    assert client.timers == []
    assert client.server.recording_count == 0
    again, _ = client.send(datagram)
    assert [bytes(one) for one in again] == [bytes(one) for one in responses]
    assert client.send(request("ACK", to_tag=tag_of(responses[0]))) == ([], [])


def test_refusals_say_what_would_work() -> None:
    client = Client()
    (response,), _ = client.send(request(body=BODY, extra="Require: siprec, Teleport\n"))
    assert response.headers.first("unsupported") == "teleport"
    (response,), _ = client.send(request(body=BODY, extra="Session-Expires: 60\n"))
    assert response.headers.first("min-se") == "90"
    (response,), _ = client.send(request("MESSAGE"))
    assert response.headers.first("allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
    (response,), _ = client.send(request(body=b"x", content_type="text/plain"))
    assert "application/rs-metadata" in (response.headers.first("accept") or "")


@pytest.mark.parametrize(
    "marked",
    [
        request(body=BODY, extra=""),
        request(body=SDP.encode(), content_type="application/sdp"),
        request(body=SDP.encode(), content_type="application/sdp", extra="k: siprec\n"),
        request(body=SDP.encode(), content_type="application/sdp", extra="Supported:\n"),
        request(body=SDP.encode(), content_type="application/sdp", extra="").replace(
            b";+sip.src", b";src"
        ),
    ],
)
def test_everything_that_marks_a_recording_is_understood(marked: bytes) -> None:
    assert [code for code, _ in statuses(Client(), marked)] == [100, 200]


def test_plain_calls_can_be_allowed() -> None:
    plain = request(body=SDP.encode(), content_type="application/sdp", extra="")
    plain = plain.replace(b";+sip.src", b"")
    allowing = Client(replace(SETTINGS, accepts_plain_calls=True))
    assert [code for code, _ in statuses(allowing, plain)] == [100, 200]


def test_no_room_is_a_503_and_running_recordings_go_on() -> None:
    client = Client(replace(SETTINGS, max_recordings=1, retry_after_s=17))
    tag = opened(client)
    (full,), _ = client.send(request(body=BODY, call_id="second", branch="z9hG4bK2"))
    assert (full.status, full.headers.first("retry-after")) == (503, "17")
    assert [code for code, _ in statuses(client, request("INFO", cseq=2, to_tag=tag))] == [200]
    client.send(request("BYE", cseq=3, to_tag=tag))
    third = request(body=BODY, call_id="third", branch="z9hG4bK3")
    assert [code for code, _ in statuses(client, third)] == [100, 200]


def test_no_sockets_is_a_503_repeated_until_its_ack() -> None:
    server = SessionRecordingServer(SETTINGS)
    (asked,) = server.receive(request(body=BODY), PEER, 0).events
    output = server.refuse(asked.dialog, 100)
    assert output.sends[0].data.startswith(b"SIP/2.0 503 ")
    assert [type(event) for event in output.events] == [RecordingClosed]
    assert [(timer.name.value, timer.due_ms) for timer in output.timers] == [
        ("G", 600),
        ("H", 32_100),
    ]
    assert server.expire(output.timers[0]).sends == output.sends
    acked = server.receive(request("ACK", branch="z9hG4bK-INVITE-1"), PEER, 700)
    assert [(timer.name.value, timer.due_ms) for timer in acked.timers] == [("I", 5_700)]


def test_another_number_of_ports_is_the_shell_s_mistake() -> None:
    server = SessionRecordingServer(SETTINGS)
    (asked,) = server.receive(request(body=BODY), PEER, 0).events
    with pytest.raises(ValueError, match="accept as many"):
        server.accept(asked.dialog, (40_000,), 0)


MORE_BODY = recording_body(SDP + "m=audio 30004 RTP/AVP 0\na=label:3\n")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_stream_there_are_no_sockets_for_is_refused_alone(method: str) -> None:
    client = Client()
    tag = opened(client)
    offer = request(method, cseq=2, to_tag=tag, body=MORE_BODY)
    asked = client.server.receive(offer, PEER, 2_000)
    assert asked.events == (MediaRequested(dialog=tag, port_count=1),)
    assert client.server.receive(offer, PEER, 2_100).sends == asked.sends
    refused = client.server.refuse(tag, 2_200)
    assert refused.sends[0].data.startswith(b"SIP/2.0 503 ")
    assert refused.events == ()
    assert statuses(client, request("BYE", cseq=3, to_tag=tag)) == [(200, "OK")]


def test_a_flood_inside_a_dialog_is_not_remembered_for_ever() -> None:
    client = Client(replace(SETTINGS, max_recordings=1))
    tag = opened(client)
    codes = [statuses(client, request("INFO", cseq=n, to_tag=tag))[0][0] for n in range(2, 102)]
    assert codes == [200] * 63 + [503] * 37
    client.wait(33_000)
    assert statuses(client, request("BYE", cseq=200, to_tag=tag)) == [(200, "OK")]


def test_a_refused_re_invite_leaves_the_recording_as_it_was() -> None:
    client = Client()
    tag = opened(client)
    bad = recording_body(SDP.replace(" 8 101", " 18"))
    expected = [(488, "No Stream Can Be Received")]
    assert statuses(client, request(cseq=2, to_tag=tag, body=bad)) == expected
    assert statuses(client, request(cseq=2, to_tag=tag, body=bad)) == expected  # repeated
    assert client.server.recording_count == 1
    assert statuses(client, request(cseq=3, to_tag=tag, body=HELD_BODY)) == [(200, "OK")]


def test_requests_out_of_order_or_of_another_dialog_are_refused() -> None:
    client = Client()
    tag = opened(client)
    assert statuses(client, request("INFO", cseq=1, to_tag=tag)) == [(500, "CSeq Out of Order")]
    other = request("BYE", cseq=9, to_tag=tag, call_id="other")
    assert [code for code, _ in statuses(client, other)] == [481]
    merged = request(branch="z9hG4bK-other-way", body=BODY)
    assert statuses(client, merged) == [(482, "Merged Request")]
    assert client.server.recording_count == 1


INVITE = request(body=BODY)


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.integers(0, len(INVITE)), st.integers(0, 30))),
    st.sampled_from(["INVITE", "UPDATE", "INFO", "BYE", "ACK", "CANCEL", "OPTIONS"]),
)
@settings(max_examples=250, deadline=None)
def test_only_the_documented_error_escapes_and_a_healthy_call_goes_on(
    changes: list[tuple[bytes, int, int]], method: str
) -> None:
    client = Client()
    tag = opened(client)
    hostile = request(method, cseq=2, to_tag=tag, call_id="other", body=BODY)
    for noise, at, cut in changes:
        hostile = hostile[:at] + noise + hostile[at + cut :]
    try:
        responses, _ = client.send(hostile)
    except SipError:
        responses = []
    assert all(100 <= one.status < 600 for one in responses)
    assert statuses(client, request("BYE", cseq=900, to_tag=tag)) == [(200, "OK")]


def test_a_flood_of_refusals_is_not_remembered() -> None:
    client = Client()
    for at in range(500):
        client.send(request("OPTIONS", cseq=at, branch=f"z9hG4bK{at}", extra="Require: no\n"))
        client.send(request(cseq=at, branch=f"z9hG4bKi{at}", call_id=str(at)))
    assert client.timers == []
