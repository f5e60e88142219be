"""A SIPREC recording client over UDP (RFC 7866): INVITE, media on both streams, BYE."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate import rtp

ANSWER_S = 8.0
_PORT = re.compile(r"^m=audio (\d+)", re.MULTILINE)
_HOST = re.compile(r"^c=IN IP[46] (\S+)", re.MULTILINE)
_TO = re.compile(r"^To:\s*(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass
class Client(asyncio.DatagramProtocol):
    """One recording session from the client's side."""

    server: tuple[str, int]
    call_id: str
    customer: str = "sip:customer@caller.example"
    agent: str = "sip:agent@centre.example"
    cseq: int = 1
    to: str = ""
    answers: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The local socket is there."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """An answer of the server."""
        del addr
        self.answers.put_nowait(data.decode("utf-8", "replace"))

    @property
    def local(self) -> str:
        """Our own address as it stands in headers."""
        if self.transport is None:
            raise RuntimeError("not connected")
        host, port = self.transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    async def request(self, method: str, body: str = "", content_type: str = "") -> str:
        """Send one request, retransmit until a final answer comes, and return it.

        Raises TimeoutError without one, RuntimeError when it is not 200.
        """
        message = self._message(method, body, content_type)
        loop = asyncio.get_running_loop()
        deadline, wait_s = loop.time() + ANSWER_S, 0.5
        while loop.time() < deadline:
            self._send(message)
            try:
                while True:
                    answer = await asyncio.wait_for(self.answers.get(), wait_s)
                    status = int(answer.split(" ", 2)[1])
                    if status >= 200:
                        break
            except TimeoutError:
                wait_s *= 2.0
                continue
            if found := _TO.search(answer):
                self.to = found[1].strip()
            if method == "INVITE":
                self._send(self._message("ACK", "", ""))
            self.cseq += 1
            if status != 200:
                raise RuntimeError(f"{method} was answered {status}")
            return answer
        raise TimeoutError(f"no answer to {method} within {ANSWER_S:.0f} s")

    def _send(self, message: str) -> None:
        if self.transport is None:
            raise RuntimeError("not connected")
        self.transport.sendto(message.encode())

    def _message(self, method: str, body: str, content_type: str) -> str:
        host, port = self.server
        lines = [
            f"{method} sip:srs@{host}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.local};branch=z9hG4bK{self.call_id}{self.cseq}{method[0]}",
            f"From: <sip:src@{self.local}>;tag=src1",
            f"To: {self.to or f'<sip:srs@{host}:{port}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <sip:src@{self.local}>;+sip.src",
            "Max-Forwards: 70",
        ]
        if method == "INVITE":
            lines += ["Require: siprec", "Accept: application/sdp, application/rs-metadata"]
        if body:
            lines.append(f"Content-Type: {content_type}")
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body])


async def play(
    server: tuple[str, int],
    call_id: str,
    roles: tuple[Role, ...],
    timed: Iterator[tuple[float, int, bytes]],
    *,
    speed: float = 1.0,
) -> int:
    """Record one call into the server; return how many packets were sent."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(
        lambda: Client(server, call_id), remote_addr=server
    )
    try:
        body = offer(client, roles)
        answer = await client.request("INVITE", body, "multipart/mixed;boundary=subtone")
        ports = [int(port) for port in _PORT.findall(answer)]
        host = found[1] if (found := _HOST.search(answer)) else server[0]
        if len(ports) != len(roles) or 0 in ports:
            raise RuntimeError(f"the answer takes {len(ports)} of {len(roles)} streams")
        count = await rtp.play([(host, port) for port in ports], timed, speed=speed)
        await client.request("BYE")
    finally:
        transport.close()
    return count


def offer(client: Client, roles: tuple[Role, ...]) -> str:
    """SDP and complete metadata (RFC 7865): who sends on which label."""
    host = client.local.rsplit(":", 1)[0]
    media = "".join(
        f"m=audio {40_000 + 2 * i} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n"
        f"a=label:{i + 1}\r\n"
        for i in range(len(roles))
    )
    sdp = f"v=0\r\no=src 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{media}"
    aors = {Role.CUSTOMER: client.customer, Role.AGENT: client.agent}
    people = "".join(
        f"<participant participant_id='p{i}'><nameID aor='{aors[role]}'/></participant>"
        f"<stream stream_id='s{i}' session_id='r'><label>{i + 1}</label></stream>"
        f"<participantstreamassoc participant_id='p{i}'><send>s{i}</send></participantstreamassoc>"
        for i, role in enumerate(roles)
    )
    metadata = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        "<recording xmlns='urn:ietf:params:xml:ns:recording:1'>"
        f"<datamode>complete</datamode><session session_id='r'/>{people}</recording>"
    )
    return (
        f"--subtone\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n"
        "--subtone\r\nContent-Type: application/rs-metadata+xml\r\n"
        f"Content-Disposition: recording-session\r\n\r\n{metadata}\r\n--subtone--\r\n"
    )
