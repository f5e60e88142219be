"""Figures of the running server in Prometheus' words; never a call's id, a word or a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from subtone.contracts.vocabulary import SessionState

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4"  # the charset is added when it is sent


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure that is read when asked for."""

    name: str
    help: str
    is_total: bool
    read: Callable[[], float]


class Metrics:
    """All figures of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.sockets = Gauge(
            "subtone_sockets", "Open sockets by kind.", ["kind"], registry=registry
        )
        self.peer_errors = Counter(
            "subtone_peer_errors", "Peers that broke their protocol.", ["kind"], registry=registry
        )
        self.record_errors = Counter(
            "subtone_record_errors", "Outputs the journal did not take.", registry=registry
        )
        self.dropped_followers = Counter(
            "subtone_dropped_followers", "Followers too slow to be served.", registry=registry
        )
        self._outputs = Counter(
            "subtone_outputs", "What the kernel said, by kind.", ["kind"], registry=registry
        )
        self._decisions = Counter(
            "subtone_decisions", "Decided moments by state.", ["state"], registry=registry
        )
        self._latency = Histogram(
            "subtone_batch_seconds",
            "From collecting a call's batch to its outputs.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )

    def count_output(self, kind: str) -> None:
        """One thing the kernel said."""
        self._outputs.labels(kind).inc()

    def count_decision(self, state: SessionState) -> None:
        """One decided moment."""
        self._decisions.labels(state.value).inc()

    def observe_batch_ms(self, latency_ms: int) -> None:
        """One call's batch went through."""
        self._latency.observe(latency_ms / 1000.0)

    def watch(self, readings: Iterable[Reading]) -> None:
        """Add figures that others keep."""
        self.registry.register(_Watched(tuple(readings)))

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)


class _Watched(Collector):
    def __init__(self, readings: tuple[Reading, ...]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        for reading in self._readings:
            family = CounterMetricFamily if reading.is_total else GaugeMetricFamily
            yield family(reading.name, reading.help, value=reading.read())
