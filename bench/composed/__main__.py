"""Run composed calls through the whole kernel: ``python -m bench.composed --speakers 4``.

Figures are about acted speech at composed turns; expect worse on real calls, and measure it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import msgspec

from bench.composed.compose import ComposedCall, compose_all
from bench.composed.events import inbound
from bench.composed.kinds import KINDS
from bench.composed.measure import CallResult, KindResult, Sighting, add_up, judge
from bench.composed.perception import Listener, ears
from bench.corpora import DEFAULT_DATA, READERS, by_speaker, read_corpus
from subtone.contracts.calibration import Calibration
from subtone.kernel import pipeline


def sightings(
    call: ComposedCall, calibration: Calibration, listener: Listener | None = None
) -> Iterator[Sighting]:
    """Feed one call, as a listener hears it too; yield the state after every moment."""
    state = pipeline.start(calibration)
    events = inbound(call.recording)
    for event in events if listener is None else listener.heard(events):
        state, outputs = pipeline.feed(state, event)
        for decision in outputs.decisions:
            snapshot = decision.snapshot
            yield Sighting(snapshot.t_event_ms, snapshot.t_seen_ms, snapshot.state)


def table(results: list[KindResult]) -> str:
    """The figures as fixed-width text."""
    head = ("kind", "lang", "calls", "hit", "delay s", "seen s", "false/h", "flagged", "eased", "s")
    rows = [
        (
            r.kind,
            r.language,
            f"{r.calls}",
            "-" if r.hits is None else f"{r.hits}/{r.calls}",
            _number(r.median_delay_s),
            _number(r.median_seen_delay_s),
            f"{r.false_alerts_per_hour:.1f}",
            f"{r.flagged}/{r.calls}",
            "-" if r.recovered is None else f"{r.recovered}/{r.calls}",
            _number(r.median_recovery_s),
        )
        for r in results
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _grouped(results: list[CallResult], key: Callable[[CallResult], str]) -> list[KindResult]:
    groups: dict[tuple[str, str], list[CallResult]] = defaultdict(list)
    for result in results:
        groups[result.kind, key(result)].append(result)
    return [add_up(group) for group in groups.values()]


def _arguments() -> argparse.Namespace:
    names = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(prog="python -m bench.composed", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the corpora")
    parser.add_argument("--corpus", choices=sorted(READERS), default="ravdess")
    parser.add_argument("--speakers", type=int, help="at most so many customers")
    parser.add_argument("--kinds", nargs="+", choices=names, default=names)
    parser.add_argument("--languages", nargs="+", choices=("en", "zh"), default=["en", "zh"])
    parser.add_argument("--encoder", type=Path, help="folder of whisper-base: hear with heads too")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1], help="of the turns: every call once for each"
    )
    parser.add_argument("--calibration", type=Path, help="JSON of a Calibration; else the default")
    parser.add_argument("--paths", action="store_true", help="print each call's states")
    parser.add_argument("--out", type=Path, help="write results as JSON")
    return parser.parse_args()


def read_calibration(path: Path | None) -> Calibration:
    """The calibration of a file, or the default."""
    if path is None:
        return Calibration()
    return msgspec.json.decode(path.read_bytes(), type=Calibration)


def main() -> None:
    """Compose, feed, judge, print."""
    arguments = _arguments()
    calibration = read_calibration(arguments.calibration)
    listener = Listener(arguments.encoder) if arguments.encoder else None
    speakers = by_speaker(read_corpus(arguments.corpus, arguments.data))
    kinds = [kind for kind in KINDS if kind.name in arguments.kinds]
    results: list[CallResult] = []
    audio_s = kernel_s = 0.0
    for call in compose_all(
        kinds, speakers, arguments.languages, arguments.seeds, arguments.speakers
    ):
        started = time.process_time()
        seen = list(sightings(call, calibration, listener))
        kernel_s += time.process_time() - started
        audio_s += call.recording.duration_ms / 1000
        results.append(judge(call, seen))
        if arguments.paths:
            print(results[-1].call_id, *results[-1].path)
        elif sys.stderr.isatty():
            print(f"\r{len(results)} calls", end="", file=sys.stderr)

    per_language = _grouped(results, lambda r: r.language)
    overall = _grouped(results, lambda _: "")
    names = {r.call_id.split("-")[1] for r in results}
    print(f"\n{arguments.corpus}, {len(names)} speakers, {ears(listener)}")
    print(table(per_language), table(overall), sep="\n\n")
    print(f"{audio_s / 3600:.1f} h of calls, {audio_s / kernel_s:.0f} x real time of CPU")
    if arguments.out:
        report = {
            "corpus": arguments.corpus,
            "seeds": arguments.seeds,
            "calibration": calibration.version,
            "per_language": [asdict(r) for r in per_language],
            "overall": [asdict(r) for r in overall],
            "calls": [asdict(r) for r in results],
        }
        arguments.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
