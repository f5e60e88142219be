"""Result files: what they say, and that a folder is whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from subtone.contracts.vocabulary import ConflictType, SessionState, Severity
from subtone.surfaces import results
from subtone.surfaces.report.findings import conflict_spans, state_spans
from subtone.surfaces.report.words import UiLanguage
from subtone.surfaces.results import (
    ResultsError,
    read_results,
    require_replaceable,
    summary,
    timeline_lines,
    write_results,
)
from support_analysis import calm_call, chat_call, hidden_frustration_call, timing_only_call

FILES = ["analysis.json", "report.html", "summary.json", "timeline.jsonl"]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# --- content -------------------------------------------------------------------------------


def test_summary_of_the_authored_call() -> None:
    found = summary(hidden_frustration_call())
    assert found["final_state"] == "resolved"
    assert found["peak_state"] == "escalation_risk"
    assert found["peak_score"] == pytest.approx(0.779355)
    assert found["duration_ms"] == 180_000
    assert found["calibration"] == "default-1"
    assert found["software_version"] == "0.1.0"
    assert found["coverage"]["coverage"] == pytest.approx(66 / 72)
    assert found["amd"]["verdict"] == "human"
    assert found["notices"] == [{"t_event_ms": 92_000, "code": "late_text", "count": 2}]


def test_summary_tells_every_transition_with_its_reasons() -> None:
    taken = summary(hidden_frustration_call())["transitions"]
    assert [(t["t_event_ms"], t["from_state"], t["to_state"], t["edge"]) for t in taken] == [
        (55_000, "calm", "hidden_frustration", "conflict_detected"),
        (65_000, "hidden_frustration", "escalation_risk", "score_gt_0.55"),
        (95_000, "escalation_risk", "deescalating", "score_falling"),
        (130_000, "deescalating", "resolved", "score_lt_0.15"),
    ]
    assert [t["masked"] for t in taken] == [True, True, True, False]
    assert set(taken[0]["reasons"][0]) == {"en", "zh"}
    assert taken[0]["counterfactuals"][0]["stayed_below"] == 0.41
    assert taken[0]["counterfactuals"][0]["sentence"]["en"].startswith("Had voice agitation")


def test_summary_tells_conflict_spans_and_drift() -> None:
    found = summary(hidden_frustration_call())
    assert found["conflicts"] == [
        {
            "type": "text_calm_voice_agitated",
            "severity": "high",
            "start_ms": 45_000,
            "end_ms": 85_000,
            "is_masking": True,
            "is_confirmed": True,
            "peak_gap": pytest.approx(0.761),
        },
        {
            "type": "text_neutral_voice_stressed",
            "severity": "medium",
            "start_ms": 85_000,
            "end_ms": 100_000,
            "is_masking": True,
            "is_confirmed": True,
            "peak_gap": pytest.approx(0.597),
        },
    ]
    assert [(d["t_event_ms"], d["from_state"], d["to_state"]) for d in found["drift"]] == [
        (55_000, "aligned_positive", "diverging"),
        (85_000, "diverging", "cross_escalating"),
        (95_000, "cross_escalating", "cross_deescalating"),
        (120_000, "cross_deescalating", "aligned_positive"),
    ]


def test_summary_leaves_the_envelope_out() -> None:
    assert [set(t) for t in summary(hidden_frustration_call())["tracks"]] == [
        {
            "track_id", "role", "sample_rate_hz", "source_rate_hz", "duration_ms", "talk_ms",
            "is_emotion_scored",
        }
    ] * 2  # fmt: skip


def test_timing_only_claims_no_state() -> None:
    found = summary(timing_only_call())
    assert found["is_timing_only"] is True
    assert (found["final_state"], found["peak_state"], found["peak_score"]) == (None, None, None)
    assert found["transitions"] == []


def test_timing_only_claims_no_state_even_where_moments_exist() -> None:
    analysis = msgspec.structs.replace(hidden_frustration_call(), is_timing_only=True)
    assert summary(analysis)["final_state"] is None
    lines = [json.loads(line) for line in timeline_lines(analysis)]
    assert {(line["state"], line["score"], line["action"]) for line in lines} == {
        (None, None, None)
    }


def test_timeline_has_one_line_a_moment() -> None:
    analysis = hidden_frustration_call()
    raw = list(timeline_lines(analysis))
    assert len(raw) == 36
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in raw)
    lines = [json.loads(line) for line in raw]
    assert [line["t_event_ms"] for line in lines] == list(range(5_000, 180_001, 5_000))
    risk = lines[12]
    assert risk["state"] == "escalation_risk"
    assert risk["edge"] == "score_gt_0.55"
    assert risk["drift"]["state"] == "diverging"
    assert risk["voice"]["negativity"] == 0.76
    assert risk["features"]["sample_rate_hz"] == 8000
    terms = risk["score"]["terms"]
    assert [t["signal"] for t in terms] == ["drift", "conflict", "emotion"]
    assert sum(t["contribution"] for t in terms) == pytest.approx(risk["score"]["raw"])


def test_timeline_never_turns_missing_into_a_number() -> None:
    neither = json.loads(list(timeline_lines(hidden_frustration_call()))[30])
    assert neither["text"] == {
        "status": "unavailable", "negativity": None, "negativity_raw": None, "scores": None
    }  # fmt: skip
    assert neither["voice"]["status"] == "insufficient_evidence"
    assert neither["voice"]["negativity"] is None
    assert neither["features"] is None


def test_timeline_holds_no_words_of_the_customer() -> None:
    secret = "card 4929 1234"
    lines = b"".join(timeline_lines(chat_call((secret,))))
    assert secret.encode() not in lines
    assert b"supervisor" not in lines


def test_conflict_span_stops_where_a_moment_has_none() -> None:
    decisions = list(hidden_frustration_call().decisions)
    calm = msgspec.structs.replace(decisions[12].conflict, conflict=None)
    decisions[12] = msgspec.structs.replace(decisions[12], conflict=calm)
    spans = conflict_spans(decisions)
    assert [(s.type, s.start_ms, s.end_ms) for s in spans][:2] == [
        (ConflictType.TEXT_CALM_VOICE_AGITATED, 45_000, 60_000),
        (ConflictType.TEXT_CALM_VOICE_AGITATED, 65_000, 85_000),
    ]
    assert spans[0].severity is Severity.HIGH


def test_unconfirmed_conflict_is_raised_only() -> None:
    span = conflict_spans(hidden_frustration_call().decisions[:10])
    assert len(span) == 1
    assert span[0].is_confirmed is False


def test_state_spans_cover_the_call_without_holes() -> None:
    spans = state_spans(hidden_frustration_call())
    assert [s.state for s in spans] == [
        SessionState.CALM,
        SessionState.HIDDEN_FRUSTRATION,
        SessionState.ESCALATION_RISK,
        SessionState.DEESCALATING,
        SessionState.RESOLVED,
    ]
    assert [s.start_ms for s in spans] == [0, *(s.end_ms for s in spans[:-1])]
    assert spans[-1].end_ms == 180_000


# --- folder --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_written_is_read_back(tmp_path: Path, language: UiLanguage) -> None:
    analysis = hidden_frustration_call(language)
    folder = tmp_path / "deep" / "result"
    write_results(analysis, folder, language)
    assert names(folder) == FILES
    assert read_results(folder) == analysis
    assert json.loads((folder / "summary.json").read_bytes())["call_id"] == "call-0142"
    assert names(folder.parent) == ["result"]  # nothing staged is left


def test_an_earlier_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    write_results(hidden_frustration_call(), folder, "en")
    write_results(timing_only_call(), folder, "en")
    assert read_results(folder) == timing_only_call()
    assert (folder / "timeline.jsonl").read_bytes() == b""
    assert names(tmp_path) == ["result"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write_results(calm_call(), tmp_path / "", "en")
    assert names(tmp_path) == FILES


def test_a_linked_folder_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    write_results(calm_call(), link, "en")
    assert link.is_symlink()
    assert names(real) == FILES


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"notes.txt": b"mine"}, "notes.txt"),
        ({"summary.json": b'{"total": 3}'}, "summary.json"),
        ({"summary.json": b"not json"}, "summary.json"),
        ({"summary.json": b'{"format": "other", "format_version": 1}'}, "summary.json"),
        ({"analysis.json": b"{}"}, "summary.json"),
    ],
)
def test_a_folder_of_someone_else_is_refused(
    tmp_path: Path, files: dict[str, bytes], named: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ResultsError, match=named):
        require_replaceable(tmp_path)
    with pytest.raises(ResultsError, match=named):
        write_results(calm_call(), tmp_path, "en")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == files


def test_own_result_with_a_foreign_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    write_results(calm_call(), folder, "en")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ResultsError, match=r"notes\.txt"):
        write_results(hidden_frustration_call(), folder, "en")
    assert read_results(folder) == calm_call()


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.write_bytes(b"x")
    with pytest.raises(ResultsError, match="is a file"):
        write_results(calm_call(), target, "en")


@pytest.mark.parametrize(
    "dying", ["analysis.json", "timeline.jsonl", "report.html", "summary.json"]
)
def test_a_crash_while_writing_leaves_the_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dying: str
) -> None:
    folder = tmp_path / "result"
    write_results(calm_call(), folder, "en")
    write = results._write_synced

    def failing(path: Path, chunks: object) -> None:
        if path.name == dying:
            raise OSError(28, "No space left on device")
        write(path, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(results, "_write_synced", failing)
    with pytest.raises(OSError, match="No space left"):
        write_results(hidden_frustration_call(), folder, "en")
    assert read_results(folder) == calm_call()
    assert names(tmp_path) == ["result"]


def test_a_failing_rename_puts_the_earlier_result_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "result"
    write_results(calm_call(), folder, "en")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PermissionError):
        write_results(hidden_frustration_call(), folder, "en")
    assert read_results(folder) == calm_call()


def test_every_file_is_synced_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    renamed_after: list[int] = []
    sync, rename = os.fsync, Path.rename

    def noting(descriptor: int) -> None:
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)

    def counting(self: Path, target: Path) -> Path:
        renamed_after.append(len(synced))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", counting)
    write_results(calm_call(), tmp_path / "result", "en")
    assert renamed_after == [len(FILES) + 1]  # each file and the staging folder
    assert len(synced) == len(FILES) + 2  # and then the parent


def test_broken_unicode_is_named_as_the_transcripts_fault(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not valid Unicode"):
        write_results(chat_call(("half \ud83d",)), tmp_path / "result", "en")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", None, "not a result folder"),
        ("summary.json", b"{", "damaged"),
        ("summary.json", b'{"format": "subtone.analysis", "format_version": 2}', "newer subtone"),
        ("analysis.json", None, "cannot be read"),
        ("analysis.json", b'{"contract": "CallAnalysis", "call_', "damaged"),
        ("analysis.json", b'{"contract": "CallAnalysis"}', "damaged"),
        ("analysis.json", b"\xff\xfe", "damaged"),
    ],
)
def test_reading_says_what_is_wrong(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    folder = tmp_path / "result"
    write_results(calm_call(), folder, "en")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ResultsError, match=message):
        read_results(folder)


def test_reading_refuses_numbers_out_of_range(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    write_results(calm_call(), folder, "en")
    path = folder / "analysis.json"
    path.write_bytes(path.read_bytes().replace(b'"confidence":0.9,', b'"confidence":1.9,'))
    with pytest.raises(ResultsError, match="damaged"):
        read_results(folder)


def test_reading_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not a result folder"):
        read_results(tmp_path / "nowhere")
