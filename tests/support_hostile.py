"""Bad input for the RTP and SIP sockets of a server, and the peers that bring it.

What a peer may see of it is written in the tables: a status and its reason, or silence. The
numbers are those of the list of bad inputs in the protocol notes.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import STATIC_FORMATS, PayloadFormat, RtpStream, SrtpReceiver
from subtone.runtime.live.media_ports import MAX_DATAGRAM_BYTES, MediaPort
from support_live import Live, eventually
from support_rtp import rtp_packet
from support_siprec import METADATA, SDP, crlf, multipart, recording_body, request
from support_torture import TORTURE

ANSWER_S = 15.0  # the slowest refusal is that of a body or message that does not come: 10 s
MAX_UDP_BYTES = 65_507
SSRC = 0x1234
FOREIGN_CODE = 0x66
FOREIGN = bytes([FOREIGN_CODE]) * 160  # never to be heard
CIPHER = ("AES_CM_128_HMAC_SHA1_80", "inline:" + base64.b64encode(bytes(range(30))).decode())
FORMATS = {0: STATIC_FORMATS[0], 101: PayloadFormat("telephone-event", 8000)}
SILENCE = "silence"
CLOSED = "closed without a word"
UNSENT = "larger than a datagram"

# ---------------------------------------------------------------------------------------- RTP


def _rtcp(kind: int, words: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x81, kind, words) + body


def _events(*payloads: bytes) -> list[bytes]:
    return [rtp_packet(0, 0, payload, payload_type=101, ssrc=SSRC) for payload in payloads]


@dataclass(frozen=True)
class Shots:
    """Datagrams and what the stream's statistics must say of them; ``next`` numbers follow on."""

    datagrams: Sequence[bytes]
    counted: dict[str, int]
    host: str = "127.0.0.1"
    is_numbered: bool = False  # the sequence number is that of the next packet, plus its own


RTP: dict[str, Shots] = {
    "1 empty, 1 byte, 11 bytes": Shots(
        [b"", b"\x80", b"\x80" * 11], {"other_count": 1, "rtp_count": 2, "malformed_count": 2}
    ),
    "2 version 0 and 3": Shots([bytes(172), b"\xc0" + bytes(171)], {"other_count": 2}),
    "3 fifteen CSRCs, none there": Shots(
        [b"\x8f" + bytes(11)], {"rtp_count": 1, "malformed_count": 1}
    ),
    "4 extension of 65535 words": Shots(
        [b"\x90" + bytes(11) + b"\xbe\xde\xff\xff" + bytes(160)],
        {"rtp_count": 1, "malformed_count": 1},
    ),
    "5 more padding than payload": Shots(
        [b"\xa0" + bytes(11) + b"\xff" * 20], {"rtp_count": 1, "malformed_count": 1}
    ),
    "6 payload type nobody announced": Shots(
        [rtp_packet(7, 0, bytes(160), payload_type=77, ssrc=9)],
        {"rtp_count": 1, "unnegotiated_count": 1},
    ),
    "7 65 kB": Shots([rtp_packet(0, 0, bytes(65_000), ssrc=SSRC)], {}),
    "8 sequence jumps to 40000 and back": Shots(
        [rtp_packet(40_000, 0, FOREIGN, ssrc=SSRC)], {"rtp_count": 1}, is_numbered=True
    ),
    "10 5000 sources": Shots(
        [rtp_packet(0, 0, FOREIGN, ssrc=100_000 + n) for n in range(5_000)],
        {"rtp_count": 5_000, "discarded_count": 5_000 - 63},
    ),
    "11 1000 duplicates": Shots(
        [rtp_packet(-1, 0, FOREIGN, ssrc=SSRC)] * 1_000,
        {"rtp_count": 1_000, "discarded_count": 1_000},
        is_numbered=True,
    ),
    "12 event 255, event of 3 bytes": Shots(
        [
            rtp_packet(0, 0, b"\xff\x8a\x03\x20", payload_type=101, ssrc=SSRC),
            rtp_packet(1, 0, b"\x05\x8a\x03", payload_type=101, ssrc=SSRC),
        ],
        {"rtp_count": 2, "malformed_count": 1},
        is_numbered=True,
    ),
    "13 RTCP length beyond its datagram": Shots(
        [_rtcp(200, 400, bytes(24)), _rtcp(203, 1, b"")], {"malformed_count": 2}
    ),
    "14 goodbye from elsewhere": Shots(
        [_rtcp(203, 1, struct.pack(">I", SSRC))], {"foreign_count": 1}, host="127.0.0.2"
    ),
    "14 media from elsewhere": Shots(
        [rtp_packet(n, 0, FOREIGN, ssrc=SSRC) for n in range(9)],
        {"rtp_count": 9, "foreign_count": 9},
        host="127.0.0.2",
    ),
    "14 goodbye of an unknown source": Shots([_rtcp(203, 1, struct.pack(">I", 4_711))], {}),
    # last: it moves the stream's place on purpose
    "9 timestamp wraps, then an hour back": Shots(
        [
            rtp_packet(0, 2**32 - 80, b"\x55" * 160, ssrc=SSRC),
            rtp_packet(1, 80, b"\x55" * 160, ssrc=SSRC),
            rtp_packet(2, 80 - 3_600 * 8_000, b"\x55" * 160, ssrc=SSRC),
        ],
        {"rtp_count": 3},
        is_numbered=True,
    ),
}


class Gunner:
    """One RTP port, its rightful sender, and whoever else shoots at it."""

    def __init__(self, live: Live, port: MediaPort) -> None:
        self.port = port
        self._live = live
        self._senders = {host: _datagram_socket(host) for host in ("127.0.0.1", "127.0.0.2")}
        self._sequence = count(65_530)  # wraps soon
        self._numbered = 0
        self._stamp = 0

    async def start(self, call_id: str, srtp: SrtpReceiver | None = None) -> None:
        self._live.parts.hub.call(call_id)
        stream = RtpStream(
            stream_id=call_id,
            call_id=call_id,
            track_id="customer",
            role=Role.CUSTOMER,
            formats=FORMATS,
            srtp=srtp,
        )
        self.port.attach(call_id, call_id, stream)

    @property
    def statistics(self) -> dict[str, int]:
        assert self.port.stream is not None
        return asdict(self.port.stream.statistics)

    async def speak(self, code: int, packet_count: int = 3) -> None:
        """So many good packets of one sound."""
        await self.shoot([self._good(bytes([code]) * 160) for _ in range(packet_count)])

    async def attack(self, shots: Shots) -> dict[str, int]:
        """What the statistics gained by it."""
        before = self.statistics
        datagrams = shots.datagrams
        if shots.is_numbered:
            datagrams = [_renumbered(d, self._numbered) for d in datagrams]
            used = {struct.unpack_from(">H", d, 2)[0] for d in datagrams}
            while self._numbered & 0xFFFF in used:
                self._numbered = next(self._sequence) + 1
        await self.shoot(datagrams, shots.host)
        after = self.statistics
        return {name: after[name] - before[name] for name in after if after[name] > before[name]}

    async def shoot(self, datagrams: Sequence[bytes], host: str = "127.0.0.1") -> None:
        """Send all and wait until the port has read them, so that no buffer overflows."""
        for start in range(0, len(datagrams), 50):
            volley = [*datagrams[start : start + 50], b"\x80" * (MAX_DATAGRAM_BYTES + 1)]
            oversized = sum(len(d) > MAX_DATAGRAM_BYTES for d in volley)
            wanted = self.port.oversized_count + oversized
            for datagram in volley:
                self._senders[host].sendto(datagram, ("127.0.0.1", self.port.port))

            async def is_read(wanted: int = wanted) -> bool:
                return self.port.oversized_count >= wanted

            await eventually(is_read)

    def close(self) -> list[bytes]:
        """Whatever was answered to any of it."""
        answers = []
        for sender in self._senders.values():
            try:
                answers.append(sender.recv(65_536))
            except BlockingIOError:
                continue
            finally:
                sender.close()
        return answers

    def _good(self, payload: bytes) -> bytes:
        number = next(self._sequence)
        self._numbered = number + 1
        self._stamp += 160
        return rtp_packet(number, self._stamp, payload, ssrc=SSRC)


def _datagram_socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.setblocking(False)
    return made


def _renumbered(datagram: bytes, first: int) -> bytes:
    (own,) = struct.unpack_from(">H", datagram, 2)
    return datagram[:2] + struct.pack(">H", (first + own) & 0xFFFF) + datagram[4:]


# ---------------------------------------------------------------------------------------- SIP


def _invite(body: bytes = b"", **fields: Any) -> bytes:
    return request("INVITE", body=body, **fields)


LENGTH = b"Content-Length: "
OPTIONS = request("OPTIONS")
PART = f"--foobar\nContent-Type: application/sdp\n\n{SDP}\n"
NESTED = "".join(f"--b{n}\nContent-Type: multipart/mixed;boundary=b{n + 1}\n\n" for n in range(200))
DTD = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
BOMB = (
    DTD
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)).replace("&a0;", "&a;")
    + "]><r>&a9;</r>"
)


def _sdp(text: str) -> bytes:
    return _invite(crlf(text), content_type="application/sdp")


def _described(metadata: str) -> bytes:
    return _invite(recording_body(metadata=metadata))


TAKEN = "200 OK"
# bytes, what UDP and what TCP answers
SIP: dict[str, tuple[bytes, str, str]] = {
    "16 negative Content-Length": (
        OPTIONS.replace(LENGTH + b"0", LENGTH + b"-1"),
        "400 Content-Length is no length",
        "400 Content-Length is no length",
    ),
    "16 huge Content-Length": (
        OPTIONS.replace(LENGTH + b"0", LENGTH + b"999999999"),
        "513 Body too large",
        "513 Body too large",
    ),
    "16 longer than any number": (
        OPTIONS.replace(LENGTH + b"0", LENGTH + b"9" * 5_000),
        "400 Content-Length is no length",
        "400 Content-Length is no length",
    ),
    "16 two Content-Lengths": (
        OPTIONS.replace(LENGTH, LENGTH + b"5\r\n" + LENGTH),
        "400 More than one Content-Length",
        "400 More than one Content-Length",
    ),
    "17 no boundary": (
        _invite(recording_body(), content_type="multipart/mixed"),
        "400 Multipart without a usable boundary",
        "400 Multipart without a usable boundary",
    ),
    "17 empty boundary": (
        _invite(recording_body(), content_type='multipart/mixed;boundary=""'),
        "400 Multipart without a usable boundary",
        "400 Multipart without a usable boundary",
    ),
    "18 unterminated": (_invite(crlf(PART)), TAKEN, TAKEN),
    "18 no part": (
        _invite(crlf("--foobar--\n")),
        "400 Multipart without parts",
        "400 Multipart without parts",
    ),
    "18 10000 parts": (
        _invite(b"--foobar\r\n\r\n" * 10_000 + b"--foobar--\r\n"),
        UNSENT,
        "400 Too many body parts",
    ),
    "18 1000 parts": (
        _invite(b"--foobar\r\n\r\n" * 1_000 + b"--foobar--\r\n"),
        "400 Too many body parts",
        "400 Too many body parts",
    ),
    "18 200 deep": (
        _invite(crlf(NESTED), content_type="multipart/mixed;boundary=b0"),
        "400 Body parts nested too deep",
        "400 Body parts nested too deep",
    ),
    "19 metadata and no offer": (
        _invite(multipart(("application/rs-metadata+xml", METADATA))),
        "488 No Session Description",
        "488 No Session Description",
    ),
    "20 two offers": (
        _invite(multipart(("application/sdp", SDP), ("application/sdp", SDP))),
        "400 Two session descriptions",
        "400 Two session descriptions",
    ),
    "21 payload type 4294967296": (
        _sdp(SDP.replace("RTP/AVP 8", "RTP/AVP 4294967296")),
        "400 Payload type beyond 127 in SDP",
        "400 Payload type beyond 127 in SDP",
    ),
    "21 NUL in fmtp": (
        _sdp(SDP.replace("0-15", "0-15\0")),
        "400 Control character in SDP",
        "400 Control character in SDP",
    ),
    "21 media name of 1 kB": (
        _sdp(SDP.replace("m=audio", "m=" + "a" * 1_024)),
        "400 Malformed m= line in SDP",
        "400 Malformed m= line in SDP",
    ),
    "22 1000 m-lines": (
        _sdp(SDP + "m=audio 9 RTP/AVP 0\n" * 1_000),
        "400 Too many media lines in SDP",
        "400 Too many media lines in SDP",
    ),
    "23 header of 60 kB": (request("OPTIONS", extra=f"X: {'x' * 60_000}\n"), SILENCE, CLOSED),
    "23 header of 20 kB": (
        request("OPTIONS", extra=f"X: {'x' * 20_000}\n"),
        "400 Header line too long",
        "400 Header line too long",
    ),
    "23 10000 headers": (request("OPTIONS", extra="a:b\n" * 10_000), SILENCE, CLOSED),
    "23 1000 headers": (request("OPTIONS", extra="a:b\n" * 1_000), SILENCE, CLOSED),
    "24 half a message, then nothing": (OPTIONS[:150], SILENCE, CLOSED),
    "25 unknown Require": (
        _invite(recording_body(), extra="Require: siprec, teleport\n"),
        "420 Bad Extension",
        "420 Bad Extension",
    ),
    "26 entity bomb": (_described(BOMB), TAKEN, TAKEN),
    "26 entity from a file": (
        _described('<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>'),
        TAKEN,
        TAKEN,
    ),
    "26 entity from the network": (
        _described('<!DOCTYPE r SYSTEM "http://127.0.0.1:TRAP!/d"><r/>'),
        TAKEN,
        TAKEN,
    ),
    "26 100000 deep": (_described("<a>" * 100_000), UNSENT, "513 Body too large"),
    "26 20000 deep": (_described("<a>" * 20_000), TAKEN, TAKEN),
    **TORTURE,
}


async def ask_udp(port: int, message: bytes) -> str:
    """The final answer; silence where a later request is answered first."""
    if len(message) > MAX_UDP_BYTES:
        return UNSENT
    loop = asyncio.get_running_loop()
    is_begun = False
    with _datagram_socket("127.0.0.1") as asking:
        asking.connect(("127.0.0.1", port))
        await loop.sock_sendall(asking, message)
        await loop.sock_sendall(asking, local(OPTIONS, "UDP", "later"))
        while True:
            answer = await loop.sock_recv(asking, 65_536)
            if answer.startswith(b"SIP/2.0 1"):
                is_begun = True
            elif b"Call-ID: later@" not in answer:
                return _status(answer)
            elif not is_begun:
                return SILENCE


def local(message: bytes, transport: str, call_id: str) -> bytes:
    """A request of support_siprec as one from here, in a call of its own."""
    for old, new in (
        ("192.0.2.7:5070;branch=", f"127.0.0.1;rport;branch={call_id}"),
        ("SIP/2.0/UDP", f"SIP/2.0/{transport}"),
        ("call-1@", f"{call_id}@"),
    ):
        message = message.replace(old.encode(), new.encode())
    return message


async def ask_tcp(port: int, message: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        while line := await asyncio.wait_for(reader.readline(), ANSWER_S):
            if line.startswith(b"SIP/2.0 ") and not line.startswith(b"SIP/2.0 1"):
                return _status(line)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return CLOSED


def _status(answer: bytes) -> str:
    return answer.split(b"\r\n", 1)[0].removeprefix(b"SIP/2.0 ").decode()
