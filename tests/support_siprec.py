"""A recording client for tests: builds its messages, answers what the server asks of a shell."""

from __future__ import annotations

from subtone.ingest.siprec import (
    MediaRequested,
    Output,
    Peer,
    RecordingEvent,
    RecordingSignal,
    ServerSettings,
    SessionRecordingServer,
    Timer,
)
from subtone.ingest.siprec.sip import Response, address_of, parse_message

PEER = Peer(transport="udp", host="192.0.2.7", port=5070)
SECRET = bytes(range(32))
SETTINGS = ServerSettings(host="198.51.100.9", port=5060, media_host="198.51.100.10", secret=SECRET)

SDP = """\
v=0
o=src 1 1 IN IP4 192.0.2.8
s=-
c=IN IP4 192.0.2.8
t=0 0
m=audio 30000 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:30
a=sendonly
a=label:1
m=audio 30002 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=sendonly
a=label:2
"""

METADATA = """\
<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns='urn:ietf:params:xml:ns:recording:1'>
  <datamode>complete</datamode>
  <session session_id="s1"><sipSessionID>ab30;remote=4775</sipSessionID></session>
  <participant participant_id="p1"><nameID aor="sip:7001@agents.example.com"/></participant>
  <participant participant_id="p2"><nameID aor="sip:+15550100@carrier.example.net"/></participant>
  <stream stream_id="x1" session_id="s1"><label>1</label></stream>
  <stream stream_id="x2" session_id="s1"><label>2</label></stream>
  <participantstreamassoc participant_id="p1">
    <send>x1</send><recv>x2</recv></participantstreamassoc>
  <participantstreamassoc participant_id="p2">
    <send>x2</send><recv>x1</recv></participantstreamassoc>
</recording>
"""


def crlf(text: str) -> bytes:
    """Text as it goes on the wire."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def multipart(*parts: tuple[str, str], boundary: str = "foobar") -> bytes:
    """A multipart body of (media type, text) parts."""
    pieces = [f"--{boundary}\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts]
    return crlf("".join(pieces) + f"--{boundary}--\n")


def recording_body(sdp: str = SDP, metadata: str = METADATA) -> bytes:
    """An offer and its metadata."""
    return multipart(("application/sdp", sdp), ("application/rs-metadata+xml", metadata))


def request(
    method: str = "INVITE",
    *,
    cseq: int = 1,
    branch: str = "",
    to_tag: str = "",
    call_id: str = "call-1@192.0.2.7",
    extra: str = "Require: siprec\n",
    content_type: str = "multipart/mixed;boundary=foobar",
    body: bytes = b"",
    transport: str = "UDP",
) -> bytes:
    """One request of the client, complete."""
    tag = f";tag={to_tag}" if to_tag else ""
    branch = branch or f"z9hG4bK-{method}-{cseq}"
    typed = f"Content-Type: {content_type}\n" if body else ""
    head = f"""\
{method} sip:srs@198.51.100.9:5060 SIP/2.0
Via: SIP/2.0/{transport} 192.0.2.7:5070;branch={branch}
From: <sip:src@192.0.2.7:5070>;tag=src1
To: <sip:srs@198.51.100.9:5060>{tag}
Call-ID: {call_id}
CSeq: {cseq} {"INVITE" if method == "ACK" else method}
Contact: <sip:src@192.0.2.7:5070>;+sip.src
Max-Forwards: 70
{extra}{typed}Content-Length: {len(body)}

"""
    if method == "ACK":
        head = head.replace(f"{cseq} INVITE", f"{cseq} ACK")
    return crlf(head) + body


class Client:
    """Drives a server as one client and its shell would; every port comes from a counter."""

    def __init__(self, settings: ServerSettings = SETTINGS, peer: Peer = PEER) -> None:
        self.server = SessionRecordingServer(settings)
        self.peer = peer
        self.now_ms = 1_000
        self.timers: list[Timer] = []
        self.next_port = 40_000

    def send(self, datagram: bytes) -> tuple[list[Response], list[RecordingEvent]]:
        """Send, open the sockets that are asked for, give every response and event."""
        return self._settle(self.server.receive(datagram, self.peer, self.now_ms))

    def wait(self, duration_ms: int) -> tuple[list[bytes], list[RecordingEvent]]:
        """Let time pass and the timers that are due run, in order."""
        end_ms = self.now_ms + duration_ms
        sent: list[bytes] = []
        events: list[RecordingEvent] = []
        while due := [timer for timer in self.timers if timer.due_ms <= end_ms]:
            timer = min(due, key=lambda one: one.due_ms)
            self.timers.remove(timer)
            self.now_ms = max(self.now_ms, timer.due_ms)
            output = self.server.expire(timer)
            self.timers += output.timers
            sent += [one.data for one in output.sends]
            events += output.events
        self.now_ms = end_ms
        return sent, events

    def _settle(self, output: Output) -> tuple[list[Response], list[RecordingEvent]]:
        sends, events = [*output.sends], [*output.events]
        self.timers += output.timers
        for event in output.events:
            if isinstance(event, MediaRequested):
                ports = tuple(self.next_port + 2 * at for at in range(event.port_count))
                self.next_port += 2 * event.port_count
                more = self.server.accept(event.dialog, ports, self.now_ms)
                sends += more.sends
                events += more.events
                self.timers += more.timers
        messages = [parse_message(one.data) for one in sends]
        return [one for one in messages if isinstance(one, Response)], events


def tag_of(response: Response) -> str:
    """The server's tag."""
    return address_of(response.headers.first("to") or "")[1]["tag"]


def opened(client: Client, extra: str = "Require: siprec\n") -> str:
    """Open a recording and acknowledge it; gives the server's tag."""
    responses, _ = client.send(request(body=recording_body(), extra=extra))
    assert [one.status for one in responses] == [100, 200]
    tag = tag_of(responses[1])
    assert client.send(request("ACK", to_tag=tag, branch="z9hG4bK-ack")) == ([], [])
    return tag


def statuses(client: Client, datagram: bytes) -> list[tuple[int, str]]:
    """Send and give the status and reason of every response."""
    responses, _ = client.send(datagram)
    return [(one.status, one.reason) for one in responses]


def kinds(events: list[RecordingEvent]) -> list[str]:
    """Each event's kind in a word."""
    return [
        event.signal.kind.value if isinstance(event, RecordingSignal) else type(event).__name__
        for event in events
    ]
