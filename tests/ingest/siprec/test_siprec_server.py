"""The recording server: whole dialogs, refusals with their reason, repetitions, timers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from subtone.contracts.vocabulary import Role
from subtone.ingest.siprec import (
    DigestSettings,
    MediaRequested,
    Peer,
    RecordingClosed,
    RecordingOpened,
    RecordingSignal,
    RecordingUpdated,
    RoleHints,
    SessionRecordingServer,
)
from subtone.ingest.siprec.sdp import parse_sdp
from subtone.ingest.siprec.sip import Response, address_of, parameters_of, parse_message
from support_siprec import (
    METADATA,
    PEER,
    SDP,
    SETTINGS,
    Client,
    kinds,
    multipart,
    opened,
    recording_body,
    request,
    statuses,
    tag_of,
)

BODY = recording_body()
HINTED = replace(SETTINGS, hints=RoleHints(agent_patterns=("*@agents.example.com",)))
HELD_BODY = recording_body(SDP.replace("sendonly", "inactive"))
RS = "application/rs-metadata+xml"


def test_a_recording_opens() -> None:
    client = Client(HINTED)
    (trying, answer), events = client.send(request(body=BODY))
    assert "tag" not in address_of(trying.headers.first("to") or "")[1]
    assert answer.headers.first("contact") == "<sip:198.51.100.9:5060>;+sip.srs"
    assert answer.headers.first("content-type") == "application/sdp"
    assert [(media.port, media.label) for media in parse_sdp(answer.body)] == [
        (40_000, "1"),
        (40_002, "2"),
    ]
    assert kinds(events) == ["MediaRequested", "RecordingOpened"]
    event = events[1]
    assert isinstance(event, RecordingOpened)
    assert event.dialog == tag_of(answer) == event.opened.stream_id
    assert (event.opened.provider, event.opened.call_id) == ("siprec", "call-1@192.0.2.7")
    assert dict(event.opened.attributes) == {
        "sip_call_id": "call-1@192.0.2.7",
        "session_id": "s1",
        "sip_session_id": "ab30;remote=4775",
    }
    found = [(t.track_id, t.role, t.sample_rate_hz) for t in event.opened.tracks]
    assert found == [("label:1", Role.AGENT, 8000), ("label:2", Role.CUSTOMER, 8000)]
    first = event.media[0]
    assert (first.local_port, first.remote_host, first.remote_port) == (40_000, "192.0.2.8", 30_000)
    assert (first.remote_rtcp_port, first.ptime_ms, first.is_held) == (30_001, 30, False)
    assert client.server.recording_count == 1


def test_hold_resume_and_bye() -> None:
    client = Client(HINTED)
    tag = opened(client)
    client.now_ms += 7_500
    (held,), events = client.send(request(cseq=2, to_tag=tag, body=HELD_BODY))
    assert [media.direction.value for media in parse_sdp(held.body)] == ["inactive", "inactive"]
    assert kinds(events) == ["RecordingUpdated", "paused"]
    assert isinstance(events[1], RecordingSignal)
    assert events[1].signal.t_stream_ms == 7_500
    assert isinstance(events[0], RecordingUpdated)
    assert [one.role for one in events[0].tracks] == [Role.AGENT, Role.CUSTOMER]
    assert [one.local_port for one in events[0].media] == [40_000, 40_002]
    client.now_ms += 500
    client.send(request("ACK", cseq=2, to_tag=tag))
    (back,), events = client.send(request(cseq=3, to_tag=tag, body=BODY))
    assert kinds(events) == ["RecordingUpdated", "resumed"]
    assert parse_sdp(back.body)[0].port == 40_000
    client.send(request("ACK", cseq=3, to_tag=tag))
    (gone,), events = client.send(request("BYE", cseq=4, to_tag=tag))
    assert gone.status == 200
    assert kinds(events) == ["RecordingClosed"]
    assert client.server.recording_count == 0


def test_the_older_hold_is_a_hold_too_and_the_same_offer_changes_nothing() -> None:
    client = Client()
    tag = opened(client)
    _, events = client.send(request(cseq=2, to_tag=tag, body=BODY))
    assert events == []
    sdp = SDP.replace("c=IN IP4 192.0.2.8", "c=IN IP4 0.0.0.0")
    plain = multipart(("application/sdp", sdp))
    _, events = client.send(request(cseq=3, to_tag=tag, body=plain, extra=""))
    assert kinds(events) == ["RecordingUpdated", "paused"]


def test_every_repetition_gets_the_same_bytes() -> None:
    server = SessionRecordingServer(SETTINGS)
    invite = request(body=BODY)
    first = server.receive(invite, PEER, 0)
    assert server.receive(invite, PEER, 100).sends == first.sends  # still 100
    (asked,) = first.events
    assert isinstance(asked, MediaRequested)
    final = server.accept(asked.dialog, (41_000, 41_002), 200)
    again = server.receive(invite, PEER, 700)
    assert again.sends == final.sends
    assert again.events == ()
    assert server.accept(asked.dialog, (41_000, 41_002), 800).sends == ()
    ok = parse_message(final.sends[0].data)
    assert isinstance(ok, Response)
    tag = tag_of(ok)
    server.receive(request("ACK", to_tag=tag), PEER, 900)
    bye = request("BYE", cseq=2, to_tag=tag)
    gone = server.receive(bye, PEER, 1_000)
    assert server.receive(bye, PEER, 1_500).sends == gone.sends
    assert server.receive(bye, PEER, 1_500).events == ()


def test_an_answer_is_repeated_until_acknowledged_and_then_forgotten() -> None:
    client = Client()
    (_, answer), _ = client.send(request(body=BODY))
    sent, _ = client.wait(4_000)
    assert sent == [bytes(answer)] * 3
    client.send(request("ACK", to_tag=tag_of(answer), branch="z9hG4bK-ack"))
    assert client.wait(60_000) == ([], [])
    assert client.server.recording_count == 1
    assert client.timers == []


def test_an_answer_nobody_acknowledges_ends_in_bye() -> None:
    client = Client()
    client.send(request(body=BODY))
    sent, events = client.wait(32_000)
    assert sent[-1].startswith(b"BYE sip:src@192.0.2.7:5070 SIP/2.0\r\n")
    assert kinds(events) == ["RecordingClosed"]
    repeated, events = client.wait(1_600)
    assert repeated == [sent[-1]] * 2
    assert events == []
    bye = parse_message(sent[-1])
    via, cseq = bye.headers.first("via"), bye.headers.first("cseq")
    client.send(f"SIP/2.0 200 OK\r\nVia: {via}\r\nCSeq: {cseq}\r\n\r\n".encode())
    assert client.wait(60_000) == ([], [])


def test_options_tell_what_is_possible() -> None:
    (answer,), events = Client().send(request("OPTIONS", extra=""))
    assert answer.status == 200
    assert answer.headers.tokens("supported") == ("siprec", "timer", "record-aware")
    assert events == []


def test_cancel_before_the_answer() -> None:
    server = SessionRecordingServer(SETTINGS)
    (asked,) = server.receive(request(body=BODY), PEER, 0).events
    output = server.receive(request("CANCEL", branch="z9hG4bK-INVITE-1"), PEER, 50)
    assert [one.data.split(b"\r\n")[0] for one in output.sends] == [
        b"SIP/2.0 200 OK",
        b"SIP/2.0 487 Request Terminated",
    ]
    tags = {tag_of(m) for one in output.sends if isinstance(m := parse_message(one.data), Response)}
    assert len(tags) == 1
    assert [type(event) for event in output.events] == [RecordingClosed]
    assert server.accept(asked.dialog, (1, 2), 60).sends == ()
    assert server.recording_count == 0


def test_cancel_after_the_answer_changes_nothing() -> None:
    client = Client()
    client.send(request(body=BODY))
    cancel = request("CANCEL", branch="z9hG4bK-INVITE-1")
    assert [code for code, _ in statuses(client, cancel)] == [200]
    assert client.server.recording_count == 1


def test_update_with_metadata_only_moves_the_roles() -> None:
    client = Client(HINTED)
    tag = opened(client)
    swapped = METADATA.replace("<send>x1<", "<send>x0<").replace("<send>x2<", "<send>x1<")
    update = request(
        "UPDATE",
        cseq=2,
        to_tag=tag,
        body=swapped.replace("<send>x0<", "<send>x2<").encode(),
        content_type="application/rs-metadata",
        extra="Content-Disposition: recording-session\n",
    )
    (answer,), events = client.send(update)
    assert (answer.status, answer.body) == (200, b"")
    assert isinstance(events[0], RecordingUpdated)
    assert [track.role for track in events[0].tracks] == [Role.CUSTOMER, Role.AGENT]


def test_update_with_an_offer_is_answered() -> None:
    client = Client()
    tag = opened(client)
    (answer,), events = client.send(request("UPDATE", cseq=2, to_tag=tag, body=HELD_BODY))
    assert [media.direction.value for media in parse_sdp(answer.body)] == ["inactive"] * 2
    assert kinds(events) == ["RecordingUpdated", "paused"]


def test_a_new_stream_gets_a_new_port_and_an_old_one_keeps_its_own() -> None:
    client = Client()
    tag = opened(client)
    more = SDP + "m=audio 30004 RTP/AVP 0\na=label:3\n"
    responses, events = client.send(
        request(cseq=2, to_tag=tag, body=recording_body(more.replace("30002", "0")))
    )
    assert [media.port for media in parse_sdp(responses[-1].body)] == [40_000, 0, 40_004]
    assert events[0] == MediaRequested(dialog=tag, port_count=1)
    assert isinstance(events[1], RecordingUpdated)
    assert [one.track_id for one in events[1].media] == ["label:1", "label:3"]


MORE_BODY = recording_body(SDP + "m=audio 30004 RTP/AVP 0\na=label:3\n")


def test_metadata_beside_an_offer_that_waits_is_not_lost() -> None:
    client = Client(HINTED)
    tag = opened(client)
    client.server.receive(request(cseq=2, to_tag=tag, body=MORE_BODY), PEER, 2_000)
    named = METADATA.replace("complete", "partial").replace("x1", "x3").replace(">1<", ">3<")
    info = request("INFO", cseq=3, to_tag=tag, body=named.encode(), content_type=RS)
    client.send(info)
    output = client.server.accept(tag, (50_000,), 2_100)
    (event,) = output.events
    assert isinstance(event, RecordingUpdated)
    assert [(one.label, one.role) for one in event.media] == [
        ("1", Role.UNKNOWN),
        ("2", Role.UNKNOWN),  # of three streams nobody is the other side
        ("3", Role.AGENT),
    ]


def test_hanging_up_while_sockets_are_opened() -> None:
    server = SessionRecordingServer(SETTINGS)
    (asked,) = server.receive(request(body=BODY), PEER, 0).events
    output = server.hang_up(asked.dialog, "shutting down", 10)
    assert [one.data[:11] for one in output.sends] == [b"SIP/2.0 503"]
    assert [type(event) for event in output.events] == [RecordingClosed]
    assert server.recording_count == 0


def test_a_provisional_response_or_a_strange_one_changes_nothing() -> None:
    client = Client()
    tag = opened(client)
    bye = parse_message(client.server.hang_up(tag, "x", client.now_ms).sends[0].data)
    for status, via in ((100, bye.headers.first("via")), (200, "SIP/2.0/UDP a;branch=other")):
        client.send(f"SIP/2.0 {status} X\r\nVia: {via}\r\n\r\n".encode())
    assert client.send(b"SIP/2.0 200 OK\r\n\r\n") == ([], [])


def test_a_re_invite_without_offer_gets_the_agreement() -> None:
    client = Client()
    tag = opened(client)
    (answer,), events = client.send(request(cseq=2, to_tag=tag))
    assert [media.port for media in parse_sdp(answer.body)] == [40_000, 40_002]
    assert events == []


def test_a_second_offer_waits_for_the_first() -> None:
    server = SessionRecordingServer(SETTINGS)
    (asked,) = server.receive(request(body=BODY), PEER, 0).events
    early = server.receive(request(cseq=2, to_tag=asked.dialog, body=BODY), PEER, 10)
    assert early.sends[0].data.startswith(b"SIP/2.0 500 ")
    gone = server.receive(request("BYE", cseq=3, to_tag=asked.dialog), PEER, 20)
    assert [one.data[:11] for one in gone.sends] == [b"SIP/2.0 487", b"SIP/2.0 200"]
    assert [type(event) for event in gone.events] == [RecordingClosed]


def test_broken_metadata_never_fails_a_recording() -> None:
    client = Client()
    body = recording_body(metadata="<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>")
    responses, events = client.send(request(body=body))
    assert responses[-1].status == 200
    assert kinds(events) == ["MediaRequested", "RecordingOpened", "peer_error"]
    assert isinstance(events[2], RecordingSignal)
    assert events[2].signal.detail == "Metadata with a DTD"
    tag = tag_of(responses[-1])
    info = request("INFO", cseq=2, to_tag=tag, body=b"<", content_type="application/rs-metadata")
    (answer,), events = client.send(info)
    assert answer.status == 200
    assert kinds(events) == ["peer_error"]


def test_a_bye_may_carry_anything() -> None:
    client = Client()
    tag = opened(client)
    assert statuses(client, request("BYE", cseq=2, to_tag=tag, body=BODY)) == [(200, "OK")]


def test_session_timer() -> None:
    client = Client()
    extra = "Supported: timer\nSession-Expires: 1800;refresher=uac\n"
    (_, answer), _ = client.send(request(body=BODY, extra=extra))
    assert answer.headers.first("session-expires") == "1800;refresher=uac"
    assert answer.headers.tokens("require") == ("timer",)
    tag = tag_of(answer)
    client.send(request("ACK", to_tag=tag))
    assert client.wait(1_000_000) == ([], [])
    client.send(request("UPDATE", cseq=2, to_tag=tag, extra=extra))
    assert client.wait(1_767_999) == ([], [])
    sent, events = client.wait(1)
    assert sent[0].startswith(b"BYE ")
    assert kinds(events) == ["RecordingClosed"]


def test_a_client_that_wants_us_to_refresh_gets_no_session_timer() -> None:
    client = Client()
    (_, answer), _ = client.send(request(body=BODY, extra="Session-Expires: 1800;refresher=uas\n"))
    assert answer.headers.first("session-expires") is None
    client.send(request("ACK", to_tag=tag_of(answer)))
    assert client.wait(4_000_000) == ([], [])


def test_hanging_up() -> None:
    client = Client()
    tag = opened(client, extra="Record-Route: <sip:proxy.example.net;lr>\n")
    output = client.server.hang_up(tag, "shutting down", client.now_ms)
    bye = parse_message(output.sends[0].data)
    assert bye.headers.first("route") == "<sip:proxy.example.net;lr>"
    assert address_of(bye.headers.first("from") or "")[1]["tag"] == tag
    assert address_of(bye.headers.first("to") or "")[1]["tag"] == "src1"
    assert [type(event) for event in output.events] == [RecordingClosed]
    assert client.server.hang_up(tag, "again", 0).sends == ()


def test_a_contact_that_is_no_uri_is_replaced_by_where_it_came_from() -> None:
    client = Client()
    invite = request(body=BODY).replace(b"<sip:src@192.0.2.7:5070>;+", b"<sip192.0.2.7:5070>;+")
    (_, answer), _ = client.send(invite)
    output = client.server.hang_up(tag_of(answer), "x", 0)
    assert output.sends[0].data.startswith(b"BYE sip:192.0.2.7:5070 SIP/2.0\r\n")


def test_the_call_can_be_named_by_what_the_operator_joins_by() -> None:
    chosen = replace(SETTINGS, call_id_from=("header:X-UCID", "sip_session_id"))
    _, events = Client(chosen).send(request(body=BODY, extra="X-Ucid: 42\nRequire: siprec\n"))
    assert isinstance(events[1], RecordingOpened)
    assert events[1].opened.call_id == "42"
    _, events = Client(chosen).send(request(body=BODY))
    assert isinstance(events[1], RecordingOpened)
    assert events[1].opened.call_id == "ab30;remote=4775"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("<apkt:UCID xmlns:apkt='urn:x'>  00001-77 </apkt:UCID>", "00001-77"),
        ("<e><f><ucid>first</ucid></f></e><ucid>second</ucid>", "first"),
        ("<ucid>two words</ucid>", None),
        ("<ucid>" + "9" * 201 + "</ucid>", None),
        ("<ucid/>", None),
        ("", None),
    ],
)
def test_an_element_of_the_metadata_may_name_the_call(metadata: str, expected: str | None) -> None:
    chosen = replace(SETTINGS, call_id_from=("element:UCID",))
    spoken = "<participant id='p9'><ucid>not-this</ucid></participant>" + metadata
    body = BODY.replace(b"<datamode>", spoken.encode() + b"<datamode>")
    invite = request(body=body)
    _, events = Client(chosen).send(invite)
    assert isinstance(events[1], RecordingOpened)
    call_id = parse_message(invite).headers.first("call-id")
    assert events[1].opened.call_id == (expected or call_id)


def test_digest_authentication() -> None:
    digest = DigestSettings(realm="rec", passwords={"sbc": "pw"})
    client = Client(replace(SETTINGS, digest=digest))
    (asked,), _ = client.send(request(body=BODY))
    assert asked.status == 401
    assert client.server.recording_count == 0
    value = asked.headers.first("www-authenticate") or ""
    nonce = parameters_of("," + value.removeprefix("Digest "), ",")[1]["nonce"]
    uri = "sip:srs@198.51.100.9:5060"

    def h(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    right = h(f"{h('sbc:rec:pw')}:{nonce}:00000001:ab:auth:{h(f'INVITE:{uri}')}")
    given = (
        f'Authorization: Digest username="sbc", realm="rec", nonce="{nonce}", uri="{uri}", '
        f'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="ab", response="{right}"\n'
    )
    again = request(cseq=2, body=BODY, extra=given)
    assert [code for code, _ in statuses(client, again)] == [100, 200]
    trusted = replace(PEER, transport="tls", is_trusted=True)
    certified = Client(replace(SETTINGS, digest=digest), trusted)
    assert [code for code, _ in statuses(certified, request(body=BODY))] == [100, 200]


def test_a_connection_is_answered_on_itself() -> None:
    peer = Peer(transport="tcp", host="192.0.2.7", port=49_152)
    server = SessionRecordingServer(SETTINGS)
    output = server.receive(request(body=BODY, transport="TCP"), peer, 0)
    assert output.sends[0].peer == peer
    (asked,) = output.events
    final = server.accept(asked.dialog, (40_000, 40_002), 0)
    assert b"Contact: <sip:198.51.100.9:5060;transport=tcp>;+sip.srs\r\n" in final.sends[0].data


def test_keepalives_are_nothing() -> None:
    server = SessionRecordingServer(SETTINGS)
    for datagram in (b"", b"\r\n\r\n", b"\0\0\0\0"):
        assert server.receive(datagram, PEER, 0).sends == ()
