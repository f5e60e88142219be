"""The sample calls and the real calls, end to end: which states, and the reasons given."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support_cli import BOTH, CALLS, ROOT, lines_of, sample, succeed, summary_of
from support_shared import shared

Summary = dict[str, Any]


@cache
def called(name: str) -> Summary:
    return summary_of(*sample(name))


def states(found: Summary) -> list[str]:
    return [t["to_state"] for t in found["transitions"]]


def reasons(found: Summary, state: str, language: str = "en") -> str:
    (first, *_) = [t for t in found["transitions"] if t["to_state"] == state]
    return "\n".join(r[language] for r in first["reasons"])


def test_every_sample_call_is_the_one_its_readme_names() -> None:
    listed = re.findall(r"^\| `([\w.]+)` \|", (ROOT / "examples/README.md").read_text(), re.M)
    assert sorted(listed) == sorted(p.stem for p in CALLS.glob("*.flac"))
    for name in listed:
        tracks = called(name)["tracks"]
        assert [t["role"] for t in tracks] == ["agent", "customer"]
        assert [t["is_emotion_scored"] for t in tracks] == [False, True]
        assert all(t["talk_ms"] > 1_000 for t in tracks)


def test_hidden_frustration_quotes_the_words_and_the_seconds() -> None:
    found = called("hidden_frustration.en")
    assert "hidden_frustration" in states(found)
    assert "active_escalation" not in states(found)
    said = reasons(found, "hidden_frustration")
    turns = lines_of(CALLS / "hidden_frustration.en.jsonl")
    quoted = [t for t in turns if t["role"] == "customer" and f"“{t['text']}”" in said]
    assert quoted
    for turn in quoted:
        assert f"{turn['t_ms'] // 60_000:02}:{turn['t_ms'] // 1_000 % 60:02}" in said
    assert re.search(r"voice \d\d:\d\d–\d\d:\d\d: .*this caller's baseline", said)
    assert "not proof of a hidden feeling" in said
    assert re.search(r"[\u4e00-\u9fff]", reasons(found, "hidden_frustration", "zh"))
    taken = next(t for t in found["transitions"] if t["to_state"] == "hidden_frustration")
    assert taken["masked"] is True
    assert taken["counterfactuals"]
    assert taken["t_event_ms"] > 45_000  # the voice rises from there on
    assert any(c["type"].startswith("text_") for c in found["conflicts"])


def test_open_anger_is_an_active_escalation_and_never_called_hidden() -> None:
    found = called("open_anger.zh")
    assert "active_escalation" in states(found)
    assert "hidden_frustration" not in states(found)
    assert found["peak_state"] == "active_escalation"
    assert "等了两个星期" in reasons(found, "escalation_risk")
    assert "太离谱了" in reasons(found, "active_escalation")


def test_an_intervention_leads_to_resolved() -> None:
    found = called("intervention.en")
    order = states(found)
    alert = min(order.index(s) for s in ("escalation_risk", "active_escalation") if s in order)
    stepped_in_ms = 60_000
    assert found["transitions"][alert]["t_event_ms"] <= stepped_in_ms + 10_000
    assert alert < order.index("deescalating") < order.index("resolved")
    assert found["final_state"] == "resolved"


def test_a_calm_call_stays_calm() -> None:
    found = called("calm.zh")
    assert (states(found), found["final_state"], found["peak_state"]) == ([], "calm", "calm")
    assert found["conflicts"] == []
    assert found["peak_score"] < 0.25


def test_an_answering_machine_is_named_with_its_beep() -> None:
    amd = called("answering_machine.en")["amd"]
    assert (amd["verdict"], amd["track_id"]) == ("machine", "customer")
    assert 11_000 < amd["beep_ms"] < 12_500
    shown = succeed("analyze", *sample("answering_machine.en"))
    assert "machine" in shown
    assert "beep" in shown


def test_roles_given_the_other_way_round_score_the_other_voice() -> None:
    audio = CALLS / "hidden_frustration.en.flac"
    found = summary_of(audio, "--roles", "customer,agent")
    assert [t["is_emotion_scored"] for t in found["tracks"]] == [True, False]
    assert "hidden_frustration" not in states(found)


def test_a_chat_alone_is_judged_by_its_words() -> None:
    found = summary_of(CALLS / "open_anger.zh.jsonl")
    assert found["tracks"] == []
    assert found["is_timing_only"] is False
    assert found["coverage"]["voice_moment_count"] == 0
    assert found["coverage"]["coverage"] <= 0.5
    assert found["peak_state"] != "calm"


def test_the_agents_voice_is_scored_only_on_request() -> None:
    found = summary_of(*sample("calm.zh"), "--score-agent-voice")
    assert [t["is_emotion_scored"] for t in found["tracks"]] == [True, True]
    without = called("calm.zh")
    assert (found["transitions"], found["peak_score"]) == (
        without["transitions"],
        without["peak_score"],
    )


@pytest.mark.parametrize("name", ["auto_repairs_40", "auto_repairs_49"])
def test_a_real_call_without_words_says_what_it_could_not_use(name: str, tmp_path: Path) -> None:
    audio = shared("data", "calls", f"{name}.stereo.flac")
    shown = succeed("analyze", audio, *BOTH, "--out", tmp_path / name)
    found = json.loads((tmp_path / name / "summary.json").read_text())
    moments = lines_of(tmp_path / name / "timeline.jsonl")
    assert found["is_timing_only"] is False
    assert 0.4 < found["coverage"]["coverage"] <= 0.5
    assert re.search(r"\bwords\b.* at 0 of \d+ moments", shown, re.IGNORECASE)
    assert re.search(r"coverage (4\d|50)\s*%", shown)
    assert [t["is_emotion_scored"] for t in found["tracks"]] == [False, True]
    assert all(t["talk_ms"] > 60_000 for t in found["tracks"])
    assert found["conflicts"] == []  # a conflict needs both channels
    assert {m["text"]["scores"] for m in moments} == {None}
    assert found["amd"] is None
    for taken in found["transitions"]:
        assert "no words were available" in "\n".join(r["en"] for r in taken["reasons"])
        assert taken["to_state"] in ("calm", "rising_tension", "deescalating", "resolved")
    # A window is two hops of 5 s: where the customer said nothing in either, no voice is scored.
    silent = [
        later
        for earlier, later in pairwise(moments)
        if earlier["talk"]["customer_talk_ms"] == later["talk"]["customer_talk_ms"] == 0
    ]
    assert silent
    assert {m["voice"]["scores"] for m in silent} == {None}


def test_a_mono_call_without_roles_is_timing_only_in_plain_words(tmp_path: Path) -> None:
    audio = shared("data", "calls", "support_call_mono.flac")
    shown = succeed("analyze", audio, "--out", tmp_path / "mono")
    found = json.loads((tmp_path / "mono" / "summary.json").read_text())
    assert found["is_timing_only"] is True
    assert (found["final_state"], found["peak_state"], found["peak_score"]) == (None, None, None)
    assert found["transitions"] == []
    (track,) = found["tracks"]
    assert (track["role"], track["is_emotion_scored"]) == ("unknown", False)
    assert track["talk_ms"] > 60_000
    for moment in lines_of(tmp_path / "mono" / "timeline.jsonl"):
        assert moment["voice"]["scores"] is None
        assert (moment["state"], moment["score"], moment["action"]) == (None, None, None)
    assert "Talk and silence only: no state is claimed" in shown
    assert "--roles customer" in shown
    chinese = succeed("explain", tmp_path / "mono", "--lang", "zh")
    assert re.search(r"[\u4e00-\u9fff]", chinese)
