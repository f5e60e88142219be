"""The files of one analysis: a summary, a timeline, the whole analysis, the report.

A result folder appears whole or not at all: everything is written and synced into a
staging folder beside it, then renamed into place.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from subtone.contracts.analysis import CallAnalysis, TrackSummary
from subtone.contracts.outputs import Decision
from subtone.contracts.session_state import EscalationScore, StateTransition
from subtone.surfaces.report import render_report
from subtone.surfaces.report.findings import (
    claims_state,
    conflict_spans,
    drift_changes,
    final_state,
    models,
    peak_decision,
    peak_score,
    transitions,
)
from subtone.surfaces.report.words import UiLanguage

FORMAT = "subtone.analysis"
FORMAT_VERSION = 1

SUMMARY = "summary.json"
TIMELINE = "timeline.jsonl"
ANALYSIS = "analysis.json"
REPORT = "report.html"

_VOICE = (
    "agitation",
    "stress",
    "hesitation",
    "calm",
    "dominant_emotion",
    "confidence",
    "voiced_ms",
)


class ResultsError(ValueError):
    """A result folder cannot be written or read; the message says why and what to do."""


class _Marker(msgspec.Struct, frozen=True):
    """What makes a folder ours; the rest of summary.json is free to grow."""

    format: str
    format_version: int


# --- content -------------------------------------------------------------------------------


def summary(analysis: CallAnalysis) -> dict[str, Any]:
    """The call in one JSON object; times in ms on the call's clock, scores in [0, 1].

    ``final_state``, ``peak_state`` and ``peak_score`` are None where no state is claimed.
    """
    peak, final = peak_decision(analysis), final_state(analysis)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "call_id": analysis.call_id,
        "source": analysis.source,
        "duration_ms": analysis.duration_ms,
        "is_timing_only": analysis.is_timing_only,
        "final_state": final and final.value,
        "peak_state": peak and peak.snapshot.state.value,
        "peak_score": peak_score(analysis),
        "transitions": [_transition(d, t) for d, t in transitions(analysis)],
        "conflicts": [
            span._asdict() | {"type": span.type.value, "severity": span.severity.value}
            for span in conflict_spans(analysis.decisions)
        ],
        "drift": [
            _plain(d.drift, "t_event_ms", "from_state", "edge", "cause", "gap")
            | {"to_state": d.drift.state.value}
            for d in drift_changes(analysis.decisions)
        ],
        "amd": analysis.amd and _plain(analysis.amd),
        "baseline": analysis.baseline
        and _plain(analysis.baseline, "track_id", "voiced_ms", "is_established", "quality"),
        "coverage": analysis.alignment and _plain(analysis.alignment),
        "correlation": analysis.correlation and _plain(analysis.correlation),
        "models": list(models(analysis)),
        "calibration": analysis.calibration.version,
        "software_version": analysis.software_version,
        "tracks": [_track(t) for t in analysis.tracks],
        "notices": [_plain(n) for n in analysis.notices],
    }


def timeline_lines(analysis: CallAnalysis) -> Iterator[bytes]:
    """One aligned moment a line, as JSON with its newline, in event-time order."""
    encoder, is_claimed = msgspec.json.Encoder(), claims_state(analysis)
    for decision in analysis.decisions:
        yield encoder.encode(_moment(decision, claims_state=is_claimed)) + b"\n"


def _plain(value: msgspec.Struct, *names: str) -> dict[str, Any]:
    """A contract as plain JSON values, without its tag; only the named fields, if any are."""
    fields = names or value.__struct_fields__
    return {name: msgspec.to_builtins(getattr(value, name)) for name in fields}


def _track(track: TrackSummary) -> dict[str, Any]:
    plain = _plain(track)
    del plain["envelope"], plain["envelope_hop_ms"], plain["segments"]
    return plain


def _transition(decision: Decision, taken: StateTransition) -> dict[str, Any]:
    basis = taken.basis
    return {
        "t_event_ms": taken.t_event_ms,
        "from_state": taken.from_state.value,
        "to_state": taken.to_state.value,
        "edge": taken.edge,
        "score": taken.score,
        "masked": taken.masked,
        "dominant_signal": basis.dominant_signal.value,
        "reasons": [_plain(r) for r in basis.reasons],
        "counterfactuals": [
            _plain(c, "channel", "dimension", "stayed_below", "observed")
            | {"sentence": _plain(c.sentence)}
            for c in basis.counterfactuals
        ],
        "action": decision.recommendation.action.value,
    }


def _moment(decision: Decision, *, claims_state: bool) -> dict[str, Any]:
    m, snapshot, report = decision.moment, decision.snapshot, decision.conflict
    return {
        "index": m.index,
        "t_event_ms": m.t_event_ms,
        "text": {
            "status": m.text_status.value,
            "negativity": m.text_negativity,
            "negativity_raw": m.text_negativity_raw,
            "scores": m.text
            and _plain(
                m.text, "frustration", "confusion", "urgency", "calm", "positivity",
                "dominant_emotion", "confidence", "is_suppressed", "has_escalation_request",
            ),
        },
        "voice": {
            "status": m.voice_status.value,
            "negativity": m.voice_negativity,
            "negativity_raw": m.voice_negativity_raw,
            "scores": m.voice
            and _plain(m.voice, *_VOICE),
            "heads": [
                _plain(h.evidence, "head", "model", "value", "weight") | {"effect": h.effect}
                for h in m.heads
            ],
        },
        "agent_voice": decision.agent_voice and _plain(decision.agent_voice, *_VOICE),
        "features": m.features and _plain(m.features),
        "talk": _plain(m, "customer_talk_ms", "agent_talk_ms", "overlap_ms"),
        "drift": _plain(
            decision.drift, "state", "edge", "cause", "region", "trend", "gap", "level"
        ),
        "conflict": report.conflict
        and _plain(report.conflict, "type", "severity", "is_masking", "gap"),
        "is_masking_confirmed": report.is_masking_confirmed,
        "score": _score(snapshot.score) if claims_state else None,
        "state": snapshot.state.value if claims_state else None,
        "masked": snapshot.masked,
        "edge": decision.transition.edge if decision.transition and claims_state else None,
        "action": decision.recommendation.action.value if claims_state else None,
    }  # fmt: skip


def _score(score: EscalationScore) -> dict[str, Any]:
    terms = [
        _plain(c, "signal", "score", "weight", "contribution", "share") for c in score.contributors
    ]
    return _plain(
        score, "score", "raw", "floor", "is_floor_applied", "coverage", "dominant_signal"
    ) | {"terms": terms}


# --- folder --------------------------------------------------------------------------------


def write_results(analysis: CallAnalysis, folder: Path, language: UiLanguage) -> None:
    """Write the result folder: whole, or not at all.

    Args:
        analysis: what to write.
        folder: where; its parents are made. An earlier result there is replaced as a whole;
            a folder with anything else in it is refused.
        language: the report's first language; the page holds both.

    Raises:
        ResultsError: the folder is not ours to replace, or the analysis cannot be written.

    """
    require_replaceable(folder)
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as staging:
        fresh, replaced = Path(staging, "new"), Path(staging, "old")
        fresh.mkdir()
        _fill(fresh, analysis, language)
        is_replacing = target.exists()
        if is_replacing:
            target.rename(replaced)
        try:
            fresh.rename(target)
        except OSError:
            if is_replacing:
                replaced.rename(target)
            raise
        _sync_folder(target.parent)


def read_results(folder: Path) -> CallAnalysis:
    """Read the analysis back from a result folder.

    Raises:
        ResultsError: not a result folder, a damaged one, or one of a newer subtone.

    """
    _require_marker(folder)
    path = folder / ANALYSIS
    try:
        return msgspec.json.decode(path.read_bytes(), type=CallAnalysis)
    except OSError as error:
        raise ResultsError(
            f"{path} cannot be read ({error.strerror}); analyse the call again"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ResultsError(f"{path} is damaged ({error}); analyse the call again") from error


def _require_marker(folder: Path) -> None:
    path = folder / SUMMARY
    try:
        marker = msgspec.json.decode(path.read_bytes(), type=_Marker)
    except OSError as error:
        raise ResultsError(
            f"{folder} is not a result folder: no readable {SUMMARY} in it; "
            "name the folder that an analysis wrote"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ResultsError(
            f"{path} is not a summary of subtone, or it is damaged ({error})"
        ) from error
    if marker.format != FORMAT:
        raise ResultsError(f"{path} is not a summary of subtone (its format is {marker.format!r})")
    if marker.format_version > FORMAT_VERSION:
        raise ResultsError(
            f"{folder} was written by a newer subtone (format {marker.format_version}, this one "
            f"reads {FORMAT_VERSION}); update subtone to read it"
        )


def require_replaceable(folder: Path) -> None:
    """Refuse a place that results may not be written to, before any work is done.

    Nothing, an empty folder, or an earlier result and nothing else may be replaced.

    Raises:
        ResultsError: there is a file, or a folder that holds anything else.

    """
    if not folder.exists():
        standing = next(parent for parent in folder.absolute().parents if parent.exists())
        if not standing.is_dir():
            raise ResultsError(f"{standing} is a file, so {folder} cannot be made under it")
        return
    if not folder.is_dir():
        raise ResultsError(f"{folder} is a file; name a folder for the results")
    present = sorted(entry.name for entry in folder.iterdir())
    if not present:
        return
    foreign = [name for name in present if name not in _FILES]
    if foreign:
        raise ResultsError(
            f"{folder} holds {foreign[0]!r}, which subtone did not write; "
            "name another folder, or empty this one"
        )
    try:
        _require_marker(folder)
    except ResultsError as error:
        raise ResultsError(
            f"{folder} is not an earlier result that may be replaced ({error}); "
            "name another folder, or empty this one"
        ) from error


def _fill(folder: Path, analysis: CallAnalysis, language: UiLanguage) -> None:
    try:
        for name, content in _FILES.items():
            _write_synced(folder / name, content(analysis, language))
    except UnicodeEncodeError as error:
        raise ResultsError(
            f"the analysis holds text that is not valid Unicode ({error.reason}); "
            "the transcript is damaged: repair it and analyse again"
        ) from error
    _sync_folder(folder)


def _write_synced(path: Path, chunks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system lets a folder be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_FILES: Mapping[str, Callable[[CallAnalysis, UiLanguage], Iterable[bytes]]] = {
    ANALYSIS: lambda analysis, _: (msgspec.json.encode(analysis),),
    TIMELINE: lambda analysis, _: timeline_lines(analysis),
    REPORT: lambda analysis, language: (render_report(analysis, language).encode(),),
    SUMMARY: lambda analysis, _: (
        msgspec.json.format(msgspec.json.encode(summary(analysis)), indent=2) + b"\n",
    ),
}
"""Each file and what fills it; the marker comes last."""
