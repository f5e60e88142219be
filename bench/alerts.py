"""Alerts as a supervisor meets them, on clean and bad lines: ``python -m bench.alerts``.

Composed calls (``bench.composed``) of every second speaker in order of their names. No threshold
of the machines was chosen on their calls; agitation's features were chosen on clips of all speakers
(``bench.agitation``). A call should be alerted when its
caller becomes angry (masked, mild, open, recovery) and never when not (calm, joyful). Printed per
line and calibration:

* precision and recall over calls: a call is found when an alert state (hidden frustration,
  risk, active escalation) is entered after the onset; any alert before it, or in a call that
  deserves none, is false;
* false alerts an hour of speech that deserves none;
* seconds from the onset to the first alert, and from that alert to ``active_escalation``
  (lead time) where open anger reached it; medians.

Lines: clean telephone; 5 % of 40 ms packets lost; white noise 15 dB below the caller's speech;
G.721 ADPCM at 32 kbit/s in tandem. ``science`` is SCIENCE's agitation formula without fitted
words, on the clean line.
"""

from __future__ import annotations

import argparse
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
import soundfile

from bench.composed.__main__ import read_calibration
from bench.composed.compose import ComposedCall, compose_all
from bench.composed.events import inbound
from bench.composed.kinds import KINDS
from bench.composed.measure import ALERTS
from bench.composed.perception import Listener, ears
from bench.composed.recording import Recording
from bench.corpora import DEFAULT_DATA, READERS, by_speaker, read_corpus, speech_level_db
from bench.telephone import LINE_RATE_HZ, Samples, decode, encode
from subtone.contracts.calibration import Calibration, FeatureWeight
from subtone.contracts.inbound import AudioChunk, InboundEvent
from subtone.contracts.vocabulary import AudioEncoding, SessionState, VoiceFeature
from subtone.kernel import pipeline

PACKET_MS = 40
CHUNK_MS = 200
LOSS = 0.05
NOISE_BELOW_DB = 15.0
DESERVING = frozenset({"masked", "mild", "open", "recovery"})
OPEN = frozenset({"open", "recovery"})

BEFORE = msgspec.structs.replace(
    Calibration(),
    version="science",
    text=msgspec.structs.replace(Calibration().text, fitted_max=0.0, fitted_relief=0.0),
    voice=msgspec.structs.replace(
        Calibration().voice,
        agitation_telephone=tuple(
            FeatureWeight(feature=feature, weight=weight)
            for feature, weight in (
                (VoiceFeature.F0_MEAN, 0.4),
                (VoiceFeature.ENERGY, 0.3),
                (VoiceFeature.TILT, 0.3),
            )
        ),
    ),
)

Change = Callable[[Samples, np.random.Generator], Samples]


def noisy(samples: Samples, rng: np.random.Generator) -> Samples:
    """White noise below the speech of this line."""
    level_db = speech_level_db(samples, LINE_RATE_HZ) - NOISE_BELOW_DB
    noise = rng.normal(0.0, 10.0 ** (level_db / 20.0), len(samples))
    return (samples + noise).astype(np.float32)


def tandem_adpcm(samples: Samples, rng: np.random.Generator) -> Samples:
    """G.721 at 32 kbit/s and back; nothing random."""
    del rng
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, LINE_RATE_HZ, format="AU", subtype="G721_32")
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    return np.asarray(decoded[: len(samples)], np.float32)


@dataclass(frozen=True)
class Line:
    """What a line does to the caller's audio, and how many of its packets it loses."""

    name: str
    change: Change | None = None
    loss: float = 0.0


LINES = (
    Line("clean"),
    Line("5 % loss", loss=LOSS),
    Line("noise", noisy),
    Line("G.721", tandem_adpcm),
)


@dataclass(frozen=True)
class Verdict:
    """One call's alerts."""

    kind: str
    found_ms: int | None  # onset to the first alert after it
    lead_ms: int | None  # first alert to active escalation
    false_alerts: int
    undeserving_ms: int  # how long nobody deserved an alert


@dataclass(frozen=True)
class AlertFigures:
    """All calls of one line under one calibration."""

    line: str
    calibration: str
    calls: int
    precision: float
    recall: float
    false_alerts_per_hour: float
    median_detection_s: float | None
    median_lead_s: float | None
    found: dict[str, str]  # by kind, "hits/calls"


def events(call: ComposedCall, line: Line) -> Iterator[InboundEvent]:
    """The call's events as this line brings them; the same call always loses the same packets."""
    recording = call.recording
    rng = np.random.default_rng(zlib.crc32(f"{line.name}/{recording.call_id}".encode()))
    if line.change is not None:
        recording = _changed(recording, line.change, rng)
    for event in inbound(recording, PACKET_MS if line.loss else CHUNK_MS):
        if not (isinstance(event, AudioChunk) and rng.random() < line.loss):
            yield event


def _changed(recording: Recording, change: Change, rng: np.random.Generator) -> Recording:
    samples = decode(recording.customer, AudioEncoding.MULAW)
    return replace(recording, customer=encode(change(samples, rng), AudioEncoding.MULAW))


def verdict(
    call: ComposedCall, line: Line, calibration: Calibration, listener: Listener | None = None
) -> Verdict:
    """Feed one call, as a listener hears it too, and look at its alerts."""
    state = pipeline.start(calibration)
    found_ms = active_ms = None
    false_alerts, was_alert = 0, False
    is_deserving = call.kind.name in DESERVING
    onset_ms = call.onset_ms if is_deserving else call.recording.duration_ms
    spoilt = events(call, line)
    for event in spoilt if listener is None else listener.heard(spoilt):
        state, outputs = pipeline.feed(state, event)
        for decision in outputs.decisions:
            t_ms, now = decision.snapshot.t_event_ms, decision.snapshot.state
            is_alert = now in ALERTS
            if is_alert and t_ms <= onset_ms:
                false_alerts += not was_alert
            elif is_alert and found_ms is None:
                found_ms = t_ms
            if now is SessionState.ACTIVE_ESCALATION and t_ms > onset_ms and active_ms is None:
                active_ms = t_ms
            was_alert = is_alert
    return Verdict(
        kind=call.kind.name,
        found_ms=None if found_ms is None else found_ms - onset_ms,
        lead_ms=None if found_ms is None or active_ms is None else active_ms - found_ms,
        false_alerts=false_alerts,
        undeserving_ms=onset_ms,
    )


def add_up(line: str, calibration: str, verdicts: Sequence[Verdict]) -> AlertFigures:
    """Figures of all calls; raises ValueError when none deserves an alert."""
    deserving = [v for v in verdicts if v.kind in DESERVING]
    if not deserving:
        raise ValueError("no call deserves an alert: precision and recall mean nothing")
    hits = [v for v in deserving if v.found_ms is not None]
    false_calls = sum(v.false_alerts > 0 for v in verdicts)
    hours = sum(v.undeserving_ms for v in verdicts) / 3_600_000
    kinds = dict.fromkeys(v.kind for v in verdicts)
    counts = {k: [v for v in verdicts if v.kind == k] for k in kinds}
    return AlertFigures(
        line=line,
        calibration=calibration,
        calls=len(verdicts),
        precision=len(hits) / max(len(hits) + false_calls, 1),
        recall=len(hits) / len(deserving),
        false_alerts_per_hour=sum(v.false_alerts for v in verdicts) / hours,
        median_detection_s=_median_s([v.found_ms for v in hits]),
        median_lead_s=_median_s([v.lead_ms for v in hits if v.kind in OPEN]),
        found={
            kind: f"{sum(v.found_ms is not None or v.false_alerts > 0 for v in of)}/{len(of)}"
            for kind, of in counts.items()
        },
    )


def _median_s(values_ms: Sequence[int | None]) -> float | None:
    known = [v for v in values_ms if v is not None]
    return median(known) / 1000 if known else None


def main() -> None:
    """Compose, spoil, feed, add up, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--corpus", choices=sorted(READERS), default="ravdess")
    parser.add_argument("--half", choices=("chosen", "held-out"), default="held-out")
    parser.add_argument("--encoder", type=Path, help="folder of whisper-base: hear with heads too")
    parser.add_argument("--lines", nargs="+", choices=[line.name for line in LINES])
    parser.add_argument("--calibration", type=Path, help="JSON of a Calibration; else the default")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    arguments = parser.parse_args()
    speakers = by_speaker(read_corpus(arguments.corpus, arguments.data))
    names = sorted(speakers)[arguments.half == "held-out" :: 2]
    mine = {name: speakers[name] for name in names}
    calibration = read_calibration(arguments.calibration)
    listener = Listener(arguments.encoder) if arguments.encoder else None
    compose = partial(compose_all, KINDS, mine, ("en",), (1,))
    runs = [(line, calibration) for line in LINES if line.name in (arguments.lines or [line.name])]
    if arguments.lines is None:
        runs.insert(0, (LINES[0], BEFORE))
    print(f"{arguments.corpus}, {len(mine)} {arguments.half} speakers, {ears(listener)}")
    print(
        f"{'line':<10}{'calibration':<12}{'calls':>6}{'precision':>10}{'recall':>8}"
        f"{'false/h':>8}{'found s':>8}{'lead s':>7}  found or flagged"
    )
    results = []
    for line, used in runs:
        figures = add_up(
            line.name, used.version, [verdict(c, line, used, listener) for c in compose()]
        )
        results.append(figures)
        print(
            f"{figures.line:<10}{figures.calibration:<12}{figures.calls:>6}"
            f"{figures.precision:>10.3f}{figures.recall:>8.3f}"
            f"{figures.false_alerts_per_hour:>8.1f}{_text(figures.median_detection_s):>8}"
            f"{_text(figures.median_lead_s):>7}  "
            + ", ".join(f"{kind} {count}" for kind, count in figures.found.items()),
            flush=True,
        )
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    main()
