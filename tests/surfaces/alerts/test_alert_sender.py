"""The sender against a real server on loopback that misbehaves in every way it can."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from subtone.surfaces.alerts.delivery import (
    Delivery,
    DeliveryStatus,
    Outcome,
    OutcomeKind,
    RetryPolicy,
    plan,
    replay,
)
from subtone.surfaces.alerts.rules import AlertRule, AlertSeverity
from subtone.surfaces.alerts.sender import Sender, SenderPolicy, by_name, deliver
from subtone.surfaces.alerts.signature import is_signed
from subtone.surfaces.alerts.sinks import Sink, SinkKind, render
from subtone.surfaces.alerts.store import InMemoryAlertStore
from support_alerts import NOON_MS, Desk, S, decision, replace

LOOSE = SenderPolicy(schemes=frozenset({"http", "https"}), total_s=2.0)
POLICY = RetryPolicy(max_attempts=3, base_ms=1_000)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(line: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


@dataclass
class Peer:
    """A receiver: what it heard, and what it answers next."""

    port: int = 0
    answers: list[bytes] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            self.heard.append((head[0], headers, body))
            said = self.answers.pop(0) if self.answers else OK
            if said == b"silence":
                await reader.read()
            else:
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.heard.append(("broken", {}, b""))
        finally:
            writer.close()


@asynccontextmanager
async def peer(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    found = Peer(answers=list(answers))
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.t_ms = NOON_MS

    def now_ms(self) -> int:
        return self.t_ms


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(15):
            await main()

    asyncio.run(bounded())


def stocked(url: str, **changes: Any) -> tuple[InMemoryAlertStore, dict[str, Sink], Delivery]:
    rule = AlertRule(name="risk", severity=AlertSeverity.WARNING, states=(S.ESCALATION_RISK,))
    alerts = Desk(rule).see(decision(5_000, S.ESCALATION_RISK))
    sink = Sink(
        **{"name": "hook", "kind": SinkKind.WEBHOOK, "url": url, "secrets": ("k",)} | changes
    )
    store = InMemoryAlertStore()
    deliveries = plan(alerts, [sink], str, NOON_MS)
    store.commit(alerts, deliveries)
    return store, by_name([sink]), deliveries[0]


async def deliver_due(
    store: InMemoryAlertStore, sinks: dict[str, Sink], sender: Sender, clock: HandClock
) -> int:
    """Attempt what is due once; how many that was."""
    due = store.due(clock.now_ms(), 99)
    await deliver(due, store, sinks, sender, clock, POLICY)
    return len(due)


async def attempt(url: str, policy: SenderPolicy = LOOSE, **changes: Any) -> Outcome:
    _, sinks, delivery = stocked(url, **changes)
    request = render(sinks["hook"], delivery.alert, delivery.delivery_id, NOON_MS)
    async with Sender(policy) as sender:
        return await sender.attempt(sinks["hook"], request)


def test_an_alert_arrives_signed_and_with_its_key() -> None:
    async def main() -> None:
        async with peer() as desk, Sender(LOOSE) as sender:
            store, sinks, delivery = stocked(desk.url)
            assert await deliver_due(store, sinks, sender, HandClock()) == 1
            assert await deliver_due(store, sinks, sender, HandClock()) == 0
        (line, headers, body) = desk.heard[0]
        assert line == "POST /hook HTTP/1.1"
        assert headers["host"] == f"127.0.0.1:{desk.port}"
        assert headers["idempotency-key"] == delivery.delivery_id
        assert is_signed(body, headers["subtone-signature"], "k", NOON_MS // 1_000)
        assert delivery.alert.alert_id.encode() in body
        assert [d.delivery_id for d in store.deliveries(DeliveryStatus.DELIVERED)] == [
            delivery.delivery_id
        ]

    run(main)


def test_failures_are_retried_until_it_dies_and_a_replay_delivers_it() -> None:
    async def main() -> None:
        bad = answer("503 Service Unavailable")
        clock = HandClock()
        async with peer(bad, b"", answer("500 Oops")) as desk, Sender(LOOSE) as sender:
            store, sinks, delivery = stocked(desk.url)
            for _ in range(3):
                assert await deliver_due(store, sinks, sender, clock) == 1
                assert await deliver_due(store, sinks, sender, clock) == 0
                clock.t_ms = store.next_due_ms() or clock.t_ms
            (dead,) = store.deliveries(DeliveryStatus.DEAD)
            assert (dead.attempts, dead.last_error) == (3, "answered 500")
            store.save(replay(dead, clock.t_ms))
            assert await deliver_due(store, sinks, sender, clock) == 1
        assert len(store.deliveries(DeliveryStatus.DELIVERED)) == 1
        keys = {headers["idempotency-key"] for _, headers, _ in desk.heard}
        assert keys == {delivery.delivery_id}
        assert len({body for *_, body in desk.heard}) == 1
        assert len(desk.heard) == 4

    run(main)


def test_a_crash_between_send_and_mark_sends_the_same_key_again() -> None:
    class DyingStore(InMemoryAlertStore):
        is_dying = True

        def save(self, delivery: Delivery) -> None:
            if self.is_dying:
                raise OSError("the disk is gone")
            super().save(delivery)

    async def main() -> None:
        async with peer() as desk, Sender(LOOSE) as sender:
            filled, sinks, delivery = stocked(desk.url)
            store = DyingStore()
            store.commit([delivery.alert], filled.deliveries(DeliveryStatus.PENDING))
            with pytest.raises(ExceptionGroup):
                await deliver_due(store, sinks, sender, HandClock())
            store.is_dying = False
            await deliver_due(store, sinks, sender, HandClock())
        keys = [headers["idempotency-key"] for _, headers, _ in desk.heard]
        assert keys == [delivery.delivery_id] * 2
        assert len(store.deliveries(DeliveryStatus.DELIVERED)) == 1

    run(main)


@pytest.mark.parametrize(
    ("said", "kind", "error"),
    [
        (answer("204 No Content"), "delivered", None),
        (answer("404 Not Found"), "refused", "answered 404"),
        (answer("429 Slow", "Retry-After: 7"), "retry", "answered 429"),
        (answer("429 Slow", "Retry-After: Tue, 01 Jan 2030 00:00:00 GMT"), "retry", "answered 429"),
        (b"silence", "retry", "no answer in time"),
        (b"", "retry", "not reached (RemoteProtocolError)"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "retry", "not reached (RemoteProtocolError)"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            "retry",
            "not reached (RemoteProtocolError)",
        ),
    ],
)
def test_what_the_peer_does_becomes_an_outcome(said: bytes, kind: str, error: str | None) -> None:
    async def main() -> None:
        async with peer(said) as desk:
            policy = SenderPolicy(schemes=LOOSE.schemes, total_s=0.5)
            found = await attempt(desk.url, policy)
        assert (found.kind, found.error) == (kind, error)
        is_timed = b"Retry-After: 7" in said
        assert found.retry_after_ms == (7_000 if is_timed else 0)

    run(main)


def test_a_redirect_is_never_followed() -> None:
    async def main() -> None:
        async with peer() as trap:
            move = answer("307 Temporary Redirect", f"Location: {trap.url}")
            async with peer(move) as desk:
                found = await attempt(desk.url)
        assert found.kind is OutcomeKind.REFUSED
        assert "redirect" in (found.error or "")
        assert trap.heard == []

    run(main)


def test_an_endless_or_packed_answer_is_not_read_to_its_end() -> None:
    async def main() -> None:
        endless = b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 200_000
        packed = answer("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8bnonsense")
        async with peer(endless, packed) as desk:
            assert (await attempt(desk.url)).kind is OutcomeKind.DELIVERED
            assert (await attempt(desk.url)).kind is OutcomeKind.DELIVERED
            assert desk.heard[0][1]["accept-encoding"] == "identity"

    run(main)


def test_a_chat_that_says_no_with_status_200_is_heard() -> None:
    async def main() -> None:
        body = b'{"errcode":310000,"errmsg":"PRIVATE"}'
        async with peer(answer("200 OK", body=body)) as desk:
            found = await attempt(desk.url, kind=SinkKind.DINGTALK)
        assert found == Outcome(OutcomeKind.RETRY, "dingtalk refused it with code 310000")

    run(main)


def test_a_port_nobody_listens_on_and_a_name_nobody_has() -> None:
    async def main() -> None:
        async with peer() as gone:
            pass
        assert (await attempt(gone.url)).error == "not reached (ConnectError)"
        unknown = await attempt("http://no-such-desk.invalid/")
        assert unknown.kind is OutcomeKind.RETRY

    run(main)


def test_only_allowed_schemes_are_posted_to() -> None:
    async def main() -> None:
        async with peer() as desk:
            found = await attempt(desk.url, SenderPolicy())
        assert (found.kind, desk.heard) == (OutcomeKind.REFUSED, [])
        assert "https" in (found.error or "")

    run(main)


BLOCKED = [
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", BLOCKED)
def test_metadata_and_link_local_addresses_are_blocked(address: str) -> None:
    assert Sender().is_blocked(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "192.168.1.2", "1.1.1.1", "fd12::1"])
def test_an_own_network_is_not_blocked(address: str) -> None:
    assert not Sender().is_blocked(ipaddress.ip_address(address))


def test_a_blocked_network_can_be_allowed_by_name() -> None:
    allowed = (ipaddress.ip_network("169.254.7.0/24"),)
    sender = Sender(SenderPolicy(allowed_networks=allowed))
    assert not sender.is_blocked(ipaddress.ip_address("169.254.7.1"))
    assert sender.is_blocked(ipaddress.ip_address("169.254.169.254"))


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:a9fe:a9fe]", "2852039166", "0xa9fea9fe"]
)
def test_a_blocked_address_is_refused_however_it_is_written(host: str) -> None:
    async def main() -> None:
        found = await attempt(f"http://{host}/latest/meta-data")
        assert found.kind is OutcomeKind.REFUSED
        assert "link-local" in (found.error or "")

    run(main)


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is harmless when it is checked may not be something else a moment later."""

    async def main() -> None:
        async with peer() as desk:
            loop, asked = asyncio.get_running_loop(), []

            async def resolve(host: str, port: int, **_: Any) -> list[Any]:
                asked.append(host)
                last = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
                return [(2, 1, 6, "", (last, port))]

            monkeypatch.setattr(loop, "getaddrinfo", resolve)
            found = await attempt(f"http://desk.example:{desk.port}/hook")
        assert found.kind is OutcomeKind.DELIVERED
        assert desk.heard[0][1]["host"] == f"desk.example:{desk.port}"
        assert asked[0] == "desk.example"
        assert set(asked[1:]) <= {"127.0.0.1"}  # nothing but the address itself

    run(main)


def certified(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for one host, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "desk.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    return serving, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize(
    ("host", "kind"), [("desk.example", "delivered"), ("evil.example", "retry")]
)
def test_the_certificate_must_be_the_names_not_the_addresss(
    host: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving, trust = certified("desk.example", tmp_path)

    async def main() -> None:
        async def resolve(_host: str, port: int, **_: Any) -> list[Any]:
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        async with peer(tls=serving) as desk, Sender(SenderPolicy(), trust) as sender:
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
            _, sinks, delivery = stocked(f"https://{host}:{desk.port}/hook")
            request = render(sinks["hook"], delivery.alert, delivery.delivery_id, NOON_MS)
            found = await sender.attempt(sinks["hook"], request)
        assert found.kind == kind
        assert len(desk.heard) == (kind == "delivered")

    run(main)


def test_one_slow_receiver_does_not_stop_another_and_a_lost_sink_is_dead_not_stuck() -> None:
    async def main() -> None:
        policy = SenderPolicy(schemes=LOOSE.schemes, total_s=0.5)
        async with peer(b"silence") as slow, peer() as desk, Sender(policy) as sender:
            store, sinks, delivery = stocked(slow.url)
            good = Sink(name="good", kind=SinkKind.SLACK, url=desk.url)
            gone = replace(good, name="gone")
            sent = replace(delivery.alert)
            store.commit([], plan([sent], [good, gone], str, NOON_MS))
            served = by_name([*sinks.values(), good])
            assert await deliver_due(store, served, sender, HandClock()) == 3
        standing = {d.sink: status for status in DeliveryStatus for d in store.deliveries(status)}
        assert standing == {
            "hook": DeliveryStatus.PENDING,
            "good": DeliveryStatus.DELIVERED,
            "gone": DeliveryStatus.DEAD,
        }

    run(main)


def test_two_sinks_of_one_name_are_refused() -> None:
    sink = Sink(name="s", kind=SinkKind.SLACK, url="https://a.example/")
    with pytest.raises(ValueError, match="two sinks"):
        by_name([sink, sink])
