"""Spans of the server's stages for OpenTelemetry: a call's id and numbers, nothing else.

Without ``log.otlp_endpoint`` there is no Tracing and no stage does anything for it. A span
covers a batch, never a frame: messages of a media socket are gathered for a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from time import time_ns
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

import subtone
from subtone.contracts.inbound import InboundEvent
from subtone.ingest.wire import Received
from subtone.runtime.live.hub import DurableLog, Fed, FeedBatch, RunningCall
from subtone.surfaces.alerts.delivery import OutcomeKind

INGEST_DECODE: Final = "subtone.ingest.decode"
JOURNAL_COMMIT: Final = "subtone.journal.commit"
KERNEL_FEED: Final = "subtone.kernel.feed"
ALERT_DELIVERY: Final = "subtone.alert.delivery"

GATHER_NS: Final = 1_000_000_000
EXPORT_TIMEOUT_S: Final = 5
TRACES_PATH: Final = "/v1/traces"
_ROOT: Final = Context()  # stages belong to no request

Decode = Callable[[str | bytes, int], Received]


class Tracing:
    """Makes spans and hands them to a processor. All methods may be called on any thread."""

    def __init__(self, processor: SpanProcessor) -> None:
        resource = Resource.create(
            {"service.name": "subtone", "service.version": subtone.__version__}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("subtone", subtone.__version__)

    @contextmanager
    def span(self, name: str, **numbers: str | int) -> Iterator[dict[str, str | int]]:
        """One stage's work; what is put into the yielded dictionary is told, too.

        An exception marks the span as failed. Its message is not told: it may quote somebody.
        """
        span = self._tracer.start_span(name, context=_ROOT)
        try:
            yield numbers
        except BaseException:
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.set_attributes({_key(key): value for key, value in numbers.items()})
            span.end()

    def past(self, name: str, start_ns: int, end_ns: int, **numbers: str | int) -> None:
        """A stage's work that is over, in Unix nanoseconds."""
        attributes = {_key(key): value for key, value in numbers.items()}
        span = self._tracer.start_span(
            name, context=_ROOT, start_time=start_ns, attributes=attributes
        )
        span.end(end_ns)

    def log(self, log: DurableLog) -> DurableLog:
        """The journal, each commit a span."""
        return _TracedLog(self, log)

    def feed(self, feed: FeedBatch) -> FeedBatch:
        """The kernel's work on one batch of one call, each a span."""

        def traced(
            running: RunningCall, events: Sequence[InboundEvent], seq: int, snapshot_ms: int
        ) -> Fed:
            call_id = running.live.call_id
            with self.span(KERNEL_FEED, call_id=call_id, event_count=len(events)) as told:
                fed = feed(running, events, seq, snapshot_ms)
                told["refused_count"] = fed.refused_count
                return fed

        return traced

    def delivered(self, began_ns: int, body_bytes: int, outcome: OutcomeKind) -> None:
        """One attempt to deliver an alert, which began then and is over now."""
        self.past(ALERT_DELIVERY, began_ns, time_ns(), body_bytes=body_bytes, outcome=outcome.value)

    def gathering(self, decode: Decode, call_id: Callable[[], str]) -> Gathering:
        """A socket's decoding, a span a second."""
        return Gathering(self, decode, call_id)

    def close(self) -> None:
        """Send what waits, for no longer than EXPORT_TIMEOUT_S, and stop."""
        self._provider.force_flush(EXPORT_TIMEOUT_S * 1000)
        self._provider.shutdown()


class Gathering:
    """Many small pieces of work as one span a second; belongs to one task."""

    def __init__(self, tracing: Tracing, decode: Decode, call_id: Callable[[], str]) -> None:
        self._tracing = tracing
        self._decode = decode
        self._call_id = call_id
        self._since_ns = self._busy_ns = self._count = 0

    def __call__(self, message: str | bytes, now_ms: int) -> Received:
        """Decode one message."""
        began_ns = time_ns()
        self._since_ns = self._since_ns or began_ns
        try:
            return self._decode(message, now_ms)
        finally:
            ended_ns = time_ns()
            self._busy_ns += ended_ns - began_ns
            self._count += 1
            if ended_ns - self._since_ns >= GATHER_NS:
                self.flush()

    def flush(self) -> None:
        """Tell what was gathered."""
        if self._count:
            self._tracing.past(
                INGEST_DECODE,
                self._since_ns,
                time_ns(),
                call_id=self._call_id(),
                message_count=self._count,
                busy_us=self._busy_ns // 1000,
            )
        self._since_ns = self._busy_ns = self._count = 0


def open_tracing(endpoint: str) -> Tracing:
    """Tracing to an OTLP receiver; an endpoint without a path gets the standard one."""
    if urlsplit(endpoint).path in ("", "/"):
        endpoint = endpoint.rstrip("/") + TRACES_PATH
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S)
    return Tracing(BatchSpanProcessor(exporter))


class _TracedLog:
    def __init__(self, tracing: Tracing, log: DurableLog) -> None:
        self._tracing = tracing
        self._log = log

    def submit(self, events: Sequence[InboundEvent]) -> Future[int]:
        began_ns = time_ns()
        committed = self._log.submit(events)
        counts = {"event_count": len(events), "call_count": len({e.call_id for e in events})}

        def told(done: Future[int]) -> None:
            has_failed = int(done.cancelled() or done.exception() is not None)
            self._tracing.past(JOURNAL_COMMIT, began_ns, time_ns(), is_failed=has_failed, **counts)

        committed.add_done_callback(told)
        return committed


def _key(name: str) -> str:
    return f"subtone.{name}"
