"""Real and published bodies, each accepted or refused by name; recorded dialogs replayed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from subtone.contracts.vocabulary import Role
from subtone.ingest.siprec import (
    Peer,
    RecordingClosed,
    RecordingEvent,
    RecordingOpened,
    RecordingSignal,
    RecordingUpdated,
    RoleHints,
    SessionRecordingServer,
)
from subtone.ingest.siprec.metadata import merge, parse_metadata
from subtone.ingest.siprec.sdp import parse_sdp
from subtone.ingest.siprec.sip import Response, address_of
from subtone.ingest.wire import SignalKind
from support_shared import SHARED, shared
from support_siprec import PEER, SETTINGS, Client, request

FOLDER = SHARED / "protocols" / "siprec"
BODIES = sorted(p for p in FOLDER.rglob("*-offer*.txt")) + sorted(FOLDER.rglob("*payload.txt"))
BODIES += sorted(FOLDER.rglob("sample-sdp*.txt")) + sorted(FOLDER.rglob("siprec_body.txt"))
INVITES = sorted(FOLDER.rglob("*invite*.txt")) + sorted(FOLDER.rglob("*invite*.sip"))
XML = sorted(FOLDER.rglob("*.xml"))


def name_of(path: Path) -> str:
    return path.name


def completed(raw: bytes) -> bytes:
    """A published message with line ends and length as they were before it was published."""
    head, _, body = re.sub(rb"\r?\n", b"\r\n", raw).partition(b"\r\n\r\n")
    head = re.sub(rb"(?i)content-length:\s*\d+", b"Content-Length: %d" % len(body), head)
    return head + b"\r\n\r\n" + body


def offered(raw: bytes) -> bytes:
    """A body that was published without its message, in one."""
    boundary = re.search(rb"^--(\S+)", raw, re.MULTILINE)
    kind = f"multipart/mixed;boundary={boundary[1].decode()}" if boundary else "application/sdp"
    return request(body=raw, content_type=kind)


def recording(datagram: bytes, client: Client | None = None) -> RecordingOpened:
    responses, events = (client or Client()).send(datagram)
    assert [one.status for one in responses] == [100, 200]
    opened = [one for one in events if isinstance(one, RecordingOpened)]
    assert len(parse_sdp(responses[-1].body)) == len(opened[0].media)
    return opened[0]


def test_the_material_is_there() -> None:
    folder = shared("protocols", "siprec")
    known = {*BODIES, *INVITES, *XML, *folder.rglob("opensips-wire/*.sip")}
    known |= {*folder.rglob("schema/*.xsd")}
    assert {p for p in folder.rglob("*") if p.is_file()} == known


@pytest.mark.parametrize("path", BODIES, ids=name_of)
def test_published_bodies_are_accepted(path: Path) -> None:
    for raw in path.read_bytes().split(b"__split_here__"):
        event = recording(offered(raw))
        assert {one.role for one in event.media} == {Role.UNKNOWN}  # nothing is configured
        audio = {line.split()[1] for line in re.findall(r"m=audio \d+", raw.decode())}
        assert {str(one.remote_port) for one in event.media} == audio


@pytest.mark.parametrize("path", INVITES, ids=name_of)
def test_published_invites_are_accepted_or_refused_by_name(path: Path) -> None:
    raw = path.read_bytes()
    recording(completed(raw))
    responses, _ = Client().send(raw)
    found = [(one.status, one.reason) for one in responses]
    assert found in (
        [(100, "Trying"), (200, "OK")],
        [(400, "Content-Length says more than arrived")],
    )


@pytest.mark.parametrize("path", XML, ids=name_of)
def test_published_metadata_is_read(path: Path) -> None:
    metadata = parse_metadata(path.read_bytes())
    assert metadata.participants or metadata.associations or metadata.departed
    assert metadata.is_complete == (b"partial" not in path.read_bytes())
    ids = {one.participant_id for one in metadata.participants}
    assert "" not in ids
    if metadata.is_complete:
        sent = {stream for one in metadata.associations for stream in one.sends}
        assert sent <= {one.stream_id for one in metadata.streams}


@pytest.mark.parametrize(
    ("parts", "agents", "expected"),
    [
        ("oracle-cisco-sonus-sems/acme-siprec-offer.txt", "9000@*", "agent customer"),
        ("oracle-cisco-sonus-sems/cisco-siprec-offer.txt", "7301@*", "agent customer"),
        ("oracle-cisco-sonus-sems/procomm-siprec-offer.txt", "extension-*", "customer agent"),
        # The metadata says that participant 8500 sends on stream 2.
        ("oracle-cisco-sonus-sems/sonus-siprec-offer.txt", "2249888500@*", "customer agent"),
        ("broadworks-connectel/broadworks-offer-2.txt", "asbce@*", "customer agent"),
        ("broadworks-connectel/connectel-offer.txt", "*@*.connectel.io", "unknown unknown"),
        ("broadworks-connectel/inactive-sdp-offer.txt", "0733*@*", "unknown unknown"),
        ("other-vendors/cisco_cube_invite_2016.sip", "8001@*", "customer agent"),
        ("other-vendors/siprec_invite_full.txt", "alice@*", "agent customer"),
        ("other-vendors/siprec_invite.txt", "alice@*", "unknown"),
        ("other-vendors/avaya_siprec_invite.txt", "agent1234@*", "unknown"),
    ],
)
def test_roles_of_published_bodies(parts: str, agents: str, expected: str) -> None:
    raw = shared("protocols", "siprec", *parts.split("/")).read_bytes()
    datagram = completed(raw) if raw.startswith(b"INVITE ") else offered(raw)
    hints = RoleHints(agent_patterns=(agents,))
    event = recording(datagram, Client(replace(SETTINGS, hints=hints)))
    assert " ".join(one.role.value for one in event.media) == expected


def test_a_transfer_of_one_platform_replaces_the_far_party() -> None:
    folder = shared("protocols", "siprec", "other-vendors")
    before = parse_metadata((folder / "netsapiens_1_initial.xml").read_bytes())
    after = merge(before, parse_metadata((folder / "netsapiens_3_post_transfer.xml").read_bytes()))
    assert [one.aors for one in after.participants] == [
        ("sip:1001@dwang.netsapiens.com",),
        ("sip:1006@dwang.netsapiens.com",),
    ]
    assert before.group_id == after.group_id


WIRE = Peer(transport="udp", host="127.0.0.1", port=5170)


def with_tag(raw: bytes, tag: str) -> bytes:
    """A recorded message that answers this server's tag instead of the recorded one's."""
    return re.sub(rb"(To: <[^>]*>);tag=\w+", rb"\1;tag=" + tag.encode(), raw)


@pytest.mark.parametrize("call", ["B2B311134362", "B2B296970816"])
def test_recorded_dialogs(call: str) -> None:
    paths = sorted(shared("protocols", "siprec", "opensips-wire").glob(f"*_{call}.sip"))
    hints = RoleHints(agent_patterns=("bob@*",))
    client = Client(replace(SETTINGS, hints=hints), WIRE)
    tag, log = "", list[tuple[str, list[int], list[str]]]()
    for path in paths:
        raw = path.read_bytes()
        responses, events = client.send(with_tag(raw, tag))
        for event in events:
            if isinstance(event, RecordingOpened):
                tag = event.dialog
                assert [(one.label, one.role) for one in event.media] == [
                    ("1", Role.CUSTOMER),
                    ("0", Role.AGENT),
                ]
        kinds = [type(event).__name__ for event in events]
        log.append((raw.split()[0].decode(), [one.status for one in responses], kinds))
    opening = ("INVITE", [100, 200], ["MediaRequested", "RecordingOpened"])
    again: list[tuple[str, list[int], list[str]]]
    again = [("INVITE", [200], []), ("ACK", [], [])] * 2 if call == "B2B311134362" else []
    assert log == [opening, ("ACK", [], []), *again, ("BYE", [200], ["RecordingClosed"])]


def scenario_messages() -> list[str]:
    path = shared("protocols", "scenarios", "siprec_pcap_reinvite.xml")
    return re.findall(r"<send[^>]*><!\[CDATA\[\n(.*?)\]\]></send>", path.read_text(), re.DOTALL)


def test_the_scenario_from_invite_to_bye() -> None:
    """INVITE, ACK, hold re-INVITE with a quoted boundary and partial metadata, ACK, BYE."""
    hints = RoleHints(agent_patterns=("bob@*",))
    client = Client(replace(SETTINGS, hints=hints))
    words = {
        "remote_ip": "198.51.100.9",
        "remote_port": "5060",
        "local_ip": PEER.host,
        "local_port": str(PEER.port),
        "media_ip": "192.0.2.8",
        "transport": "UDP",
        "pid": "77",
        "call_number": "1",
        "call_id": "1-77@192.0.2.7",
        "auto_media_port": "45000",
        "auto_media_port+2": "45002",
        "last_To:": "To: <sip:srs@198.51.100.9:5060>",
    }
    seen: list[tuple[str, list[Response], list[RecordingEvent]]] = []
    for number, template in enumerate(scenario_messages()):
        words["branch"] = f"z9hG4bK-{number}"
        text = re.sub(r"\[([^\]\s]+)\]", lambda found: words.get(found[1], found[0]), template)
        head, _, body = text.replace("\n", "\r\n").partition("\r\n\r\n")
        head = head.replace("[len]", str(len(body)))
        responses, events = client.send(f"{head}\r\n\r\n{body}".encode())
        for response in responses:
            if "tag" in address_of(response.headers.first("to") or "")[1]:
                words["last_To:"] = f"To: {response.headers.first('to')}"
        seen.append((text.split()[0], responses, events))
    assert [(method, [one.status for one in found]) for method, found, _ in seen] == [
        ("INVITE", [100, 200]),
        ("ACK", []),
        ("INVITE", [200]),
        ("ACK", []),
        ("BYE", [200]),
    ]
    opened, updated, signal = seen[0][2][1], *seen[2][2]
    assert isinstance(opened, RecordingOpened)
    assert isinstance(updated, RecordingUpdated)
    assert isinstance(signal, RecordingSignal)
    assert [track.role for track in opened.opened.tracks] == [Role.AGENT, Role.CUSTOMER]
    assert all(media.is_held for media in updated.media)
    # The hold's metadata drops one sender; the other side of a known agent is still known.
    assert [track.role for track in updated.tracks] == [Role.AGENT, Role.CUSTOMER]
    assert signal.signal.kind is SignalKind.PAUSED
    assert isinstance(seen[4][2][0], RecordingClosed)


def test_the_scenario_s_repetitions_are_answered_with_the_same_bytes() -> None:
    raw = sorted(shared("protocols", "siprec", "opensips-wire").glob("001_*.sip"))[0].read_bytes()
    server = SessionRecordingServer(SETTINGS)
    first = server.receive(raw, WIRE, 0)
    assert server.receive(raw, WIRE, 500).sends == first.sends
    final = server.accept(first.events[0].dialog, (40_000, 40_002), 600)
    for now_ms in (1_000, 2_000, 4_000):
        assert server.receive(raw, WIRE, now_ms).sends == final.sends
