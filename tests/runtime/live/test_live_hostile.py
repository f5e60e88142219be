"""Thirty kinds of bad input on every socket of one server, beside a call that must not notice.

All of it happens once; each test then reads one answer. What a peer may see is written in the
tables: a status and its reason, a close code and its reason, or silence.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from subtone.contracts.inbound import AudioChunk, ChatMessage, TranscriptSegment
from subtone.contracts.vocabulary import Role
from subtone.ingest.rtp import SrtpReceiver
from subtone.runtime.config import (
    JournalConfig,
    LimitsConfig,
    RuntimeConfig,
    Scope,
    SipConfig,
)
from subtone.runtime.journal import AudioPolicy, JournalReader
from subtone.runtime.live.telephony import Telephony, running_telephony
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import Packet, packets_of
from support_hostile import (
    ANSWER_S,
    CIPHER,
    FOREIGN_CODE,
    OPTIONS,
    RTP,
    SIP,
    SSRC,
    Gunner,
    Shots,
    ask_tcp,
    ask_udp,
    local,
)
from support_live import SECRETS, Live, eventually, live_server
from support_rtp import rtp_packet

CALL = Path(__file__).resolve().parents[3] / "examples" / "calls" / "hidden_frustration.en.flac"
ROLES = (Role.AGENT, Role.CUSTOMER)
HEALTHY = "CAhealthy"
HEALTHY_S = 46
SPEED = 4.0
MOMENTS = 8
LIMIT_S = 55.0
QUIET_S = 0.5
TOKEN = f"Bearer {SECRETS[Scope.INGEST]}"
JSON = {"Content-Type": "application/json"}

# ---------------------------------------------------------------------------------- WebSocket


def _media(stream: str, chunk: object, stamp_ms: object, payload: str) -> str:
    media = {"track": "inbound", "chunk": chunk, "timestamp": stamp_ms, "payload": payload}
    return json.dumps({"event": "media", "streamSid": stream, "media": media})


def _sound(code: int) -> str:
    return base64.b64encode(bytes([code]) * 160).decode()


async def _opened(live: Live, path: str = "/v1/streams") -> ClientConnection:
    headers = {"Authorization": TOKEN}
    if path == "/v1/audiohook":
        headers |= {
            "Audiohook-Organization-Id": "d7934305-0972-4844-938e-9060eef73d05",
            "Audiohook-Session-Id": "e160e428-53e2-487c-977d-96989bf5c99d",
        }
    url = f"ws://{live.address}{path}"
    return await connect(url, additional_headers=headers, compression="deflate")


def _start(call_id: str) -> list[str]:
    return [message for _, message in twilio.messages(call_id, "MZ1", (Role.CUSTOMER,), [])][:-1]


def _stop(call_id: str) -> str:
    return list(twilio.messages(call_id, "MZ1", (Role.CUSTOMER,), []))[-1][1]


GOOD, BAD = 0x11, 0x66
RSV1 = 0x40  # the bit that says compressed
DEFLATED = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
WS_BOMB = DEFLATED.compress(bytes(64 * 1024 * 1024)) + DEFLATED.flush(zlib.Z_SYNC_FLUSH)
WRONG_KIND = "1002 the peer sent a message with a field of the wrong kind at"
# messages between start and stop around one good chunk; how the socket ends
STREAMS: dict[str, tuple[list[str], str]] = {
    "29 foreign stream": ([_media("MZother", "9", "400", _sound(BAD))], "1000"),
    "29 payload that is no base64": (
        [_media("MZ1", "2", "175", "not base64!")],
        f"{WRONG_KIND} `$.media.payload`",
    ),
    "29 deep JSON": (
        ['{"event":"media","x":' + "[" * 100_000 + "]" * 100_000 + "}"],
        "1002 the peer sent JSON with more than 256 brackets",
    ),
    "29 number of 5000 digits": (
        ['{"event":"media","media":{"payload":"","timestamp":' + "9" * 5_000 + "}}"],
        f"{WRONG_KIND} `$.media.timestamp`",
    ),
    "29 an hour ahead": ([_media("MZ1", "2", "3600155", _sound(BAD))], "1000"),
    "29 an hour ahead for good": (
        [_media("MZ1", str(n + 2), str(3_600_155 + 20 * n), _sound(BAD)) for n in range(60)],
        "1002 the peer's timestamps or counters jumped and did not come back",
    ),
    "29 no JSON": (["start"], "1002 the peer sent text that is not JSON"),
}


async def stream_badly(live: Live, call_id: str, bad: Sequence[str]) -> str:
    """A good chunk, the bad messages, a stop; how the server closed."""
    socket = await _opened(live)
    messages = [*_start(call_id), _media("MZ1", "1", "155", _sound(GOOD)), *bad, _stop(call_id)]
    return await _closed(socket, messages)


async def media_before_start(live: Live) -> str:
    early = [_media("MZ1", "1", "155", _sound(BAD))]
    late = [_media("MZ1", "1", "155", _sound(GOOD)), _stop("early")]
    return await _closed(await _opened(live), [*early, *_start("early"), *late])


async def huge_frame(live: Live, path: str) -> str:
    return await _closed(await _opened(live, path), ["x" * (16 * 1024 * 1024)])


async def deflate_bomb(live: Live, path: str) -> str:
    socket = await _opened(live, path)
    assert socket.response is not None
    assert "Sec-WebSocket-Extensions" not in socket.response.headers
    frame = Frame(Opcode.TEXT, WS_BOMB).serialize(mask=True)
    socket.transport.write(bytes([frame[0] | RSV1]) + frame[1:])
    return await _closed(socket, [])


async def _closed(socket: ClientConnection, messages: Sequence[str]) -> str:
    async with socket:
        try:
            for message in messages:
                await socket.send(message)
            await asyncio.wait_for(_drained(socket), ANSWER_S)
        except ConnectionClosed:
            pass  # what the server said with it is read below
        return f"{socket.close_code} {socket.close_reason}".strip()


async def _drained(socket: ClientConnection) -> None:
    async for _ in socket:
        continue


# --------------------------------------------------------------------------------------- HTTP


async def ask_http(live: Live, chunks: Sequence[bytes], pause_s: float = 0.0) -> list[int]:
    """Statuses of everything answered until the server closes or has said no more."""
    host, port = live.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = bytearray()

    async def listen() -> None:
        while data := await reader.read(65_536):
            answer.extend(data)

    listening = asyncio.create_task(listen())
    try:
        for chunk in chunks:
            writer.write(chunk)
            await asyncio.sleep(pause_s)
            if answer:
                break

        async def is_answered() -> bool:
            return bool(answer)

        await eventually(is_answered)
        await asyncio.wait([listening], timeout=QUIET_S)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        writer.close()
    return [int(line.split()[1]) for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")]


def _head(call_id: str, *lines: str) -> bytes:
    head = [f"POST /v1/calls/{call_id}/messages HTTP/1.1", "Host: x", f"Authorization: {TOKEN}"]
    return "\r\n".join([*head, "Content-Type: application/json", *lines, "", ""]).encode()


def _said(text: str) -> bytes:
    return json.dumps({"role": "customer", "text": text}).encode()


def _smuggling() -> bytes:
    inner = _said("smuggled")
    hidden = _head("smuggled", f"Content-Length: {len(inner)}") + inner
    return (
        _head("carrier", f"Content-Length: {len(hidden) + 5}", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n"
        + hidden
    )


async def gzip_bomb(live: Live) -> list[int]:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    head = _head("gzip", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}")
    return await ask_http(live, [head, bomb])


async def smuggled(live: Live) -> list[int]:
    return await ask_http(live, [_smuggling()])


async def slow_chunks(live: Live) -> list[int]:
    slow = [b"1\r\n{\r\n"] * round(ANSWER_S / 0.5)
    return await ask_http(live, [_head("slow", "Transfer-Encoding: chunked"), *slow], 0.5)


async def replayed_key(live: Live) -> list[int]:
    """The same key with the same words twice, then with others."""
    statuses = []
    for text in ("hello", "hello", "other"):
        head = {"Idempotency-Key": "one", **JSON}
        path = "/v1/calls/replayed/messages"
        answer = await live.call("POST", path, Scope.INGEST, content=_said(text), headers=head)
        statuses.append(answer.status_code)
    return statuses


async def replayed_webhook(live: Live) -> list[int]:
    """What Twilio sends again when it saw no answer, with the token it had the first time."""
    form = {
        "TranscriptionEvent": "transcription-content",
        "AccountSid": "AC1",
        "CallSid": "replayed-webhook",
        "TranscriptionSid": "GT1",
        "Timestamp": "2024-06-25T18:45:18.454203Z",
        "SequenceId": "2",
        "LanguageCode": "en-US",
        "Track": "inbound_track",
        "TranscriptionData": '{"transcript":"I said it is fine.","confidence":0.96}',
        "Final": "true",
    }
    head = {
        "I-Twilio-Idempotency-Token": "2d7c9ee7-f1a3-409f-9283-23f99117dd3b",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    path, body = "/v1/webhooks/twilio/transcription", urlencode(form)
    answers = [
        await live.call("POST", path, Scope.INGEST, content=body, headers=head) for _ in range(2)
    ]
    return [answer.status_code for answer in answers]


TOO_BIG = "1009 frame with 16777216 bytes exceeds limit of 1048576 bytes"
NO_DEFLATE = "1002 reserved bits must be 0"
OTHERS: dict[str, tuple[Callable[[Live], Awaitable[Any]], Any]] = {
    "27 frame of 16 MiB, stream": (lambda live: huge_frame(live, "/v1/streams"), TOO_BIG),
    "27 frame of 16 MiB, audiohook": (lambda live: huge_frame(live, "/v1/audiohook"), TOO_BIG),
    "28 deflate bomb, stream": (lambda live: deflate_bomb(live, "/v1/streams"), NO_DEFLATE),
    "28 deflate bomb, audiohook": (lambda live: deflate_bomb(live, "/v1/audiohook"), NO_DEFLATE),
    "29 media before start": (media_before_start, "1000"),
    "30 gzip bomb": (gzip_bomb, [413]),
    "30 two framings at once": (smuggled, [400]),
    "30 slow chunks": (slow_chunks, [408]),
    "30 replayed key": (replayed_key, [202, 202, 409]),
    "30 replayed webhook": (replayed_webhook, [204, 204]),
}

# ----------------------------------------------------------------------------------- the battle


@dataclass
class Battle:
    """What came of it."""

    folder: Path
    alone: list[Any] = field(default_factory=list)  # the healthy call's decisions
    beside: list[Any] = field(default_factory=list)
    rtp: dict[str, dict[str, int]] = field(default_factory=dict)
    rtp_answers: list[bytes] = field(default_factory=list)
    udp: dict[str, str] = field(default_factory=dict)
    tcp: dict[str, str] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    fetched_count: int = 0  # connections made because XML asked for them
    log: list[logging.LogRecord] = field(default_factory=list)
    health: list[int] = field(default_factory=list)

    def heard(self, call_id: str) -> bytes:
        return b"".join(e.payload for e in self.events(call_id) if isinstance(e, AudioChunk))

    def events(self, call_id: str) -> list[Any]:
        reader = JournalReader(self.folder)
        try:
            return list(reader.replay(call_id))
        finally:
            reader.close()


class _Kept(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Live, Telephony]]:
    """Everything a server listens on."""
    config = RuntimeConfig(sip=SipConfig(binds=("udp:127.0.0.1:0", "tcp:127.0.0.1:0")))
    journal = JournalConfig(audio=AudioPolicy.KEEP)
    limits = LimitsConfig(max_peer_requests_per_s=1_000.0)
    async with (
        live_server(folder, journal=journal, limits=limits) as live,
        running_telephony(config, live.parts.hub, live.parts.now_ms) as telephony,
    ):
        yield live, telephony


async def healthy(live: Live, packets: Sequence[Packet]) -> list[Any]:
    """The decisions of one good call, without when they were made."""
    url = f"ws://{live.address}/v1/streams"
    timed = twilio.messages(HEALTHY, "MZhealthy", ROLES, packets)
    await twilio.play(url, timed, speed=SPEED, headers={"Authorization": TOKEN})
    found: list[Any] = []

    async def is_decided() -> bool:
        found[:] = live.parts.reader.outputs_of(HEALTHY, "decision")
        return len(found) >= MOMENTS

    await eventually(is_decided)
    return [_timeless(json.loads(row.body)) for row in found[:MOMENTS]]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key != "t_seen_ms"}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


async def shoot_rtp(live: Live, telephony: Telephony, battle: Battle) -> None:
    clear, secret = (Gunner(live, port) for port in await telephony.ports.open(2))
    await clear.start("rtp")
    await secret.start("srtp", SrtpReceiver(*CIPHER))
    await clear.speak(GOOD, 10)
    for number, (name, shots) in enumerate(RTP.items()):
        battle.rtp[name] = await clear.attack(shots)
        await clear.speak(0x20 + number)
    forged = rtp_packet(1, 0, bytes(170), ssrc=SSRC)
    battle.rtp["15 bad SRTP tag"] = await secret.attack(Shots([forged], {}))
    await asyncio.sleep(QUIET_S)
    battle.rtp_answers = clear.close() + secret.close()


async def attack(live: Live, telephony: Telephony, battle: Battle) -> None:
    """Everything at once."""

    def fetched(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        battle.fetched_count += 1
        writer.close()

    trap = await asyncio.start_server(fetched, "127.0.0.1", 0)
    trapped = b"%05d" % trap.sockets[0].getsockname()[1]
    udp, tcp = (int(bind.rpartition(":")[2]) for bind in telephony.binds)

    async def one(into: dict[str, Any], name: str, job: Awaitable[Any]) -> None:
        into[name] = await asyncio.wait_for(job, ANSWER_S)

    async def ask_all_udp() -> None:  # one after another, so that no buffer overflows
        for number, (name, (message, _, _)) in enumerate(SIP.items()):
            mine = local(message.replace(b"TRAP!", trapped), "UDP", f"udp-{number}")
            await one(battle.udp, name, ask_udp(udp, mine))

    jobs: list[Awaitable[None]] = [shoot_rtp(live, telephony, battle), ask_all_udp()]
    for number, (name, (message, _, _)) in enumerate(SIP.items()):
        mine = local(message.replace(b"TRAP!", trapped), "TCP", f"tcp-{number}")
        jobs.append(one(battle.tcp, name, ask_tcp(tcp, mine)))
    for name, (messages, _) in STREAMS.items():
        jobs.append(one(battle.streams, name, stream_badly(live, call_name(name), messages)))
    for name, (job, _) in OTHERS.items():
        jobs.append(one(battle.others, name, job(live)))
    await asyncio.gather(*jobs)
    trap.close()


def call_name(name: str) -> str:
    return name.replace(" ", "-")


async def fight(folder: Path) -> Battle:
    packets = list(packets_of(CALL, ROLES))[: HEALTHY_S * 50 * len(ROLES)]
    battle = Battle(folder / "beside")
    async with asyncio.timeout(LIMIT_S):
        async with serving(folder / "alone") as (live, _):
            battle.alone = await healthy(live, packets)
        async with serving(battle.folder) as (live, telephony):
            playing = asyncio.create_task(healthy(live, packets))
            await attack(live, telephony, battle)
            battle.beside = await playing
            told = await live.call("GET", "/health")
            taken = await live.say("afterwards", "hello")
            udp = int(telephony.binds[0].rpartition(":")[2])
            again = await ask_udp(udp, local(OPTIONS, "UDP", "afterwards"))
            battle.health = [told.status_code, taken.status_code, int(again.split()[0])]
    return battle


@pytest.fixture(scope="module")
def battle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battle]:
    records: list[logging.LogRecord] = []
    handler = _Kept(records)
    logging.getLogger().addHandler(handler)
    try:
        found = asyncio.run(fight(tmp_path_factory.mktemp("battle")))
    finally:
        logging.getLogger().removeHandler(handler)
    found.log = records
    yield found


@pytest.mark.parametrize("name", RTP)
def test_rtp_is_counted_and_the_stream_goes_on(battle: Battle, name: str) -> None:
    assert battle.rtp[name] == RTP[name].counted
    code = 0x20 + list(RTP).index(name)
    assert battle.heard("rtp").count(bytes([code])) == 3 * 160


def test_srtp_that_is_not_authentic_is_refused(battle: Battle) -> None:
    assert battle.rtp["15 bad SRTP tag"] == {"rtp_count": 1, "refused_count": 1}
    assert battle.events("srtp") == []


def test_nothing_foreign_is_heard_and_rtp_answers_nobody(battle: Battle) -> None:
    assert bytes([FOREIGN_CODE]) not in battle.heard("rtp")
    assert battle.rtp_answers == []


@pytest.mark.parametrize("name", SIP)
def test_sip_is_answered_with_a_name(battle: Battle, name: str) -> None:
    _, udp, tcp = SIP[name]
    assert (battle.udp[name], battle.tcp[name]) == (udp, tcp)


def test_xml_fetches_nothing(battle: Battle) -> None:
    assert battle.fetched_count == 0


@pytest.mark.parametrize("name", STREAMS)
def test_a_bad_stream_ends_as_it_must_and_its_good_audio_is_kept(battle: Battle, name: str) -> None:
    assert battle.streams[name] == STREAMS[name][1]
    assert battle.heard(call_name(name)) == bytes([GOOD]) * 160


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_is_refused_or_taken_once(battle: Battle, name: str) -> None:
    assert battle.others[name] == OTHERS[name][1]


def test_what_was_refused_left_nothing_behind(battle: Battle) -> None:
    for call_id in ("huge", "bomb", "gzip", "slow", "carrier", "smuggled"):
        assert battle.events(call_id) == []
    assert battle.heard("early") == bytes([GOOD]) * 160
    texts = (ChatMessage, TranscriptSegment)
    for call_id in ("replayed", "replayed-webhook"):
        assert len([e for e in battle.events(call_id) if isinstance(e, texts)]) == 1


def test_the_healthy_call_did_not_notice(battle: Battle) -> None:
    assert [d["moment"]["t_event_ms"] for d in battle.alone] == list(range(5_000, 40_001, 5_000))
    assert battle.beside == battle.alone


def test_no_exception_was_logged_and_the_server_serves_on(battle: Battle) -> None:
    assert [r.getMessage() for r in battle.log if r.exc_info or r.levelno >= logging.ERROR] == []
    assert battle.health == [200, 202, 200]
