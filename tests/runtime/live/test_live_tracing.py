"""Spans of every stage, in memory and at a receiver on a socket; nothing at all when off."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from subtone.contracts.inbound import ChatMessage
from subtone.contracts.vocabulary import Role
from subtone.ingest.wire import Received, WireError
from subtone.runtime.config import ConfigError, HttpConfig, JournalConfig, LogConfig, RuntimeConfig
from subtone.runtime.live import server as live_server
from subtone.runtime.live.hosted import hosted
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import Packet
from subtone.surfaces.alerts.delivery import OutcomeKind

pytest.importorskip("opentelemetry.sdk", reason="the extra subtone[otel] is not installed")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="no OTLP exporter")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

from subtone.runtime.live.tracing import (
    ALERT_DELIVERY,
    INGEST_DECODE,
    JOURNAL_COMMIT,
    KERNEL_FEED,
    Gathering,
    Tracing,
)

ROLES = (Role.AGENT, Role.CUSTOMER)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return Tracing(SimpleSpanProcessor(exporter))


def told(exporter: InMemorySpanExporter) -> list[tuple[str, dict[str, Any]]]:
    return [(s.name, dict(s.attributes or {})) for s in exporter.get_finished_spans()]


def test_a_failed_stage_is_marked_and_never_quotes(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="secret words"), tracing.span("s", call_id="c"):
        raise ValueError("secret words")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert "secret" not in span.to_json()
    assert dict(span.attributes or {}) == {"subtone.call_id": "c"}


def test_messages_of_a_socket_are_gathered_into_one_span(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    def decode(message: str | bytes, _now_ms: int) -> Received:
        if message == b"bad":
            raise WireError("bad")
        return Received()

    gathering = Gathering(tracing, decode, lambda: "CA1")
    for _ in range(50):
        gathering(b"frame", 0)
    with pytest.raises(WireError):
        gathering(b"bad", 0)
    gathering.flush()
    gathering.flush()
    ((name, numbers),) = told(exporter)
    assert name == INGEST_DECODE
    assert (numbers["subtone.call_id"], numbers["subtone.message_count"]) == ("CA1", 51)
    assert numbers["subtone.busy_us"] >= 0


def test_each_commit_is_a_span_whether_or_not_it_worked(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    class Log:
        def submit(self, _events: object) -> Future[int]:
            self.done: Future[int] = Future()
            return self.done

    plain = Log()
    log = tracing.log(plain)
    message = ChatMessage(
        call_id="c", t_event_ms=0, t_seen_ms=0, message_id="m", role=Role.AGENT, text="words"
    )
    taken = log.submit([message, message])
    assert told(exporter) == []
    plain.done.set_result(2)
    assert taken.result() == 2
    log.submit([message])
    plain.done.set_exception(OSError("the disk said secret words"))
    numbers = [n for name, n in told(exporter) if name == JOURNAL_COMMIT]
    assert [(n["subtone.event_count"], n["subtone.is_failed"]) for n in numbers] == [(2, 0), (1, 1)]
    assert {n["subtone.call_count"] for n in numbers} == {1}


def test_an_attempt_to_deliver_is_a_span(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.delivered(1, 400, OutcomeKind.RETRY)
    assert told(exporter) == [
        (ALERT_DELIVERY, {"subtone.body_bytes": 400, "subtone.outcome": "retry"})
    ]


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP receiver on loopback and the bodies it got."""
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


def test_a_call_through_the_server_arrives_at_an_otlp_receiver(tmp_path: Path) -> None:
    packets = [
        Packet(track, number, 20 * number, 20.0 * number, bytes(160))
        for number in range(25)
        for track in (0, 1)
    ]
    with collector() as (endpoint, bodies):
        config = RuntimeConfig(
            http=HttpConfig(port=0),
            journal=JournalConfig(path=str(tmp_path)),
            log=LogConfig(otlp_endpoint=endpoint),
        )
        with hosted(config) as server:
            headers = {"Authorization": f"Bearer {server.token}"}
            timed = twilio.messages("CA1", "MZ1", ROLES, packets)
            url = server.url.replace("http", "ws", 1) + "/v1/streams"
            asyncio.run(twilio.play(url, timed, speed=50.0, headers=headers))
            body = {"role": "customer", "text": "secret words"}
            said = httpx.post(f"{server.url}/v1/calls/CA1/messages", json=body, headers=headers)
            assert said.status_code == 202
    parse: Any = ExportTraceServiceRequest.FromString  # protobuf ships no types
    resources = [spans for sent in bodies for spans in parse(sent).resource_spans]
    spans = [span for r in resources for scope in r.scope_spans for span in scope.spans]
    assert {span.name for span in spans} == {INGEST_DECODE, JOURNAL_COMMIT, KERNEL_FEED}
    services = {(a.key, a.value.string_value) for r in resources for a in r.resource.attributes}
    assert ("service.name", "subtone") in services
    decoded = next(span for span in spans if span.name == INGEST_DECODE)
    numbers = {a.key: a.value.string_value or a.value.int_value for a in decoded.attributes}
    assert numbers["subtone.call_id"] == "CA1"
    assert numbers["subtone.message_count"] == len(packets) + 3
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)
    assert not [sent for sent in bodies if b"secret" in sent]


def test_a_receiver_that_is_not_there_costs_the_stop_no_more_than_its_limit(
    tmp_path: Path,
) -> None:
    config = RuntimeConfig(
        http=HttpConfig(port=0),
        journal=JournalConfig(path=str(tmp_path)),
        log=LogConfig(otlp_endpoint="http://127.0.0.1:9"),
    )
    with hosted(config) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        body = {"role": "customer", "text": "hello"}
        said = httpx.post(f"{server.url}/v1/calls/c/messages", json=body, headers=headers)
        assert said.status_code == 202


def test_without_an_endpoint_there_is_no_tracing() -> None:
    assert live_server._tracing(RuntimeConfig()) is None
    with pytest.raises(ValueError, match="otlp_endpoint"):
        LogConfig(otlp_endpoint="collector:4318")


def test_without_the_extra_the_server_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "subtone.runtime.live.tracing", None)
    config = RuntimeConfig(log=LogConfig(otlp_endpoint="http://127.0.0.1:4318"))
    with pytest.raises(ConfigError, match=r"install subtone\[otel\]"):
        live_server._tracing(config)
