"""A call goes wrong: one signed alert arrives, once, whatever fails or restarts in between."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest
import soundfile

from subtone.contracts.vocabulary import AudioEncoding, Role
from subtone.ingest.wire import StreamEvent, StreamMedia, StreamOpened, StreamText, StreamTrack
from subtone.runtime.config import AlertsConfig, Scope, Secret
from subtone.runtime.journal import JournalFullError
from subtone.runtime.journal.database import FILE_NAME
from subtone.runtime.journal.reader import call_digest
from subtone.runtime.samples import sample_call
from subtone.surfaces.alerts.delivery import DeliveryStatus
from subtone.surfaces.alerts.signature import is_signed
from support_live import Live, live_server

LIMIT_S = 30.0
SECRET = "a shared secret"
CARD = "4111 1111 1111 1111"
RULES = """
[[rules]]
name = "masked"
severity = "warning"
states = ["hidden_frustration"]

[[sinks]]
name = "desk"
kind = "webhook"
url = "http://127.0.0.1:{port}/hook"
teams = ["retention"]

[delivery]
is_http_allowed = true
base_ms = 100
max_attempts = 3
"""


@dataclass
class Receiver:
    """A webhook's other end: what it heard, and which status it answers next (then 200)."""

    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        self.heard.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @property
    def keys(self) -> list[str]:
        return [headers["idempotency-key"] for headers, _ in self.heard]


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    found = Receiver(list(statuses))
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


def configured(folder: Path, port: int) -> AlertsConfig:
    rules = folder / "alerts.toml"
    rules.write_text(RULES.format(port=port), encoding="utf-8")
    return AlertsConfig(rules=str(rules), webhook_secret=Secret(SECRET))


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await test()

    asyncio.run(bounded())


async def until(found: Callable[[], Any], limit_s: float = 15.0) -> Any:
    async with asyncio.timeout(limit_s):
        while True:
            value = found()
            if value:
                return value
            await asyncio.sleep(0.02)


def t_ms_of(event: StreamEvent) -> int:
    """Media time at which a live peer would have it."""
    assert isinstance(event, StreamMedia | StreamText)
    end_ms = event.t_end_ms if isinstance(event, StreamText) else None
    return event.t_stream_ms if end_ms is None else end_ms


def sample_events(until_ms: int) -> list[StreamEvent]:
    """The sample call in which mild words meet an agitated voice, from its begin."""
    audio, text = sample_call("hidden_frustration.en")
    samples, rate_hz = soundfile.read(audio, dtype="int16")
    roles = (Role.AGENT, Role.CUSTOMER)
    tracks = tuple(
        StreamTrack(track_id=role.value, role=role, sample_rate_hz=rate_hz) for role in roles
    )
    labels = (("team", "retention"), ("supervisor", "wang"), ("tenant", "another"))
    opened = StreamOpened(
        provider="test", stream_id="s", call_id="c1", tracks=tracks, attributes=labels
    )
    heard: list[StreamEvent] = [
        StreamMedia(
            track_id=role.value,
            t_stream_ms=t_ms,
            encoding=AudioEncoding.PCM_S16LE,
            sample_rate_hz=rate_hz,
            payload=samples[
                t_ms * rate_hz // 1000 : (t_ms + 200) * rate_hz // 1000, channel
            ].tobytes(),
        )
        for t_ms in range(0, until_ms, 200)
        for channel, role in enumerate(roles)
    ]
    said = [
        StreamText(
            text_id=f"t{number}",
            role=Role(turn["role"]),
            t_stream_ms=turn["t_ms"],
            t_end_ms=turn["end_ms"],
            # who is annoyed gives card numbers
            text=turn["text"] + (f" {CARD}" if turn["role"] == "customer" else ""),
        )
        for number, turn in enumerate(map(json.loads, text.read_text("utf-8").splitlines()))
        if turn["end_ms"] < until_ms
    ]
    return [opened, *sorted([*heard, *said], key=t_ms_of)]


async def play(live: Live, from_ms: int = 0, until_ms: int = 76_000) -> None:
    """What a socket does with its codec's events, faster than the clock."""
    opened, *events = sample_events(until_ms)
    assert isinstance(opened, StreamOpened)
    hub = live.parts.hub
    if from_ms == 0:
        hub.call("c1", has_text=True)
        live.parts.alerting.label("c1", opened.attributes)
        hub.receive("c1", "s", [opened])
    fresh = [event for event in events if t_ms_of(event) >= from_ms]
    for at in range(0, len(fresh), 500):
        hub.receive("c1", "s", fresh[at : at + 500])
        await hub.durable("c1")


async def alerts_of(live: Live, **query: str) -> list[dict[str, Any]]:
    answer = await live.call("GET", "/v1/alerts", Scope.READ, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


def test_one_signed_alert_arrives_and_is_judged(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            receiver() as peer,
            live_server(tmp_path / "j", alerts=configured(tmp_path, peer.port)) as live,
        ):
            await play(live)
            await until(lambda: peer.heard)
            headers, body = peer.heard[0]
            now_s = live.parts.now_ms() // 1000
            assert is_signed(body, headers["subtone-signature"], SECRET, now_s)
            assert not is_signed(body, headers["subtone-signature"], "another", now_s)
            told = json.loads(body)
            assert told["delivery_id"] == headers["idempotency-key"]
            alert = told["alert"]
            assert (alert["call_id"], alert["state"]) == ("c1", "hidden_frustration")
            assert (alert["team"], alert["supervisor"]) == ("retention", "wang")
            assert alert["tenant"] == "default"  # not a peer's to choose
            quotes = [found["quote"] for found in alert["evidence"] if found["quote"]]
            assert any("[card]" in quote for quote in quotes)
            assert CARD not in body.decode()

            (listed,) = await alerts_of(live, standing="open")
            assert listed["alert_id"] == alert["alert_id"]
            assert CARD not in json.dumps(listed)
            path = f"/v1/alerts/{alert['alert_id']}"
            taken = await live.call(
                "POST", f"{path}/acknowledge", Scope.OPERATE, json={"by": "wang"}
            )
            assert taken.status_code == 200
            assert (taken.json()["verdict"], taken.json()["judged_by"]) == ("useful", "wang")
            assert CARD not in taken.text
            got = await live.call("GET", path, Scope.READ)
            assert got.json() == taken.json()
            said = (await live.call("GET", "/v1/alerts/precision", Scope.READ)).json()
            assert said["all"]["value"] == 1.0
            assert said["by_rule"]["masked"]["judged_count"] == 1
            assert said["all"]["low"] == pytest.approx(0.2065, abs=1e-4)

            ended = await live.call("POST", "/v1/calls/c1/end", Scope.OPERATE, json={})
            assert ended.status_code == 202
            await until(lambda: not any(a.is_open for a in live.parts.alerting.alerts))
            (closed,) = await alerts_of(live, standing="closed")
            assert closed["change"] == "call_ended"
            assert len(peer.heard) == 1
            figures = (await live.call("GET", "/metrics", Scope.READ)).text
            assert 'subtone_delivery_attempts_total{outcome="delivered"} 1.0' in figures
            assert "subtone_deliveries_pending 0.0" in figures

            gone = await live.call("DELETE", "/v1/calls/c1", Scope.ADMIN)
            assert gone.status_code == 200, gone.text
            assert await alerts_of(live) == []
            assert live.parts.alerting.alerts == ()
            assert live.parts.alerting.store.delivery(told["delivery_id"]) is None

    run(test)


def test_a_failed_delivery_is_tried_again_after_a_restart_under_its_key(tmp_path: Path) -> None:
    async def test() -> None:
        async with receiver(503) as peer:
            alerts = configured(tmp_path, peer.port)
            async with live_server(tmp_path / "j", alerts=alerts) as live:
                await play(live)
                await until(lambda: peer.heard)
            async with live_server(tmp_path / "j", alerts=alerts) as live:
                await until(lambda: len(peer.heard) == 2)
                assert "c1" in live.parts.hub.calls
                (alert,) = await alerts_of(live, standing="open")
                dismissed = await live.call(
                    "POST",
                    f"/v1/alerts/{alert['alert_id']}/dismiss",
                    Scope.OPERATE,
                    json={"reason": "false_alarm"},
                )
                assert dismissed.json()["judged_by"] == "operate"
                await asyncio.sleep(1.5)
            assert len(set(peer.keys)) == 1
            assert len(peer.heard) == 2
            async with live_server(tmp_path / "j", alerts=alerts) as live:
                said = (await live.call("GET", "/v1/alerts/precision", Scope.READ)).json()
                assert (said["all"]["judged_count"], said["all"]["value"]) == (1, 0.0)

    run(test)


def test_what_a_kill_leaves_says_nothing_twice(tmp_path: Path) -> None:
    """The files as they lie on disk while the server runs are what SIGKILL leaves."""

    async def test() -> None:
        async with receiver() as peer:
            alerts = configured(tmp_path, peer.port)
            async with live_server(tmp_path / "j", alerts=alerts) as live:
                store = live.parts.alerting.store
                await play(live, 0, 40_000)
                kept = await until(lambda: (m := store.memory()) and b"wang" in m.body and m)
                await play(live, 40_000, 76_000)
                await until(lambda: peer.heard)
                await until(lambda: store.next_due_ms() is None)
                shutil.copytree(tmp_path / "j", tmp_path / "killed")
                shutil.copytree(tmp_path / "j", tmp_path / "killed_early")
            async with live_server(tmp_path / "killed", alerts=alerts) as live:
                await asyncio.sleep(1.5)
                (alert,) = await alerts_of(live, standing="open")
                assert len(peer.heard) == 1

            # as if the process had died with the outputs recorded and the alert not committed
            with closing(apsw.Connection(str(tmp_path / "killed_early" / FILE_NAME))) as database:
                database.execute("DELETE FROM alerts")
                database.execute("DELETE FROM deliveries")
                row = (kept.cursor, kept.body)
                database.execute("UPDATE alert_memory SET cursor = ?, body = ?", row)
            async with live_server(tmp_path / "killed_early", alerts=alerts) as live:
                await until(lambda: len(peer.heard) == 2)
                (again,) = await alerts_of(live, standing="open")
                assert again["alert_id"] == alert["alert_id"]
            assert len(set(peer.keys)) == 1

    run(test)


def test_a_full_disk_delays_alerts_and_refuses_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JournalFullError("the disk is full")

    async def test() -> None:
        async with (
            receiver() as peer,
            live_server(tmp_path / "j", alerts=configured(tmp_path, peer.port)) as live,
        ):
            alerting = live.parts.alerting
            with monkeypatch.context() as broken:
                broken.setattr(alerting.store, "keep", full)
                await play(live)
                await asyncio.sleep(0.5)
                assert len(alerting.alerts) == 0
            await until(lambda: peer.heard)
            (alert,) = alerting.alerts
            path = f"/v1/alerts/{alert.alert_id}/acknowledge"
            with monkeypatch.context() as broken:
                broken.setattr(alerting.store, "keep", full)
                refused = await live.call("POST", path, Scope.OPERATE, json={})
                assert refused.status_code == 507
                assert alerting.alerts[0].verdict is None
            taken = await live.call("POST", path, Scope.OPERATE, json={})
            assert taken.json()["revision"] == alert.revision + 1
            assert len(peer.heard) == 1

    run(test)


def test_a_memory_that_cannot_be_read_closes_what_stood(tmp_path: Path) -> None:
    async def test() -> None:
        async with receiver() as peer:
            alerts = configured(tmp_path, peer.port)
            async with live_server(tmp_path / "j", alerts=alerts) as live:
                await play(live)
                await until(lambda: peer.heard)
                await until(lambda: live.parts.alerting.store.next_due_ms() is None)
            with closing(apsw.Connection(str(tmp_path / "j" / FILE_NAME))) as database:
                database.execute("UPDATE alert_memory SET body = x'7b7d'")
            for _ in range(2):
                async with live_server(tmp_path / "j", alerts=alerts) as live:
                    (alert,) = await alerts_of(live)
                    assert (alert["is_open"], alert["change"]) == (False, "call_ended")
                    assert alert["revision"] == 1
            assert len(peer.heard) == 1

    run(test)


def test_an_erased_call_leaves_no_words_in_an_alert_on_other_calls(tmp_path: Path) -> None:
    async def test() -> None:
        nobody = configured(tmp_path, 9)
        async with live_server(tmp_path / "j", alerts=nobody) as live:
            alerting = live.parts.alerting
            await play(live)
            await until(lambda: alerting.alerts)
            assert alerting.alerts[0].evidence
            await alerting.forget([call_digest("another")])
            assert alerting.alerts[0].evidence
            await alerting.forget([call_digest("c1")])
            assert [(a.is_open, a.evidence) for a in alerting.alerts] == [(True, ())]

    run(test)


def test_a_dead_delivery_is_listed_and_replayed(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            receiver(410) as peer,
            live_server(tmp_path / "j", alerts=configured(tmp_path, peer.port)) as live,
        ):
            await play(live)
            await until(lambda: peer.heard)

            async def listed() -> list[dict[str, Any]]:
                answer = await live.call("GET", "/v1/deliveries", Scope.READ)
                found: list[dict[str, Any]] = answer.json()["deliveries"]
                return found

            await until(lambda: live.parts.alerting.store.delivery_count(DeliveryStatus.DEAD))
            dead = await listed()
            assert dead[0]["last_error"] == "answered 410"
            path = f"/v1/deliveries/{dead[0]['delivery_id']}/replay"
            again = await live.call("POST", path, Scope.OPERATE)
            assert (again.status_code, again.json()["status"]) == (202, "pending")
            await until(lambda: len(peer.heard) == 2)
            assert len(set(peer.keys)) == 1
            await until(lambda: live.parts.alerting.store.next_due_ms() is None)
            assert await listed() == []

    run(test)


def test_refusals(tmp_path: Path) -> None:
    unknown = "0" * 32

    async def test() -> None:
        async with live_server(tmp_path / "j") as live:
            for method, path, scope, body, status in (
                ("GET", "/v1/alerts", None, None, 401),
                ("GET", "/v1/alerts", Scope.OPERATE, None, 403),
                ("GET", "/v1/alerts?standing=gone", Scope.READ, None, 400),
                ("GET", f"/v1/alerts/{unknown}", Scope.READ, None, 404),
                ("GET", "/v1/alerts/nothing", Scope.READ, None, 400),
                ("POST", f"/v1/alerts/{unknown}/acknowledge", Scope.READ, {}, 403),
                ("POST", f"/v1/alerts/{unknown}/acknowledge", Scope.OPERATE, {}, 404),
                ("POST", f"/v1/alerts/{unknown}/dismiss", Scope.OPERATE, {}, 400),
                (
                    "POST",
                    f"/v1/alerts/{unknown}/dismiss",
                    Scope.OPERATE,
                    {"reason": "useful"},
                    422,
                ),
                (
                    "POST",
                    f"/v1/alerts/{unknown}/dismiss",
                    Scope.OPERATE,
                    {"reason": "duplicate"},
                    404,
                ),
                ("POST", f"/v1/deliveries/{unknown}/replay", Scope.OPERATE, None, 404),
            ):
                answer = await live.call(method, path, scope, json=body)
                assert answer.status_code == status, (path, answer.text)
            said = (await live.call("GET", "/v1/alerts/precision", Scope.READ)).json()
            assert said["all"]["value"] is None
            assert (await live.call("GET", "/v1/alerts", Scope.READ)).json() == {
                "alerts": [],
                "next": None,
            }

    run(test)
